/* The Azure CLI's place on PATH: what the SDKs, Terraform and scripts ask of az. See az.md. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/core/grant.h"
#include "helper/core/token_text.h"
#include "protocols/az_account.h"
#include "protocols/front.h"

#define ANSWERS "account get-access-token, show and list, and version"
/* What each SDK's chain takes as "go on to the next": exactly az's words. */
#define NOT_LOGGED_IN "ERROR: Please run 'az login' to setup account.\n"

/* One call, on its way to an answer. */
struct az_turn {
	struct ctx *ctx;
	const struct az_call *call;
	struct request request;
	struct grant grant;
	struct buf out, line;
};

/* The SDKs read stderr: an AADSTS code stops a chain, "az login" makes it go on and hides the rest. */
static int say(struct az_turn *t, const struct err *err)
{
	buf_addf(&t->line, "ERROR: %s%s%s%s\n", err->msg, *err->detail ? " (" : "", err->detail, *err->detail ? ")" : "");
	if (*err->hint && !strstr(err->hint, "az login") && !strstr(err->hint, "az account set"))
		buf_addf(&t->line, "%s\n", err->hint);
	return 1;
}

static int say_text(struct az_turn *t, const char *text)
{
	buf_adds(&t->line, text);
	return 1;
}

/* --- which token --- */

static const struct {
	const char *type, *of[3]; /* in the public cloud, usgov, china */
} types[] = {
	{"arm", {"https://management.core.windows.net/", "https://management.core.usgovcloudapi.net/", "https://management.core.chinacloudapi.cn/"}},
	{"ms-graph", {"https://graph.microsoft.com/", "https://graph.microsoft.us/", "https://microsoftgraph.chinacloudapi.cn"}},
	{"aad-graph", {"https://graph.windows.net/", "https://graph.microsoftazure.us/", "https://graph.chinacloudapi.cn/"}},
	{"oss-rdbms", {"https://ossrdbms-aad.database.windows.net", "https://ossrdbms-aad.database.usgovcloudapi.net", "https://ossrdbms-aad.database.chinacloudapi.cn"}},
	{"batch", {"https://batch.core.windows.net/", "https://batch.core.usgovcloudapi.net/", "https://batch.chinacloudapi.cn/"}},
	{"media", {"https://rest.media.azure.net", "https://rest.media.usgovcloudapi.net", "https://rest.media.chinacloudapi.cn"}},
	{"data-lake", {"https://datalake.azure.net/", NULL, NULL}},
};

/* NULL for a type that az does not know, or that cloud does not have. */
static const char *resource_of_type(const char *type, const char *arm)
{
	for (size_t cloud = 0; cloud < COUNT_OF(types[0].of); cloud++)
		for (size_t i = 0; str_eq(types[0].of[cloud], arm) && i < COUNT_OF(types); i++)
			if (str_eq(types[i].type, type))
				return types[i].of[cloud];
	return NULL;
}

/* A scope goes before a resource, and that before a type, as in az. */
static bool choose_resource(struct az_turn *t, struct err *err)
{
	const struct az_call *c = t->call;
	const char *arm = subscription_arm(t->ctx), *plain = c->resource ? c->resource : c->type ? resource_of_type(c->type, arm) : arm;
	if (!plain)
		return err_set(err, ERR_USAGE, NULL, "--resource-type %.60s is no type that this cloud has", c->type);
	if (!c->scope && !resource_ok(plain))
		return err_set(err, ERR_USAGE, NULL, "--resource %.200s is no resource", plain);
	t->request.resource = c->scope ? resource_of_scope(c->scope, err) : str_dup(plain);
	if (c->tenant && !str_is_tenant(c->tenant))
		return err_set(err, ERR_USAGE, NULL, "--tenant %.200s is no tenant", c->tenant);
	t->request.tenant = str_dup(c->tenant);
	return t->request.resource != NULL;
}

/* --- which subscription --- */

static bool is_called(const struct subscription *s, const char *name)
{
	return str_ieq(s->id, name) || str_ieq(s->name, name);
}

/* The one that was asked for, else ours; id NULL where there is none. False where that is not known here. */
static bool find_subscription(struct az_turn *t, struct subscription *out, struct err *err)
{
	const char *name = t->call->subscription;
	bool ok = subscription_find(t->ctx, &t->grant.plan, out, err);
	if (!name || (ok && (out->id ? is_called(out, name) : str_ieq(name, t->grant.tenant))))
		return ok;
	AUTO_SUBSCRIPTIONS all = {0};
	subscription_free(out);
	if (!subscription_list(t->ctx, &t->grant.plan, &all, err))
		return false;
	for (int i = 0; i < all.count; i++)
		if (is_called(&all.rows[i], name)) {
			*out = all.rows[i];
			all.rows[i] = (struct subscription){0};
			return true;
		}
	return err_set(err, ERR_CONFIG, NULL, "Subscription '%.200s' not found. Check the spelling and casing and try again.", name);
}

/* --- answers --- */

/* One value of an answer, as `--query NAME` prints it: a number as it is, text in JSON with its quotes. */
static void write_value(struct az_turn *t, const char *value, bool number)
{
	if (value && t->call->output == AZ_JSON && !number)
		json_quote(&t->out, value);
	else if (value)
		buf_adds(&t->out, value);
	buf_adds(&t->out, value ? "\n" : "");
}

static int token_answer(struct az_turn *t, const char *subscription)
{
	enum { FIELDS = 6 };
	char local[40], number[24];
	const struct token *token = &t->grant.result.token;
	token_text_local(local, token->expires_at);
	snprintf(number, sizeof number, "%lld", (long long)token->expires_at);
	const struct {
		const char *name, *value;
	} fields[FIELDS] = {{"accessToken", secret_reveal(&token->value)}, {"expiresOn", local}, {"expires_on", number}, {"subscription", subscription}, {"tenant", t->grant.tenant}, {"tokenType", "Bearer"}};
	if (!t->call->query && t->call->output == AZ_JSON)
		token_text_az(&t->out, token, subscription, t->grant.tenant);
	for (int i = 0; i < FIELDS; i++) {
		if (t->call->query && str_eq(t->call->query, fields[i].name))
			write_value(t, fields[i].value, i == 2);
		else if (!t->call->query && t->call->output == AZ_TSV && fields[i].value)
			buf_addf(&t->out, "%s%s", i ? "\t" : "", fields[i].value);
	}
	if (!t->call->query && t->call->output == AZ_TSV)
		buf_addc(&t->out, '\n');
	return 0;
}

/* The subscription is told where it can be; only one that was asked for by name must be known. */
static int answer_token(struct az_turn *t, struct err *err)
{
	AUTO_SUBSCRIPTION s = {0};
	bool found = !t->call->tenant && find_subscription(t, &s, err);
	if (t->call->subscription && !found)
		return say(t, err);
	return token_answer(t, t->call->tenant ? NULL : s.id ? s.id : t->grant.tenant);
}

static int answer_show(struct az_turn *t, struct err *err)
{
	AUTO_SUBSCRIPTION s = {0};
	AUTO_AZ_ACCOUNT a = {0};
	if (!find_subscription(t, &s, err))
		return say(t, err);
	az_account_make(&t->grant.plan, &s, t->grant.tenant, &a);
	if (t->call->query) {
		write_value(t, az_account_field(&a, t->call->query), false);
		return 0;
	}
	az_account_write(&a, false, &t->out);
	buf_addc(&t->out, '\n');
	return 0;
}

static void add_row(struct az_turn *t, const struct subscription *s, bool own)
{
	AUTO_AZ_ACCOUNT a = {0};
	az_account_make(&t->grant.plan, s, t->grant.tenant, &a);
	a.is_default = own;
	buf_adds(&t->out, t->out.len > 2 ? ",\n" : "");
	az_account_write(&a, true, &t->out);
}

static int answer_list(struct az_turn *t, struct err *err)
{
	AUTO_SUBSCRIPTIONS all = {0};
	if (!subscription_list(t->ctx, &t->grant.plan, &all, err))
		return say(t, err);
	buf_adds(&t->out, "[\n");
	for (int i = 0; i < all.count; i++)
		if (t->call->all || str_eq(all.rows[i].state, "Enabled"))
			add_row(t, &all.rows[i], i == all.own);
	if (!all.count)
		add_row(t, NULL, true);
	if (t->out.len > 2)
		buf_adds(&t->out, "\n]\n");
	else
		buf_adds(&t->out, "]\n");
	return 0;
}

/* Terraform wants 2.0.81 or more, and less than 3. */
static int answer_version(struct az_turn *t)
{
	buf_adds(&t->out, "{\n  \"azure-cli\": \"2.91.0\",\n  \"azure-cli-core\": \"2.91.0\",\n  \"azure-cli-telemetry\": \"1.1.0\",\n  \"extensions\": {}\n}\n");
	return 0;
}

/* --- the way of a call --- */

/* Nobody is named here: perhaps somebody is logged in to the real one. */
static int nobody(struct az_turn *t, char *const *argv)
{
	struct err err;
	if (front_is_before_another(t->ctx, "az")) {
		front_pass(t->ctx, "az", argv, ANSWERS, &err);
		return say(t, &err);
	}
	if (t->call->word != AZ_LIST)
		return say_text(t, NOT_LOGGED_IN);
	buf_adds(&t->out, "[]\n");
	buf_adds(&t->line, "WARNING: Please run \"az login\" to access your accounts.\n");
	return 0;
}

/* An account needs no token where the configuration knows whose it is. */
static enum verdict decide(struct az_turn *t, struct err *err)
{
	if (t->call->word == AZ_TOKEN)
		return grant_get(t->ctx, &t->request, FRONT_MS, &t->grant, err);
	enum verdict v = policy_plan(t->ctx, &t->request, &t->grant.plan, err);
	if (v != PLAN_OURS)
		return v;
	grant_begin(t->ctx, FRONT_MS);
	t->grant.tenant = grant_tenant(&t->grant.plan, NULL);
	if (str_is_guid(t->grant.tenant))
		return v;
	plan_free(&t->grant.plan);
	free(t->grant.tenant);
	t->grant.tenant = NULL;
	return grant_get(t->ctx, &t->request, FRONT_MS, &t->grant, err);
}

static int answer(struct az_turn *t, char *const *argv)
{
	struct err err = ERR_INIT;
	const struct az_call *c = t->call;
	if (c->word == AZ_VERSION)
		return answer_version(t);
	if (c->subscription && c->tenant)
		return say_text(t, "ERROR: Please specify only one of subscription and tenant, not both\n");
	if (!choose_resource(t, &err))
		return say(t, &err);
	enum verdict v = decide(t, &err);
	if (v == PLAN_NOT_OURS)
		return nobody(t, argv);
	bool is_az = c->word != AZ_TOKEN && t->grant.plan.source && str_eq(t->grant.plan.source->name, "az");
	if (is_az && front_is_before_another(t->ctx, "az")) { /* the account is the real one's own */
		front_pass(t->ctx, "az", argv, ANSWERS, &err);
		return say(t, &err);
	}
	if (v != PLAN_OURS)
		return say(t, &err);
	return c->word == AZ_TOKEN ? answer_token(t, &err) : c->word == AZ_SHOW ? answer_show(t, &err) : answer_list(t, &err);
}

static int az_run(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	struct az_call call;
	struct az_turn t = {.ctx = ctx, .call = &call, .request = {.kind = REQUEST_RESOURCE, .action = ACTION_GET}, .grant = grant_new(), .out = buf_new(FRONT_OUT_MAX), .line = buf_new(FRONT_LINE_MAX)};
	int status;
	if (az_parse(&ctx->env, argc, argv, &call) && !env_get(&ctx->env, SHIM_PASS)) {
		status = answer(&t, argv);
	} else {
		front_pass(ctx, "az", argv, ANSWERS, &err);
		status = say(&t, &err);
	}
	if (call.output == AZ_NONE && status == 0)
		buf_clear(&t.out);
	status = front_deliver(ctx, &t.out, &t.line, status);
	buf_free(&t.out);
	buf_free(&t.line);
	grant_free(&t.grant);
	request_free(&t.request);
	return status;
}

const struct protocol protocol_az = {
	.argv0 = "az",
	.summary = "in the Azure CLI's place, by a folder of links: daypass shim install",
	.run = az_run,
	.failed = 1,
};
