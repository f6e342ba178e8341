/* The identity that Azure gave to the machine we run on: it yields access tokens. Sources: learn.microsoft.com, "How to use
 * managed identities for Azure resources on an Azure VM to acquire an access token", "How to use managed identities for
 * App Service", "Authenticate against Azure resources with Azure Arc-enabled servers"; azidentity for Azure ML and Cloud
 * Shell. Asked directly, never through a proxy, and http:// only on this machine or its own link. */
#include "helper/sources/managed_identity.h"

#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/core/jwt.h"
#include "helper/sources/common.h"

enum { CONNECT_MS = 1000, TRIES = 6, SPARE_MS = 500, SHORTEST_S = 300, LONGEST_S = 28 * 3600 };

static const char NAME[] = "managed-identity", RESOURCE_ID[] = "resource-id";
static const char ARC_AGENT[] = "/opt/azcmagent/bin/himds", ARC_KEYS[] = "/var/opt/azcmagent/tokens";
static const char TOKEN_PATH[] = "/metadata/identity/oauth2/token";

enum kind { FABRIC, APP_SERVICE, ARC, ML, SHELL, IMDS };

/* In the order in which they are told apart: the first whose variables are all set. client, resource: what its request
 * calls a user-assigned identity; NULL: it cannot be chosen there. */
static const struct host {
	enum kind kind;
	const char *name, *needs[3];
	const char *version, *secret_name, *secret_var, *client, *resource;
	const char *assign; /* what to type where there is no identity */
} hosts[] = {
	{FABRIC, "Service Fabric", {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"}, NULL, NULL, NULL, NULL, NULL, NULL},
	{APP_SERVICE, "App Service", {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"}, "2019-08-01", "X-IDENTITY-HEADER", "IDENTITY_HEADER", "client_id", "mi_res_id",
	 "az webapp identity assign (or: az functionapp, az containerapp)"},
	{ARC, "Azure Arc's agent", {"IDENTITY_ENDPOINT", "IMDS_ENDPOINT"}, "2020-06-01", NULL, NULL, "client_id", "msi_res_id", "sudo azcmagent show"},
	{ML, "Azure Machine Learning", {"MSI_ENDPOINT", "MSI_SECRET"}, "2017-09-01", "secret", "MSI_SECRET", "clientid", NULL, "give the compute an identity: az ml compute update"},
	{SHELL, "Cloud Shell", {"MSI_ENDPOINT"}, NULL, NULL, NULL, NULL, NULL, "open a new Cloud Shell"},
};
/* Only where somebody named this source: no variable leads there. */
static const struct host imds = {IMDS, "the machine's metadata service (IMDS)", {NULL}, "2018-02-01", NULL, NULL, "client_id", "msi_res_id", "az vm identity assign"};

static bool all_set(const struct ctx *ctx, const struct host *h)
{
	for (size_t i = 0; i < COUNT_OF(h->needs) && h->needs[i]; i++)
		if (!env_get(&ctx->env, h->needs[i]))
			return false;
	return true;
}

static const struct host *by_variables(const struct ctx *ctx)
{
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (all_set(ctx, &hosts[i]))
			return &hosts[i];
	return NULL;
}

static const struct host *here(const struct ctx *ctx)
{
	const struct host *h = by_variables(ctx);
	for (size_t i = 0; !h && i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == ARC && access(ARC_AGENT, F_OK) == 0)
			h = &hosts[i];
	return h ? h : &imds;
}

/* One user-assigned identity, or none: then it is the system-assigned one. */
static const char *chosen(const struct ctx *ctx, const struct host *h, const struct identity *id)
{
	const char *client = identity_get(id, KEY_CLIENT_ID), *resource = identity_get(id, KEY_RESOURCE_ID);
	if (client || resource)
		return client ? client : resource;
	return h->kind == ML ? env_get(&ctx->env, "DEFAULT_IDENTITY_CLIENT_ID") : NULL;
}

static enum source_state check(const struct ctx *ctx, const struct host *h, const struct identity *id, struct err *why)
{
	if (h->kind == FABRIC)
		return source_say(SOURCE_BROKEN, why, "use a federated source: daypass config keys", "Service Fabric's managed identity is not supported: its end point is known by a certificate's thumbprint only");
	if (h->kind == IMDS && env_get(&ctx->env, "IDENTITY_ENDPOINT"))
		return source_say(SOURCE_BROKEN, why, "run daypass with the environment that the platform gave", "IDENTITY_ENDPOINT is set, and neither IDENTITY_HEADER nor IMDS_ENDPOINT");
	if (identity_get(id, KEY_CLIENT_ID) && !h->client)
		return source_say(SOURCE_BROKEN, why, "take client-id away", "%s has one identity only: client-id (%s) cannot choose another", h->name, identity_origin(id, KEY_CLIENT_ID));
	if (!identity_get(id, KEY_CLIENT_ID) && identity_get(id, KEY_RESOURCE_ID) && !h->resource)
		return source_say(SOURCE_BROKEN, why, "name it by client-id", "%s does not know identities by %s", h->name, RESOURCE_ID);
	return SOURCE_PRESENT;
}

/* Metadata addresses are asked only where a person named this source; `auto` follows what the platform's variables say. */
static enum source_state mi_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	if (str_eq(identity_get(id, KEY_SOURCE), NAME))
		return check(ctx, here(ctx), id, why);
	const struct host *h = by_variables(ctx);
	if (!h && !env_get(&ctx->env, "IDENTITY_ENDPOINT"))
		return source_say(SOURCE_ABSENT, why, "on an Azure VM: source = managed-identity", "no variable names a managed identity (IDENTITY_ENDPOINT, MSI_ENDPOINT)");
	return check(ctx, h ? h : &imds, id, why);
}

static char *endpoint(const struct ctx *ctx, const struct host *h, struct err *err)
{
	const char *var = h->kind == SHELL || h->kind == ML ? "MSI_ENDPOINT" : h->kind == IMDS ? "AZURE_POD_IDENTITY_AUTHORITY_HOST" : "IDENTITY_ENDPOINT";
	const char *value = env_get(&ctx->env, var), *fixed = h->kind == ARC ? "http://127.0.0.1:40342" : "http://169.254.169.254";
	AUTO_URL u = {0};
	size_t len = value ? strlen(value) : 0;
	if (!value)
		return str_printf("%s%s", fixed, TOKEN_PATH);
	if (url_parse(value, &u) && !u.user && (url_is_loopback(u.host) || url_is_link_local(u.host)) && (str_eq(u.scheme, "http") || str_eq(u.scheme, "https")))
		return h->kind == IMDS ? str_printf("%.*s%s", (int)(value[len - 1] == '/' ? len - 1 : len), value, TOKEN_PATH) : str_dup(value);
	err_set(err, ERR_SOURCE, "unset it, or choose another source", "%s is no address of this machine or its own link (http://127.0.0.1, http://169.254.x.y): not asked", var);
	return NULL;
}

/* Source, host and boot: tokens of a machine's identity end with it. */
static bool mi_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	char boot[CLOCK_BOOT_ID];
	const struct host *h = here(ctx);
	const char *secret = h->secret_var ? env_get(&ctx->env, h->secret_var) : NULL, *who = chosen(ctx, h, id);
	AUTO_STR url = endpoint(ctx, h, err);
	if (!url || check(ctx, h, id, err) != SOURCE_PRESENT)
		return false;
	ctx->clock->boot_id(ctx->clock, boot);
	hash_print(out, secret ? secret : "", url);
	return buf_addf(out, "\n%s\n%s\n%s", h->name, who ? who : "", boot);
}

/* What one request is made of. */
struct asking {
	const struct ctx *ctx;
	const struct host *host;
	const struct identity *id;
	const char *resource;
	char *url;
	struct secret form, secret;
};

static void asking_free(struct asking *a)
{
	free(a->url);
	secret_free(&a->form);
	secret_free(&a->secret);
}

static void add_query(const struct asking *a, const char *base, struct buf *to)
{
	const struct host *h = a->host;
	bool by_client = identity_get(a->id, KEY_CLIENT_ID) || h->kind == ML;
	const char *who = chosen(a->ctx, h, a->id);
	buf_addf(to, "%s%capi-version=%s&resource=", base, strchr(base, '?') ? '&' : '?', h->version);
	url_encode(to, a->resource);
	if (who) {
		buf_addf(to, "&%s=", by_client ? h->client : h->resource);
		url_encode(to, who);
	}
}

static bool prepare(struct asking *a, struct err *err)
{
	const char *secret = a->host->secret_var ? env_get(&a->ctx->env, a->host->secret_var) : NULL;
	AUTO_STR base = endpoint(a->ctx, a->host, err);
	AUTO_BUF url = buf_new(8192);
	if (!base)
		return false;
	if (secret && (str_has_control(secret) || !secret_set(&a->secret, secret, strlen(secret))))
		return err_set(err, ERR_SOURCE, NULL, "%s holds what no header can", a->host->secret_var);
	if (a->host->kind == SHELL) {
		buf_adds(&url, base);
		buf_adds(secret_buf(&a->form), "resource=");
		url_encode(secret_buf(&a->form), a->resource);
	} else {
		add_query(a, base, &url);
	}
	a->url = buf_take(&url);
	return true;
}

static bool unreachable(const struct asking *a, struct err *err)
{
	AUTO_STR where = http_host(a->url);
	AUTO_STR why = str_dup(err->msg);
	err_set(err, ERR_SOURCE, NULL, "there is no managed identity here: %s does not answer (%.300s)", where, why);
	if (a->host->kind == IMDS)
		return err_hint(err, "this is no Azure VM, or its metadata service is shut off; choose another source: daypass config keys");
	return err_hint(err, "check the variables that the platform gave; or choose another source: daypass config keys");
}

static bool send_once(const struct asking *a, const struct secret *key, struct http_response *r, struct err *err)
{
	const struct http *http = a->ctx->http;
	const struct secret *secret = key ? key : secret_len(&a->secret) ? &a->secret : NULL;
	struct http_request q = {.method = a->host->kind == SHELL ? "POST" : "GET", .url = a->url, .headers = {"Metadata: true", "Accept: application/json"},
				 .bearer = secret, .bearer_word = "Basic", .bearer_name = key ? NULL : a->host->secret_name,
				 .form = a->host->kind == SHELL ? &a->form : NULL, .deadline_ms = a->ctx->deadline_ms, .connect_ms = CONNECT_MS, .direct = true, .local = true};
	http_response_free(r);
	*r = http_response_new();
	return http->perform(a->ctx->http, &q, r, err) || unreachable(a, err);
}

static bool ask(const struct asking *a, struct http_response *r, struct err *err)
{
	AUTO_SECRET key = secret_new(8192);
	if (!send_once(a, NULL, r, err))
		return false;
	if (a->host->kind != ARC || r->status != 401)
		return true;
	return arc_answer(ARC_KEYS, r->authenticate, &key, err) && send_once(a, &key, r, err);
}

/* Other clouds have a metadata service at the same address, and say 404 to what they do not know. */
static bool of_another_cloud(const struct http_response *r)
{
	return strcasestr(r->server, "EC2ws") || strcasestr(r->server, "Metadata Server for VM");
}

/* Milliseconds until asking again may help, -1 where it does not. IMDS says 404 and 410 while it is being renewed. */
static int64_t pause_after(const struct asking *a, const struct http_response *r, int try)
{
	bool renewed = a->host->kind == IMDS && (r->status == 404 || r->status == 410) && !of_another_cloud(r);
	if (r->status != 429 && r->status < 500 && !renewed)
		return -1;
	int64_t own = r->status == 410 ? 10000 : 1000LL << try;
	int64_t told = answer_retry_after(r, a->ctx->clock->wall(a->ctx->clock), -1);
	return told >= 0 ? told * 1000 : own;
}

static bool ask_until(const struct asking *a, struct http_response *r, struct err *err)
{
	for (int try = 0;; try++) {
		if (!ask(a, r, err))
			return false;
		int64_t pause = pause_after(a, r, try), left = a->ctx->deadline_ms - a->ctx->clock->mono_ms(a->ctx->clock);
		if (pause < 0 || try + 1 >= TRIES || left < pause + SPARE_MS)
			return true;
		log_trace("%s says %ld; once more in %lld ms", a->host->name, r->status, (long long)pause);
		a->ctx->clock->sleep_ms(a->ctx->clock, pause);
	}
}

static const char *reason(const struct json *j)
{
	const struct json *error = json_get(j, "error");
	const char *const texts[] = {json_raw_text(json_get(j, "error_description")), json_raw_text(json_get(j, "message")),
				     json_raw_text(json_get(error, "message")), json_raw_text(error)};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (!str_empty(texts[i]))
			return texts[i];
	return "no reason given";
}

static bool refused(const struct asking *a, const struct http_response *r, const struct json *j, struct err *err)
{
	const char *text = reason(j), *who = chosen(a->ctx, a->host, a->id), *name = a->host->name;
	bool none = strcasestr(text, "identity not found") || strcasestr(text, "no managed identity");
	if (strcasestr(text, "multiple user assigned"))
		return err_set(err, ERR_SOURCE, "say which: client-id = ..., or DAYPASS_CLIENT_ID", "%s has several identities (HTTP %ld): %.300s", name, r->status, text);
	if (none && who) {
		err_set(err, ERR_SOURCE, NULL, "%s has no identity %s (HTTP %ld): %.300s", name, who, r->status, text);
		return err_hint(err, "check it (%s), or assign it: %s", identity_get(a->id, KEY_CLIENT_ID) ? identity_origin(a->id, KEY_CLIENT_ID) : RESOURCE_ID, a->host->assign);
	}
	if (none)
		return err_set(err, ERR_SOURCE, a->host->assign, "%s has no system-assigned identity (HTTP %ld): %.300s", name, r->status, text);
	err_set(err, ERR_SOURCE, NULL, "%s gave no token (HTTP %ld): %.300s", name, r->status, text);
	return err_hint(err, r->status == 429 || r->status >= 500 ? "try again, or allow more time: DAYPASS_TIMEOUT=60" : "check the identity and the resource: daypass whoami -v");
}

static bool same_resource(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	n -= n && a[n - 1] == '/';
	m -= m && b[m - 1] == '/';
	return n == m && strncasecmp(a, b, n) == 0;
}

/* Is it what was asked for? Old agents do not look at client_id, and give a token of the machine's own identity. */
static bool check_echo(const struct asking *a, const struct json *j, const struct jwt *jwt, struct err *err)
{
	const char *resource = json_str(j, "resource"), *wanted = identity_get(a->id, KEY_CLIENT_ID), *said = json_str(j, "client_id");
	const char *got = said ? said : jwt->appid;
	if (resource && !same_resource(resource, a->resource))
		return err_set(err, ERR_SOURCE, NULL, "%s answered with a token for %.200s, and %s was asked for", a->host->name, resource, a->resource);
	if (wanted && got && !str_ieq(got, wanted))
		return err_set(err, ERR_SOURCE, a->host->assign, "%s answered with a token of identity %.100s, and %s was asked for", a->host->name, got, wanted);
	if (wanted && !got && a->host->kind == ARC)
		return err_set(err, ERR_SOURCE, "upgrade the agent, or take client-id away", "%s does not say whose token it gave: not taken for identity %s", a->host->name, wanted);
	return true;
}

/* expires_in, else expires_on (App Service), else what the token itself says, else the shortest life that Entra gives. */
static void set_times(const struct ctx *ctx, const struct json *j, const struct jwt *jwt, struct token *out)
{
	int64_t life = 0, end = 0, refresh = 0, now = ctx->clock->wall(ctx->clock);
	if (!json_int(j, "expires_in", &life) || life <= 0)
		life = json_int(j, "expires_on", &end) && end > now ? end - now : jwt->exp > now ? jwt->exp - now : SHORTEST_S;
	life = life < LONGEST_S ? life : LONGEST_S;
	out->issued_at = now;
	out->expires_at = now + life;
	out->refresh_at = json_int(j, "refresh_in", &refresh) && refresh > 0 && refresh < life ? now + refresh : 0;
}

static bool take(const struct asking *a, const struct json *j, struct token *out, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err opaque; /* a token need not be a JWT */
	const char *value = json_str(j, "access_token");
	if (!value || !str_is_token(value, strlen(value)) || !secret_set(&out->value, value, strlen(value)))
		return err_set(err, ERR_SOURCE, "try again", "the answer of %s holds no token", a->host->name);
	jwt_read(&out->value, "the token", &jwt, &opaque);
	set_times(a->ctx, j, &jwt, out);
	return check_echo(a, j, &jwt, err);
}

static bool mi_fetch(const struct ctx *ctx, const struct identity *id, const char *resource, struct token *out, struct err *err)
{
	CLEANUP(asking_free) struct asking a = {.ctx = ctx, .host = here(ctx), .id = id, .resource = resource, .form = secret_new(8192), .secret = secret_new(8192)};
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	if (check(ctx, a.host, id, err) != SOURCE_PRESENT || !prepare(&a, err) || !ask_until(&a, &r, err))
		return false;
	if (a.host->kind == IMDS && of_another_cloud(&r))
		return err_set(err, ERR_SOURCE, "choose another source: daypass config keys", "there is no managed identity here: %.79s at 169.254.169.254 is another cloud's", r.server);
	if (!answer_json(&r, a.host->name, &j, err))
		return false;
	return r.status == 200 ? take(&a, j, out, err) : refused(&a, &r, j, err);
}

const struct source source_managed_identity = {
	.name = NAME,
	.summary = "the Azure machine's own identity: a VM's only by this name, others' also by their platform's variables",
	.automatic = AUTO_AMBIENT,
	.yields_access_token = true,
	.detect = mi_detect,
	.fingerprint = mi_fingerprint,
	.fetch = mi_fetch,
};
