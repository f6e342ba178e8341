/* Work in a child of ours: what it wrote, or why there is nothing; and no child is left, however it ends. */
#include "helper/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "helper/base/clock.h"
#include "helper/base/file.h"
#include "helper/base/proc.h"
#include "tests/unit/refuse.h"

enum { SOON_MS = 10000, LATE_MS = 100 }; /* nothing here depends on being fast: SOON only ends a test that hangs */

static int64_t now_ms(void)
{
	struct clock c = clock_real();
	return c.mono_ms(&c);
}

static bool nobody_left(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

/* Run it, and see that no child is left, not even as a zombie. */
static enum child_end run(bool (*work)(int fd, void *user), void *user, int64_t left_ms, struct buf *out)
{
	enum child_end end = child_run(work, user, left_ms, out);
	assert_true(nobody_left());
	return end;
}

static bool write_word(int fd, void *user)
{
	return file_write_fd(fd, user, strlen(user));
}

static char word[] = "word";

TEST(what_a_child_writes_is_appended)
{
	AUTO_BUF out = buf_new(100);
	buf_adds(&out, "before ");
	assert_int_equal(run(write_word, word, SOON_MS, &out), CHILD_DONE);
	assert_text(out.p, "before word");
}

static bool write_nothing(int fd UNUSED, void *user UNUSED)
{
	return true;
}

TEST(a_child_that_writes_nothing_is_done_too)
{
	AUTO_BUF out = buf_new(100);
	assert_int_equal(run(write_nothing, NULL, SOON_MS, &out), CHILD_DONE);
	assert_int_equal(out.len, 0);
}

enum { MUCH = 1024 * 1024 };

/* More than a pipe holds, in pieces. */
static bool write_much(int fd, void *user UNUSED)
{
	char piece[1000];
	bool ok = true;
	for (size_t n = 0; ok && n < MUCH; n += sizeof piece) {
		memset(piece, 'a' + (int)(n / sizeof piece % 26), sizeof piece);
		ok = file_write_fd(fd, piece, MUCH - n < sizeof piece ? MUCH - n : sizeof piece);
	}
	return ok;
}

TEST(more_than_a_pipe_holds_arrives_whole)
{
	AUTO_BUF out = buf_new(MUCH);
	assert_int_equal(run(write_much, NULL, SOON_MS, &out), CHILD_DONE);
	assert_int_equal(out.len, MUCH);
	for (size_t n = 0; n < MUCH; n += 997)
		assert_int_equal(out.p[n], 'a' + (int)(n / 1000 % 26));
}

TEST(output_beyond_the_cap_is_broken_and_its_child_is_gone)
{
	AUTO_BUF out = buf_new(MUCH - 1);
	assert_int_equal(run(write_much, NULL, SOON_MS, &out), CHILD_BROKEN);
	AUTO_BUF three = buf_new(3), four = buf_new(4);
	assert_int_equal(run(write_word, word, SOON_MS, &three), CHILD_BROKEN);
	assert_int_equal(run(write_word, word, SOON_MS, &four), CHILD_DONE);
	buf_free(&four);
}

static bool write_and_fail(int fd, void *user)
{
	write_word(fd, user);
	return false;
}

TEST(a_child_that_says_that_it_failed_is_broken)
{
	AUTO_BUF out = buf_new(100);
	assert_int_equal(run(write_and_fail, word, SOON_MS, &out), CHILD_BROKEN);
}

static bool write_and_exit(int fd, void *user)
{
	write_word(fd, word);
	_exit(*(int *)user);
}

TEST(any_exit_status_but_0_is_broken)
{
	static const int statuses[] = {1, 2, 127, 255};
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		AUTO_BUF out = buf_new(100);
		int status = statuses[i];
		assert_int_equal(run(write_and_exit, &status, SOON_MS, &out), CHILD_BROKEN);
	}
	AUTO_BUF out = buf_new(100);
	int good = 0; /* a library that ends the process itself, with all written */
	assert_int_equal(run(write_and_exit, &good, SOON_MS, &out), CHILD_DONE);
	assert_text(out.p, "word");
}

static bool write_and_crash(int fd, void *user)
{
	write_word(fd, word);
	signal(*(int *)user, SIG_DFL); /* also where a sanitizer would report it */
	raise(*(int *)user);
	return true;
}

TEST(a_child_that_crashes_or_is_told_to_end_is_broken)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGTERM, SIGINT, SIGKILL, SIGTRAP};
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		AUTO_BUF out = buf_new(100);
		int sig = signals[i];
		int64_t begin = now_ms();
		assert_int_equal(run(write_and_crash, &sig, SOON_MS, &out), CHILD_BROKEN);
		assert_true(now_ms() - begin < SOON_MS);
	}
}

static bool hang(void)
{
	while (pause() < 0)
		continue;
	return true;
}

static bool write_and_hang(int fd, void *user UNUSED)
{
	return write_word(fd, word) && hang();
}

static void ends_in_time(int64_t left_ms)
{
	AUTO_BUF out = buf_new(100);
	int64_t begin = now_ms();
	assert_int_equal(run(write_and_hang, NULL, left_ms, &out), CHILD_LATE);
	int64_t took = now_ms() - begin;
	assert_true(took >= left_ms);
	assert_true(took < SOON_MS);
}

TEST(a_child_that_hangs_is_killed_at_the_deadline)
{
	ends_in_time(LATE_MS);
	ends_in_time(0);
	ends_in_time(-1000);
}

/* It drips, so that no read ever waits long, and does not listen. */
static bool drip(int fd, void *user UNUSED)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	struct timespec t = {.tv_nsec = 5000000};
	while (file_write_fd(fd, ".", 1))
		nanosleep(&t, NULL);
	return hang();
}

TEST(a_child_that_drips_and_ignores_signals_is_killed_at_the_deadline)
{
	AUTO_BUF out = buf_new(100000);
	int64_t begin = now_ms();
	assert_int_equal(run(drip, NULL, LATE_MS, &out), CHILD_LATE);
	assert_true(now_ms() - begin < SOON_MS);
	assert_true(out.len > 0);
}

static bool close_and_hang(int fd, void *user UNUSED)
{
	write_word(fd, word);
	close(fd);
	return hang();
}

TEST(a_child_that_closes_its_pipe_and_lives_on_is_killed_at_the_deadline)
{
	AUTO_BUF out = buf_new(100);
	int64_t begin = now_ms();
	assert_int_not_equal(run(close_and_hang, NULL, LATE_MS, &out), CHILD_DONE);
	assert_true(now_ms() - begin < SOON_MS);
}

/* Some programs start us so. */
TEST(a_child_is_waited_for_although_our_caller_ignores_the_end_of_its_own)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		AUTO_BUF out = buf_new(100);
		signal(SIGCHLD, SIG_IGN);
		_exit(proc_begin((char *[]){NULL}, &err) && child_run(write_word, word, SOON_MS, &out) == CHILD_DONE ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool change_memory(int fd UNUSED, void *user)
{
	*(int *)user = 2;
	return *(int *)user == 2;
}

TEST(what_a_child_does_to_memory_is_lost)
{
	AUTO_BUF out = buf_new(100);
	int value = 1;
	assert_int_equal(run(change_memory, &value, SOON_MS, &out), CHILD_DONE);
	assert_int_equal(value, 1);
}

static int open_descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(no_descriptor_stays_open_behind_a_child)
{
	int sig = SIGKILL, before = open_descriptors();
	AUTO_BUF out = buf_new(100);
	run(write_word, word, SOON_MS, &out);
	run(write_and_crash, &sig, SOON_MS, &out);
	run(write_and_hang, NULL, 10, &out);
	run(write_much, NULL, SOON_MS, &out);
	assert_int_equal(open_descriptors(), before);
}

static bool is_broken(void *user UNUSED)
{
	AUTO_BUF out = buf_new(100);
	int before = open_descriptors();
	return child_run(write_word, word, SOON_MS, &out) == CHILD_BROKEN && open_descriptors() == before;
}

#ifndef SYS_fork
#define SYS_fork SYS_clone
#endif

TEST(where_no_child_can_be_made_it_is_broken)
{
	static const int errors[] = {EAGAIN, ENOMEM};
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		int status = where_refused(SYS_clone, SYS_fork, errors[i], is_broken, NULL);
		if (status == REFUSAL_MISSING)
			SKIP("no system call filter");
		assert_int_equal(status, 0);
	}
}

TEST(where_no_pipe_can_be_made_it_is_broken)
{
	int status = where_refused(SYS_pipe2, SYS_pipe2, EMFILE, is_broken, NULL);
	if (status == REFUSAL_MISSING)
		SKIP("no system call filter");
	assert_int_equal(status, 0);
}

/* Tell who we are, then hang: the pipe stays open for as long as we live. */
static bool tell_and_hang(int fd UNUSED, void *user)
{
	int *pipe_end = user;
	pid_t me = getpid();
	return file_write_fd(*pipe_end, &me, sizeof me) && hang();
}

/* True where the pipe is closed by everybody within the time. */
static bool closes(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;
	return poll(&p, 1, SOON_MS) == 1 && read(fd, &c, 1) == 0;
}

static void dies_with(int sig)
{
	int p[2];
	pid_t child = 0;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		AUTO_BUF out = buf_new(100);
		signal(sig, SIG_DFL);
		close(p[0]);
		_exit(child_run(tell_and_hang, &p[1], 60000, &out) == CHILD_DONE);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &child, sizeof child), sizeof child);
	kill(parent, sig);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	bool gone = closes(p[0]);
	if (!gone)
		kill(child, SIGKILL);
	close(p[0]);
	assert_true(gone);
}

TEST(a_child_dies_with_us_however_we_end)
{
	dies_with(SIGKILL);
	dies_with(SIGTERM);
	dies_with(SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_a_child_writes_is_appended),
		T(a_child_that_writes_nothing_is_done_too),
		T(more_than_a_pipe_holds_arrives_whole),
		T(output_beyond_the_cap_is_broken_and_its_child_is_gone),
		T(a_child_that_says_that_it_failed_is_broken),
		T(any_exit_status_but_0_is_broken),
		T(a_child_that_crashes_or_is_told_to_end_is_broken),
		T(a_child_that_hangs_is_killed_at_the_deadline),
		T(a_child_that_drips_and_ignores_signals_is_killed_at_the_deadline),
		T(a_child_that_closes_its_pipe_and_lives_on_is_killed_at_the_deadline),
		T(a_child_is_waited_for_although_our_caller_ignores_the_end_of_its_own),
		T(what_a_child_does_to_memory_is_lost),
		T(no_descriptor_stays_open_behind_a_child),
		T(where_no_child_can_be_made_it_is_broken),
		T(where_no_pipe_can_be_made_it_is_broken),
		T(a_child_dies_with_us_however_we_end),
	};
	alarm(12 * SOON_MS / 1000); /* one that never ends is a failure too */
	return RUN(tests);
}
