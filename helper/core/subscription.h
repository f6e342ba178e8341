/* The Azure subscription that an identity stands in: what the Azure CLI calls the account. */
#ifndef DAYPASS_SUBSCRIPTION_H
#define DAYPASS_SUBSCRIPTION_H

#include "helper/core/ctx.h"
#include "helper/core/plan.h"

/* All owned. id is NULL where the identity sees none; tenant too where the setting alone names the subscription. */
struct subscription {
	char *id, *name, *tenant, *state;
};

/* All that the identity sees; own is the place of the one that it stands in, -1 where there is none. */
struct subscriptions {
	struct subscription *rows;
	int count, own;
};

#define AUTO_SUBSCRIPTION CLEANUP(subscription_free) struct subscription
#define AUTO_SUBSCRIPTIONS CLEANUP(subscriptions_free) struct subscriptions

void subscription_free(struct subscription *s);
void subscriptions_free(struct subscriptions *l);
/* What az asks a token for unless told otherwise, in the cloud of the identity that serves here (the public one where there
 * is none, or it is of nobody's that we know). Borrowed. */
const char *subscription_arm(const struct ctx *ctx);
/* Is this what Azure Resource Manager's tokens are for, under either of its names in that cloud? */
bool subscription_is_arm(const struct cloud *cloud, const char *resource);
/* The subscription of who serves p, a plan for any resource: the setting `subscription`, AZURE_SUBSCRIPTION_ID,
 * ARM_SUBSCRIPTION_ID, else the first enabled one that Resource Manager lists. The list is kept for a day, for five
 * minutes where it is empty, and a failure for one. Where policy gives no token for Resource Manager, or nobody knows
 * where that cloud's is, there is none. False where it could not be asked. Source: "Subscriptions - List", api-version
 * 2022-12-01, as az 2.91 asks it. */
bool subscription_find(struct ctx *ctx, const struct plan *p, struct subscription *out, struct err *err);
/* The whole list (its first page, 256 at most), with the one of the setting, whether Resource Manager knows it or not. */
bool subscription_list(struct ctx *ctx, const struct plan *p, struct subscriptions *out, struct err *err);

#endif
