#include "helper/core/flow.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/exchange.h"
#include "helper/core/jwt.h"
#include "helper/core/refusal.h"
#include "helper/core/step_acr.h"
#include "helper/core/step_pop.h"

enum { REFRESH_MS = 3000, REFUSED_S = 5, NETWORK_S = 2, REFRESH_PAUSE_S = 30, BACKOFF_MS = 500 };

void flow_begin(struct ctx *ctx)
{
	int64_t seconds = 20;
	str_to_int(config_global(ctx->config, KEY_TIMEOUT), 600, &seconds);
	ctx->deadline_ms = ctx->clock->mono_ms(ctx->clock) + seconds * 1000;
}

/* It must be a JWT. Its times are left to Entra: our clock may be wrong, it explains and never refuses. */
static bool check_assertion(const struct source *s, const struct token *t, struct err *err)
{
	AUTO_JWT jwt = {0};
	AUTO_STR what = str_printf("the token of source %s", s->name);
	if (!jwt_read(&t->value, what, &jwt, err))
		return false;
	log_trace("assertion: issuer %s, subject %s, audience %s", jwt.iss, jwt.sub, jwt.aud);
	return true;
}

bool flow_assertion(struct ctx *ctx, const struct identity *id, const struct source *s, const char *audience, struct token *out, struct err *err)
{
	if (!s->fetch(ctx, id, audience, out, err))
		return err->kind ? err_wrap(err, "source %s", s->name) : err_set(err, ERR_SOURCE, NULL, "source %s gave no token", s->name);
	return s->yields_access_token || s->yields_secret || check_assertion(s, out, err);
}

static bool time_left(const struct ctx *ctx, int64_t ms)
{
	return ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock) > ms;
}

/* Whether to send the same once more, after the pause that the failure asks for. */
static bool once_more(const struct ctx *ctx, const struct exchange_failure *f, const struct err *err)
{
	enum { SPARE_MS = 1000 };
	int64_t pause = f->cure == CURE_PAUSE ? BACKOFF_MS : f->cure == CURE_WAIT ? f->retry_after * 1000 : 0;
	if (f->cure == CURE_NONE || !time_left(ctx, pause + SPARE_MS))
		return false;
	log_trace("%s; once more in %lld ms", err->msg, (long long)pause);
	ctx->clock->sleep_ms(ctx->clock, pause);
	return true;
}

/* A second assertion, where that may help: one that is the same as the first would be refused again. */
static bool fresh_assertion(struct ctx *ctx, const struct plan *p, struct token *assertion)
{
	struct err ignored = ERR_INIT;
	AUTO_TOKEN again = token_new();
	if (!flow_assertion(ctx, &p->id, p->source, p->audience, &again, &ignored))
		return false;
	if (str_eq(secret_reveal(&again.value), secret_reveal(&assertion->value)))
		return false;
	return secret_set(&assertion->value, secret_reveal(&again.value), secret_len(&again.value));
}

/* The source's own token, for who trusts its issuer: it ends when it says. One for Entra too would let that server be us. */
static bool direct(struct ctx *ctx, const struct plan *p, struct token *out, struct err *err)
{
	AUTO_JWT jwt = {0};
	int64_t now = ctx->clock->wall(ctx->clock);
	if (!flow_assertion(ctx, &p->id, p->source, p->audience, out, err) || !jwt_read(&out->value, "the ID token", &jwt, err))
		return false;
	if (jwt.aud_count != 1 || !str_eq(jwt.aud, p->audience)) {
		err_set(err, ERR_SOURCE, NULL, "the ID token of source %s is for %s%s, so the API server does not get it: it must be for %s alone", p->source->name, jwt.aud ? jwt.aud : "nobody",
			jwt.aud_count > 1 ? " and others" : "", p->audience);
		return err_hint(err, "have the source write one with that audience, or correct cluster-audience");
	}
	out->issued_at = now;
	out->expires_at = jwt.exp;
	return jwt.exp > now || err_set(err, ERR_SOURCE, "check the source, and this machine's clock", "the ID token of source %s has ended already", p->source->name);
}

bool flow_exchange(struct ctx *ctx, const struct plan *p, struct token *out, int64_t *retry_after, struct err *err)
{
	struct exchange_failure f;
	AUTO_TOKEN assertion = token_new();
	*retry_after = 0;
	if (p->direct)
		return direct(ctx, p, out, err);
	if (p->source->yields_access_token)
		return flow_assertion(ctx, &p->id, p->source, p->resource, out, err);
	if (!flow_assertion(ctx, &p->id, p->source, p->audience, &assertion, err))
		return false;
	if (exchange_once(ctx, p, &assertion, out, &f, err))
		return true;
	bool again = f.cure == CURE_FRESH_ASSERTION ? fresh_assertion(ctx, p, &assertion) : once_more(ctx, &f, err);
	if (again && exchange_once(ctx, p, &assertion, out, &f, err))
		return true;
	refusal_keep(ctx, p, &assertion, &f);
	*retry_after = f.cure == CURE_WAIT ? f.retry_after : 0;
	return false;
}

/* An access token for the registry's own. The one from Entra has its own place in the cache, and its own lock. */
static bool trade(struct ctx *ctx, const struct plan *p, struct token *out, int64_t *retry_after, struct err *err)
{
	struct exchange_failure f;
	struct plan entra = *p; /* borrows all */
	AUTO_RESULT t = {.token = token_new()};
	entra.registry = NULL;
	*retry_after = 0;
	if (!flow_token(ctx, &entra, &t, err))
		return false;
	if (step_acr(ctx, p, &t.token, out, &f, err))
		return true;
	if (once_more(ctx, &f, err) && step_acr(ctx, p, &t.token, out, &f, err))
		return true;
	*retry_after = f.cure == CURE_WAIT ? f.retry_after : 0;
	return false;
}

/* An access token that is bound to a new key; they are kept as one. */
static bool bound(struct ctx *ctx, const struct plan *p, struct token *out, int64_t *retry_after, struct err *err)
{
	AUTO_POP_KEY key = {0};
	struct plan with = *p; /* borrows all */
	*retry_after = 0;
	if (!pop_key_make(&key, err))
		return false;
	with.req_cnf = key.req_cnf;
	return flow_exchange(ctx, &with, out, retry_after, err) && pop_bind(&key, out, err);
}

static bool fetch(struct ctx *ctx, const struct plan *p, struct token *out, int64_t *retry_after, struct err *err)
{
	return p->registry ? trade(ctx, p, out, retry_after, err) : p->pop ? bound(ctx, p, out, retry_after, err) : flow_exchange(ctx, p, out, retry_after, err);
}

static bool fetch_and_keep(struct ctx *ctx, const struct plan *p, struct flow_result *out, struct err *err)
{
	int64_t retry_after;
	struct store_mark since = ctx->store->mark(ctx->store, out->key.token);
	struct token fresh = token_new();
	if (fetch(ctx, p, &fresh, &retry_after, err)) {
		token_free(&out->token);
		out->token = fresh;
		out->cached = false;
		cache_put(ctx, &out->key, p, &out->token, since);
		return true;
	}
	token_free(&fresh);
	if (retry_after)
		cache_fail(ctx, &out->key, err, retry_after, true, since);
	else
		cache_fail(ctx, &out->key, err, err->kind == ERR_REFUSED || err->kind == ERR_PERSON ? REFUSED_S : NETWORK_S, false, since);
	return false;
}

/* How long to leave a failed refresh alone: never beyond the token's end, for then the failure must not speak. */
static int64_t refresh_pause(const struct ctx *ctx, const struct token *t)
{
	int64_t left = t->expires_at - cache_margin(t->expires_at - t->issued_at) - ctx->clock->wall(ctx->clock);
	return left < 0 ? 0 : left < REFRESH_PAUSE_S ? left : REFRESH_PAUSE_S;
}

static int take_lock(const struct ctx *ctx, const struct cache_key *key, int64_t deadline_ms, bool *possible)
{
	*possible = false;
	return key->lock == LOCK_NONE ? -1 : ctx->store->lock(ctx->store, key->lock, key->token, deadline_ms, possible);
}

/* The kept token is good, and due for a refresh: one process tries, briefly, and all are served whatever comes. */
static void refresh(struct ctx *ctx, const struct plan *p, struct flow_result *out)
{
	bool possible;
	struct err err = ERR_INIT;
	int64_t start = ctx->clock->boot(ctx->clock);
	if (cache_failed(ctx, &out->key, start, &err))
		return;
	int lock = take_lock(ctx, &out->key, 0, &possible);
	if (lock < 0)
		return;
	struct token again = token_new();
	int64_t deadline = ctx->deadline_ms, soon = ctx->clock->mono_ms(ctx->clock) + REFRESH_MS;
	ctx->deadline_ms = soon < deadline ? soon : deadline;
	if (cache_get(ctx, &out->key, &again) == CACHE_AGING && !fetch_and_keep(ctx, p, out, &err)) {
		log_trace("refresh failed, the kept token is served: %s", err.msg);
		if (err.kind != ERR_THROTTLED)
			cache_fail(ctx, &out->key, &err, refresh_pause(ctx, &out->token), false, ctx->store->mark(ctx->store, out->key.token));
	}
	token_free(&again);
	ctx->deadline_ms = deadline;
	ctx->store->unlock(ctx->store, lock);
}

static bool serve(struct ctx *ctx, const struct plan *p, struct flow_result *out)
{
	enum cache_answer a = cache_get(ctx, &out->key, &out->token);
	if (a == CACHE_MISS)
		return false;
	out->cached = true;
	if (a == CACHE_AGING)
		refresh(ctx, p, out);
	return true;
}

/* Under the lock: another may have brought it while we waited; the keyring may have it from before the last boot. */
static bool found(struct ctx *ctx, struct flow_result *out)
{
	out->cached = cache_find(ctx, &out->key, &out->token) != CACHE_MISS;
	return out->cached;
}

static bool obtain(struct ctx *ctx, const struct plan *p, struct flow_result *out, struct err *err)
{
	*out = (struct flow_result){.token = token_new()};
	if (!cache_key_make(ctx, p, &out->key, err))
		return err_wrap(err, "source %s", p->source->name);
	if (serve(ctx, p, out))
		return true;
	int64_t start = ctx->clock->boot(ctx->clock);
	if (cache_failed(ctx, &out->key, start, err))
		return false;
	bool possible;
	int lock = take_lock(ctx, &out->key, ctx->deadline_ms, &possible);
	if (lock < 0 && possible)
		return err_set(err, ERR_NETWORK, "try again, or allow more time: DAYPASS_TIMEOUT=60", "another daypass is still waiting for the same token");
	bool ok = lock >= 0 && found(ctx, out);
	if (!ok && !(lock >= 0 && cache_failed(ctx, &out->key, start, err)))
		ok = fetch_and_keep(ctx, p, out, err);
	ctx->store->unlock(ctx->store, lock);
	return ok;
}

bool flow_token(struct ctx *ctx, const struct plan *p, struct flow_result *out, struct err *err)
{
	return obtain(ctx, p, out, err) && (!p->pop || step_pop(ctx, p, &out->token, err));
}
