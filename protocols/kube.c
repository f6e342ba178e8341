/* kubectl's exec credential plugins (client.authentication.k8s.io), and Azure/kubelogin's place. See kube.md. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/held.h"
#include "helper/core/store_keyring.h"
#include "helper/core/token_text.h"
#include "protocols/kube.h"

#define GROUP "client.authentication.k8s.io/"

static const char usage[] = "Usage: kubectl-daypass get-token --server-id ID [--login MODE] [--client-id ID] [--tenant-id ID] [--refresh] ...\n";

static bool is_version(const char *version)
{
	return str_eq(version, GROUP "v1") || str_eq(version, GROUP "v1beta1");
}

/* Which API server asks, where the kubeconfig says provideClusterInfo. */
static void take_server(const char *server, struct request *r)
{
	AUTO_URL u = {0};
	if (!server || !url_parse(server, &u))
		return;
	str_set(&r->scheme, u.scheme);
	str_set(&r->host, u.host);
	r->port = u.port == url_own_port(u.scheme) ? 0 : u.port;
}

/* spec.cluster.server, where there is one. */
static bool peek_server(const char *text, size_t len, char **server)
{
	const char *spec, *cluster;
	size_t spec_len, cluster_len;
	enum json_peeked seen = json_peek_object(text, len, "spec", &spec, &spec_len);
	seen = seen == JSON_FOUND ? json_peek_object(spec, spec_len, "cluster", &cluster, &cluster_len) : seen;
	seen = seen == JSON_FOUND ? json_peek(cluster, cluster_len, "server", server) : seen;
	return seen != JSON_UNSURE;
}

/* What kubectl says is plain: read without a parser, which costs a tenth of a cached answer. */
static bool peek_info(const char *text, char **kind, char **version, struct request *r)
{
	AUTO_STR server = NULL;
	size_t len = strlen(text);
	bool plain = !strstr(text, "insecure") && json_peek(text, len, "kind", kind) == JSON_FOUND && json_peek(text, len, "apiVersion", version) == JSON_FOUND;
	if (!plain || !peek_server(text, len, &server))
		return false;
	take_server(server, r);
	return true;
}

static void parse_info(const char *text, char **kind, char **version, struct request *r)
{
	AUTO_JSON info = json_parse(text, strlen(text));
	str_set(kind, json_str(info, "kind"));
	str_set(version, json_str(info, "apiVersion"));
	const struct json *cluster = json_get(json_get(info, "spec"), "cluster");
	r->insecure = json_is_true(json_get(cluster, "insecure-skip-tls-verify"));
	take_server(json_str(cluster, "server"), r);
}

/* KUBERNETES_EXEC_INFO, which some clients do not set, and some write their own way ("ExecCredentials"). */
static bool take_info(const struct ctx *ctx, struct request *r, struct exchange_state *s, struct err *err)
{
	const char *text = env_get(&ctx->env, "KUBERNETES_EXEC_INFO");
	AUTO_STR asked = str_dup(s->word);
	str_set(&s->word, asked ? asked : GROUP "v1beta1");
	if (!text)
		return is_version(s->word) || err_set(err, ERR_USAGE, GROUP "v1 or " GROUP "v1beta1", "--exec-api-version %s is not known", s->word);
	AUTO_STR kind = NULL;
	AUTO_STR version = NULL;
	if (!peek_info(text, &kind, &version, r))
		parse_info(text, &kind, &version, r);
	if ((kind && !str_starts(kind, "ExecCredential")) || !version)
		return err_set(err, ERR_USAGE, "take the variable away, or let kubectl set it", "KUBERNETES_EXEC_INFO is no ExecCredential in JSON");
	if (str_eq(version, GROUP "v1alpha1"))
		return err_set(err, ERR_USAGE, "in the kubeconfig: apiVersion: " GROUP "v1beta1", "the kubeconfig asks for " GROUP "v1alpha1, which ended with Kubernetes 1.24");
	if (!is_version(version))
		return err_set(err, ERR_USAGE, "in the kubeconfig: apiVersion: " GROUP "v1", "the kubeconfig asks for %.100s, which daypass does not speak", version);
	str_set(&s->word, version);
	return true;
}

static bool parse(const struct ctx *ctx, bool drop_in, struct words w, struct request *r, struct exchange_state *s, struct err *err)
{
	r->kind = REQUEST_KUBE;
	if (drop_in && w.argc && strspn(w.argv[0], "0123456789") == strlen(w.argv[0]) && *w.argv[0]) /* of "-v 5", which is read as our own -v */
		w = (struct words){w.argc - 1, w.argv + 1};
	str_set(&s->word, w.argc ? w.argv[0] : NULL);
	r->action = str_eq(s->word, "get-token") ? ACTION_GET : ACTION_NONE;
	if (r->action == ACTION_NONE)
		return true;
	str_set(&s->word, NULL);
	return kube_flags(ctx, drop_in, (struct words){w.argc - 1, w.argv + 1}, r, s, err) && take_info(ctx, r, s, err);
}

static bool kube_parse(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err)
{
	return parse(ctx, false, (struct words){argc, argv}, r, s, err);
}

static bool kubelogin_parse(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err)
{
	return parse(ctx, true, (struct words){argc, argv}, r, s, err);
}

static bool kube_print(const struct request *r UNUSED, const struct exchange_state *s, const struct plan *p UNUSED, const struct flow_result *t, struct buf *out, struct err *err)
{
	if (!token_text_ok(&t->token, err))
		return false;
	token_text_exec_credential(out, &t->token, s->word);
	return true;
}

static void kube_other(struct ctx *ctx UNUSED, const struct request *r UNUSED, const struct exchange_state *s, struct reply *a)
{
	a->status = 1;
	AUTO_STR word = str_dup(s->word ? s->word : "");
	err_clean(word);
	if (*word)
		buf_addf(&a->line, "'%s' is not a command of this plugin; ", word);
	buf_add(&a->line, usage, strlen(usage) - 1);
}

/* kubelogin's two names for forgetting its tokens: ours lie together with all others, and go with them. */
static void kubelogin_other(struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct reply *a)
{
	enum keyring_answer keyring;
	if (!str_eq(s->word, "remove-tokens") && !str_eq(s->word, "remove-cache-dir")) {
		kube_other(ctx, r, s, a);
		return;
	}
	held_clear(ctx, NULL, &keyring);
	if (keyring_untold(keyring)) {
		buf_addf(&a->line, "the keyring: %s; what it holds is not forgotten", keyring_says(keyring));
		a->status = 1;
	}
}

/* One line on stderr: it is all that some clients show. */
static int kube_fail(const struct request *r, const struct plan *p, const struct err *err, struct buf *out UNUSED, struct buf *line)
{
	if (!err->kind) {
		buf_addf(line, "no identity for this cluster%s%s", p && p->why ? ": " : "", p && p->why ? p->why : "");
		buf_addf(line, "; set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, or write an [identity default]: daypass whoami");
		return 1;
	}
	buf_adds(line, err->msg);
	if (*err->detail)
		buf_addf(line, " (%s)", err->detail);
	if (*err->hint)
		buf_addf(line, "; %s", err->hint);
	return r->action == ACTION_NONE ? 2 : 1;
}

const struct protocol protocol_kube = {
	.name = "kube",
	.argv0 = "kubectl-daypass",
	.summary = "kubectl exec plugin for AKS",
	.usage = usage,
	.parse = kube_parse,
	.print = kube_print,
	.other = kube_other,
	.fail = kube_fail,
	.failed = 1,
};

const struct protocol protocol_kubelogin = {
	.name = "kubelogin",
	.argv0 = "kubelogin",
	.summary = "the same, in the place of Azure/kubelogin",
	.usage = usage,
	.parse = kubelogin_parse,
	.print = kube_print,
	.other = kubelogin_other,
	.fail = kube_fail,
	.failed = 1,
};
