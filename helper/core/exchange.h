/* The federated token exchange: an assertion in, an access token out, by one POST (entra: "Microsoft identity platform
 * and the OAuth 2.0 client credentials flow", third case; RFC 7523). */
#ifndef DAYPASS_EXCHANGE_H
#define DAYPASS_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/core/ctx.h"
#include "helper/core/plan.h"
#include "helper/core/token.h"

/* What may help after a failure. */
enum exchange_cure { CURE_NONE, CURE_FRESH_ASSERTION, CURE_PAUSE, CURE_WAIT };

enum { EXCHANGE_WAIT_S = 60 }; /* after a 429 without Retry-After */

struct exchange_failure {
	enum exchange_cure cure;
	int64_t retry_after; /* seconds; with CURE_WAIT */
	int64_t code;	     /* AADSTS, or 0 where Entra named none */
	char correlation[64];
};

/* The failing end of an answer 429 from that host: wait as long as it says. */
bool exchange_throttled(const struct ctx *ctx, const char *host, const struct http_response *r, struct exchange_failure *failure, struct err *err);
/* One request. False with the presented claims in the message where Entra refused; failure says what may help.
 * out->issued_at is the time at which the request began. */
bool exchange_once(const struct ctx *ctx, const struct plan *p, const struct token *assertion, struct token *out,
		   struct exchange_failure *failure, struct err *err);

#endif
