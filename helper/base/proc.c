#include "helper/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "helper/base/clock.h"
#include "helper/base/file.h"
#include "helper/base/str.h"

static struct {
	char **vars;
	mode_t umask;
	struct rlimit core;
	struct sigaction pipe, file_size, child;
	sigset_t mask;
} start;

bool proc_begin(char **envp, struct err *err)
{
	size_t n = 0;
	while (envp[n])
		n++;
	start.vars = mem_alloc((n + 1) * sizeof *envp);
	memcpy(start.vars, envp, (n + 1) * sizeof *envp);
	start.umask = umask(077);
	sigprocmask(SIG_SETMASK, NULL, &start.mask);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, &start.pipe);
	sigaction(SIGXFSZ, &ignore, &start.file_size);
	struct sigaction plain = {.sa_handler = SIG_DFL}; /* ignored, as some callers leave it, no child could be waited for */
	sigaction(SIGCHLD, &plain, &start.child);
	getrlimit(RLIMIT_CORE, &start.core);
#if !defined(DAYPASS_ASAN) /* the leak checker looks into its own process */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	if (getauxval(AT_SECURE) || geteuid() != getuid() || getegid() != getgid())
		return err_set(err, ERR_POLICY, "remove the set-id bit or file capability", "daypass must not run with more rights than its caller's");
	return true;
}

struct env proc_env(void)
{
	return (struct env){.vars = start.vars};
}

void proc_scrub_environ(void)
{
	static const char *const names[] = {"SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES",
					    "GIO_EXTRA_MODULES", "G_MESSAGES_DEBUG", "SECRET_BACKEND", "SECRET_SERVICE_BUS_NAME",
					    "SECRET_FILE_TEST_PATH", "SECRET_FILE_TEST_PASSWORD"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
}

#if defined(DAYPASS_ASAN)
int __lsan_do_recoverable_leak_check(void);
#endif
#if defined(DAYPASS_COV)
void __gcov_dump(void);
#endif

_Noreturn void proc_exit(int status)
{
	free(start.vars);
	start.vars = NULL;
#if defined(DAYPASS_ASAN)
	if (__lsan_do_recoverable_leak_check())
		_exit(99);
#endif
#if defined(DAYPASS_COV)
	__gcov_dump();
#endif
	_exit(status);
}

char **proc_vars(const char *const *changes)
{
	size_t n = 0, m = 0;
	while (start.vars && start.vars[n])
		n++;
	while (changes && changes[m])
		m++;
	char **vars = mem_alloc((n + m + 1) * sizeof *vars);
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;
		for (size_t j = 0; j < m; j++) {
			size_t name = strcspn(changes[j], "=");
			replaced = replaced || (strncmp(start.vars[i], changes[j], name) == 0 && start.vars[i][name] == '=');
		}
		if (!replaced)
			vars[k++] = start.vars[i];
	}
	for (size_t j = 0; j < m; j++)
		if (strchr(changes[j], '='))
			vars[k++] = (char *)(uintptr_t)changes[j];
	vars[k] = NULL;
	return vars;
}

/* As we were started ourselves. */
static void restore(void)
{
	umask(start.umask);
	setrlimit(RLIMIT_CORE, &start.core);
	sigaction(SIGPIPE, &start.pipe, NULL);
	sigaction(SIGXFSZ, &start.file_size, NULL);
	sigaction(SIGCHLD, &start.child, NULL);
	sigprocmask(SIG_SETMASK, &start.mask, NULL);
}

/* A file of these bytes that no disk has, to be read from its beginning; -1 with errno. */
static int memory_file(const struct buf *data)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd >= 0 && file_write_fd(fd, data->p, data->len) && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

_Noreturn static void start_child(const struct proc_run *r, char **vars, int out, int errfd, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), in = r->in ? memory_file(r->in) : null;
	setpgid(0, 0);
	restore();
	if (null >= 0 && in >= 0 && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(errfd >= 0 ? errfd : null, 2) >= 0) {
		char *const *argv = (char *const *)(uintptr_t)r->argv;
		execvpe(argv[0], argv, vars);
	}
	int why = errno;
	file_write_fd(report, &why, sizeof why);
	_exit(127);
}

static bool real_become(struct proc *proc UNUSED, const struct proc_become *b, struct err *err)
{
	char **vars = proc_vars(b->more_env);
	int fd = b->in ? memory_file(b->in) : 0;
	if (fd >= 0 && dup2(fd, 0) >= 0) {
		restore();
		execve(b->path, (char *const *)(uintptr_t)b->argv, vars);
	}
	err_set(err, ERR_SOURCE, NULL, "%s: cannot be started: %s", b->path, strerror(errno));
	free(vars);
	return false;
}

static int real_exec(struct proc *proc UNUSED, const char *const *argv, char **vars)
{
	char **own = environ;
	environ = vars; /* where PATH is read */
	restore();
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	environ = own;
	return errno;
}

/* A folder that others may write to could hold anybody's program. */
static bool is_safe_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !(st.st_mode & S_IWOTH);
}

char *proc_find_next(const char **rest, const char *name, bool trusted)
{
	struct stat st;
	while (*rest && **rest) {
		size_t n = strcspn(*rest, ":");
		AUTO_STR folder = str_ndup(*rest, n);
		char *path = str_printf("%s/%s", folder, name);
		*rest += n + ((*rest)[n] == ':');
		if (*folder == '/' && (!trusted || is_safe_folder(folder)) && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

char *proc_find(const struct env *env, const char *name, bool trusted)
{
	const char *rest = env_get(env, "PATH");
	return proc_find_next(&rest, name, trusted);
}

struct pipes {
	int out[2], err[2], report[2];
};

struct child {
	pid_t pid;
	int pidfd; /* -1 where the kernel gives none */
	int64_t end;
};

static void close_pair(int p[2])
{
	for (int i = 0; i < 2; i++) {
		if (p[i] >= 0)
			close(p[i]);
		p[i] = -1;
	}
}

static void close_all(struct pipes *p)
{
	close_pair(p->out);
	close_pair(p->err);
	close_pair(p->report);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Read one chunk; false when that pipe is finished. over is set where the cap was passed. */
static bool take(int fd, struct buf *to, bool *over)
{
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n > 0 && !buf_add(to, chunk, (size_t)n) && over)
		*over = true;
	wipe(chunk, sizeof chunk);
	return n > 0;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Wait for any of the pipes or the child's end; without a pidfd (older kernels, some sandboxes) look again soon. */
static int wait_any(struct pollfd fds[3], int64_t left)
{
	enum { SLICE_MS = 20 };
	int64_t most = fds[2].fd >= 0 || left < SLICE_MS ? left : SLICE_MS;
	return poll(fds, 3, (int)(most < 0 ? 0 : most));
}

/* Until stdout and stderr are closed, the child has ended and nothing more is there (az leaves an uploader behind that
 * holds its stdout), stdout is over its cap, or the deadline passes (false). */
static bool collect(struct proc_run *r, struct pipes *p, const struct child *c, bool *over)
{
	struct clock clock = clock_real();
	while ((p->out[0] >= 0 || p->err[0] >= 0) && !*over) {
		struct pollfd fds[3] = {{.fd = p->out[0], .events = POLLIN}, {.fd = p->err[0], .events = POLLIN}, {.fd = c->pidfd, .events = POLLIN}};
		int64_t left = c->end - clock.mono_ms(&clock);
		if (left <= 0)
			return false;
		bool ended = has_ended(c->pid);
		if (wait_any(fds, ended ? 0 : left) < 0 && errno != EINTR)
			return false;
		if (ended && !fds[0].revents && !fds[1].revents)
			return true;
		if (fds[0].revents && !take(p->out[0], r->out, over))
			close_end(&p->out[0]);
		if (fds[1].revents && !take(p->err[0], r->err, NULL))
			close_end(&p->err[0]);
	}
	return true;
}

/* A child may close its pipes and live on: it has until the deadline, then it is killed with its group. */
static bool reap(const struct child *c, bool kill_now, int *status)
{
	struct clock clock = clock_real();
	bool in_time = true;
	while (!kill_now && !has_ended(c->pid)) {
		struct pollfd fds[3] = {{.fd = -1}, {.fd = -1}, {.fd = c->pidfd, .events = POLLIN}};
		int64_t left = c->end - clock.mono_ms(&clock);
		in_time = left > 0;
		kill_now = left <= 0;
		if (!kill_now)
			wait_any(fds, left);
	}
	if (kill_now)
		kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, status, 0) < 0)
		if (errno != EINTR)
			return false;
	return in_time;
}

static bool finish(struct proc_run *r, struct pipes *p, pid_t pid, struct err *err)
{
	struct clock clock = clock_real();
	struct child c = {.pid = pid, .end = clock.mono_ms(&clock) + r->timeout_ms, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
	int why = 0, status = 0;
	bool over = false;
	bool failed = read(p->report[0], &why, sizeof why) == sizeof why;
	bool in_time = collect(r, p, &c, &over);
	in_time = reap(&c, over || !in_time, &status) && in_time;
	close_end(&c.pidfd);
	if (failed)
		return err_set(err, ERR_SOURCE, NULL, "%s: cannot be started: %s", r->argv[0], strerror(why));
	if (!in_time)
		return err_set(err, ERR_SOURCE, NULL, "%s: no end after %lld s", r->argv[0], (long long)r->timeout_ms / 1000);
	if (over)
		return err_set(err, ERR_SOURCE, NULL, "%s: printed more than %zu bytes", r->argv[0], r->out->max);
	r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

static bool real_run(struct proc *proc UNUSED, struct proc_run *r, struct err *err)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(p.out, O_CLOEXEC) < 0 || pipe2(p.report, O_CLOEXEC) < 0 || (r->err && pipe2(p.err, O_CLOEXEC) < 0)) {
		close_all(&p);
		return err_set(err, ERR_SOURCE, NULL, "%s: cannot make a pipe: %s", r->argv[0], strerror(errno));
	}
	char **vars = proc_vars(r->more_env);
	pid_t pid = fork();
	if (pid == 0)
		start_child(r, vars, p.out[1], p.err[1], p.report[1]);
	free(vars);
	if (pid < 0) {
		close_all(&p);
		return err_set(err, ERR_SOURCE, NULL, "%s: cannot fork: %s", r->argv[0], strerror(errno));
	}
	setpgid(pid, pid);
	close_end(&p.out[1]);
	close_end(&p.err[1]);
	close_end(&p.report[1]);
	bool ok = finish(r, &p, pid, err);
	close_all(&p);
	return ok;
}

struct proc proc_real(void)
{
	static struct env env;
	env = proc_env();
	return (struct proc){.run = real_run, .become = real_become, .exec = real_exec, .env = &env};
}
