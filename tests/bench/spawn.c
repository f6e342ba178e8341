/* spawn ROUNDS WARM-UPS -- STDIN [NAME=VALUE...] /COMMAND [ARG...] -- STDIN ...
 *
 * Times whole processes, posix_spawn to wait4, in interleaved rounds (A B C A B C ...), so that a busy minute of the
 * machine falls on all of them. A program of its own: Python's fork costs more than what is measured, and a child's
 * ru_maxrss begins with its parent's pages. Prints a JSON line a command: nanoseconds, user+sys, KiB, exit statuses. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { COMMANDS_MAX = 32, VARS_MAX = 512 };

extern char **environ;

struct sample {
	int64_t wall_ns, cpu_ns;
};

struct command {
	const char *in;
	char **argv;
	char *env[VARS_MAX];
	struct sample *samples;
	long rss_kib;
	int first_status, other_status;
};

static _Noreturn void die(const char *what, int why)
{
	dprintf(2, "spawn: %s: %s\n", what, strerror(why));
	_exit(2);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t ns_of(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

static struct sample run(struct command *c)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, c->in, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	struct rusage use;
	pid_t pid;
	int status;
	int64_t start = now_ns();
	int why = posix_spawn(&pid, c->argv[0], &actions, NULL, c->argv, c->env);
	if (why)
		die(c->argv[0], why);
	while (wait4(pid, &status, 0, &use) < 0)
		if (errno != EINTR)
			die("wait4", errno);
	struct sample s = {.wall_ns = now_ns() - start, .cpu_ns = ns_of(use.ru_utime) + ns_of(use.ru_stime)};
	posix_spawn_file_actions_destroy(&actions);
	c->rss_kib = use.ru_maxrss > c->rss_kib ? use.ru_maxrss : c->rss_kib;
	if (c->first_status < 0)
		c->first_status = status;
	else if (status != c->first_status)
		c->other_status = status;
	return s;
}

static int by_wall(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return (x->wall_ns > y->wall_ns) - (x->wall_ns < y->wall_ns);
}

static int by_cpu(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return (x->cpu_ns > y->cpu_ns) - (x->cpu_ns < y->cpu_ns);
}

static void report(struct command *c, size_t rounds)
{
	qsort(c->samples, rounds, sizeof *c->samples, by_wall);
	long long median = c->samples[rounds / 2].wall_ns, least = c->samples[0].wall_ns, p95 = c->samples[rounds * 95 / 100].wall_ns;
	qsort(c->samples, rounds, sizeof *c->samples, by_cpu);
	printf("{\"wall\": %lld, \"min\": %lld, \"p95\": %lld, \"cpu\": %lld, \"rss\": %ld, \"status\": %d, \"steady\": %s}\n", median, least, p95,
	       (long long)c->samples[rounds / 2].cpu_ns, c->rss_kib, c->first_status, c->other_status < 0 ? "true" : "false");
}

/* Our environment, then the command's own NAME=VALUE words over it. */
static void take(struct command *c, char **words)
{
	size_t n = 0;
	c->in = *words++;
	char **own = words;
	while (*words && **words != '/') /* a command is an absolute path */
		words++;
	for (char **v = environ; *v && n + 1 < VARS_MAX; v++) {
		bool replaced = false;
		for (char **w = own; w < words; w++)
			replaced = replaced || strncmp(*v, *w, strcspn(*w, "=") + 1) == 0;
		if (!replaced)
			c->env[n++] = *v;
	}
	for (char **w = own; w < words && n + 1 < VARS_MAX; w++)
		c->env[n++] = *w;
	c->argv = words;
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	size_t count = 0, rounds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0, warm = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		if (i + 2 >= argc || count == COMMANDS_MAX)
			die("usage: spawn ROUNDS WARM-UPS -- STDIN [NAME=VALUE...] /COMMAND [ARG...] -- ...", EINVAL);
		struct command *c = &commands[count++];
		*c = (struct command){.first_status = -1, .other_status = -1, .samples = calloc(rounds + 1, sizeof(struct sample)), .argv = argv + i + 1};
	}
	if (!count || !rounds)
		die("no command or no rounds", EINVAL);
	for (size_t i = 0; i < count; i++) {
		take(&commands[i], commands[i].argv);
		if (!commands[i].samples || !commands[i].argv[0])
			die("a command is missing", EINVAL);
	}
	for (size_t r = 0; r < warm + rounds; r++)
		for (size_t i = 0; i < count; i++)
			commands[i].samples[r < warm ? 0 : r - warm] = run(&commands[i]);
	for (size_t i = 0; i < count; i++) {
		report(&commands[i], rounds);
		free(commands[i].samples);
	}
	return 0;
}
