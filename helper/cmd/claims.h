/* The external token of this place, looked at: what whoami and fic print share. */
#ifndef DAYPASS_CLAIMS_H
#define DAYPASS_CLAIMS_H

#include "helper/core/ctx.h"
#include "helper/core/identity.h"
#include "helper/core/jwt.h"
#include "helper/core/token.h"

struct claims {
	struct identity id;
	bool named;		     /* tenant and client id are known */
	const struct source *source;
	struct token token;
	struct jwt jwt;		     /* empty where the source yields access tokens of unknown form */
};

#define AUTO_CLAIMS CLEANUP(claims_free) struct claims

/* Find identity and source of this place and get its token. audience NULL means the configured or the cloud's. */
bool claims_get(struct ctx *ctx, const char *audience, struct claims *out, struct err *err);
/* The same without a token yet: identity and source. */
bool claims_source(struct ctx *ctx, struct claims *out, struct err *err);
/* The assertion, to be handed out: not where the source has none (ERR_SOURCE), nor where the identity's `allow` limits what
 * it is for (ERR_POLICY). */
bool claims_assertion(struct ctx *ctx, const char *audience, struct claims *out, struct err *err);
/* What to ask an access token for, to see who we are: Azure Repos, or the first that the identity's `allow` has. Owned. */
char *claims_resource(const struct identity *id);
void claims_free(struct claims *c);

#endif
