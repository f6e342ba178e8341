/* A token for any resource: the way that `daypass token`, az and azd share. */
#ifndef DAYPASS_GRANT_H
#define DAYPASS_GRANT_H

#include "helper/core/flow.h"
#include "helper/core/policy.h"

struct grant {
	struct plan plan;
	struct flow_result result;
	char *tenant; /* whose the token is: a GUID wherever one can be found out; NULL where nobody says; owned */
};

#define AUTO_GRANT CLEANUP(grant_free) struct grant

struct grant grant_new(void);
void grant_free(struct grant *g);
/* Decide about the request and get its token, in that many milliseconds at most (0: the setting `timeout` alone). PLAN_OURS:
 * it is there, and good for a header. PLAN_NOT_OURS: nobody is named here, g->plan.why says it. PLAN_FAIL: err. A source of
 * access tokens that gives one of another tenant than the one asked for is a failure. */
enum verdict grant_get(struct ctx *ctx, const struct request *r, int64_t limit_ms, struct grant *g, struct err *err);
/* Set the deadline of a request as grant_get does. */
void grant_begin(struct ctx *ctx, int64_t limit_ms);
/* Whose tokens of this plan are, as far as the configuration or (t, where not NULL) the token itself says. Owned. */
char *grant_tenant(const struct plan *p, const struct token *t);

#endif
