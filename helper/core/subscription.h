/* The Azure subscription that an identity stands in: what the Azure CLI calls the account. */
#ifndef DAYPASS_SUBSCRIPTION_H
#define DAYPASS_SUBSCRIPTION_H

#include "helper/core/ctx.h"
#include "helper/core/plan.h"

/* All owned. id is NULL where the identity sees none; tenant too where the setting alone names the subscription. */
struct subscription {
	char *id, *name, *tenant, *state;
};

#define AUTO_SUBSCRIPTION CLEANUP(subscription_free) struct subscription

void subscription_free(struct subscription *s);
/* Is this what Azure Resource Manager's tokens are for, under either of its names in that cloud? */
bool subscription_is_arm(const struct cloud *cloud, const char *resource);
/* The subscription of who serves p, a plan for any resource: the setting `subscription`, AZURE_SUBSCRIPTION_ID,
 * ARM_SUBSCRIPTION_ID, else what Resource Manager lists (the first that is enabled), which is kept for a day; that there
 * is none is kept for five minutes, and a failure for one. Where policy gives no token for Resource Manager, or nobody
 * knows where that cloud's is, there is none. False where it could not be asked. Source: "Subscriptions - List",
 * api-version 2022-12-01, as az 2.91 asks it. */
bool subscription_find(struct ctx *ctx, const struct plan *p, struct subscription *out, struct err *err);

#endif
