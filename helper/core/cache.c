#include "helper/core/cache.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/record.h"
#include "helper/core/store_keyring.h"

#define SCHEMA "org.daypass.Token"

enum { BACKWARDS_S = 300, MARGIN_S = 300, LONG_LIFE_S = 7200, DAY_S = 86400, KEYRING_KEEP_S = 25 * 3600, KEYRING_KEEP = 64 };

/* Native byte order and padding: it never leaves the machine. */
struct failure_record {
	uint32_t format, kind, denied;
	int64_t boot_at, until_boot;
	unsigned char evidence[STORE_ID];
	char msg[sizeof((struct err *)0)->msg], hint[sizeof((struct err *)0)->hint], detail[sizeof((struct err *)0)->detail];
};

static void hash_identity(struct seal_hash *h, const struct plan *p, const char *kind)
{
	seal_hash_begin(h);
	seal_hash_field(h, RECORD_FORMAT);
	seal_hash_field(h, kind);
	seal_hash_field(h, p->authority);
	seal_hash_field(h, identity_get(&p->id, KEY_TENANT));
	seal_hash_field(h, identity_get(&p->id, KEY_CLIENT_ID));
	seal_hash_field(h, p->registry);
}

static void hash_request(unsigned char out[STORE_ID], const struct plan *p, const char *kind, const struct buf *print)
{
	struct seal_hash h;
	hash_identity(&h, p, kind);
	seal_hash_field(&h, p->scope);
	seal_hash_field(&h, p->audience);
	seal_hash_field(&h, p->source->name);
	seal_hash_field(&h, print->p);
	if (p->claims)
		seal_hash_field(&h, p->claims);
	seal_hash_end(&h, out);
}

bool cache_key_make(const struct ctx *ctx, const struct plan *p, struct cache_key *out, struct err *err)
{
	AUTO_BUF print = buf_new(64 * 1024);
	AUTO_BUF evidence = buf_new(STORE_ID);
	*out = (struct cache_key){0};
	if (!p->source->fingerprint(ctx, &p->id, &print, &evidence, err))
		return false;
	hash_request(out->token, p, p->pop ? "pop" : "access", &print); /* whatever cluster it is for: only the statement says that */
	hash_request(out->failure, p, "failure", &print);
	struct seal_hash h;
	hash_identity(&h, p, "throttle");
	seal_hash_end(&h, out->throttle);
	memcpy(out->evidence, evidence.p, evidence.len < STORE_ID ? evidence.len : STORE_ID);
	/* A token that another daypass gets for us (cmd/exec.c) is locked there: who holds a lock here and waits for that one
	 * might wait for itself, since there are only so many. */
	bool relayed = p->source->yields_access_token && env_get(&ctx->env, "DAYPASS_EXEC");
	out->lock = p->registry ? LOCK_TRADE : relayed ? LOCK_NONE : p->hop ? LOCK_HOP : LOCK_TOKEN;
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
static enum cache_answer judge(const struct ctx *ctx, const struct record *r)
{
	int64_t now = ctx->clock->wall(ctx->clock), age = ctx->clock->boot(ctx->clock) - r->boot_at;
	int64_t life = r->expires_at - r->issued_at, margin = cache_margin(life);
	if (life <= 0 || life > 2 * DAY_S || age < 0 || now < r->issued_at - BACKWARDS_S)
		return CACHE_MISS;
	if (now >= r->expires_at - margin || age >= life - margin)
		return CACHE_MISS;
	/* Renewed so early only where that is well within its life: a short one would be renewed on each request. */
	if (ctx->min_left && life >= ctx->min_left * 8 / 5 && r->expires_at - now < ctx->min_left)
		return CACHE_AGING;
	return now >= r->refresh_at || age >= r->refresh_at - r->issued_at ? CACHE_AGING : CACHE_FRESH;
}

static enum cache_answer take(const struct ctx *ctx, const struct record *r, const char *tier, struct token *out)
{
	enum cache_answer answer = judge(ctx, r);
	log_trace("%s: a token, %s", tier, answer == CACHE_MISS ? "too old" : answer == CACHE_AGING ? "good, due for a refresh" : "fresh");
	if (answer == CACHE_MISS)
		return CACHE_MISS;
	out->issued_at = r->issued_at;
	out->expires_at = r->expires_at;
	out->refresh_at = r->refresh_at;
	return secret_set(&out->value, r->token, r->length) ? answer : CACHE_MISS;
}

enum cache_answer cache_get(const struct ctx *ctx, const struct cache_key *key, struct token *out)
{
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	struct record r;
	if (ctx->store->get(ctx->store, key->token, &data) && record_decode(&data, &r))
		return take(ctx, &r, "cache", out);
	log_trace("cache: no token");
	return CACHE_MISS;
}

/* Attribute names are always the same: a service takes a superset of the attributes asked for as the same item. */
void cache_keyring_call(struct keyring_call *call, enum keyring_op op, const char *hex_key)
{
	const struct keyring_attr attrs[] = {{"app", "daypass"}, {"v", "1"}, {"kind", "access"}, {"key", hex_key}};
	*call = (struct keyring_call){.op = op, .schema = SCHEMA};
	memcpy(call->attrs, attrs, (hex_key ? COUNT_OF(attrs) : 1) * sizeof *attrs);
}

/* A call about one token's item. hex gets its key, which the call borrows. */
static void item_call(struct keyring_call *call, enum keyring_op op, const struct cache_key *key, char hex[2 * STORE_ID + 1])
{
	str_hex(hex, key->token, STORE_ID);
	cache_keyring_call(call, op, hex);
}

/* A token that was refused while the keyring could not be told: its hash, so that it is not lifted up again. */
static void refused_id(const struct cache_key *key, unsigned char id[STORE_ID])
{
	struct seal_hash h;
	seal_hash_begin(&h);
	seal_hash_field(&h, RECORD_FORMAT);
	seal_hash_field(&h, "refused");
	seal_hash_bytes(&h, key->token, STORE_ID);
	seal_hash_end(&h, id);
}

static bool was_refused(const struct ctx *ctx, const struct cache_key *key, const struct record *r)
{
	unsigned char id[STORE_ID], sum[SEAL_HASH];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	refused_id(key, id);
	seal_sha256(sum, r->token, r->length);
	return ctx->store->get(ctx->store, id, &data) && data.len == SEAL_HASH && memcmp(data.p, sum, SEAL_HASH) == 0;
}

static void note_refused(const struct ctx *ctx, const struct cache_key *key, const struct secret *value)
{
	unsigned char id[STORE_ID], sum[SEAL_HASH];
	AUTO_BUF data = buf_new(SEAL_HASH);
	refused_id(key, id);
	seal_sha256(sum, secret_reveal(value), secret_len(value));
	buf_add(&data, sum, sizeof sum);
	ctx->store->put(ctx->store, id, &data, ctx->clock->wall(ctx->clock) + DAY_S, ctx->store->mark(ctx->store, id));
}

/* Good until the next boot or its end: from here on the runtime tier answers. */
static enum cache_answer lift(const struct ctx *ctx, const struct cache_key *key, const struct buf *data, struct store_mark since, struct token *out)
{
	struct record r;
	AUTO_BUF again = buf_new(STORE_RECORD_MAX);
	if (!record_decode(data, &r) || was_refused(ctx, key, &r))
		return CACHE_MISS;
	record_rebase(&r, ctx->clock);
	enum cache_answer a = take(ctx, &r, "keyring", out);
	if (a != CACHE_MISS && record_encode(&r, &again))
		ctx->store->put(ctx->store, key->token, &again, r.expires_at, since);
	return a;
}

enum cache_answer cache_find(const struct ctx *ctx, const struct cache_key *key, struct token *out)
{
	char hex[2 * STORE_ID + 1];
	struct keyring_call call;
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	enum cache_answer a = cache_get(ctx, key, out);
	if (a != CACHE_MISS || !keyring_allowed(ctx) || !keyring_bus_named(&ctx->env))
		return a;
	struct store_mark since = ctx->store->mark(ctx->store, key->token);
	item_call(&call, KEYRING_FIND, key, hex);
	if (keyring_ask(ctx, &call, NULL) == KEYRING_OK && call.found.count && record_from_text(key->token, &call.found.items[0].value, &data))
		a = lift(ctx, key, &data, since, out);
	keyring_list_free(&call.found);
	return a;
}

/* What it is for, in words. */
static const char *held_as(const struct plan *p)
{
	return p->registry ? p->registry : resource_name(p->resource);
}

static void keep_in_keyring(const struct ctx *ctx, const struct cache_key *key, const struct plan *p, const struct buf *data, struct store_mark since)
{
	char hex[2 * STORE_ID + 1];
	struct keyring_call call;
	AUTO_SECRET text = secret_new(KEYRING_VALUE_MAX);
	AUTO_STR label = str_printf("daypass: token for %s (identity %s)", held_as(p), p->id.name);
	item_call(&call, KEYRING_PUT, key, hex);
	call.label = label;
	call.value = &text;
	call.group = 3;
	call.keep_s = KEYRING_KEEP_S;
	call.keep_count = KEYRING_KEEP;
	if (record_to_text(key->token, data, &text))
		keyring_ask(ctx, &call, &since);
	keyring_list_free(&call.found);
}

void cache_put(const struct ctx *ctx, const struct cache_key *key, const struct plan *p, const struct token *t, struct store_mark since)
{
	int64_t now = ctx->clock->wall(ctx->clock), late = now - t->issued_at; /* since the request began */
	struct record r = {.length = secret_len(&t->value), .token = secret_reveal(&t->value), .issued_at = t->issued_at,
			   .expires_at = t->expires_at, .refresh_at = refresh_time(t), .identity = p->id.name,
			   .tenant = identity_get(&p->id, KEY_TENANT), .client_id = identity_get(&p->id, KEY_CLIENT_ID),
			   .resource = p->registry ? p->registry : p->resource, .source = p->source->name};
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	r.boot_at = ctx->clock->boot(ctx->clock) - (late > 0 ? late : 0);
	ctx->clock->boot_id(ctx->clock, r.boot);
	if (!record_encode(&r, &data) || !ctx->store->put(ctx->store, key->token, &data, t->expires_at, since))
		return;
	log_trace("cache: kept, %s", ctx->store->describe(ctx->store));
	if (keyring_takes(ctx, t->expires_at - now))
		keep_in_keyring(ctx, key, p, &data, since);
}

struct comparison {
	const struct secret *value;
	int64_t issued_at;
};

static bool same_token(const struct buf *data, void *user)
{
	struct comparison *c = user;
	struct record r;
	if (!record_decode(data, &r))
		return !c->value;
	if (c->value && (r.length != secret_len(c->value) || !seal_same(r.token, secret_reveal(c->value), r.length)))
		return false;
	c->issued_at = r.issued_at;
	return true;
}

struct wanted {
	const unsigned char *id;
	const struct secret *value;
};

static bool item_holds(const unsigned char *id, const struct keyring_item *i, struct comparison *c)
{
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	return !c->value || (record_from_text(id, &i->value, &data) && same_token(&data, c));
}

static bool is_wanted(const struct keyring_item *i, const void *user)
{
	const struct wanted *w = user;
	struct comparison c = {.value = w->value};
	return item_holds(w->id, i, &c);
}

static bool erase_in_keyring(const struct ctx *ctx, const struct cache_key *key, struct comparison *c)
{
	char hex[2 * STORE_ID + 1];
	struct keyring_call call;
	struct wanted wanted = {key->token, c->value};
	item_call(&call, KEYRING_REMOVE, key, hex);
	call.wanted = is_wanted;
	call.user = &wanted;
	enum keyring_answer a = keyring_ask(ctx, &call, NULL);
	bool erased = call.found.count && item_holds(key->token, &call.found.items[0], c);
	keyring_list_free(&call.found);
	if (keyring_untold(a) && c->value)
		note_refused(ctx, key, c->value);
	if (!erased)
		return false;
	/* Who read it there before may have lifted it up meanwhile, or be about to. */
	ctx->store->advance(ctx->store, key->token);
	ctx->store->erase(ctx->store, key->token, same_token, c);
	return true;
}

bool cache_erase(const struct ctx *ctx, const struct cache_key *key, const struct secret *value, int64_t *issued_at)
{
	struct comparison c = {.value = value};
	bool here = ctx->store->erase(ctx->store, key->token, same_token, &c);
	bool erased = erase_in_keyring(ctx, key, &c) || here;
	*issued_at = c.issued_at;
	if (erased || !value)
		ctx->store->erase(ctx->store, key->failure, NULL, NULL);
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
	if (r.format != RECORD_FAILURE || r.kind > ERR_PERSON || r.boot_at < 0 || r.boot_at > now || (evidence && memcmp(r.evidence, evidence, STORE_ID) != 0))
		return false;
	if (now >= r.until_boot && r.boot_at <= since)
		return false;
	*err = (struct err){.kind = (enum err_kind)r.kind, .denied = r.denied};
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

void cache_fail(const struct ctx *ctx, const struct cache_key *key, const struct err *err, int64_t seconds, bool shared, struct store_mark since)
{
	struct failure_record r;
	memset(&r, 0, sizeof r);
	r.format = RECORD_FAILURE;
	r.kind = (uint32_t)err->kind;
	r.denied = err->denied;
	r.boot_at = ctx->clock->boot(ctx->clock);
	r.until_boot = r.boot_at + seconds;
	memcpy(r.evidence, key->evidence, STORE_ID);
	snprintf(r.msg, sizeof r.msg, "%s", err->msg);
	snprintf(r.hint, sizeof r.hint, "%s", err->hint);
	snprintf(r.detail, sizeof r.detail, "%s", err->detail);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	buf_add(&data, &r, sizeof r);
	ctx->store->put(ctx->store, shared ? key->throttle : key->failure, &data, ctx->clock->wall(ctx->clock) + seconds, since);
}
