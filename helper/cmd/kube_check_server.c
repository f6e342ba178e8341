/* The last steps of `kube check`: what the token says of itself, and what the API server says of the token. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/kube_check.h"
#include "helper/core/answer.h"
#include "helper/core/flow.h"
#include "helper/core/match.h"
#include "helper/core/resource.h"

enum { SHOWN_GROUPS = 5 };

#define REVIEWS "/apis/authentication.k8s.io/v1/selfsubjectreviews"
static const char review[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}";

/* --- one request --- */

static bool ask(struct kube_check *k, const char *method, const char *path, const struct secret *bearer, struct http_response *r, struct err *err)
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
	AUTO_STR host = str_printf("Host: %s:%d", u.host, port);
	struct http_request q = {.method = method, .url = url, .headers = {"Accept: application/json", k->tls_name ? host : NULL}, .bearer_word = "Bearer", .bearer = bearer,
				 .deadline_ms = k->ctx->deadline_ms, .connect_to = dial, .ca_data = k->ca.len ? k->ca.p : NULL};
	if (str_eq(method, "POST") && secret_set(&body, review, sizeof review - 1)) {
		q.headers[k->tls_name ? 2 : 1] = "Content-Type: application/json";
		q.form = &body;
	}
	str_set(&k->ctx->http->proxy, k->proxy);
	k->ctx->http->proxy_name = "the kubeconfig's proxy-url";
	k->ctx->http->proxy_always = k->proxy != NULL;
	if (k->ctx->http->perform(k->ctx->http, &q, r, err))
		return true;
	return strstr(err->msg, "certificate") ? err_hint(err, "the kubeconfig's certificate-authority is not this server's: az aks get-credentials writes it anew") : false;
}

/* The server's clock by its answer: how far ahead of ours. False where it does not say. */
static bool ahead(const struct kube_check *k, const struct http_response *r, int64_t *off)
{
	bool said = clock_http_date(r->date, off);
	*off -= k->ctx->clock->wall(k->ctx->clock);
	return said;
}

/* Asked without a token. */
static bool server_clock(struct kube_check *k, int64_t *off)
{
	AUTO_RESPONSE r = http_response_new();
	struct err err;
	return ask(k, "GET", "/version", NULL, &r, &err) && ahead(k, &r, off);
}

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

/* At a time, as API servers judge: nbf may lie a minute ahead. NULL: it is good, else what is wrong, with when. */
static const char *untimely(const struct jwt *c, int64_t now, char when[24])
{
	enum { NBF_S = 60 };
	bool ended = c->exp && c->exp < now, early = c->nbf > now + NBF_S;
	clock_text(when, ended ? c->exp : c->nbf);
	return ended ? "ended" : early ? "begins only at" : NULL;
}

/* By our clock; where the API server's says otherwise, it is ours that is wrong. */
static bool out_of_time(struct kube_check *k, struct err *err)
{
	char when[24], again[24], span[32];
	int64_t now = k->ctx->clock->wall(k->ctx->clock), off;
	const char *wrong = untimely(&k->claims, now, when);
	clock_text(again, k->again_at);
	if (!wrong && k->again_at && k->again_at <= now)
		err_set(err, ERR_SOURCE, "check the plugin: daypass configure kube", "the plugin's expirationTimestamp %s is past, so kubectl starts it for each request", again);
	if (!wrong)
		return k->again_at && k->again_at <= now;
	if (server_clock(k, &off) && !untimely(&k->claims, now + off, span)) {
		clock_span(span, off < 0 ? -off : off);
		err_set(err, ERR_REFUSED, "set the clock: timedatectl", "this machine's clock is %s %s the API server's: by it the token %s %s", span, off < 0 ? "ahead of" : "behind", wrong, when);
		return true;
	}
	err_set(err, ERR_REFUSED, k->own ? "daypass cache clear" : "log in again with the plugin, or: daypass configure kube", "the token %s %s", wrong, when);
	return true;
}

static void tell_claims(const struct kube_check *k, struct buf *found)
{
	char span[32];
	const struct jwt *c = &k->claims;
	const char *aud = c->aud ? c->aud : "nobody", *name = resource_name(aud);
	clock_span(span, c->exp - k->ctx->clock->wall(k->ctx->clock));
	buf_addf(found, "for %s%s%s%s, good for %s\nissuer %s", name, name == aud ? "" : " (", name == aud ? "" : aud, name == aud ? "" : ")", span, c->iss ? c->iss : "?");
	if (c->appid)
		buf_addf(found, "\napp %s, object %s", c->appid, c->oid ? c->oid : "?");
	if (c->many_groups)
		buf_adds(found, "\nit is in more than 200 groups, so they are not in the token: AKS asks Entra for them, other clusters see none");
}

bool kube_check_token(struct kube_check *k, struct buf *found, struct err *err)
{
	struct err opaque;
	jwt_free(&k->claims);
	if (!secret_len(&k->token))
		return buf_adds(found, "none: only the API server can judge a certificate");
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

/* False where the groups that the token leaves out are nobody's to the server. */
static bool tell_user(const struct kube_check *k, const struct json *j, struct buf *found, struct err *err)
{
	bool own = false; /* a group that is not Kubernetes' */
	const struct json *user = json_get(json_get(j, "status"), "userInfo"), *groups = json_get(user, "groups");
	const char *name = json_str(user, "username");
	buf_addf(found, ": you are %s", name ? name : "somebody without a name");
	int n = 0;
	for (; json_at(groups, n); n++) {
		own = own || !str_starts(json_text(json_at(groups, n)) ? json_text(json_at(groups, n)) : "system:", "system:");
		if (n < SHOWN_GROUPS && json_text(json_at(groups, n)))
			buf_addf(found, "%s%s", n ? ", " : "\nin groups ", json_text(json_at(groups, n)));
	}
	if (n > SHOWN_GROUPS)
		buf_addf(found, " and %d more", n - SHOWN_GROUPS);
	if (own || !k->claims.many_groups)
		return true;
	err_set(err, ERR_REFUSED, NULL, "the API server takes the token and sees none of the groups: they are more than 200, so the token leaves them out, and only AKS looks them up");
	return err_hint(err, "give roles to the object id %s itself, or have only groups in the token that are assigned to the application", str_is_guid(k->claims.oid) ? k->claims.oid : "of the identity");
}

static bool refused(const struct kube_check *k, const struct http_response *r, struct err *err)
{
	char span[32], when[24];
	int64_t off;
	const struct jwt *c = &k->claims;
	const char *wrong = ahead(k, r, &off) ? untimely(c, k->ctx->clock->wall(k->ctx->clock) + off, when) : NULL;
	clock_span(span, off < 0 ? -off : off);
	if (k->readable && wrong)
		return err_set(err, ERR_REFUSED, "set the clock that is wrong: timedatectl", "the API server says Unauthorized: its clock is %s %s this machine's, and by it the token %s %s", span,
			       off > 0 ? "ahead of" : "behind", wrong, when);
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
	if (!ask(k, "POST", REVIEWS, &k->token, r, err))
		return false;
	if (r->status == 404) {
		http_response_free(r);
		*r = http_response_new();
		if (!ask(k, "GET", "/version", &k->token, r, err))
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
	return r->status != 201 || tell_user(k, j, found, err);
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
	if (!secret_len(&k->token))
		return buf_adds(found, "not asked: daypass presents no certificates");
	if (review_token(k, &r, found, err))
		return true;
	if (err->kind)
		return err->hint[0] ? false : err_hint(err, "kubectl get --raw /version -v 6");
	return k->own ? again(k, found, err) : refused(k, &r, err);
}
