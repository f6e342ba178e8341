#include "helper/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "helper/base/clock.h"

/* To the end of what the child writes. */
static enum child_end collect(int fd, int64_t left_ms, struct buf *out)
{
	struct clock c = clock_real();
	int64_t end = c.mono_ms(&c) + left_ms;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - c.mono_ms(&c);
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

static bool ended_well(pid_t pid)
{
	int status = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum child_end child_run(bool (*work)(int fd, void *user), void *user, int64_t left_ms, struct buf *out)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return CHILD_BROKEN;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		be_child(work, user, p[1], parent);
	close(p[1]);
	enum child_end end = pid > 0 ? collect(p[0], left_ms, out) : CHILD_BROKEN;
	close(p[0]);
	if (pid > 0 && end != CHILD_DONE)
		kill(pid, SIGKILL);
	bool well = pid > 0 && ended_well(pid);
	return end == CHILD_DONE && !well ? CHILD_BROKEN : end;
}
