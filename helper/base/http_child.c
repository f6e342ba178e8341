#include "helper/base/http_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "helper/base/clock.h"
#include "helper/base/file.h"
#include "helper/base/str.h"

/* What a child reports: the plain parts; the body follows it on the pipe. */
struct report {
	bool ok;
	struct err err;
	struct http_response head;
};

static bool await_report(int fd, int64_t left_ms, struct buf *all)
{
	struct clock c = clock_real();
	int64_t end = c.mono_ms(&c) + left_ms;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - c.mono_ms(&c);
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		char chunk[4096];
		ssize_t got = n > 0 ? read(fd, chunk, sizeof chunk) : -1;
		if (got == 0)
			return all->len >= sizeof(struct report);
		if (got > 0 && !buf_add(all, chunk, (size_t)got))
			return false;
		wipe(chunk, sizeof chunk);
	}
}

bool http_in_child(http_transfer transfer, const struct http *http, const struct http_request *q, int64_t left_ms,
		   struct http_response *r, struct err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, ERR_INTERNAL, NULL, "cannot make a pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		struct report rep = {.err = ERR_INIT};
		rep.ok = transfer(http, q, left_ms, r, &rep.err);
		rep.head = *r;
		bool sent = file_write_fd(p[1], &rep, sizeof rep) && file_write_fd(p[1], secret_reveal(&r->body), secret_len(&r->body));
		_exit(sent ? 0 : 1);
	}
	close(p[1]);
	AUTO_BUF all = buf_new(sizeof(struct report) + HTTP_MAX_BODY);
	bool got = pid > 0 && await_report(p[0], left_ms, &all);
	close(p[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	AUTO_STR host = http_host(q->url);
	if (!got)
		return err_set(err, ERR_NETWORK, "check the network and its name server", "%s did not answer in time", host);
	struct report rep;
	memcpy(&rep, all.p, sizeof rep);
	struct secret body = r->body;
	*r = rep.head;
	r->body = body;
	if (!rep.ok) {
		*err = rep.err;
		return false;
	}
	return secret_set(&r->body, all.p + sizeof rep, all.len - sizeof rep);
}
