/* What the steps of `daypass doctor` share. */
#ifndef DAYPASS_DOCTOR_H
#define DAYPASS_DOCTOR_H

#include "helper/base/json.h"
#include "helper/core/ctx.h"
#include "helper/core/jwt.h"
#include "helper/core/plan.h"
#include "helper/core/request.h"

/* What was found on the way; each step fills its part. */
struct doctor {
	struct ctx *ctx;
	struct request request; /* what the token shall be for */
	char *organization;	/* Azure DevOps', where the way ends in one; owned */
	struct plan plan;
	struct token assertion;
	struct jwt jwt;	   /* its claims, where the source gives assertions */
	int64_t ahead;	   /* seconds that our clock is ahead of a server's, where one said what time it is */
	bool told;	   /* one did */
	struct token access;
};

/* How a step ended. */
enum doctor_end { DOCTOR_OK, DOCTOR_WRONG, DOCTOR_UNSURE, DOCTOR_NOTHING };

/* The steps. Each appends what it found, a line or more; DOCTOR_WRONG with what is wrong in err; DOCTOR_UNSURE where it cannot
 * be told from here; DOCTOR_NOTHING where there is nothing to do. */
enum doctor_end doctor_environment(struct doctor *d, struct buf *found, struct err *err);
enum doctor_end doctor_source(struct doctor *d, struct buf *found, struct err *err);
/* The external token's form: what Entra looks at before anything else. */
enum doctor_end doctor_token(struct doctor *d, struct buf *found, struct err *err);
/* The issuer's discovery document and keys, fetched as Entra does (OpenID Connect Discovery 1.0, 4). */
enum doctor_end doctor_issuer(struct doctor *d, struct buf *found, struct err *err);
/* Its times, by the clock of whoever answered last. */
enum doctor_end doctor_times(struct doctor *d, struct buf *found, struct err *err);
enum doctor_end doctor_exchange(struct doctor *d, struct buf *found, struct err *err);
/* Does the resource know us: Azure Repos' connection data, a registry's exchange, the subscriptions that we see. */
enum doctor_end doctor_resource(struct doctor *d, struct buf *found, struct err *err);

#endif
