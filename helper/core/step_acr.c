#include "helper/core/step_acr.h"

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/core/jwt.h"
#include "helper/core/registry.h"

enum { LONGEST_S = 24 * 3600, SHOWN = 300 };

/* What the judging of an answer needs. */
struct visit {
	const struct ctx *ctx;
	const struct plan *plan;
	const struct http_response *response;
};

static void make_form(const struct plan *p, const struct token *entra, struct secret *form)
{
	struct buf *b = secret_buf(form);
	const char *tenant = identity_get(&p->id, KEY_TENANT);
	buf_adds(b, "grant_type=access_token&service=");
	url_encode(b, p->registry);
	if (tenant) {
		buf_adds(b, "&tenant=");
		url_encode(b, tenant);
	}
	buf_adds(b, "&access_token=");
	url_encode(b, secret_reveal(&entra->value));
}

static bool bad_success(const struct plan *p, const char *what, struct err *err)
{
	return err_set(err, ERR_NETWORK, "try again; a proxy may have changed the answer", "the answer of %s is not usable: %s", p->registry, what);
}

/* A regional endpoint's token may be made out to the registry as a whole. */
static bool is_for(const struct plan *p, const struct jwt *jwt)
{
	AUTO_STR whole = registry_global(p->registry);
	return jwt->aud_count <= 1 && (str_ieq(jwt->aud, p->registry) || str_ieq(jwt->aud, whole));
}

/* Seconds it has left. Our clock may be wrong: the server's Date, where it sends one, and the token's own span count. */
static int64_t life_of(const struct visit *v, const struct jwt *jwt)
{
	int64_t now = v->ctx->clock->wall(v->ctx->clock);
	clock_http_date(v->response->date, &now);
	int64_t left = jwt->exp - now, span = jwt->iat ? jwt->exp - jwt->iat : left;
	return left < span ? left : span;
}

static bool accept(const struct visit *v, const struct json *j, struct token *out, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err ignored;
	const char *token = json_str(j, "refresh_token");
	if (!token || !str_is_token(token, strlen(token)))
		return bad_success(v->plan, "it has no well-formed refresh_token", err);
	if (!secret_set(&out->value, token, strlen(token)))
		return bad_success(v->plan, "the refresh token is longer than 64 KiB", err);
	if (!jwt_read(&out->value, "the refresh token", &jwt, &ignored) || !jwt.exp)
		return bad_success(v->plan, "the refresh token is no JWT with an end", err);
	if (!is_for(v->plan, &jwt)) {
		err_set(err, ERR_NETWORK, NULL, "%s gave a refresh token that is for '%.*s': not used", v->plan->registry, SHOWN, jwt.aud ? jwt.aud : "");
		return err_hint(err, "if %s is another name of that registry: login-server = ... in its [match]", v->plan->registry);
	}
	int64_t life = life_of(v, &jwt);
	if (life <= 0)
		return bad_success(v->plan, "the refresh token has expired already", err);
	if (life > LONGEST_S)
		return bad_success(v->plan, "the refresh token would be good for longer than a day", err);
	log_trace("registry: %s gave a refresh token for %lld s", v->plan->registry, (long long)life);
	out->expires_at = out->issued_at + life;
	out->refresh_at = out->issued_at + life / 2;
	return true;
}

/* The registry's own sentence, without the id at its end, which is shown apart. */
static char *sentence(const struct json *j)
{
	const char *text = json_str(json_at(json_get(j, "errors"), 0), "message");
	const char *id = text ? strstr(text, " CorrelationId:") : NULL;
	size_t len = id ? (size_t)(id - text) : text ? strlen(text) : 0;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '.'))
		len--;
	return str_ndup(text ? text : "", len < SHOWN ? len : SHOWN);
}

static void advise(const struct plan *p, const char *text, struct err *err)
{
	const char *client = identity_get(&p->id, KEY_CLIENT_ID);
	AUTO_STR name = registry_name(p->registry);
	if (strstr(text, "firewall"))
		err_hint(err, "the registry's firewall: az acr network-rule add --name %s --ip-address THIS-MACHINE'S", name);
	else
		err_hint(err, "az role assignment create --role AcrPull --assignee %s --scope $(az acr show --name %s --query id --output tsv) "
			 "(AcrPush to push; a registry with repository permissions wants 'Container Registry Repository Reader' or Writer)", client ? client : "CLIENT-ID", name);
}

static bool refused(const struct visit *v, const struct json *j, struct err *err)
{
	long status = v->response->status;
	bool denied = status == 401 || status == 403;
	const struct plan *p = v->plan;
	const char *client = identity_get(&p->id, KEY_CLIENT_ID), *tenant = identity_get(&p->id, KEY_TENANT);
	AUTO_STR text = sentence(j);
	err_set(err, denied ? ERR_REFUSED : ERR_NETWORK, "try again; if it stays: daypass whoami", "%s %s identity %s (client %s, tenant %s)%s%s", p->registry,
		denied ? "refused" : "failed for", p->id.name, client ? client : "unknown", tenant ? tenant : "unknown", *text ? ": " : "", text);
	err->denied = denied;
	if (denied)
		advise(p, text, err);
	return err_detail(err, "HTTP %ld, correlation id %s", status, *v->response->request_id ? v->response->request_id : "none");
}

static bool judge(const struct visit *v, struct token *out, struct exchange_failure *f, struct err *err)
{
	AUTO_JSON j = NULL;
	const struct http_response *r = v->response;
	if (r->status == 429)
		return exchange_throttled(v->ctx, v->plan->registry, r, f, err);
	f->cure = r->status >= 500 ? (*r->retry_after ? CURE_WAIT : CURE_PAUSE) : CURE_NONE;
	f->retry_after = f->cure == CURE_WAIT ? answer_retry_after(r, v->ctx->clock->wall(v->ctx->clock), EXCHANGE_WAIT_S) : 0;
	if (!answer_json(r, v->plan->registry, &j, err))
		return false;
	return r->status == 200 ? accept(v, j, out, err) : refused(v, j, err);
}

bool step_acr(const struct ctx *ctx, const struct plan *p, const struct token *entra, struct token *out, struct exchange_failure *failure, struct err *err)
{
	*failure = (struct exchange_failure){.cure = CURE_NONE};
	AUTO_STR url = str_printf("https://%s/oauth2/exchange", p->registry);
	AUTO_SECRET form = secret_new(4 * TOKEN_MAX);
	make_form(p, entra, &form);
	struct http_request q = {.method = "POST", .url = url, .form = &form, .deadline_ms = ctx->deadline_ms, .headers = {"Accept: application/json"}};
	AUTO_RESPONSE r = http_response_new();
	out->issued_at = ctx->clock->wall(ctx->clock);
	if (!ctx->http->perform(ctx->http, &q, &r, err)) {
		failure->cure = err->kind == ERR_NETWORK ? CURE_PAUSE : CURE_NONE;
		return err_wrap(err, "trading the token at the registry");
	}
	struct visit v = {.ctx = ctx, .plan = p, .response = &r};
	return judge(&v, out, failure, err);
}
