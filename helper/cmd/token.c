/* daypass token: an access token for a script, in the form that it wants. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/grant.h"
#include "helper/core/subscription.h"
#include "helper/core/token_text.h"

enum { OUT_MAX = 128 * 1024 };

/* What the writers below may need. */
struct writing {
	struct ctx *ctx;
	const struct request *r;
	const struct grant *g;
};

static void add_raw(const struct writing *w, struct buf *out)
{
	buf_add(out, secret_reveal(&w->g->result.token.value), secret_len(&w->g->result.token.value));
}

static void write_raw(const struct writing *w, struct buf *out)
{
	add_raw(w, out);
	buf_addc(out, '\n');
}

static void write_json(const struct writing *w, struct buf *out)
{
	const struct plan *p = &w->g->plan;
	buf_adds(out, "{\"access_token\": \"");
	add_raw(w, out);
	buf_addf(out, "\", \"token_type\": \"Bearer\", \"expires_at\": %lld, ", (long long)w->g->result.token.expires_at);
	json_pair(out, "resource", p->resource, false);
	json_pair(out, "tenant", w->g->tenant, false);
	json_pair(out, "client_id", identity_get(&p->id, KEY_CLIENT_ID), false);
	json_pair(out, "identity", p->id.name, false);
	json_pair(out, "source", p->source->name, true);
	buf_adds(out, "}\n");
}

/* What az would call the account: that it cannot be found out is no failure of the token. */
static char *subscription_of(const struct writing *w)
{
	struct err ignored;
	AUTO_SUBSCRIPTION s = {0};
	if (w->r->tenant || !subscription_find(w->ctx, &w->g->plan, &s, &ignored))
		return NULL;
	return str_dup(s.id ? s.id : w->g->tenant);
}

static void write_az(const struct writing *w, struct buf *out)
{
	AUTO_STR subscription = subscription_of(w);
	token_text_az(out, &w->g->result.token, subscription, w->g->tenant);
}

static void write_azd(const struct writing *w, struct buf *out)
{
	token_text_azd(out, &w->g->result.token);
}

static void write_header(const struct writing *w, struct buf *out)
{
	buf_adds(out, "Authorization: Bearer ");
	write_raw(w, out);
}

/* Azure/azure-cli #31575, a proposal: no released az reads them. None of these values can hold a quote. The remark stands
 * last, so that `eval $(...)` without quotes takes the variables too. */
static void write_env(const struct writing *w, struct buf *out)
{
	AUTO_STR subscription = subscription_of(w);
	buf_adds(out, "export AZURE_CLI_ACCESS_TOKEN='");
	add_raw(w, out);
	buf_adds(out, "'\n");
	if (w->g->tenant)
		buf_addf(out, "export AZURE_CLI_TENANT_ID='%s'\n", w->g->tenant);
	if (str_is_guid(subscription))
		buf_addf(out, "export AZURE_CLI_SUBSCRIPTION_ID='%s'\n", subscription);
	buf_adds(out, "# pre-release: for an az with Azure/azure-cli#31575, and for this one resource\n");
}

static void write_exec_credential(const struct writing *w, struct buf *out)
{
	token_text_exec_credential(out, &w->g->result.token, "client.authentication.k8s.io/v1");
}

static const struct {
	const char *name;
	void (*write)(const struct writing *w, struct buf *out);
} formats[] = {{"raw", write_raw}, {"json", write_json}, {"az", write_az}, {"azd", write_azd}, {"header", write_header}, {"env", write_env}, {"exec-credential", write_exec_credential}};

static int format_of(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (str_eq(formats[i].name, name ? name : "raw"))
			return (int)i;
	return -1;
}

static bool is_usage(const char *resource, const char *scope, const char *tenant, struct request *r, struct err *err)
{
	if (resource && scope)
		return err_set(err, ERR_USAGE, "a scope is the resource with /.default behind it", "--resource and --scope name the same thing: give one of them");
	if (resource && !resource_ok(resource))
		return err_set(err, ERR_USAGE, "for example: --resource https://vault.azure.net", "--resource %.200s is no resource", resource);
	if (tenant && !str_is_tenant(tenant))
		return err_set(err, ERR_USAGE, "its GUID, or a domain such as contoso.onmicrosoft.com", "--tenant %.200s is no tenant", tenant);
	r->resource = scope ? resource_of_scope(scope, err) : resource ? str_dup(resource) : NULL;
	r->tenant = str_dup(tenant);
	return !scope || r->resource;
}

static bool nobody(const struct grant *g, struct err *err)
{
	err_set(err, ERR_CONFIG, "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, or write an [identity default]: daypass whoami", "no token: %s", g->plan.why);
	return false;
}

static int token(struct ctx *ctx, int argc, char *const *const_argv)
{
	struct err err = ERR_INIT;
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .action = ACTION_GET};
	AUTO_GRANT g = grant_new();
	AUTO_BUF out = buf_new(OUT_MAX);
	char **argv = (char **)(uintptr_t)const_argv;
	const char *identity = cmd_option(&argc, argv, "--identity"), *resource = cmd_option(&argc, argv, "--resource"), *scope = cmd_option(&argc, argv, "--scope");
	const char *tenant = cmd_option(&argc, argv, "--tenant"), *format = cmd_option(&argc, argv, "--format");
	int f = format_of(format);
	if (argc || f < 0)
		return cmd_usage(&command_token, argc ? argv[0] : format);
	ctx->identity = identity ? identity : ctx->identity;
	if (!is_usage(resource, scope, tenant, &r, &err))
		return cmd_fail(&err);
	if (!r.resource)
		r.resource = str_dup(subscription_arm(ctx));
	enum verdict v = grant_get(ctx, &r, 0, &g, &err);
	if (v == PLAN_NOT_OURS)
		nobody(&g, &err);
	if (v != PLAN_OURS)
		return cmd_fail(&err);
	formats[f].write(&(struct writing){ctx, &r, &g}, &out);
	return cmd_print(ctx, &out);
}

const struct command command_token = {"token", "token [--resource R | --scope S] [--tenant T] [--identity NAME] [--format raw|json|az|azd|header|env|exec-credential]", "an access token for any resource, by default Azure Resource Manager's", token};
