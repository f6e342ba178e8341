#include "helper/core/cache.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"

enum { FORMAT = 1, BACKWARDS_S = 300, MARGIN_S = 300, LONG_LIFE_S = 7200, DAY_S = 86400 };

/* Native byte order and padding: a record never leaves the machine, and a program of another layout has another
 * FORMAT. */
struct token_record {
	uint32_t format, length;
	int64_t issued_at, expires_at, refresh_at, boot_at;
};

struct failure_record {
	uint32_t format, kind;
	int64_t boot_at, until_boot;
	unsigned char evidence[STORE_ID];
	char msg[sizeof((struct err *)0)->msg], hint[sizeof((struct err *)0)->hint], detail[sizeof((struct err *)0)->detail];
};

static void hash_identity(struct seal_hash *h, const struct plan *p, const char *kind)
{
	seal_hash_begin(h);
	seal_hash_field(h, "daypass 1");
	seal_hash_field(h, kind);
	seal_hash_field(h, p->authority);
	seal_hash_field(h, identity_get(&p->id, KEY_TENANT));
	seal_hash_field(h, identity_get(&p->id, KEY_CLIENT_ID));
}

static void hash_request(unsigned char out[STORE_ID], const struct plan *p, const char *kind, const struct buf *print)
{
	struct seal_hash h;
	hash_identity(&h, p, kind);
	seal_hash_field(&h, p->scope);
	seal_hash_field(&h, p->audience);
	seal_hash_field(&h, p->source->name);
	seal_hash_field(&h, print->p);
	seal_hash_end(&h, out);
}

bool cache_key_make(const struct ctx *ctx, const struct plan *p, struct cache_key *out, struct err *err)
{
	AUTO_BUF print = buf_new(64 * 1024);
	AUTO_BUF evidence = buf_new(STORE_ID);
	*out = (struct cache_key){0};
	if (!p->source->fingerprint(ctx, &p->id, &print, &evidence, err))
		return false;
	hash_request(out->token, p, "access", &print);
	hash_request(out->failure, p, "failure", &print);
	struct seal_hash h;
	hash_identity(&h, p, "throttle");
	seal_hash_end(&h, out->throttle);
	memcpy(out->evidence, evidence.p, evidence.len < STORE_ID ? evidence.len : STORE_ID);
	return true;
}

int64_t cache_margin(int64_t life)
{
	return life / 10 < MARGIN_S ? life / 10 : MARGIN_S;
}

/* When a token should be fetched anew although it is still good: what the server said, else half-life of a long one. */
static int64_t refresh_time(const struct token *t)
{
	int64_t life = t->expires_at - t->issued_at;
	if (t->refresh_at > t->issued_at && t->refresh_at < t->expires_at)
		return t->refresh_at;
	return life > LONG_LIFE_S ? t->issued_at + life / 2 : t->expires_at;
}

/* The wall clock may be set back or forward; the time since boot tells how long the token really lies here. */
static enum cache_answer judge(const struct ctx *ctx, const struct token_record *r)
{
	int64_t now = ctx->clock->wall(ctx->clock), age = ctx->clock->boot(ctx->clock) - r->boot_at;
	int64_t life = r->expires_at - r->issued_at, margin = cache_margin(life);
	if (life <= 0 || life > 2 * DAY_S || age < 0 || now < r->issued_at - BACKWARDS_S)
		return CACHE_MISS;
	if (now >= r->expires_at - margin || age >= life - margin)
		return CACHE_MISS;
	return now >= r->refresh_at || age >= r->refresh_at - r->issued_at ? CACHE_AGING : CACHE_FRESH;
}

static bool decode(const struct buf *data, struct token_record *r)
{
	if (data->len < sizeof *r)
		return false;
	memcpy(r, data->p, sizeof *r);
	return r->format == FORMAT && r->length == data->len - sizeof *r && str_is_token(data->p + sizeof *r, r->length);
}

enum cache_answer cache_get(const struct ctx *ctx, const struct cache_key *key, struct token *out)
{
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	struct token_record r;
	if (!ctx->store->get(ctx->store, key->token, &data) || !decode(&data, &r)) {
		log_trace("cache: no token");
		return CACHE_MISS;
	}
	enum cache_answer answer = judge(ctx, &r);
	log_trace("cache: a token, %s", answer == CACHE_MISS ? "too old" : answer == CACHE_AGING ? "good, due for a refresh" : "fresh");
	if (answer == CACHE_MISS)
		return CACHE_MISS;
	out->issued_at = r.issued_at;
	out->expires_at = r.expires_at;
	out->refresh_at = r.refresh_at;
	return secret_set(&out->value, data.p + sizeof r, r.length) ? answer : CACHE_MISS;
}

void cache_put(const struct ctx *ctx, const struct cache_key *key, const struct token *t, uint64_t generation)
{
	int64_t late = ctx->clock->wall(ctx->clock) - t->issued_at; /* since the request began */
	struct token_record r = {.format = FORMAT, .length = (uint32_t)secret_len(&t->value), .issued_at = t->issued_at,
				 .expires_at = t->expires_at, .refresh_at = refresh_time(t)};
	r.boot_at = ctx->clock->boot(ctx->clock) - (late > 0 ? late : 0);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	buf_add(&data, &r, sizeof r);
	if (buf_add(&data, secret_reveal(&t->value), secret_len(&t->value)) &&
	    ctx->store->put(ctx->store, key->token, &data, t->expires_at, generation))
		log_trace("cache: kept, %s", ctx->store->describe(ctx->store));
}

struct comparison {
	const struct secret *value;
	int64_t issued_at;
};

static bool same_token(const struct buf *data, void *user)
{
	struct comparison *c = user;
	struct token_record r;
	if (!decode(data, &r) || r.length != secret_len(c->value))
		return false;
	c->issued_at = r.issued_at;
	return seal_same(data->p + sizeof r, secret_reveal(c->value), r.length);
}

bool cache_erase(const struct ctx *ctx, const struct cache_key *key, const struct secret *value, int64_t *issued_at)
{
	struct comparison c = {.value = value};
	bool erased = ctx->store->erase(ctx->store, key->token, same_token, &c);
	*issued_at = c.issued_at;
	log_trace("cache: %s", erased ? "the refused token is forgotten" : "the refused token was not here");
	return erased;
}

static bool failure_speaks(const struct ctx *ctx, const unsigned char id[STORE_ID], const unsigned char *evidence, int64_t since, struct err *err)
{
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	struct failure_record r;
	if (!ctx->store->get(ctx->store, id, &data) || data.len != sizeof r)
		return false;
	memcpy(&r, data.p, sizeof r);
	r.msg[sizeof r.msg - 1] = r.hint[sizeof r.hint - 1] = r.detail[sizeof r.detail - 1] = 0;
	int64_t now = ctx->clock->boot(ctx->clock);
	if (r.format != FORMAT || r.kind > ERR_PERSON || r.boot_at > now || (evidence && memcmp(r.evidence, evidence, STORE_ID) != 0))
		return false;
	if (now >= r.until_boot && r.boot_at <= since)
		return false;
	*err = (struct err){.kind = (enum err_kind)r.kind};
	snprintf(err->msg, sizeof err->msg, "%s", r.msg);
	snprintf(err->hint, sizeof err->hint, "%s", r.hint);
	snprintf(err->detail, sizeof err->detail, "%s", r.detail);
	if (r.kind == ERR_THROTTLED && r.until_boot > now)
		err_hint(err, "retry in %lld s", (long long)(r.until_boot - now));
	log_trace("a failure of %lld s ago speaks for this request too", (long long)(now - r.boot_at));
	return true;
}

bool cache_failed(const struct ctx *ctx, const struct cache_key *key, int64_t since, struct err *err)
{
	return failure_speaks(ctx, key->throttle, NULL, since, err) || failure_speaks(ctx, key->failure, key->evidence, since, err);
}

void cache_fail(const struct ctx *ctx, const struct cache_key *key, const struct err *err, int64_t seconds, bool shared, uint64_t generation)
{
	struct failure_record r;
	memset(&r, 0, sizeof r);
	r.format = FORMAT;
	r.kind = (uint32_t)err->kind;
	r.boot_at = ctx->clock->boot(ctx->clock);
	r.until_boot = r.boot_at + seconds;
	memcpy(r.evidence, key->evidence, STORE_ID);
	snprintf(r.msg, sizeof r.msg, "%s", err->msg);
	snprintf(r.hint, sizeof r.hint, "%s", err->hint);
	snprintf(r.detail, sizeof r.detail, "%s", err->detail);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	buf_add(&data, &r, sizeof r);
	ctx->store->put(ctx->store, shared ? key->throttle : key->failure, &data, ctx->clock->wall(ctx->clock) + seconds, generation);
}
