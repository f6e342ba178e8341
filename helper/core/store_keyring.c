#include "helper/core/store_keyring.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/record.h"

enum { PATIENCE_MS = 1500, FAIR_MS = 750, REMEMBER_S = 60, SHORT_LIFE_S = 1800 };

static const struct {
	const char *says, *advice;
} words[] = {
	[KEYRING_OK] = {"open", NULL},
	[KEYRING_OFF] = {"not used", NULL},
	[KEYRING_NO_BUS] = {"no session bus", NULL},
	[KEYRING_ABSENT] = {"no keyring on the session bus", "start one: gnome-keyring-daemon, KWallet or another Secret Service"},
	[KEYRING_LOCKED] = {"locked", "unlock it in the desktop's own program (Passwords and Keys, KWalletManager); then: daypass cache status"},
	[KEYRING_HUNG] = {"did not answer within 1.5 s", "restart the keyring's program; then: daypass cache status"},
	[KEYRING_BROKEN] = {"failed in the middle, or its answers make no sense", "restart the keyring's program; then: daypass cache status"},
	[KEYRING_NO_LIBRARY] = {"libsecret-1.so.0 is missing", "install it: apt install libsecret-1-0"},
};

const char *keyring_says(enum keyring_answer a)
{
	return words[a].says;
}

const char *keyring_advice(enum keyring_answer a)
{
	return words[a].advice;
}

bool keyring_untold(enum keyring_answer a)
{
	return a == KEYRING_LOCKED || a == KEYRING_HUNG || a == KEYRING_BROKEN;
}

struct memory {
	uint32_t format, answer;
	int64_t boot_at;
};

/* Of this bus: one over ssh is another than the desktop's. */
static void memory_id(const struct ctx *ctx, unsigned char id[STORE_ID])
{
	struct seal_hash h;
	seal_hash_begin(&h);
	seal_hash_field(&h, RECORD_FORMAT);
	seal_hash_field(&h, "keyring");
	seal_hash_field(&h, env_get(&ctx->env, "DBUS_SESSION_BUS_ADDRESS"));
	seal_hash_field(&h, env_get(&ctx->env, "XDG_RUNTIME_DIR"));
	seal_hash_end(&h, id);
}

static enum keyring_answer remembered(const struct ctx *ctx)
{
	struct memory m;
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	memory_id(ctx, id);
	if (!ctx->store->get(ctx->store, id, &data) || data.len != sizeof m)
		return KEYRING_OK;
	memcpy(&m, data.p, sizeof m);
	int64_t now = ctx->clock->boot(ctx->clock);
	bool young = m.boot_at >= 0 && m.boot_at <= now && now - m.boot_at < REMEMBER_S;
	bool good = m.format == RECORD_KEYRING && m.answer <= KEYRING_NO_LIBRARY && young;
	return good ? (enum keyring_answer)m.answer : KEYRING_OK;
}

static void remember(const struct ctx *ctx, enum keyring_answer a)
{
	struct memory m = {.format = RECORD_KEYRING, .answer = (uint32_t)a, .boot_at = ctx->clock->boot(ctx->clock)};
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(sizeof m);
	memory_id(ctx, id);
	buf_add(&data, &m, sizeof m);
	ctx->store->put(ctx->store, id, &data, ctx->clock->wall(ctx->clock) + REMEMBER_S, ctx->store->mark(ctx->store, id));
}

static bool allowed(const struct ctx *ctx, bool despite_off)
{
	bool off = !despite_off && str_eq(config_global(ctx->config, KEY_KEYRING), "off");
	return ctx->keyring && !off && !source_in_job(ctx);
}

bool keyring_allowed(const struct ctx *ctx)
{
	return allowed(ctx, false);
}

bool keyring_takes(const struct ctx *ctx, int64_t left)
{
	return left > SHORT_LIFE_S || str_eq(config_global(ctx->config, KEY_KEYRING), "always");
}

/* Half of what is left of the request's time at most: the exchange needs some too. */
static int64_t patience(const struct ctx *ctx)
{
	int64_t left = PATIENCE_MS - ctx->keyring->spent_ms;
	int64_t half = (ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock)) / 2;
	left = ctx->deadline_ms && half < left ? half : left;
	return left > 0 ? left : 0;
}

/* With the lock held: a service that many of our processes open at once has been seen to abort. */
static enum keyring_answer ask_locked(const struct ctx *ctx, struct keyring_call *call, const struct store_mark *since, int64_t end_ms)
{
	int64_t left = end_ms - ctx->clock->mono_ms(ctx->clock);
	enum keyring_answer a = call->afresh ? KEYRING_OK : remembered(ctx); /* somebody may have found out while we waited */
	if (a != KEYRING_OK)
		return a;
	if (since && !ctx->store->still(ctx->store, *since))
		return KEYRING_OFF;
	if (left <= 0)
		return KEYRING_HUNG;
	a = ctx->keyring->call(ctx->keyring, call, left);
	bool fair = a != KEYRING_HUNG || left >= FAIR_MS; /* who had little time left does not speak for others */
	if (fair && (a != KEYRING_OK || call->afresh))
		remember(ctx, a);
	return a;
}

static enum keyring_answer ask(const struct ctx *ctx, struct keyring_call *call, const struct store_mark *since)
{
	bool possible;
	int64_t begin = ctx->clock->mono_ms(ctx->clock), end = begin + patience(ctx);
	int lock = ctx->store->lock(ctx->store, LOCK_KEYRING, NULL, end, &possible);
	bool busy = lock < 0 && possible; /* others wait for it; one of them will remember why */
	enum keyring_answer a = busy ? KEYRING_HUNG : ask_locked(ctx, call, since, end);
	ctx->store->unlock(ctx->store, lock);
	ctx->keyring->spent_ms += ctx->clock->mono_ms(ctx->clock) - begin;
	return a;
}

enum keyring_answer keyring_ask(const struct ctx *ctx, struct keyring_call *call, const struct store_mark *since)
{
	static const char *const verbs[] = {[KEYRING_FIND] = "find", [KEYRING_PUT] = "put", [KEYRING_REMOVE] = "remove", [KEYRING_LOOK] = "look"};
	call->found = (struct keyring_list){0};
	if (!allowed(ctx, call->despite_off))
		return KEYRING_OFF;
	enum keyring_answer a = !keyring_bus_named(&ctx->env) ? KEYRING_NO_BUS : call->afresh ? KEYRING_OK : remembered(ctx);
	if (a == KEYRING_OK)
		a = ask(ctx, call, since);
	log_trace("keyring: %s: %s, %zu items", verbs[call->op], keyring_says(a), call->found.count);
	return a;
}

enum keyring_answer keyring_look(const struct ctx *ctx, char *provider, size_t size)
{
	struct keyring_call call = {.op = KEYRING_LOOK, .afresh = true};
	*provider = 0;
	enum keyring_answer a = keyring_ask(ctx, &call, NULL);
	if (call.found.count)
		snprintf(provider, size, "%s", call.found.items[0].label);
	keyring_list_free(&call.found);
	return a;
}
