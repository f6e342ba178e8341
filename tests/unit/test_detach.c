/* A process on its own, and the process it is there for. */
#include "helper/base/detach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "helper/base/tree.h"
#include "tests/unit/tmp.h"

TEST(a_process_is_watched_by_either_way)
{
	int said[2];
	struct watch w;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		w = watch_self();
		if (write(said[1], &w, sizeof w) == sizeof w)
			pause();
		_exit(1);
	}
	assert_int_equal(read(said[0], &w, sizeof w), sizeof w);
	struct watch by_proc = w, by_kill = w;
	w.pidfd = -1; /* that number was the child's */
	by_proc.pidfd = by_kill.pidfd = -1;
	*by_kill.start = 0;
	assert_true(*by_proc.start);
	assert_false(watch_ended(&by_proc) || watch_ended(&by_kill));
	struct watch another = by_proc;
	snprintf(another.start, sizeof another.start, "1"); /* the number of a process that is gone, given anew */
	assert_true(watch_ended(&another));
	kill(pid, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(watch_ended(&by_proc)); /* nobody has waited for it yet: it counts as ended */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(watch_ended(&by_proc) && watch_ended(&by_kill));
	close(said[0]);
	close(said[1]);
}

TEST(we_ourselves_have_not_ended)
{
	struct watch w = watch_self();
	assert_false(watch_ended(&w));
	if (w.pidfd >= 0)
		close(w.pidfd);
}

struct seen {
	pid_t pid, session, parent;
	bool inherited, ours, terminal;
	char name[16];
};

TEST(it_stands_alone)
{
	int inherited[2], ours[2];
	struct seen seen;
	assert_int_equal(pipe(inherited), 0);
	assert_int_equal(pipe2(ours, O_CLOEXEC), 0);
	int side = detach("a-name");
	if (side == 0) {
		struct stat null, st;
		seen = (struct seen){.pid = getpid(), .session = getsid(0), .inherited = fcntl(inherited[1], F_GETFD) >= 0, .ours = fcntl(ours[1], F_GETFD) >= 0};
		prctl(PR_GET_NAME, seen.name);
		stat("/dev/null", &null);
		for (int fd = 0; fd <= 2; fd++)
			seen.terminal = seen.terminal || fstat(fd, &st) < 0 || st.st_rdev != null.st_rdev;
		_exit(write(ours[1], &seen, sizeof seen) == sizeof seen ? 0 : 1);
	}
	assert_int_equal(side, 1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child of ours */
	assert_int_equal(read(ours[0], &seen, sizeof seen), sizeof seen);
	assert_true(seen.pid != getpid() && seen.session != getsid(0) && seen.session != seen.pid);
	assert_true(!seen.inherited && seen.ours && !seen.terminal);
	assert_text(seen.name, "a-name");
	close(inherited[1]);
	char c;
	assert_int_equal(read(inherited[0], &c, 1), 0); /* whoever reads to the end gets there */
	close(inherited[0]);
	close(ours[0]);
	close(ours[1]);
}

TEST(a_folder_goes_with_all_in_it_and_links_are_not_followed)
{
	TMP(t);
	AUTO_STR top = tmp_path(&t, "a");
	AUTO_STR mid = tmp_path(&t, "a/b");
	AUTO_STR deep = tmp_path(&t, "a/b/c");
	AUTO_STR link = tmp_path(&t, "a/b/link");
	AUTO_STR file = tmp_path(&t, "a/file");
	AUTO_STR other = tmp_path(&t, "other");
	AUTO_STR kept = tmp_path(&t, "other/kept");
	mkdir(top, 0700);
	mkdir(mid, 0700);
	mkdir(deep, 0700);
	mkdir(other, 0700);
	write_text(file, "x", 0400);
	write_text(kept, "x", 0600);
	assert_int_equal(symlink(other, link), 0);
	assert_true(tree_remove(AT_FDCWD, top));
	assert_int_equal(access(top, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	assert_true(tree_remove(AT_FDCWD, top)); /* it is gone, as wanted */
	assert_int_equal(symlink(other, link), -1);
	AUTO_STR direct = tmp_path(&t, "direct");
	assert_int_equal(symlink(other, direct), 0);
	assert_true(tree_remove(AT_FDCWD, direct));
	assert_int_equal(access(kept, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(a_process_is_watched_by_either_way), T(we_ourselves_have_not_ended), T(it_stands_alone), T(a_folder_goes_with_all_in_it_and_links_are_not_followed)};
	return RUN(tests);
}
