/* The last steps of `kube check`: what the token says of itself, and what the API server says of the token. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/kube_check.h"
#include "helper/core/answer.h"
#include "helper/core/flow.h"
#include "helper/core/match.h"
#include "helper/core/resource.h"

enum { SKEW_S = 300, SHOWN_GROUPS = 5 };

#define REVIEWS "/apis/authentication.k8s.io/v1/selfsubjectreviews"
static const char review[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}";

/* --- the token --- */

/* An API server that trusts the issuer itself has an audience of its own, whatever the stanza says; of other names than a
 * GUID's, a token may have the GUID. NULL: it cannot be told. */
static const char *audience_of(const struct kube_check *k)
{
	AUTO_URL u = {0};
	url_parse(k->server, &u);
	struct request r = {.kind = REQUEST_KUBE, .scheme = u.scheme, .host = u.host, .port = u.port == 443 ? 0 : u.port};
	struct match m = k->own ? match_find(k->ctx->config, &r, MATCH_ALL) : (struct match){0};
	if (m.section && str_eq(m.section->set[KEY_MODE].value, "direct"))
		return m.section->set[KEY_CLUSTER_AUDIENCE].value;
	return str_is_guid(k->stanza.old[KUBE_SERVER]) ? k->stanza.old[KUBE_SERVER] : NULL;
}

static bool for_another(const struct kube_check *k, struct err *err)
{
	const char *wanted = audience_of(k), *aud = k->claims.aud;
	if (!wanted || !aud || str_ieq(aud, wanted))
		return false;
	if (str_starts(aud, "spn:") && str_ieq(aud + 4, wanted))
		err_set(err, ERR_REFUSED, "take --legacy out of the kubeconfig: daypass configure kube", "the token's audience is %s: a --legacy one, which clusters of today do not take", aud);
	else
		err_set(err, ERR_REFUSED, "check the plugin: daypass configure kube", "the token's audience is %s, and the cluster wants %s", aud, wanted);
	return true;
}

static bool of_another_tenant(const struct kube_check *k, struct err *err)
{
	const char *wanted = k->stanza.old[KUBE_TENANT], *tid = k->claims.tid;
	if (!str_is_guid(wanted) || !tid || str_ieq(tid, wanted))
		return false;
	err_set(err, ERR_REFUSED, NULL, "the token is of tenant %s, and the kubeconfig says that the cluster is of tenant %s", tid, wanted);
	err_hint(err, "name an identity of that tenant: daypass config check");
	return true;
}

static bool out_of_time(const struct kube_check *k, struct err *err)
{
	char when[24];
	int64_t now = k->ctx->clock->wall(k->ctx->clock);
	if (k->claims.exp && k->claims.exp <= now) {
		clock_text(when, k->claims.exp);
		err_set(err, ERR_REFUSED, "if this machine's clock is right: daypass cache clear", "the token ended %s", when);
		return true;
	}
	if (k->claims.nbf <= now + SKEW_S)
		return false;
	clock_text(when, k->claims.nbf);
	err_set(err, ERR_REFUSED, "set the clock: timedatectl", "the token begins only at %s: this machine's clock is behind", when);
	return true;
}

static void tell_claims(const struct kube_check *k, struct buf *found)
{
	char span[32];
	const struct jwt *c = &k->claims;
	const char *name = resource_name(c->aud ? c->aud : "nobody");
	clock_span(span, c->exp - k->ctx->clock->wall(k->ctx->clock));
	buf_addf(found, "for %s%s%s%s, good for %s\nissuer %s", name, str_eq(name, c->aud) ? "" : " (", str_eq(name, c->aud) ? "" : c->aud, str_eq(name, c->aud) ? "" : ")", span, c->iss ? c->iss : "?");
	if (c->appid)
		buf_addf(found, "\napp %s, object %s", c->appid, c->oid ? c->oid : "?");
	if (c->many_groups)
		buf_adds(found, "\nit is in more than 200 groups, so they are not in the token: AKS asks Entra for them, other clusters see none");
}

bool kube_check_token(struct kube_check *k, struct buf *found, struct err *err)
{
	struct err opaque;
	jwt_free(&k->claims);
	AUTO_SECRET within = secret_new(TOKEN_MAX);
	k->readable = jwt_read(jwt_within(&k->token, &within) ? &within : &k->token, "the token", &k->claims, &opaque);
	if (!k->readable)
		return buf_adds(found, "it says nothing of itself (no JWT)");
	if (for_another(k, err) || of_another_tenant(k, err) || out_of_time(k, err))
		return false;
	tell_claims(k, found);
	return true;
}

/* --- the API server --- */

static bool ask(struct kube_check *k, const char *method, const char *path, struct http_response *r, struct err *err)
{
	AUTO_URL u = {0};
	AUTO_SECRET body = secret_new(sizeof review);
	flow_begin(k->ctx); /* the plugin had its own time */
	url_parse(k->server, &u);
	int port = u.port ? u.port : 443;
	const char *base = u.path ? u.path : "";
	size_t len = strlen(base) - (str_ends(base, "/") ? 1 : 0);
	AUTO_STR url = str_printf("https://%s:%d%s%.*s%s", k->tls_name ? k->tls_name : u.host, port, len ? "/" : "", (int)len, base, path);
	AUTO_STR dial = k->tls_name ? str_printf("%s:%d", u.host, port) : NULL;
	struct http_request q = {.method = method, .url = url, .headers = {"Accept: application/json"}, .bearer_word = "Bearer", .bearer = &k->token,
				 .deadline_ms = k->ctx->deadline_ms, .connect_to = dial, .ca_data = k->ca.len ? k->ca.p : NULL};
	if (str_eq(method, "POST") && secret_set(&body, review, sizeof review - 1)) {
		q.headers[1] = "Content-Type: application/json";
		q.form = &body;
	}
	str_set(&k->ctx->http->proxy, k->proxy);
	k->ctx->http->proxy_name = "the kubeconfig's proxy-url";
	if (k->ctx->http->perform(k->ctx->http, &q, r, err))
		return true;
	return strstr(err->msg, "certificate") ? err_hint(err, "the kubeconfig's certificate-authority is not this server's: az aks get-credentials writes it anew") : false;
}

static void tell_user(const struct json *j, struct buf *found)
{
	const struct json *user = json_get(json_get(j, "status"), "userInfo"), *groups = json_get(user, "groups");
	const char *name = json_str(user, "username");
	buf_addf(found, ": you are %s", name ? name : "somebody without a name");
	int n = 0;
	for (; json_at(groups, n); n++)
		if (n < SHOWN_GROUPS && json_text(json_at(groups, n)))
			buf_addf(found, "%s%s", n ? ", " : "\nin groups ", json_text(json_at(groups, n)));
	if (n > SHOWN_GROUPS)
		buf_addf(found, " and %d more", n - SHOWN_GROUPS);
}

/* The server's clock by its answer; 0 where it does not say, or says what ours does. */
static int64_t skew(const struct kube_check *k, const struct http_response *r)
{
	int64_t there, off = clock_http_date(r->date, &there) ? there - k->ctx->clock->wall(k->ctx->clock) : 0;
	return off > SKEW_S || off < -SKEW_S ? off : 0;
}

static bool refused(const struct kube_check *k, const struct http_response *r, struct err *err)
{
	char span[32];
	int64_t off = skew(k, r);
	const struct jwt *c = &k->claims;
	clock_span(span, off < 0 ? -off : off);
	if (off) {
		err_set(err, ERR_REFUSED, NULL, "the API server says Unauthorized, and its clock is %s %s this machine's", span, off > 0 ? "ahead of" : "behind");
		return err_hint(err, "set the clock that is wrong: timedatectl");
	}
	if (!k->readable)
		return err_set(err, ERR_REFUSED, "daypass configure kube", "the API server says Unauthorized to the token of %s", k->program);
	err_set(err, ERR_REFUSED, NULL, "the API server says Unauthorized to %s: it does not trust issuer %s, or not for audience %s%s%s", k->own ? "a fresh token, as it did to the one before" : "the token",
		c->iss ? c->iss : "?", c->aud ? c->aud : "?", c->tid ? ", tenant " : "", c->tid ? c->tid : "");
	return c->tid ? err_hint(err, "compare the tenant: az aks show --resource-group GROUP --name CLUSTER --query aadProfile; other clusters: their authentication configuration")
		      : err_hint(err, "compare issuer and audience with the cluster's authentication configuration");
}

/* The server's answer to the token that we have; false with ERR_NONE for a 401. */
static bool review_token(struct kube_check *k, struct http_response *r, struct buf *found, struct err *err)
{
	if (!ask(k, "POST", REVIEWS, r, err))
		return false;
	if (r->status == 404) {
		http_response_free(r);
		*r = http_response_new();
		if (!ask(k, "GET", "/version", r, err))
			return false;
	}
	if (r->status == 401)
		return false;
	AUTO_JSON j = NULL;
	if (!answer_json(r, "the API server", &j, err))
		return false;
	if (r->status == 403)
		return err_set(err, ERR_REFUSED, "kubectl create clusterrolebinding, or for Azure RBAC: az role assignment create --role \"Azure Kubernetes Service RBAC Reader\" --assignee OBJECT --scope CLUSTER-ID",
			       "the API server knows you and lets you do nothing: %.300s", json_str(j, "message") ? json_str(j, "message") : "Forbidden");
	if (r->status != 200 && r->status != 201)
		return err_set(err, ERR_NETWORK, "try again", "the API server answered HTTP %ld", r->status);
	buf_adds(found, "accepts it");
	if (r->status == 201)
		tell_user(j, found);
	return true;
}

/* The kept token was refused: another one, once. */
static bool again(struct kube_check *k, struct buf *found, struct err *err)
{
	AUTO_BUF ignored = buf_new(1024);
	AUTO_RESPONSE r = http_response_new();
	if (!kube_plugin_token(k, true, NULL, err) || !kube_check_token(k, &ignored, err))
		return false;
	if (review_token(k, &r, found, err))
		return buf_adds(found, "\nthe kept token was refused (revoked, or its signing key is gone), and is replaced now");
	return err->kind ? false : refused(k, &r, err);
}

bool kube_check_server(struct kube_check *k, struct buf *found, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	if (review_token(k, &r, found, err))
		return true;
	if (err->kind)
		return err->hint[0] ? false : err_hint(err, "kubectl get --raw /version -v 6");
	return k->own ? again(k, found, err) : refused(k, &r, err);
}
