/* What az says of the account that we stand for. */
#ifndef DAYPASS_AZ_ACCOUNT_H
#define DAYPASS_AZ_ACCOUNT_H

#include "helper/core/subscription.h"
#include "protocols/az_args.h"

/* One row of `account list`, and `account show`. All owned. */
struct az_account {
	char *cloud, *id, *name, *state, *tenant, *home_tenant, *user, *assigned; /* assigned: a managed identity's */
	bool is_default;
};

#define AUTO_AZ_ACCOUNT CLEANUP(az_account_free) struct az_account

void az_account_free(struct az_account *a);
/* s NULL, or with no id: what az calls a tenant level account. tenant: whose tokens are. */
void az_account_make(const struct plan *p, const struct subscription *s, const char *tenant, struct az_account *out);
/* As JSON, that many blanks in; az calls the cloud environmentName or (in lists) cloudName. No line end behind it. */
void az_account_write(const struct az_account *a, bool in_list, struct buf *out);
/* The value of a field that az_parse lets through. Borrowed. */
const char *az_account_field(const struct az_account *a, const char *name);

#endif
