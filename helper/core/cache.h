/* Tokens and failures as records: under which key, and until when they are good (design section 8). */
#ifndef DAYPASS_CACHE_H
#define DAYPASS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/core/ctx.h"
#include "helper/core/plan.h"
#include "helper/core/token.h"

struct cache_key {
	unsigned char token[STORE_ID], failure[STORE_ID], throttle[STORE_ID];
	unsigned char evidence[STORE_ID]; /* hash of the external token, zero where the source cannot say */
	enum store_lock lock;		  /* of what kind it is */
};

enum cache_answer {
	CACHE_MISS,
	CACHE_FRESH,
	CACHE_AGING, /* still good, and due for a refresh */
};

/* The key of a plan: format version, authority, tenant, client, scope, kind, registry and the source's fingerprint. False where
 * the source has gone, even if a token is cached: a job without its own right gets nothing of another's. */
bool cache_key_make(const struct ctx *ctx, const struct plan *p, struct cache_key *out, struct err *err);
/* The quick look: the runtime tier. Judged by wall clock and time since boot. */
enum cache_answer cache_get(const struct ctx *ctx, const struct cache_key *key, struct token *out);
/* The thorough look, for whoever holds the key's lock: the keyring too. What lies there is lifted up. */
enum cache_answer cache_find(const struct ctx *ctx, const struct cache_key *key, struct token *out);
/* Keep a token of that plan in each tier that takes it, unless it was erased since the mark. */
void cache_put(const struct ctx *ctx, const struct cache_key *key, const struct plan *p, const struct token *t, struct store_mark since);
/* Forget the kept token if it is this one (NULL: whatever it is), in both tiers, and its failure record. True where it
 * was there; issued_at then gets its time. */
bool cache_erase(const struct ctx *ctx, const struct cache_key *key, const struct secret *value, int64_t *issued_at);

/* Is there a failure that speaks for us too: not over yet, or newer than since (seconds since boot)? A refusal counts
 * only for the same evidence; a throttle for every scope of the client. err gets the original text. */
bool cache_failed(const struct ctx *ctx, const struct cache_key *key, int64_t since, struct err *err);
/* Remember a failure for some seconds; shared makes it count for all scopes (Retry-After). */
void cache_fail(const struct ctx *ctx, const struct cache_key *key, const struct err *err, int64_t seconds, bool shared,
		struct store_mark since);
/* The safety margin before a token's end: a tenth of its life, at most five minutes. Seconds. */
int64_t cache_margin(int64_t life);

/* A call about one token's item in the keyring, by its key in hexadecimal digits, or (NULL) about all of ours, whatever
 * version kept them. */
void cache_keyring_call(struct keyring_call *call, enum keyring_op op, const char *hex_key);

#endif
