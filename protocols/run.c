/* The way of every request: parse, plan, token, print. Nothing here knows a wire format. */
#include <errno.h>
#include <poll.h>

#include "helper/base/clock.h"
#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/jwt.h"
#include "protocols/protocol.h"
#include "helper/core/policy.h"

enum { ANSWER_MAX = 256 * 1024, LINE_MAX_BYTES = 8 * 1024, STDIN_MS = 10000 };

bool protocol_read(const struct ctx *ctx, struct buf *in, bool (*complete)(const struct buf *), const char **why)
{
	int64_t end = ctx->clock->mono_ms(ctx->clock) + STDIN_MS;
	for (;;) {
		char chunk[2048];
		struct pollfd p = {.fd = ctx->in, .events = POLLIN};
		int64_t left = end - ctx->clock->mono_ms(ctx->clock);
		*why = "it has no end";
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return false;
		ssize_t n = read(ctx->in, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		*why = strerror(errno);
		if (n < 0)
			return false;
		bool fits = buf_add(in, chunk, (size_t)n);
		wipe(chunk, sizeof chunk);
		*why = "it is larger than 512 KiB";
		if (!fits)
			return false;
		if (n == 0 || (complete && complete(in)))
			return true;
	}
}

/* Half an answer never leaves: written once, at the end, and checked. */
static int deliver(const struct protocol *proto, const struct ctx *ctx, const struct buf *out, const struct buf *line, int status)
{
	if (line->len)
		log_line("%s", line->p);
	if (!out->len || (!out->over && file_write_fd(ctx->out, out->p, out->len)))
		return status;
	log_line("the answer cannot be written: %s", out->over ? "it is too long" : strerror(errno));
	return proto->failed;
}

NOINLINE static int say_no(const struct protocol *proto, const struct ctx *ctx, const struct request *r, const struct plan *p, const struct err *err)
{
	AUTO_BUF out = buf_new(ANSWER_MAX);
	AUTO_BUF line = buf_new(LINE_MAX_BYTES);
	int status = proto->fail(r, p, err, &out, &line);
	return deliver(proto, ctx, &out, &line, status);
}

static void hash_hex(char out[65], const struct secret *value)
{
	unsigned char sum[SEAL_HASH];
	seal_sha256(sum, secret_reveal(value), secret_len(value));
	str_hex(out, sum, sizeof sum);
}

/* The client tells in the same command that the kept token was refused: forget it, so that flow mints another. */
static bool forget_refused(struct ctx *ctx, const struct plan *p, const struct exchange_state *s, struct err *err)
{
	if (!*s->refused && !s->afresh)
		return true;
	struct cache_key key;
	AUTO_TOKEN kept = token_new();
	if (!cache_key_make(ctx, p, &key, err))
		return false;
	char hex[65];
	int64_t issued_at;
	if (s->afresh)
		return cache_erase(ctx, &key, NULL, &issued_at) || true;
	if (cache_get(ctx, &key, &kept) == CACHE_MISS)
		return true;
	hash_hex(hex, &kept.value);
	if (str_eq(hex, s->refused))
		cache_erase(ctx, &key, &kept.value, &issued_at);
	return true;
}

/* What the client gave us before goes before a token: it was given on purpose. */
NOINLINE static bool answer_kept(const struct protocol *proto, struct ctx *ctx, const struct request *r, const struct exchange_state *s,
				 const struct plan *p, int *status)
{
	AUTO_BUF out = buf_new(ANSWER_MAX);
	AUTO_BUF line = buf_new(LINE_MAX_BYTES);
	if (!proto->kept || !proto->kept(ctx, r, s, p, &out))
		return false;
	*status = deliver(proto, ctx, &out, &line, 0);
	return true;
}

/* Nobody of ours: perhaps somebody else's. */
NOINLINE static int pass_on(const struct protocol *proto, const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct err *err)
{
	if (proto->pass)
		proto->pass(ctx, r, s, err);
	return r->action == ACTION_GET || err->kind ? say_no(proto, ctx, r, err->kind ? NULL : p, err) : 0;
}

NOINLINE static int do_get(const struct protocol *proto, struct ctx *ctx, const struct request *r, const struct exchange_state *s)
{
	struct err err = ERR_INIT;
	AUTO_PLAN p = {0};
	AUTO_RESULT t = {.token = token_new()};
	int status;
	enum verdict v = policy_plan(ctx, r, &p, &err);
	if (p.keeps || v == PLAN_OURS)
		flow_begin(ctx);
	if (p.keeps && answer_kept(proto, ctx, r, s, &p, &status))
		return status;
	if (v == PLAN_NOT_OURS && !p.keeps)
		return pass_on(proto, ctx, r, s, &p, &err);
	if (v == PLAN_NOT_OURS || v == PLAN_UNCLEAR)
		return say_no(proto, ctx, r, NULL, &err);
	if (v == PLAN_FAIL)
		return say_no(proto, ctx, r, &p, &err);
	ctx->http->prepare = proto->network;
	ctx->http->prepare_user = ctx;
	if (!forget_refused(ctx, &p, s, &err) || !flow_token(ctx, &p, &t, &err))
		return say_no(proto, ctx, r, &p, &err);
	AUTO_BUF out = buf_new(ANSWER_MAX);
	AUTO_BUF line = buf_new(LINE_MAX_BYTES);
	if (!proto->print(r, s, &p, &t, &out, &err))
		return say_no(proto, ctx, r, &p, &err);
	return deliver(proto, ctx, &out, &line, 0);
}

/* Minted for our client, by its own claims: how old is it? -1 where it is not ours. */
static int64_t age_by_claims(const struct ctx *ctx, const struct plan *p, const struct secret *value)
{
	AUTO_JWT jwt = {0};
	struct err ignored;
	if (!jwt_read(value, "token", &jwt, &ignored) || !jwt.iat || !str_ieq(jwt.appid, identity_get(&p->id, KEY_CLIENT_ID)))
		return -1;
	return ctx->clock->wall(ctx->clock) - jwt.iat;
}

NOINLINE static int do_erase(const struct protocol *proto, struct ctx *ctx, const struct request *r, const struct exchange_state *s)
{
	struct err err = ERR_INIT;
	AUTO_PLAN p = {0};
	AUTO_BUF line = buf_new(LINE_MAX_BYTES);
	AUTO_BUF out = buf_new(ANSWER_MAX);
	struct cache_key key;
	int64_t issued_at;
	enum verdict v = policy_plan(ctx, r, &p, &err);
	flow_begin(ctx);
	if (p.keeps && proto->forget)
		proto->forget(ctx, r, s, &p);
	if (v == PLAN_NOT_OURS && !p.keeps)
		return pass_on(proto, ctx, r, s, &p, &err);
	if ((!secret_len(&s->given) && !proto->log_ins) || v != PLAN_OURS || !cache_key_make(ctx, &p, &key, &err))
		return 0;
	if (proto->log_ins) {
		cache_erase(ctx, &key, NULL, &issued_at);
		return 0;
	}
	bool was_kept = cache_erase(ctx, &key, &s->given, &issued_at);
	int64_t age = was_kept ? ctx->clock->wall(ctx->clock) - issued_at : age_by_claims(ctx, &p, &s->given);
	if (age >= 0)
		proto->refused(r, &p, age, &line);
	return deliver(proto, ctx, &out, &line, 0);
}

/* Is this a token that we gave? It is kept already, and by other rules. */
static bool is_own_token(struct ctx *ctx, const struct plan *p, const struct secret *value)
{
	struct cache_key key;
	struct err ignored;
	AUTO_TOKEN kept = token_new();
	if (age_by_claims(ctx, p, value) >= 0)
		return true;
	return cache_key_make(ctx, p, &key, &ignored) && cache_get(ctx, &key, &kept) != CACHE_MISS &&
	       str_eq(secret_reveal(&kept.value), secret_reveal(value));
}

/* Only for who keeps: of a token of ours, git's success says nothing that we did not know. */
NOINLINE static int do_store(const struct protocol *proto, struct ctx *ctx, const struct request *r, const struct exchange_state *s)
{
	struct err err = ERR_INIT;
	AUTO_PLAN p = {0};
	enum verdict v = policy_plan(ctx, r, &p, &err);
	flow_begin(ctx);
	if (v == PLAN_NOT_OURS && !p.keeps)
		return pass_on(proto, ctx, r, s, &p, &err);
	if (v == PLAN_FAIL && !p.keeps && proto->log_ins)
		return say_no(proto, ctx, r, &p, &err);
	if (!p.keeps || !proto->keep || !s->has_given || s->ephemeral || (v == PLAN_OURS && is_own_token(ctx, &p, &s->given)))
		return 0;
	err = ERR_INIT;
	return proto->keep(ctx, r, s, &p, &err) ? 0 : say_no(proto, ctx, r, &p, &err);
}

NOINLINE static int do_other(const struct protocol *proto, struct ctx *ctx, const struct request *r, const struct exchange_state *s)
{
	struct reply a = {.out = buf_new(ANSWER_MAX), .line = buf_new(LINE_MAX_BYTES)};
	proto->other(ctx, r, s, &a);
	int status = deliver(proto, ctx, &a.out, &a.line, a.status);
	buf_free(&a.out);
	buf_free(&a.line);
	return status;
}

int protocol_run(const struct protocol *proto, struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	AUTO_REQUEST r = {0};
	AUTO_STATE s = exchange_state_new();
	int status = 0;
	if (!proto->parse(ctx, argc, argv, &r, &s, &err)) {
		status = say_no(proto, ctx, &r, NULL, &err);
	} else if (r.action == ACTION_GET) {
		status = do_get(proto, ctx, &r, &s);
	} else if (r.action == ACTION_ERASE) {
		status = do_erase(proto, ctx, &r, &s);
	} else if (r.action == ACTION_STORE) {
		status = do_store(proto, ctx, &r, &s);
	} else {
		status = do_other(proto, ctx, &r, &s);
	}
	return status;
}
