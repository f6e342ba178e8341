#include "helper/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "helper/base/clock.h"

/* To the end of what the child writes. */
static enum child_end collect(int fd, int64_t end_ms, struct buf *out)
{
	struct clock c = clock_real();
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end_ms - c.mono_ms(&c);
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? CHILD_BROKEN : CHILD_LATE;
		char chunk[4096];
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got == 0)
			return CHILD_DONE;
		bool fits = got < 0 ? errno == EINTR : buf_add(out, chunk, (size_t)got);
		wipe(chunk, sizeof chunk);
		if (!fits)
			return CHILD_BROKEN;
	}
}

_Noreturn static void be_child(bool (*work)(int fd, void *user), void *user, int fd, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(work(fd, user) ? 0 : 1);
}

/* A child may close its pipe and live on: it has until the deadline, then it is killed. */
static bool ended_well(pid_t pid, bool kill_now, int64_t end_ms)
{
	struct clock c = clock_real();
	int status = 1;
	pid_t got;
	while (!kill_now && (got = waitpid(pid, &status, WNOHANG)) <= 0) {
		if (got < 0 && errno != EINTR)
			return false;
		kill_now = c.mono_ms(&c) >= end_ms;
		c.sleep_ms(&c, kill_now ? 0 : 1);
	}
	if (kill_now) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum child_end child_run(bool (*work)(int fd, void *user), void *user, int64_t left_ms, struct buf *out)
{
	int p[2];
	struct clock c = clock_real();
	int64_t end_ms = c.mono_ms(&c) + left_ms;
	if (pipe2(p, O_CLOEXEC) < 0)
		return CHILD_BROKEN;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		be_child(work, user, p[1], parent);
	close(p[1]);
	enum child_end end = pid > 0 ? collect(p[0], end_ms, out) : CHILD_BROKEN;
	close(p[0]);
	bool well = pid > 0 && ended_well(pid, end != CHILD_DONE, end_ms);
	return end == CHILD_DONE && !well ? CHILD_BROKEN : end;
}
