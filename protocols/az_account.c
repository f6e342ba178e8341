#include "protocols/az_account.h"

#include "helper/base/json.h"
#include "helper/base/str.h"

void az_account_free(struct az_account *a)
{
	char *const texts[] = {a->cloud, a->id, a->name, a->state, a->tenant, a->home_tenant, a->user, a->assigned};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free(texts[i]);
	*a = (struct az_account){0};
}

/* Who: the client, or what az calls a managed identity. */
static void take_user(const struct plan *p, struct az_account *out)
{
	const char *client = identity_get(&p->id, KEY_CLIENT_ID);
	bool managed = str_eq(p->source->name, "managed-identity");
	out->user = str_dup(!managed && client ? client : client ? "userAssignedIdentity" : managed ? "systemAssignedIdentity" : p->source->name);
	if (managed)
		out->assigned = client ? str_printf("MSIClient-%s", client) : str_dup("MSI");
}

void az_account_make(const struct plan *p, const struct subscription *s, const char *tenant, struct az_account *out)
{
	const struct cloud *cloud = identity_cloud(&p->id);
	bool real = s && s->id;
	*out = (struct az_account){.cloud = str_dup(cloud ? cloud->az_name : "AzureCloud"), .is_default = true};
	out->tenant = str_dup(tenant);
	out->home_tenant = str_dup(real && s->tenant && *s->tenant ? s->tenant : tenant);
	out->id = str_dup(real ? s->id : tenant);
	out->name = str_dup(real ? s->name : "N/A(tenant level account)");
	out->state = str_dup(real ? s->state : "Enabled");
	take_user(p, out);
}

/* A member on a line of its own, `deep` blanks in. */
static void member(struct buf *out, int deep, const char *name, const char *value, const char *end)
{
	buf_addf(out, "%*s\"%s\": ", deep, "", name);
	json_quote(out, value);
	buf_adds(out, end);
}

void az_account_write(const struct az_account *a, bool in_list, struct buf *out)
{
	int d = in_list ? 4 : 2;
	buf_addf(out, "%*s{\n", d - 2, "");
	member(out, d, in_list ? "cloudName" : "environmentName", a->cloud, ",\n");
	member(out, d, "homeTenantId", a->home_tenant, ",\n");
	member(out, d, "id", a->id, ",\n");
	buf_addf(out, "%*s\"isDefault\": %s,\n%*s\"managedByTenants\": [],\n", d, "", a->is_default ? "true" : "false", d, "");
	member(out, d, "name", a->name, ",\n");
	member(out, d, "state", a->state, ",\n");
	member(out, d, "tenantId", a->tenant, ",\n");
	buf_addf(out, "%*s\"user\": {\n", d, "");
	if (a->assigned)
		member(out, d + 2, "assignedIdentityInfo", a->assigned, ",\n");
	member(out, d + 2, "name", a->user, ",\n");
	member(out, d + 2, "type", "servicePrincipal", "\n");
	buf_addf(out, "%*s}\n%*s}", d, "", d - 2, "");
}

const char *az_account_field(const struct az_account *a, const char *name)
{
	const struct {
		const char *name, *value;
	} fields[] = {{"environmentName", a->cloud}, {"homeTenantId", a->home_tenant}, {"id", a->id}, {"name", a->name},
		      {"state", a->state}, {"tenantId", a->tenant}, {"user.name", a->user}, {"user.type", "servicePrincipal"}};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (str_eq(fields[i].name, name))
			return fields[i].value;
	return NULL;
}
