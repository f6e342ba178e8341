/* Azure Pipelines: the job asks Azure DevOps for a token of a service connection. Source: learn.microsoft.com, REST
 * "Distributedtask - Oidctoken - Create"; azure-pipelines-tasks. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/common.h"

static const char URI[] = "SYSTEM_OIDCREQUESTURI", TOKEN[] = "SYSTEM_ACCESSTOKEN";
static const char *const connection_vars[] = {"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"};

static bool wants_pipeline(const struct identity *id)
{
	return str_eq(identity_get(id, KEY_SUBJECT), "pipeline");
}

static const char *connection(const struct ctx *ctx, const struct identity *id)
{
	const char *value = identity_get(id, KEY_CONNECTION);
	for (size_t i = 0; !value && i < COUNT_OF(connection_vars); i++)
		value = env_get(&ctx->env, connection_vars[i]);
	return value;
}

/* Where the job asks: older agents do not say it, but all that it is made of (azure-pipelines-tasks does the same). NULL where
 * that is missing too, or none; missing says what. Owned. */
static char *request_base(const struct ctx *ctx, const char **missing)
{
	static const char *const parts[] = {"SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECTID", "SYSTEM_HOSTTYPE", "SYSTEM_PLANID", "SYSTEM_JOBID"};
	const char *given = env_get(&ctx->env, URI), *v[COUNT_OF(parts)];
	if (given)
		return str_dup(given);
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		v[i] = env_get(&ctx->env, parts[i]);
		*missing = parts[i];
		if (!v[i] || (i && v[i][strspn(v[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")]))
			return NULL;
	}
	return str_printf("%s%s%s/_apis/distributedtask/hubs/%s/plans/%s/jobs/%s/oidctoken", v[0], str_ends(v[0], "/") ? "" : "/", v[1], v[2], v[3], v[4]);
}

static enum source_state pipelines_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *missing = NULL;
	AUTO_STR uri = request_base(ctx, &missing);
	bool job = env_get(&ctx->env, "TF_BUILD") != NULL, token = env_get(&ctx->env, TOKEN) != NULL;
	if (!job && !env_get(&ctx->env, URI))
		return source_say(SOURCE_ABSENT, why, NULL, "not in an Azure Pipelines job");
	if (!uri)
		return source_say(SOURCE_BROKEN, why, "run it in a job of a pipeline, on an agent that is not too old", "%s is not set, and cannot be made without %s, which is missing or odd", URI, missing);
	if (!token)
		return source_say(SOURCE_BROKEN, why, "map it into the step: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)", "%s is not set", TOKEN);
	if (!connection(ctx, id) && !wants_pipeline(id))
		return source_say(SOURCE_BROKEN, why, "set service-connection or AZURESUBSCRIPTION_SERVICE_CONNECTION_ID (or subject = pipeline)",
				  "no service connection is named: Azure DevOps would answer with a token of the pipeline instead");
	return SOURCE_PRESENT;
}

static bool pipelines_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	const char *token = env_get(&ctx->env, TOKEN), *conn = connection(ctx, id), *missing;
	AUTO_STR uri = request_base(ctx, &missing);
	if (!token || !uri)
		return err_set(err, ERR_SOURCE, NULL, "%s and %s are not both set", URI, TOKEN);
	AUTO_STR plain = str_printf("%s\n%s", uri, wants_pipeline(id) ? "pipeline" : conn ? conn : "");
	hash_print(out, token, plain);
	return true;
}

static bool request_url(const struct ctx *ctx, const struct identity *id, const char *audience, struct buf *out, struct err *err)
{
	AUTO_URL u = {0};
	const char *conn = connection(ctx, id), *missing;
	AUTO_STR base = request_base(ctx, &missing);
	if (!base || !url_parse(base, &u) || !str_eq(u.scheme, "https"))
		return err_set(err, ERR_SOURCE, NULL, "%s is not an https URL", URI);
	buf_addf(out, "%s%capi-version=7.1", base, u.query ? '&' : '?');
	if (!wants_pipeline(id)) {
		buf_adds(out, "&serviceConnectionId=");
		url_encode(out, conn);
	}
	buf_adds(out, "&audience=");
	return url_encode(out, audience);
}

/* A refusal looks like GitHub's success: {"count":151,"value":"There is no explicit reference to ..."}. */
static bool explain(const struct http_response *r, const struct json *j, struct err *err)
{
	const char *value = json_str(j, "value"), *message = json_str(j, "message");
	const char *text = value ? value : message;
	err_set(err, ERR_SOURCE, NULL, "Azure DevOps gave no token (HTTP %ld%s%.300s)", r->status, text ? ": " : "", text ? text : "");
	if (r->request_id[0])
		err_detail(err, "Azure DevOps' activity id %s", r->request_id);
	if (value && strcasestr(value, "reference"))
		return err_hint(err, "name the connection in any task of this job, even one with `condition: false`: only then may the job use it");
	return err_hint(err, "check that SYSTEM_ACCESSTOKEN is mapped, and that the pipeline may use the service connection");
}

static bool pipelines_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF url = buf_new(8192);
	AUTO_SECRET job_token = secret_new(TOKEN_MAX);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	if (!request_url(ctx, id, audience, &url, err) || !secret_from_variable(ctx, TOKEN, &job_token, err))
		return false;
	struct http_request q = {.method = "POST", .url = url.p, .bearer_word = "Bearer", .bearer = &job_token, .deadline_ms = ctx->deadline_ms,
				 .headers = {"Accept: application/json", "Content-Type: application/json", "X-TFS-FedAuthRedirect: Suppress"}};
	if (!ctx->http->perform(ctx->http, &q, &r, err) || !answer_json(&r, "Azure DevOps' OIDC service", &j, err))
		return false;
	const char *value = json_str(j, "oidcToken");
	return value ? token_take(value, strlen(value), "Azure DevOps' answer", out, err) : explain(&r, j, err);
}

const struct source source_azure_pipelines = {
	.name = "azure-pipelines",
	.summary = "a service connection's OIDC token in Azure Pipelines",
	.automatic = AUTO_JOB,
	.detect = pipelines_detect,
	.fingerprint = pipelines_fingerprint,
	.fetch = pipelines_fetch,
};
