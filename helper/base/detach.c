#include "helper/base/detach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "helper/base/file.h"
#include "helper/base/str.h"

/* Field 22 of /proc/PID/stat; "" where there is no such process, or it is a zombie. The name, in brackets, may hold anything. */
static void start_time(pid_t pid, char out[24])
{
	enum { STATE = 0, START = 19 };
	AUTO_STR path = str_printf("/proc/%d/stat", (int)pid);
	AUTO_BUF text = buf_new(4096);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *p = fd >= 0 && file_read_fd(fd, &text) ? strrchr(text.p, ')') : NULL;
	*out = 0;
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return;
	p += 2;
	for (int i = STATE; i < START; i++)
		p += strcspn(p, " ") + (p[strcspn(p, " ")] == ' ');
	snprintf(out, 24, "%.*s", (int)strcspn(p, " "), p);
}

struct watch watch_self(void)
{
	struct watch w = {.pid = getpid()};
	w.pidfd = (int)syscall(SYS_pidfd_open, w.pid, 0);
	start_time(w.pid, w.start);
	return w;
}

bool watch_ended(const struct watch *w)
{
	char now[24];
	struct pollfd p = {.fd = w->pidfd, .events = POLLIN};
	if (w->pidfd >= 0)
		return poll(&p, 1, 0) > 0;
	if (!*w->start) /* no /proc either */
		return kill(w->pid, 0) < 0 && errno == ESRCH;
	start_time(w->pid, now);
	return !str_eq(now, w->start);
}

/* All of ours are closed on exec, and what we were started with is not, or it had not come here. */
static void close_if_inherited(int fd)
{
	int flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;
	if (flags >= 0 && !(flags & FD_CLOEXEC))
		close(fd);
}

static void close_inherited(void)
{
	enum { MOST = 65536 };
	struct rlimit most = {.rlim_cur = MOST};
	DIR *d = opendir("/proc/self/fd");
	int64_t fd;
	for (struct dirent *e; d && (e = readdir(d));)
		if (str_to_int(e->d_name, INT32_MAX, &fd))
			close_if_inherited((int)fd);
	if (d) {
		closedir(d);
		return;
	}
	getrlimit(RLIMIT_NOFILE, &most);
	for (fd = 3; fd < MOST && (rlim_t)fd < most.rlim_cur; fd++)
		close_if_inherited((int)fd);
}

static void stand_alone(void)
{
	sigset_t all;
	struct rlimit files;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	close_inherited();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int detach(const char *name)
{
	int status = 1;
	pid_t first = fork();
	if (first < 0)
		return -1;
	if (first == 0) {
		prctl(PR_SET_NAME, name);
		setsid();
		pid_t second = fork();
		if (second)
			_exit(second < 0 ? errno : 0);
		stand_alone();
		return 0;
	}
	while (waitpid(first, &status, 0) < 0 && errno == EINTR)
		;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
	return errno ? -1 : 1;
}
