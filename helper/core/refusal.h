/* The last refusal of Entra's that was seen here, for `explain --last`: code, correlation id, whose, and the claims that were
 * presented; never the token. One record in the runtime tier, for a day, gone with `logout` and `cache clear`; with
 * cache = none there is none. */
#ifndef DAYPASS_REFUSAL_H
#define DAYPASS_REFUSAL_H

#include "helper/base/json.h"
#include "helper/core/exchange.h"

/* Remember it, if Entra gave a code. Cannot fail a request. */
void refusal_keep(const struct ctx *ctx, const struct plan *p, const struct token *assertion, const struct exchange_failure *f);
/* The last one as an object: code, at (seconds since 1970), correlation, identity, client, tenant, authority, source, claims
 * (an object; empty where a secret was presented). NULL where there is none; free with json_free. */
struct json *refusal_last(const struct ctx *ctx);

#endif
