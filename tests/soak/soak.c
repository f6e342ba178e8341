/* soak short|long [SEED]: the concurrency proof of the cache. Each part is a process of its own; what they make lies in
 * one folder, which goes at the end, however they end. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/soak/soak.h"

static const struct size sizes[] = {
	{.processes = 32, .operations = 500, .replaced = 5000, .kills = 300, .cleanings = 20},
	{.processes = 32, .operations = 5000, .replaced = 50000, .kills = 2000, .cleanings = 200},
};

static int (*const parts[])(const struct size *, uint64_t) = {mix_plain, mix_sealed, replace_part, kill_part, clean_part};

static volatile sig_atomic_t stopped;

static void stop(int number UNUSED)
{
	stopped = 1;
}

/* Its exit status, or -1. Whom it left behind dies with it, and is waited for here. */
static int run_part(size_t number, const struct size *s, uint64_t seed)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		const int stops[] = {SIGINT, SIGTERM, SIGHUP};
		for (size_t i = 0; i < COUNT_OF(stops); i++)
			signal(stops[i], SIG_DFL);
		if (getppid() != parent)
			_exit(5);
		alarm(LIMIT_S);
		exit(parts[number](s, seed));
	}
	int status = -1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (stopped)
			kill(pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
	if (pid > 0 && WIFSIGNALED(status))
		fprintf(stderr, "soak: part %zu ended by signal %d%s\n", number, WTERMSIG(status), WTERMSIG(status) == SIGALRM ? ": it hung" : "");
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_all(const struct size *s, uint64_t seed)
{
	unsigned passed = 0, failed = 0, skipped = 0;
	for (size_t i = 0; i < COUNT_OF(parts) && !stopped; i++) {
		int status = run_part(i, s, seed);
		passed += status == 0;
		skipped += status == MISSING;
		failed += status != 0 && status != MISSING;
	}
	printf("soak: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || stopped ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool whole = argc > 1 && str_eq(argv[1], "long");
	if (argc < 2 || (!whole && !str_eq(argv[1], "short")))
		return fprintf(stderr, "usage: soak short|long [SEED]\n"), 2;
	struct clock real = clock_real();
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : mix64((uint64_t)real.wall(&real) << 20 | (uint64_t)getpid()) % 1000000;
	TMP(t);
	setenv("DAYPASS_TEST_DIR", t.path, 1);
	const int stops[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < COUNT_OF(stops); i++)
		sigaction(stops[i], &(struct sigaction){.sa_handler = stop}, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("soak: seed %" PRIu64 "\n", seed);
	fflush(stdout);
	return run_all(&sizes[whole], seed);
}
