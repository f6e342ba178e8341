/* A server of one answer on the loopback address, and the real HTTP port to ask it with. */
#ifndef DAYPASS_TESTS_SERVER_H
#define DAYPASS_TESTS_SERVER_H

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "helper/base/clock.h"
#include "helper/base/http.h"
#include "tests/unit/tmp.h"

/* A child that takes one connection, writes down what it is asked, and answers these bytes. */
struct server {
	int port, asked[2];
	pid_t pid;
	char *url;
	struct http http;
	struct env env;
	char *vars[4];
	struct http_response r;
	struct err err;
	char *request; /* what it got, once stopped */
};

enum { LONG_MS = 300000 };

static inline bool whole_request(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4), *length = strcasestr(text, "\r\nContent-Length: ");
	size_t body = length ? (size_t)strtoul(length + 18, NULL, 10) : 0;
	return end && (size_t)(text + len - end - 4) >= body;
}

_Noreturn static inline void serve(int listener, int asked, const char *answer, size_t len, bool hold)
{
	static char got[400000];
	size_t n = 0;
	int fd = accept(listener, NULL, NULL);
	while (fd >= 0 && n < sizeof got - 1 && !whole_request(got, n)) {
		ssize_t k = read(fd, got + n, sizeof got - 1 - n);
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	signal(SIGPIPE, SIG_IGN);
	bool ok = file_write_fd(fd, answer, len);
	if (hold)
		pause();
	close(fd);
	ok = file_write_fd(asked, got, n) && ok;
	_exit(ok ? 0 : 1);
}

static inline bool answer_at(struct server *s, int listener, const char *answer, size_t len, bool hold)
{
	assert_int_equal(pipe(s->asked), 0);
	s->pid = fork();
	if (s->pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		serve(listener, s->asked[1], answer, len, hold);
	close(listener);
	close(s->asked[1]);
	return s->pid > 0;
}

static inline bool start(struct server *s, const char *answer, size_t len, bool hold)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	*s = (struct server){.r = http_response_new(), .err = ERR_INIT};
	s->env = (struct env){s->vars};
	s->http = http_curl(&s->env);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&at, &size) < 0)
		return false;
	s->port = ntohs(at.sin_port);
	s->url = str_printf("http://127.0.0.1:%d/path?q=1", s->port);
	return answer_at(s, listener, answer, len, hold);
}

static inline void server_end(struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
		close(s->asked[0]);
	}
	for (size_t i = 0; i < COUNT_OF(s->vars); i++)
		free(s->vars[i]);
	free(s->url);
	free(s->request);
	http_response_free(&s->r);
}

#define SERVER(s, answer) \
	CLEANUP(server_end) struct server s; \
	if (!start(&s, answer, sizeof(answer) - 1, false)) { \
		server_end(&s); \
		SKIP("no loopback address to listen on"); \
	} \
	(void)0

static inline bool ask_for(struct server *s, struct http_request q, int64_t ms)
{
	struct clock c = clock_real();
	q.method = q.method ? q.method : "GET";
	q.url = q.url ? q.url : s->url;
	q.local = true;
	q.deadline_ms = c.mono_ms(&c) + ms;
	s->err = ERR_INIT;
	return s->http.perform(&s->http, &q, &s->r, &s->err);
}

static inline void heard(struct server *s)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	assert_true(file_read_fd(s->asked[0], &b));
	s->request = buf_take(&b);
}

#define JSON_OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* From now on nobody listens at its port. */
static inline void gone_away(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->asked[0]);
	s->pid = 0;
}

/* The caller's proxies are not the tests'. */
static inline int no_proxies(void **state UNUSED)
{
	static const char *const vars[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
	for (size_t i = 0; i < COUNT_OF(vars); i++)
		unsetenv(vars[i]);
	return 0;
}

#endif
