/* Where the server's tokens come from: the cache, or a child that goes the way of every request. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/exec_server.h"
#include "helper/core/flow.h"
#include "helper/core/policy.h"

enum { SPARE_MS = 5000, CLIENT_MAX = 128 };

/* What a child writes, with the token behind it; nobody but its own parent reads it. */
struct job_head {
	int64_t issued_at, expires_at;
	struct err err; /* ERR_NONE: there is a token */
	char client[CLIENT_MAX];
};

/* What a resource's token is planned with: by the ordinary rules, [match resource:...] included. */
static bool plan_for(const struct exec *x, const struct ask *a, struct plan *p, struct err *err)
{
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .resource = str_dup(a->resource)};
	enum verdict v = policy_plan(x->ctx, &r, p, err);
	if (v == PLAN_NOT_OURS)
		err_set(err, ERR_SOURCE, NULL, "%s", p->why);
	return v == PLAN_OURS;
}

bool job_at_once(const struct exec *x, const struct ask *a, struct buf *out)
{
	struct ctx *ctx = x->ctx;
	struct cache_key key;
	struct err err = ERR_INIT;
	AUTO_PLAN p = {0};
	AUTO_TOKEN t = token_new();
	if (!a->resource)
		return false;
	ctx->min_left = a->min_left;
	if (!plan_for(x, a, &p, &err) || !cache_key_make(ctx, &p, &key, &err)) {
		reply_error(out, a, &err);
		return true;
	}
	enum cache_answer found = cache_get(ctx, &key, &t);
	if (found == CACHE_FRESH)
		reply_token(out, a, &t, identity_get(&p.id, KEY_CLIENT_ID), ctx->clock->wall(ctx->clock));
	else if (found == CACHE_AGING || !cache_failed(ctx, &key, ctx->clock->boot(ctx->clock), &err))
		return false;
	else
		reply_error(out, a, &err);
	return true;
}

static bool fetch(struct exec *x, const struct ask *a, struct token *out, char client[CLIENT_MAX], struct err *err)
{
	AUTO_PLAN p = {0};
	AUTO_RESULT t = {.token = token_new()};
	flow_begin(x->ctx);
	x->ctx->min_left = a->min_left;
	if (!a->resource)
		return flow_assertion(x->ctx, &x->plan.id, x->plan.source, x->plan.audience, out, err);
	if (!plan_for(x, a, &p, err) || !flow_token(x->ctx, &p, &t, err))
		return false;
	const char *own = identity_get(&p.id, KEY_CLIENT_ID);
	snprintf(client, CLIENT_MAX, "%s", own ? own : "");
	*out = t.token;
	t.token = token_new();
	return true;
}

/* In the child: nobody's connection may stay open because of it, and it ends with the server. */
_Noreturn static void be_child(struct server *s, const struct ask *a, int fd, pid_t parent)
{
	struct job_head head = {.err = ERR_INIT};
	AUTO_TOKEN t = token_new();
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(s->x->listener);
	for (size_t i = 0; i < s->count; i++)
		close(s->conns[i].fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fetch(s->x, a, &t, head.client, &head.err)) {
		head.err.kind = ERR_NONE;
		head.issued_at = t.issued_at;
		head.expires_at = t.expires_at;
	} else if (!head.err.kind) {
		err_set(&head.err, ERR_INTERNAL, NULL, "there is no token");
	}
	bool said = file_write_fd(fd, &head, sizeof head) && file_write_fd(fd, secret_reveal(&t.value), secret_len(&t.value));
	_exit(said ? 0 : 1);
}

static struct job *start(struct server *s, struct job *j, const struct ask *a)
{
	int p[2];
	struct ctx *ctx = s->x->ctx;
	if (pipe2(p, O_CLOEXEC) < 0)
		return NULL;
	pid_t own = getpid(), pid = fork();
	if (pid == 0)
		be_child(s, a, p[1], own);
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		return NULL;
	}
	flow_begin(ctx);
	*j = (struct job){.pid = pid, .fd = p[0], .answer = buf_new(sizeof(struct job_head) + TOKEN_MAX), .end_ms = ctx->deadline_ms + SPARE_MS};
	j->ask = (struct ask){.shape = a->shape, .resource = a->resource ? str_dup(a->resource) : NULL, .min_left = a->min_left};
	return j;
}

struct job *job_for(struct server *s, const struct ask *a)
{
	struct job *free_one = NULL;
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &s->jobs[i];
		if (j->pid && j->fd >= 0 && ask_same(&j->ask, a))
			return j;
		free_one = j->pid ? free_one : j;
	}
	return free_one ? start(s, free_one, a) : NULL;
}

bool job_read(struct job *j)
{
	char chunk[8192];
	ssize_t n = read(j->fd, chunk, sizeof chunk);
	if (n < 0 && errno == EINTR)
		return false;
	bool more = n > 0 && buf_add(&j->answer, chunk, (size_t)n);
	wipe(chunk, sizeof chunk);
	if (more)
		return false;
	close(j->fd);
	j->fd = -1;
	return true;
}

void job_reply(const struct exec *x, const struct job *j, const struct ask *a, struct buf *out)
{
	struct job_head head;
	AUTO_TOKEN t = token_new();
	if (j->answer.len < sizeof head) {
		struct err err;
		err_set(&err, ERR_NETWORK, "try again", "getting the token took too long, or failed");
		reply_error(out, a, &err);
		return;
	}
	memcpy(&head, j->answer.p, sizeof head);
	t.issued_at = head.issued_at;
	t.expires_at = head.expires_at;
	secret_set(&t.value, j->answer.p + sizeof head, j->answer.len - sizeof head);
	if (head.err.kind)
		reply_error(out, a, &head.err);
	else
		reply_token(out, a, &t, *head.client ? head.client : NULL, x->ctx->clock->wall(x->ctx->clock));
}

void job_free(struct job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	ask_free(&j->ask);
	buf_free(&j->answer);
	*j = (struct job){.fd = -1};
}
