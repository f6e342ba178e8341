/* The requests that the server of `daypass exec` understands: managed identities as App Service and IMDS give them (at
 * IMDS' path Cloud Shell's and App Service's older form too), azd's external authentication, and, where asked for, GitHub's and Azure DevOps' issuers. Sources:
 * learn.microsoft.com's pages on managed identities; azd's docs/external-authentication.md; what SDKs, az and Terraform
 * were seen to send. */
#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/exec.h"

/* Terraform renews once less than 20 minutes are left, on each of its calls. */
enum { FORBIDDEN = 403, BAD = 400, TERRAFORM_LEFT_S = 25 * 60 };

void ask_free(struct ask *a)
{
	free(a->resource);
	*a = (struct ask){0};
}

bool ask_same(const struct ask *a, const struct ask *b)
{
	bool both = !a->resource && !b->resource;
	return a->min_left == b->min_left && (both || str_eq(a->resource, b->resource));
}

static bool is_secret(const struct exec *x, const char *text, size_t len)
{
	return len == EXEC_SECRET && seal_same(text, x->secret, EXEC_SECRET);
}

static bool has_bearer(const struct exec *x, const char *header)
{
	static const char word[] = "Bearer ";
	return header && strncasecmp(header, word, strlen(word)) == 0 && is_secret(x, header + strlen(word), strlen(header + strlen(word)));
}

/* Which of the paths it is; with the secret in front of it where clients send none elsewhere. */
static int find_path(const struct exec *x, const struct http_in *h, struct ask *out, const char **why)
{
	const char *header = h->value[IN_IDENTITY], *older = h->value[IN_SECRET], *rest = h->path[0] ? strchr(h->path + 1, '/') : NULL;
	bool in_path = rest && rest - h->path - 1 == EXEC_SECRET, let_in = in_path && is_secret(x, h->path + 1, EXEC_SECRET);
	*why = "there is nothing at this path";
	if (str_eq(h->path, "/msi/token") && !h->post) {
		out->shape = ASK_APP_SERVICE;
		let_in = header && is_secret(x, header, strlen(header));
	} else if (str_eq(h->path, "/azd/token") && h->post) {
		out->shape = ASK_AZD;
		let_in = has_bearer(x, h->value[IN_AUTHORIZATION]);
	} else if (in_path && x->oidc && str_eq(rest, "/oidc")) {
		out->shape = h->post ? ASK_PIPELINES : ASK_GITHUB;
		let_in = let_in && has_bearer(x, h->value[IN_AUTHORIZATION]);
	} else if (in_path && str_eq(rest, "/metadata/identity/oauth2/token")) {
		out->shape = ASK_IMDS;
		let_in = let_in && (!older || is_secret(x, older, strlen(older)));
	} else {
		return in_path && !let_in ? FORBIDDEN : BAD;
	}
	*why = "the secret of this run is missing or wrong: it is in the environment that daypass exec gave";
	if (let_in)
		return 0;
	out->shape = ASK_UNKNOWN; /* a stranger is told no in no form of its own */
	return FORBIDDEN;
}

/* A client may say which identity it means: there is one. */
static bool means_us(const struct exec *x, const char *params)
{
	static const struct {
		const char *name;
		enum key key;
	} rows[] = {{"client_id", KEY_CLIENT_ID}, {"clientid", KEY_CLIENT_ID}, {"mi_res_id", KEY_RESOURCE_ID}, {"msi_res_id", KEY_RESOURCE_ID}, {"object_id", KEY_COUNT}, {"principal_id", KEY_COUNT}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_STR value = http_in_param(params, rows[i].name);
		const char *own = rows[i].key < KEY_COUNT ? identity_get(&x->plan.id, rows[i].key) : NULL;
		if (!str_empty(value) && !str_ieq(value, own))
			return false;
	}
	return true;
}

static int read_identity(const struct exec *x, const struct http_in *h, const char *body, struct ask *out, const char **why)
{
	const char *params = h->post ? body : h->query;
	*why = "the header Metadata: true is missing";
	if (out->shape == ASK_IMDS && !h->value[IN_SECRET] && !str_ieq(h->value[IN_METADATA], "true"))
		return BAD;
	*why = "daypass exec serves one identity, and this names another: leave client_id away, or start daypass exec --identity with that one";
	if (!means_us(x, params))
		return BAD;
	*why = "the parameter resource is missing, or stands twice";
	out->resource = http_in_param(params, "resource");
	out->min_left = out->shape == ASK_IMDS ? TERRAFORM_LEFT_S : 0;
	return out->resource ? 0 : BAD;
}

static int read_azd(const struct exec *x, const char *body, struct ask *out, const char **why)
{
	AUTO_JSON j = json_parse(body, strlen(body));
	const struct json *scopes = json_get(j, "scopes");
	const char *scope = json_text(json_at(scopes, 0)), *tenant = json_str(j, "tenantId"), *own = identity_get(&x->plan.id, KEY_TENANT);
	*why = "the body is no {\"scopes\": [\"RESOURCE/.default\"]} with one scope";
	if (!scope || json_at(scopes, 1))
		return BAD;
	out->resource = resource_of_scope(scope, NULL);
	if (!out->resource)
		return BAD;
	*why = "daypass exec serves one tenant, and this names another";
	return str_is_guid(tenant) && str_is_guid(own) && !str_ieq(tenant, own) ? FORBIDDEN : 0;
}

static int read_issuer(const struct exec *x, const struct http_in *h, const char **why)
{
	AUTO_STR audience = http_in_param(h->query, "audience");
	*why = "daypass exec --oidc gives tokens for Entra's audience alone";
	return audience && !str_eq(audience, x->plan.audience) ? FORBIDDEN : 0;
}

int ask_read(const struct exec *x, const struct http_in *h, const char *body, struct ask *out, const char **why)
{
	*out = (struct ask){0};
	*why = "a page in a browser, or a proxy, had a hand in this request: set NO_PROXY=127.0.0.1";
	if (h->relayed)
		return FORBIDDEN;
	*why = "the Host is not that of this server";
	if (!str_eq(h->value[IN_HOST], x->host))
		return h->value[IN_HOST] ? FORBIDDEN : BAD;
	int status = find_path(x, h, out, why);
	if (!status && (out->shape == ASK_GITHUB || out->shape == ASK_PIPELINES))
		return read_issuer(x, h, why);
	if (!status)
		status = out->shape == ASK_AZD ? read_azd(x, body, out, why) : read_identity(x, h, body, out, why);
	if (status)
		return status;
	*why = "the resource is none that Entra knows: an App ID URI or a GUID is needed";
	if (!resource_ok(out->resource))
		return BAD;
	*why = "daypass exec was started with --allow, and this resource is not among those";
	return x->allow && !resource_listed(x->allow, out->resource) ? FORBIDDEN : 0;
}
