/* How a planned request gets its token: cache, lock, source, exchange, cache (design sections 4 and 8). */
#ifndef DAYPASS_FLOW_H
#define DAYPASS_FLOW_H

#include <stdbool.h>

#include "helper/core/cache.h"
#include "helper/core/ctx.h"
#include "helper/core/plan.h"
#include "helper/core/token.h"

struct flow_result {
	struct token token;
	bool cached;	       /* it lay in the cache: a fresh one might be another */
	struct cache_key key;
};

#define AUTO_RESULT CLEANUP(flow_result_free) struct flow_result

static inline void flow_result_free(struct flow_result *r)
{
	token_free(&r->token);
}

/* Set ctx->deadline_ms from the `timeout` setting. */
void flow_begin(struct ctx *ctx);
/* A token that is good now. One process at a time exchanges; the others wait for its result, failures included. */
bool flow_token(struct ctx *ctx, const struct plan *p, struct flow_result *out, struct err *err);
/* The external token of a plan's source, for `whoami` and `fic print`; checked to be a JWT that is not expired where
 * the source yields assertions. */
bool flow_assertion(struct ctx *ctx, const struct identity *id, const struct source *s, const char *audience, struct token *out, struct err *err);
/* One exchange with its retries, past the cache. retry_after: seconds for which asking again is useless, or 0. */
bool flow_exchange(struct ctx *ctx, const struct plan *p, struct token *out, int64_t *retry_after, struct err *err);

#endif
