/* Policy: may this request have a token, of which identity, from which source, for what (design section 7). */
#ifndef DAYPASS_POLICY_H
#define DAYPASS_POLICY_H

#include "helper/core/ctx.h"
#include "helper/core/plan.h"

/* Decide. No network, no child, no cache. Where the source is broken or absent although configured: PLAN_FAIL. */
enum verdict policy_plan(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err);
/* Is this the id of an API server that may have tokens: AKS's, Arc's, or one that the person's own configuration names? */
bool policy_api_server(const struct config *c, const char *resource);

#endif
