/* The loop: poll(2), one thread. A client that is slow, or that never says anything, costs a place and no time. */
#include "helper/cmd/exec_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "helper/base/loopback.h"
#include "helper/base/str.h"

enum { HEAD_MS = 5000, IDLE_MS = 60000, WRITE_MS = 10000, ENDING_MS = 2000, LOOK_MS = 1000, CROWD_MS = 100 };
enum { FIXED = 3 };

static int64_t now_ms(const struct server *s)
{
	return s->x->ctx->clock->mono_ms(s->x->ctx->clock);
}

static void enter(struct server *s, struct conn *c, enum conn_state state)
{
	c->state = state;
	c->since_ms = now_ms(s);
	c->turn = s->turns++;
}

static void conn_close(struct server *s, size_t i)
{
	struct conn *c = &s->conns[i];
	shutdown(c->fd, SHUT_RDWR); /* a child that has not come so far yet may still hold it */
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	ask_free(&c->ask);
	*c = s->conns[--s->count];
	s->conns[s->count] = (struct conn){.fd = -1};
}

/* What a client in this state may take until it is given up; -1: as long as it likes. */
static int64_t patience(const struct conn *c)
{
	bool idle = c->state == CONN_READING && c->used && !c->in.len;
	return c->state == CONN_WAITING ? -1 : idle ? IDLE_MS : c->state == CONN_READING ? HEAD_MS : c->state == CONN_WRITING ? WRITE_MS : ENDING_MS;
}

static void finish(struct server *s, struct conn *c)
{
	if (c->keep) {
		c->used = true;
		c->continued = false;
		enter(s, c, CONN_READING);
		return;
	}
	shutdown(c->fd, SHUT_WR);
	enter(s, c, CONN_ENDING);
}

/* As much as it takes; false where the client has gone. */
static bool send_some(struct server *s, struct conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	buf_free(&c->out);
	c->sent = 0;
	ask_free(&c->ask);
	finish(s, c);
	return true;
}

/* Nothing further is read as a request: where it would begin is not known. */
static void refuse(struct server *s, struct conn *c, int status, const char *why)
{
	struct ask none = {0};
	c->keep = false;
	buf_clear(&c->in);
	reply_refusal(&c->out, &none, status, why);
	enter(s, c, CONN_WRITING);
}

static void drop_front(struct buf *b, size_t n)
{
	memmove(b->p, b->p + n, b->len - n);
	wipe(b->p + b->len - n, n);
	b->len -= n;
	b->p[b->len] = 0;
}

static void answer(struct server *s, struct conn *c, const struct http_in *h, const char *body)
{
	const char *why;
	c->keep = h->keep;
	int status = ask_read(s->x, h, body, &c->ask, &why);
	bool at_once = true;
	if (status)
		reply_refusal(&c->out, &c->ask, status, why);
	else
		at_once = job_at_once(s->x, &c->ask, &c->out);
	enter(s, c, at_once ? CONN_WRITING : CONN_WAITING);
}

/* Is there a whole request in what has come? Then answer it. */
static void look(struct server *s, struct conn *c)
{
	struct http_in h;
	const char *why;
	size_t len = http_in_end(c->in.p, c->in.len);
	if (len > HTTP_IN_HEAD_MAX || (!len && c->in.len >= HTTP_IN_HEAD_MAX)) {
		refuse(s, c, 400, "the head of the request is larger than 8 KiB");
		return;
	}
	if (!len)
		return;
	AUTO_BUF head = buf_new(HTTP_IN_HEAD_MAX);
	AUTO_BUF body = buf_new(HTTP_IN_BODY_MAX);
	buf_add(&head, c->in.p, len);
	int status = http_in_read(head.p, len, &h, &why);
	if (status) {
		refuse(s, c, status, why);
		return;
	}
	if (c->in.len - len < h.length) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		if (h.waits && !c->continued)
			c->continued = send(c->fd, go_on, strlen(go_on), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
		return;
	}
	buf_add(&body, c->in.p + len, h.length);
	drop_front(&c->in, len + h.length);
	answer(s, c, &h, body.p);
}

/* False where the client has gone. */
static bool read_some(struct server *s, struct conn *c)
{
	char chunk[16 * 1024];
	ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (c->state == CONN_READING) {
		c->since_ms = c->in.len ? c->since_ms : now_ms(s);
		buf_add(&c->in, chunk, (size_t)n);
		if (c->in.over) /* a client that sends one request behind the other, and waits for none */
			refuse(s, c, 413, "too much is sent at once");
		else
			look(s, c);
	}
	wipe(chunk, sizeof chunk);
	return true;
}

/* Go on with a connection as far as it goes without waiting. False where it is over. */
static bool go_on(struct server *s, struct conn *c, short events)
{
	if (c->state == CONN_WAITING)
		return true;
	if ((c->state == CONN_READING || c->state == CONN_ENDING) && events && !read_some(s, c))
		return false;
	while (c->state == CONN_WRITING) {
		if (!send_some(s, c))
			return false;
		if (c->state == CONN_WRITING) /* the socket is full */
			break;
		if (c->state == CONN_READING && c->in.len)
			look(s, c);
	}
	int64_t most = patience(c);
	return most < 0 || now_ms(s) - c->since_ms < most;
}

/* The longest quiet connection makes room. False where all of them are at work. */
static bool make_room(struct server *s)
{
	size_t oldest = s->count;
	for (size_t i = 0; i < s->count; i++) {
		bool quiet = s->conns[i].state == CONN_READING || s->conns[i].state == CONN_ENDING;
		if (quiet && (oldest == s->count || s->conns[i].turn < s->conns[oldest].turn))
			oldest = i;
	}
	if (oldest == s->count)
		return false;
	conn_close(s, oldest);
	return true;
}

/* Whoever is another user, or of whom that cannot be told, is told no before a byte is read. */
static void let_in(struct server *s, int fd)
{
	uid_t uid;
	struct conn *c = &s->conns[s->count++];
	*c = (struct conn){.fd = fd, .in = buf_new(HTTP_IN_HEAD_MAX + HTTP_IN_BODY_MAX), .out = buf_new(REPLY_MAX)};
	enter(s, c, CONN_READING);
	if (!loopback_uid(s->diag, fd, &uid) || uid != geteuid())
		refuse(s, c, 403, "daypass exec serves only programs of the user who started it");
}

static void accept_some(struct server *s)
{
	enum { AT_ONCE = 64 };
	for (int i = 0; i < AT_ONCE; i++) {
		if (s->count == s->most && !make_room(s)) {
			s->crowded = true;
			return;
		}
		int fd = loopback_accept(s->x->listener);
		if (fd >= 0) {
			let_in(s, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		s->crowded = errno != EAGAIN && !make_room(s);
		return;
	}
}

/* One child's answer goes to all who wait for it. */
static void end_job(struct server *s, struct job *j)
{
	for (size_t i = 0; i < s->count; i++) {
		struct conn *c = &s->conns[i];
		if (c->state != CONN_WAITING || c->job != j)
			continue;
		c->job = NULL;
		job_reply(s->x, j, &c->ask, &c->out);
		enter(s, c, CONN_WRITING);
	}
	job_free(j);
}

static void see_to_jobs(struct server *s, const struct pollfd *fds)
{
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &s->jobs[i];
		bool late = j->pid && now_ms(s) >= j->end_ms;
		if (late)
			kill(j->pid, SIGKILL);
		if (j->pid && (late || (fds[i].revents && job_read(j))))
			end_job(s, j);
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->conns[i].state == CONN_WAITING && !s->conns[i].job)
			s->conns[i].job = job_for(s, &s->conns[i].ask);
}

/* How long nothing needs to be looked at, unless something happens. */
static int until(const struct server *s)
{
	int64_t now = now_ms(s), next = s->watch->pidfd < 0 ? now + LOOK_MS : INT64_MAX;
	if (s->crowded)
		next = now + CROWD_MS;
	for (size_t i = 0; i < s->count; i++) {
		const struct conn *c = &s->conns[i];
		int64_t at = c->state == CONN_WAITING ? (c->job ? INT64_MAX : now + CROWD_MS) : c->since_ms + patience(c);
		next = at < next ? at : next;
	}
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (s->jobs[i].pid && s->jobs[i].end_ms < next)
			next = s->jobs[i].end_ms;
	return next == INT64_MAX ? -1 : next <= now ? 0 : (int)(next - now);
}

/* True where somebody wants us to end. */
static bool read_signals(struct server *s)
{
	struct signalfd_siginfo info;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return read(s->signals, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD;
}

/* One round; false at the end. */
static bool turn(struct server *s)
{
	struct pollfd fds[FIXED + JOBS_MAX + CONNS_MAX] = {{.fd = s->watch->pidfd, .events = POLLIN}, {.fd = s->signals, .events = POLLIN}, {.fd = s->crowded ? -1 : s->x->listener, .events = POLLIN}};
	struct pollfd *jobs = fds + FIXED, *conns = jobs + JOBS_MAX;
	size_t before = s->count;
	for (size_t i = 0; i < JOBS_MAX; i++)
		jobs[i] = (struct pollfd){.fd = s->jobs[i].pid ? s->jobs[i].fd : -1, .events = POLLIN};
	for (size_t i = 0; i < before; i++) {
		enum conn_state state = s->conns[i].state;
		conns[i] = (struct pollfd){.fd = state == CONN_WAITING ? -1 : s->conns[i].fd, .events = state == CONN_WRITING ? POLLOUT : POLLIN};
	}
	if (poll(fds, FIXED + JOBS_MAX + before, until(s)) < 0 && errno != EINTR)
		return false;
	s->crowded = false;
	if ((s->watch->pidfd < 0 ? watch_ended(s->watch) : fds[0].revents) || (fds[1].revents && read_signals(s)))
		return false;
	for (size_t i = before; i-- > 0;) /* the last takes the place of one that goes */
		if (!go_on(s, &s->conns[i], conns[i].revents))
			conn_close(s, i);
	see_to_jobs(s, jobs);
	if (fds[2].revents)
		accept_some(s);
	return true;
}

/* Files, pipes and the children's libraries need some too. */
static size_t room(void)
{
	enum { OTHERS = 24, FEWEST = 4 };
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= CONNS_MAX + OTHERS)
		return CONNS_MAX;
	return files.rlim_cur > OTHERS + FEWEST ? files.rlim_cur - OTHERS : FEWEST;
}

_Noreturn void exec_serve(struct exec *x, const struct watch *watch)
{
	static struct server s;
	sigset_t set;
	s = (struct server){.x = x, .watch = watch, .diag = loopback_diag(), .most = room()};
	for (size_t i = 0; i < JOBS_MAX; i++)
		s.jobs[i].fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	while (turn(&s))
		;
	while (s.count)
		conn_close(&s, 0);
	for (size_t i = 0; i < JOBS_MAX; i++) {
		if (s.jobs[i].pid)
			kill(s.jobs[i].pid, SIGKILL);
		job_free(&s.jobs[i]);
	}
	exec_folder_remove(x);
	proc_exit(0);
}
