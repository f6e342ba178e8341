/* Google Cloud: the metadata server signs an ID token for the machine's service account, or for another one that it may
 * act for (service-account). Sources: cloud.google.com, "Get an ID token" and "serviceAccounts.generateIdToken";
 * google-auth for the variables. Asked by its address, not its name: a name server could send us anywhere. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/common.h"

enum { CONNECT_MS = 1000, ANSWER_MS = 5000, EMAIL_MAX = 320 };

static const char NAME[] = "gcp", SERVER[] = "Google's metadata server", IAM[] = "Google's IAM Credentials API";
static const char ACCOUNTS[] = "/computeMetadata/v1/instance/service-accounts/default/";

static enum source_state gcp_detect(const struct ctx *ctx UNUSED, const struct identity *id, struct err *why)
{
	const char *email = identity_get(id, KEY_SERVICE_ACCOUNT);
	size_t n = email ? strspn(email, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-@") : 0;
	if (!email || (n && n <= EMAIL_MAX && !email[n] && strchr(email, '@')))
		return SOURCE_PRESENT;
	return source_say(SOURCE_BROKEN, why, "for example: deploy@project.iam.gserviceaccount.com", "%s: '%.100s' is no service account of Google's", identity_origin(id, KEY_SERVICE_ACCOUNT), email);
}

/* http://HOST[:PORT], on this machine or its own link only. */
static char *root(const struct ctx *ctx, struct err *err)
{
	static const char *const names[] = {"GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"};
	const char *host = NULL, *name = NULL;
	for (size_t i = 0; i < COUNT_OF(names) && !host; i++)
		host = env_get(&ctx->env, name = names[i]);
	if (!host || str_ieq(host, "metadata.google.internal"))
		return str_dup("http://169.254.169.254");
	AUTO_URL u = {0};
	AUTO_STR base = str_printf("http://%s", host);
	if (url_parse(base, &u) && !u.user && !*u.path && !u.query && (url_is_loopback(u.host) || url_is_link_local(u.host)))
		return str_dup(base);
	err_set(err, ERR_SOURCE, "unset it", "%s is no address of this machine or its own link (127.0.0.1, 169.254.x.y): not asked", name);
	return NULL;
}

static bool gcp_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	char boot[CLOCK_BOOT_ID];
	const char *email = identity_get(id, KEY_SERVICE_ACCOUNT);
	AUTO_STR base = root(ctx, err);
	if (!base)
		return false;
	ctx->clock->boot_id(ctx->clock, boot);
	return buf_addf(out, "%s\n%s\n%s\n%s", NAME, base, email ? email : "", boot);
}

/* What the server says in plain words of a refusal; an answer that is none might be a token, and so might a word in it. */
static bool no_token(const struct http_response *r, struct err *err)
{
	bool plain = r->status >= 400 && str_starts(r->content_type, "text/plain");
	AUTO_STR said = str_printf("%.200s", plain ? secret_reveal(&r->body) : "");
	log_mask(said);
	if (strstr(said, "ya29."))
		*said = 0;
	if (r->status == 404)
		return err_set(err, ERR_SOURCE, "give the machine one: gcloud compute instances set-service-account", "%s knows no service account of this machine (HTTP 404)", SERVER);
	return err_set(err, ERR_SOURCE, "check the machine's service account, then try again", "%s gave no token (HTTP %ld%s%s)", SERVER, r->status, *said ? ": " : "", said);
}

static bool ask_server(const struct ctx *ctx, const char *what, struct http_response *r, struct err *err)
{
	AUTO_STR base = root(ctx, err);
	if (!base)
		return false;
	AUTO_STR url = str_printf("%s%s%s", base, ACCOUNTS, what);
	int64_t soon = ctx->clock->mono_ms(ctx->clock) + ANSWER_MS; /* it is near: no answer by then is none */
	struct http_request q = {.method = "GET", .url = url, .headers = {"Metadata-Flavor: Google"}, .deadline_ms = soon < ctx->deadline_ms ? soon : ctx->deadline_ms, .connect_ms = CONNECT_MS, .direct = true, .local = true};
	if (!ctx->http->perform(ctx->http, &q, r, err)) {
		AUTO_STR why = str_dup(err->msg);
		err_set(err, ERR_SOURCE, NULL, "there is no %s here: %.300s", SERVER, why);
		return err_hint(err, "this is no machine of Google Cloud; choose another source: daypass config keys");
	}
	if (!str_eq(r->metadata_flavor, "Google"))
		return err_set(err, ERR_SOURCE, "choose another source: daypass config keys", "what answers at %s is not %s: it does not say Metadata-Flavor: Google", base, SERVER);
	return r->status == 200 || no_token(r, err);
}

static bool own_token(const struct ctx *ctx, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF what = buf_new(4096);
	AUTO_RESPONSE r = http_response_new();
	buf_adds(&what, "identity?audience=");
	url_encode(&what, audience);
	buf_adds(&what, "&format=full");
	return ask_server(ctx, what.p, &r, err) && token_take(secret_reveal(&r.body), secret_len(&r.body), "the answer of Google's metadata server", out, err);
}

/* The machine's own access token, to act with for the other account. */
static bool access_token(const struct ctx *ctx, struct secret *out, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	if (!ask_server(ctx, "token", &r, err) || !answer_json(&r, SERVER, &j, err))
		return false;
	const char *value = json_str(j, "access_token");
	return (value && secret_set(out, value, strlen(value))) || err_set(err, ERR_SOURCE, "try again", "the answer of %s holds no access token", SERVER);
}

static bool refused(const struct http_response *r, const struct json *j, const char *email, struct err *err)
{
	const char *message = json_str(json_get(j, "error"), "message");
	err_set(err, ERR_SOURCE, NULL, "%s gave no token for %.100s (HTTP %ld%s%.200s)", IAM, email, r->status, message ? ": " : "", message ? message : "");
	if (r->status == 403)
		return err_hint(err, "grant the machine's account roles/iam.serviceAccountOpenIdTokenCreator on it, and the scope cloud-platform");
	return err_hint(err, "check service-account, then try again");
}

static bool others_token(const struct ctx *ctx, const char *email, const char *audience, struct token *out, struct err *err)
{
	AUTO_SECRET bearer = secret_new(TOKEN_MAX), body = secret_new(4096);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_STR url = str_printf("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/%s:generateIdToken", email);
	buf_adds(secret_buf(&body), "{\"audience\":");
	json_quote(secret_buf(&body), audience);
	buf_adds(secret_buf(&body), ",\"includeEmail\":true}");
	struct http_request q = {.method = "POST", .url = url, .bearer_word = "Bearer", .bearer = &bearer, .form = &body, .headers = {"Content-Type: application/json"}, .deadline_ms = ctx->deadline_ms};
	if (!access_token(ctx, &bearer, err) || !ctx->http->perform(ctx->http, &q, &r, err) || !answer_json(&r, IAM, &j, err))
		return false;
	const char *value = json_str(j, "token");
	return r.status == 200 && value ? token_take(value, strlen(value), "the answer of Google's IAM", out, err) : refused(&r, j, email, err);
}

static bool gcp_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	const char *email = identity_get(id, KEY_SERVICE_ACCOUNT);
	return email ? others_token(ctx, email, audience, out, err) : own_token(ctx, audience, out, err);
}

const struct source source_gcp = {
	.name = NAME,
	.summary = "the service account of a machine in Google Cloud, or another one that it may act for",
	.automatic = AUTO_NEVER,
	.detect = gcp_detect,
	.fingerprint = gcp_fingerprint,
	.fetch = gcp_fetch,
};
