#include "helper/cmd/admin.h"

#include "helper/base/str.h"
#include "helper/core/answer.h"
#include "helper/core/policy.h"

/* A list of hundreds, each with all its details. */
enum { ANSWER_MAX = 4 * 1024 * 1024 };

void admin_close(struct admin *a)
{
	free(a->who);
	flow_result_free(&a->token);
}

/* The log-in of the real az, whatever the configuration says of this place. */
static bool plan_az(struct ctx *ctx, const char *resource, struct plan *p, struct err *err)
{
	p->id = (struct identity){.name = str_dup("az"), .origin = str_dup("az's log-in")};
	return config_set(p->id.set, KEY_SOURCE, "az", "az's log-in", err) && plan_complete(ctx, resource, "az's log-in administers by default", p, err) == PLAN_OURS;
}

static bool plan_named(struct ctx *ctx, const char *name, const char *resource, struct plan *p, struct err *err)
{
	struct ctx as = *ctx; /* borrows all */
	struct request r = {.kind = REQUEST_RESOURCE, .action = ACTION_GET, .resource = str_dup(resource)};
	as.identity = name;
	enum verdict v = policy_plan(&as, &r, p, err);
	request_free(&r);
	if (v == PLAN_NOT_OURS)
		return err_set(err, ERR_SOURCE, "daypass whoami", "identity %s gets no token here: %s", name, p->why ? p->why : "it has no source");
	return v == PLAN_OURS;
}

bool admin_open(struct ctx *ctx, const char *name, const char *resource, struct admin *out, struct err *err)
{
	AUTO_PLAN p = {0};
	*out = (struct admin){.ctx = ctx, .name = name, .token = {.token = token_new()}};
	out->who = name ? str_printf("identity %s", name) : str_dup("az's log-in");
	flow_begin(ctx);
	if (name ? plan_named(ctx, name, resource, &p, err) : plan_az(ctx, resource, &p, err))
		return flow_token(ctx, &p, &out->token, err);
	return name ? false : err_hint(err, "az login, or name who administers: --identity NAME");
}

/* Graph and Resource Manager: {"error": {"code", "message"}}; Azure DevOps: {"message"}. */
static const char *words(const struct json *j)
{
	const struct json *error = json_get(j, "error");
	const char *message = json_str(error ? error : j, "message");
	return message ? message : error ? json_str(error, "code") : NULL;
}

static bool no(const struct admin *a, const struct admin_call *c, const struct http_response *r, const struct json *j, struct err *err)
{
	const char *why = words(j);
	AUTO_STR said = str_printf("%s%.300s", why ? ": " : "", why ? why : "");
	if (r->status == 401 || r->status == 403) {
		err_set(err, ERR_POLICY, NULL, "%s may not do that: %s says HTTP %ld%s", a->who, c->service, r->status, said);
		return err_hint(err, "run it as somebody who may: --identity NAME, or az login as another");
	}
	if (r->status == 429)
		return err_set(err, ERR_THROTTLED, "wait a minute, then try again", "%s asks for a pause (HTTP 429)", c->service);
	return err_set(err, ERR_REFUSED, NULL, "%s says no (HTTP %ld%s)", c->service, r->status, said);
}

bool admin_do(struct admin *a, const struct admin_call *c, long *status, struct json **out, struct err *err)
{
	AUTO_RESPONSE r = http_response_up_to(ANSWER_MAX);
	AUTO_SECRET body = secret_new(HTTP_MAX_BODY);
	struct http_request q = {.method = c->method, .url = c->url, .bearer_word = "Bearer", .bearer = &a->token.token.value, .deadline_ms = a->ctx->deadline_ms,
				 .headers = {"Accept: application/json", c->body ? "Content-Type: application/json" : c->header, c->body ? c->header : NULL}};
	*out = NULL;
	*status = a->status = 0;
	a->retry_after = -1;
	if (c->body && (!secret_set(&body, c->body->p, c->body->len)))
		return err_set(err, ERR_INTERNAL, NULL, "what %s should get is longer than %d KiB", c->service, HTTP_MAX_BODY / 1024);
	q.form = c->body ? &body : NULL;
	if (!a->ctx->http->perform(a->ctx->http, &q, &r, err))
		return false;
	*status = a->status = r.status;
	snprintf(a->continuation, sizeof a->continuation, "%s", r.continuation);
	a->retry_after = answer_retry_after(&r, a->ctx->clock->wall(a->ctx->clock), -1);
	if (c->raw)
		buf_add(c->raw, secret_reveal(&r.body), secret_len(&r.body));
	/* Azure DevOps says some of its refusals as a page. */
	bool plain = r.status == 401 || r.status == 403 || r.status == 404 || r.status == 429;
	struct err page = ERR_INIT;
	bool blank = secret_len(&r.body) == 0 && r.status < 300;
	if (!blank && !answer_json(&r, c->service, out, &page) && !plain) {
		*err = page;
		return false;
	}
	if ((r.status >= 200 && r.status < 300) || r.status == 404)
		return true;
	no(a, c, &r, *out, err);
	json_free(out);
	return false;
}
