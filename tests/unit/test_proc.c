/* Children: they get exactly what we were started with, and never hold us up. */
#include "helper/base/proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "helper/base/clock.h"
#include "tests/unit/refuse.h"
#include "tests/unit/tmp.h"

static struct err last;
static struct buf out, err_out;

static char *const start_vars[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"KEPT=yes"}, (char[]){"CHANGED=old"}, NULL};

static int begin(void **state UNUSED)
{
	umask(0027);
	signal(SIGPIPE, SIG_DFL);
	struct err err;
	bool ok = proc_begin((char **)(uintptr_t)start_vars, &err);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak checker looks into this process */
	return ok ? 0 : -1;
}

static bool run_for(int64_t timeout_ms, size_t cap, const char *const *more, const char *const *argv, int *status)
{
	struct proc p = proc_real();
	buf_free(&out);
	buf_free(&err_out);
	out = buf_new(cap);
	err_out = buf_new(1000);
	last = ERR_INIT;
	struct proc_run r = {.argv = argv, .more_env = more, .timeout_ms = timeout_ms, .out = &out, .err = &err_out, .status = -1};
	bool ok = p.run(&p, &r, &last);
	*status = r.status;
	return ok;
}

#define LONG_MS 300000 /* far more than any of it takes: only a hang gets there */

static bool sh(const char *script, int *status)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	return run_for(LONG_MS, 65536, NULL, argv, status);
}

TEST(output_errors_and_exit_status_come_back)
{
	int status;
	assert_true(sh("echo hello; echo oops >&2; exit 7", &status));
	assert_text(out.p, "hello\n");
	assert_text(err_out.p, "oops\n");
	assert_int_equal(status, 7);
}

TEST(a_signal_is_told_as_128_and_its_number)
{
	int status;
	assert_true(sh("kill -TERM $$", &status));
	assert_int_equal(status, 128 + SIGTERM);
}

TEST(a_child_gets_the_environment_of_the_start_with_additions_winning)
{
	static const char *const more[] = {"CHANGED=new", "ADDED=1", NULL}, *const argv[] = {"env", NULL};
	int status;
	setenv("SET_LATER", "1", 1); /* ours, not the start's */
	assert_true(run_for(LONG_MS, 65536, more, argv, &status));
	assert_text(out.p, "PATH=/usr/bin:/bin\nKEPT=yes\nCHANGED=new\nADDED=1\n");
	unsetenv("SET_LATER");
}

TEST(a_child_gets_the_umask_of_the_start)
{
	int status;
	assert_true(sh("umask", &status));
	assert_true(strstr(out.p, "027") != NULL);
	mode_t ours = umask(077);
	assert_int_equal(ours, 077); /* and ours is tight */
}

TEST(a_child_gets_the_signals_of_the_start)
{
	int status;
	sigset_t block, old;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &old);
	assert_true(sh("grep -E '^Sig(Blk|Ign):' /proc/self/status", &status));
	sigprocmask(SIG_SETMASK, &old, NULL);
	unsigned long long blocked = 1, ignored = 1;
	assert_int_equal(sscanf(out.p, "SigBlk: %llx\nSigIgn: %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked & (1ull << (SIGUSR1 - 1)), 0);
	assert_int_equal(ignored & (1ull << (SIGPIPE - 1)), 0);
	assert_int_equal(ignored & (1ull << (SIGXFSZ - 1)), 0);
	struct sigaction now;
	sigaction(SIGPIPE, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
}

TEST(a_child_gets_the_core_limit_of_the_start)
{
	int status;
	struct rlimit start, none = {0};
	assert_int_equal(getrlimit(RLIMIT_CORE, &start), 0);
	if (start.rlim_cur == 0)
		SKIP("no core files are allowed here");
	none.rlim_max = start.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_CORE, &none), 0);
	assert_true(sh("ulimit -S -c", &status));
	assert_int_equal(setrlimit(RLIMIT_CORE, &start), 0);
	assert_string_not_equal(out.p, "0\n");
}

TEST(stdin_is_empty)
{
	int status;
	assert_true(sh("cat; echo end", &status));
	assert_text(out.p, "end\n");
}

TEST(no_descriptor_of_ours_is_passed_on)
{
	int status, extra = 0;
	static const char *const argv[] = {"ls", "/proc/self/fd", NULL};
	assert_true(run_for(LONG_MS, 4096, NULL, argv, &status));
	for (char *p = out.p; *p;) {
		int fd = (int)strtol(p, &p, 10), flags = fcntl(fd, F_GETFD);
		extra += fd > 2 && (flags < 0 || (flags & FD_CLOEXEC)); /* not one that we were started with */
		p += *p == '\n';
	}
	assert_int_equal(extra, 1); /* ls's own look into the folder */
}

TEST(a_child_leads_a_process_group_of_its_own)
{
	int status;
	assert_true(sh("read -r _ _ _ _ group _ < /proc/$$/stat; [ \"$group\" = $$ ] && echo leads", &status));
	assert_text(out.p, "leads\n");
}

/* Has this process ended (or is it a zombie)? Waits until it has; a hang is ended by the runner. */
static void gone(pid_t pid)
{
	struct clock c = clock_real();
	for (;;) {
		AUTO_STR path = str_printf("/proc/%d/stat", (int)pid);
		AUTO_STR text = read_text(path);
		const char *state = text ? strrchr(text, ')') : NULL;
		if (!state || state[2] == 'Z' || state[2] == 'X')
			return;
		c.sleep_ms(&c, 2);
	}
}

TEST(a_timeout_kills_the_whole_group)
{
	int status;
	static const char *const argv[] = {"sh", "-c", "sleep 1000 & echo $!; wait", NULL};
	assert_false(run_for(300, 1000, NULL, argv, &status));
	assert_says(last.msg, "no end after");
	assert_int_equal(last.kind, ERR_SOURCE);
	pid_t grandchild = (pid_t)strtol(out.p, NULL, 10);
	if (grandchild > 0) /* on a very slow machine the group was killed before it got there */
		gone(grandchild);
}

TEST(a_child_that_closes_its_output_and_goes_on_is_ended_at_the_deadline)
{
	int status;
	static const char *const argv[] = {"sh", "-c", "exec >&- 2>&-; exec sleep 1000", NULL};
	assert_false(run_for(200, 1000, NULL, argv, &status));
	assert_says(last.msg, "no end after");
}

TEST(too_much_output_ends_the_child)
{
	int status;
	static const char *const argv[] = {"sh", "-c", "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", NULL};
	assert_false(run_for(LONG_MS, 10000, NULL, argv, &status));
	assert_says(last.msg, "more than 10000 bytes");
}

TEST(too_much_on_stderr_is_cut_and_no_failure)
{
	int status;
	assert_true(sh("i=0; while [ $i -lt 2000 ]; do echo xxxxxxxxxxxxxxxxxxxx >&2; i=$((i+1)); done; echo done", &status));
	assert_text(out.p, "done\n");
	assert_true(err_out.len <= 1000);
}

TEST(a_grandchild_that_holds_stdout_does_not_hold_us_up)
{
	int status;
	static const char *const argv[] = {"sh", "-c", "sleep 1000 & echo $!", NULL};
	assert_true(run_for(LONG_MS, 1000, NULL, argv, &status));
	assert_int_equal(status, 0);
	pid_t grandchild = (pid_t)strtol(out.p, NULL, 10);
	assert_true(grandchild > 0);
	assert_int_equal(kill(grandchild, SIGKILL), 0); /* it went on: only its own end is awaited */
}

static bool without_pidfds(void *user UNUSED)
{
	int status;
	static const char *const slow[] = {"sh", "-c", "exec >&- 2>&-; exec sleep 1000", NULL};
	if (!sh("echo one; exit 3", &status) || status != 3 || strcmp(out.p, "one\n") != 0)
		return false;
	if (!sh("sleep 1000 & echo $!", &status) || kill((pid_t)strtol(out.p, NULL, 10), SIGKILL) != 0)
		return false;
	return !run_for(200, 1000, NULL, slow, &status) && strstr(last.msg, "no end after");
}

TEST(a_kernel_without_pidfds_changes_nothing)
{
	static const int errors[] = {ENOSYS, EPERM};
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		int status = where_refused(SYS_pidfd_open, SYS_pidfd_open, errors[i], without_pidfds, NULL);
		if (status == REFUSAL_MISSING)
			SKIP("no system call filter");
		assert_int_equal(status, 0);
	}
}

TEST(what_cannot_be_started_says_so)
{
	int status;
	static const char *const missing[] = {"/nowhere/program", NULL}, *const word[] = {"daypass-no-such-word", NULL}, *const folder[] = {"/", NULL};
	assert_false(run_for(LONG_MS, 100, NULL, missing, &status));
	assert_text(last.msg, "/nowhere/program: cannot be started: No such file or directory");
	assert_int_equal(last.kind, ERR_SOURCE);
	assert_false(run_for(LONG_MS, 100, NULL, word, &status));
	assert_says(last.msg, "cannot be started");
	assert_false(run_for(LONG_MS, 100, NULL, folder, &status));
	assert_says(last.msg, "/: cannot be started: Permission denied");
}

TEST(without_descriptors_it_says_so)
{
	int status, next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit old, few;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	close(next);
	for (int spare = 0; spare < 6; spare++) { /* each pipe in turn is the first that cannot be had */
		few = (struct rlimit){(rlim_t)(next + spare), old.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		bool ok = sh("echo", &status);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_false(ok);
		assert_says(last.msg, "sh: cannot make a pipe");
	}
	int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(after, next); /* and none was lost */
}

TEST(variables_that_make_libraries_leak_secrets_are_scrubbed)
{
	setenv("SSLKEYLOGFILE", "/nowhere", 1);
	setenv("OPENSSL_CONF", "/nowhere", 1);
	setenv("UNRELATED", "1", 1);
	proc_scrub_environ();
	assert_null(getenv("SSLKEYLOGFILE"));
	assert_null(getenv("OPENSSL_CONF"));
	assert_non_null(getenv("UNRELATED"));
	unsetenv("UNRELATED");
}

static int end(void **state UNUSED)
{
	buf_free(&out);
	buf_free(&err_out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(output_errors_and_exit_status_come_back),
		T(a_signal_is_told_as_128_and_its_number),
		T(a_child_gets_the_environment_of_the_start_with_additions_winning),
		T(a_child_gets_the_umask_of_the_start),
		T(a_child_gets_the_signals_of_the_start),
		T(a_child_gets_the_core_limit_of_the_start),
		T(stdin_is_empty),
		T(no_descriptor_of_ours_is_passed_on),
		T(a_child_leads_a_process_group_of_its_own),
		T(a_timeout_kills_the_whole_group),
		T(a_child_that_closes_its_output_and_goes_on_is_ended_at_the_deadline),
		T(too_much_output_ends_the_child),
		T(too_much_on_stderr_is_cut_and_no_failure),
		T(a_grandchild_that_holds_stdout_does_not_hold_us_up),
		T(a_kernel_without_pidfds_changes_nothing),
		T(what_cannot_be_started_says_so),
		T(without_descriptors_it_says_so),
		T(variables_that_make_libraries_leak_secrets_are_scrubbed),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
