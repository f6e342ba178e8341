/* Kubernetes: the API server writes a token of a service account for Entra (TokenRequest), where no volume projects one
 * already: that is source file. The pod's own token asks for it, and never goes anywhere else. Source: kubernetes.io,
 * "TokenRequest", "Accessing the API from within a Pod". */
#include "helper/base/file.h"
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/core/jwt.h"
#include "helper/sources/common.h"

enum { LIFE_S = 3600 };

static const char NAME[] = "kubernetes", HOST[] = "KUBERNETES_SERVICE_HOST", PORT[] = "KUBERNETES_SERVICE_PORT", OWN[] = "/var/run/secrets/kubernetes.io/serviceaccount/token";

static const char *path_of(const struct identity *id)
{
	const char *own = identity_get(id, KEY_TOKEN_FILE);
	return own ? own : OWN;
}

static enum source_state kubernetes_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *account = identity_get(id, KEY_SERVICE_ACCOUNT);
	if (!env_get(&ctx->env, HOST))
		return source_say(SOURCE_ABSENT, why, "elsewhere: source = command, command = /usr/bin/kubectl create token NAME --audience api://AzureADTokenExchange", "not in a pod: %s is not set", HOST);
	size_t n = account ? strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789.-/") : 0;
	if (account && (account[n] || !strchr(account, '/') || strchr(account, '/') != strrchr(account, '/') || account[0] == '/' || str_ends(account, "/")))
		return source_say(SOURCE_BROKEN, why, "for example: ci/builder", "%s: '%.100s' is no service account (NAMESPACE/NAME)", identity_origin(id, KEY_SERVICE_ACCOUNT), account);
	return SOURCE_PRESENT;
}

/* The pod's own token for the API server. */
static bool own_token(const struct identity *id, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	const char *path = path_of(id);
	AUTO_STR what = str_printf("the file %s", path);
	if (file_read(path, &text, NULL, ERR_SOURCE, err) && token_take(text.p, text.len, what, out, err))
		return true;
	return err->hint[0] ? false : err_hint(err, "the pod needs its service account's token: automountServiceAccountToken: true; or token-file names another");
}

static bool kubernetes_fingerprint(const struct ctx *ctx UNUSED, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_TOKEN t = token_new();
	const char *account = identity_get(id, KEY_SERVICE_ACCOUNT);
	buf_addf(out, "%s\n%s\n", NAME, account ? account : "");
	return own_token(id, &t, err) && token_print(&t, path_of(id), out, evidence, err);
}

/* Whose token is wanted: the one that is named, else the pod's own, whose subject is system:serviceaccount:NAMESPACE:NAME. */
static bool find_account(const struct identity *id, const struct token *own, char **namespace, char **name, struct err *err)
{
	static const char prefix[] = "system:serviceaccount:";
	AUTO_JWT jwt = {0};
	const char *account = identity_get(id, KEY_SERVICE_ACCOUNT);
	if (!account && !jwt_read(&own->value, "the pod's token", &jwt, err))
		return false;
	const char *text = account ? account : str_starts(jwt.sub, prefix) ? jwt.sub + strlen(prefix) : "";
	const char *mark = strpbrk(text, "/:");
	if (!mark || mark == text || !mark[1])
		return err_set(err, ERR_SOURCE, "service-account = NAMESPACE/NAME", "the pod's token is of no service account ('%.100s')", jwt.sub ? jwt.sub : "");
	*namespace = str_ndup(text, (size_t)(mark - text));
	*name = str_dup(mark + 1);
	return true;
}

static bool make_url(const struct ctx *ctx, const char *namespace, const char *name, struct buf *url)
{
	const char *host = env_get(&ctx->env, HOST), *port = env_get(&ctx->env, PORT);
	bool v6 = strchr(host, ':') && host[0] != '[';
	buf_addf(url, "https://%s%s%s:%s/api/v1/namespaces/", v6 ? "[" : "", host, v6 ? "]" : "", port ? port : "443");
	url_encode(url, namespace);
	buf_adds(url, "/serviceaccounts/");
	url_encode(url, name);
	return buf_adds(url, "/token");
}

static bool refused(const struct http_response *r, const struct json *j, const char *namespace, const char *name, struct err *err)
{
	const char *message = json_str(j, "message");
	err_set(err, ERR_SOURCE, NULL, "the API server gave no token of service account %.100s/%.100s (HTTP %ld%s%.300s)", namespace, name, r->status, message ? ": " : "", message ? message : "");
	if (r->status == 403)
		return err_hint(err, "allow it: kubectl -n %.100s create role token-%.60s --verb=create --resource=serviceaccounts/token --resource-name=%.100s, and a rolebinding to it", namespace, name, name);
	return err_hint(err, r->status == 404 ? "check service-account (NAMESPACE/NAME)" : "try again; kubectl auth whoami");
}

static bool kubernetes_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_TOKEN own = token_new();
	AUTO_SECRET body = secret_new(4096);
	AUTO_BUF url = buf_new(4096);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_STR namespace = NULL;
	AUTO_STR name = NULL;
	if (kubernetes_detect(ctx, id, err) != SOURCE_PRESENT || !own_token(id, &own, err) || !find_account(id, &own, &namespace, &name, err))
		return false;
	const char *path = path_of(id);
	AUTO_STR ca = str_printf("%.*s/ca.crt", (int)(strrchr(path, '/') - path), path);
	make_url(ctx, namespace, name, &url);
	buf_adds(secret_buf(&body), "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{\"audiences\":[");
	json_quote(secret_buf(&body), audience);
	buf_addf(secret_buf(&body), "],\"expirationSeconds\":%d}}", LIFE_S);
	struct http_request q = {.method = "POST", .url = url.p, .bearer_word = "Bearer", .bearer = &own.value, .form = &body, .ca_file = ca, .deadline_ms = ctx->deadline_ms,
				 .headers = {"Content-Type: application/json", "Accept: application/json"}};
	if (!ctx->http->perform(ctx->http, &q, &r, err) || !answer_json(&r, "the API server", &j, err))
		return false;
	const char *value = json_str(json_get(j, "status"), "token");
	return r.status == 201 && value ? token_take(value, strlen(value), "the API server's answer", out, err) : refused(&r, j, namespace, name, err);
}

const struct source source_kubernetes = {
	.name = NAME,
	.summary = "a service account's token that the pod asks its API server for (TokenRequest)",
	.automatic = AUTO_NEVER,
	.detect = kubernetes_detect,
	.fingerprint = kubernetes_fingerprint,
	.fetch = kubernetes_fetch,
};
