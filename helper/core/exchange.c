#include "helper/core/exchange.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/aadsts.h"
#include "helper/core/answer.h"
#include "helper/core/binding.h"
#include "helper/core/jwt.h"

enum { LOOP_WAIT_S = 300, LONGEST_S = 28 * 3600, SHOWN = 600 };

/* What the judging of an answer needs. */
struct attempt {
	const struct ctx *ctx;
	const struct plan *plan;
	const struct token *assertion;
	const struct http_response *response;
};

static void make_form(const struct plan *p, const struct token *assertion, struct secret *form)
{
	struct buf *b = secret_buf(form);
	buf_adds(b, "grant_type=client_credentials&client_id=");
	url_encode(b, identity_get(&p->id, KEY_CLIENT_ID));
	buf_adds(b, "&scope=");
	url_encode(b, p->scope);
	if (p->req_cnf)
		buf_addf(b, "&token_type=pop&req_cnf=%s", p->req_cnf);
	if (p->claims) {
		buf_adds(b, "&claims=");
		url_encode(b, p->claims);
	}
	if (p->source->yields_secret) {
		buf_adds(b, "&client_secret=");
		url_encode(b, secret_reveal(&assertion->value));
		return;
	}
	buf_adds(b, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=");
	url_encode(b, secret_reveal(&assertion->value));
}

static void add_presented(const struct ctx *ctx, const struct token *assertion, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err ignored;
	if (!jwt_read(&assertion->value, "the assertion", &jwt, &ignored))
		return;
	size_t n = strlen(err->msg);
	snprintf(err->msg + n, sizeof err->msg - n, "; presented: issuer '%.*s', subject '%.*s', audience '%.*s'%s", SHOWN, jwt.iss ? jwt.iss : "",
		 SHOWN, jwt.sub ? jwt.sub : "", SHOWN, jwt.aud ? jwt.aud : "", jwt.aud_count > 1 ? " and others (Entra wants exactly one)" : "");
	n += strlen(err->msg + n);
	char span[32];
	int64_t ago = ctx->clock->wall(ctx->clock) - jwt.exp;
	clock_span(span, ago);
	if (jwt.exp && ago > 0)
		snprintf(err->msg + n, sizeof err->msg - n, ", expired %s ago by this machine's clock", span);
	err_clean(err->msg);
}

/* Where the secret that was presented lies: its value is shown nowhere. */
static void add_secret_place(const struct plan *p, struct err *err)
{
	const char *file = identity_get(&p->id, KEY_CLIENT_SECRET_FILE), *name = identity_get(&p->id, KEY_CLIENT_SECRET_ENV);
	size_t n = strlen(err->msg);
	snprintf(err->msg + n, sizeof err->msg - n, "; the secret is that in %s", file ? file : name ? name : "AZURE_CLIENT_SECRET");
	err_clean(err->msg);
}

/* Entra's first sentences, without the code in front and the ids behind, which are found by their labels: the
 * separators changed over the years. */
static char *sentence(const char *description)
{
	const char *end = strstr(description, "Trace ID:");
	size_t len = end ? (size_t)(end - description) : strlen(description);
	while (len && (description[len - 1] == ' ' || description[len - 1] == '\r' || description[len - 1] == '\n'))
		len--;
	const char *colon = str_starts(description, "AADSTS") ? strstr(description, ": ") : NULL;
	size_t skip = colon ? (size_t)(colon - description) + 2 : 0;
	if (skip > len)
		return str_dup("");
	return str_ndup(description + skip, len - skip < 400 ? len - skip : 400);
}

/* error_description has line ends in older answers, which json_str refuses: take any text and clean it. */
static char *description_of(const struct json *j)
{
	const char *text = json_raw_text(json_get(j, "error_description"));
	AUTO_STR whole = str_dup(text ? text : "");
	for (char *c = whole; *c; c++)
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	return sentence(whole);
}

/* error_codes, or the number in front of the description where a hop dropped the list. */
static int64_t code_of(const struct json *j)
{
	static const char mark[] = "AADSTS";
	int64_t code = 0;
	if (json_number(json_at(json_get(j, "error_codes"), 0), &code))
		return code;
	const char *text = json_raw_text(json_get(j, "error_description"));
	if (!str_starts(text, mark))
		return 0;
	AUTO_STR digits = str_ndup(text + strlen(mark), strspn(text + strlen(mark), "0123456789"));
	return str_to_int(digits, INT32_MAX, &code) ? code : 0;
}

/* Not a refusal, but Entra's own trouble, or that of the issuer as Entra sees it. */
static bool is_trouble(const struct aadsts *row, long status)
{
	return row ? row->class == AADSTS_TRANSIENT : status >= 500;
}

static enum exchange_cure cure_of(const struct aadsts *row, const struct http_response *r)
{
	if (row && row->class == AADSTS_FRESH)
		return CURE_FRESH_ASSERTION;
	if ((row && row->class == AADSTS_LOOP) || (is_trouble(row, r->status) && *r->retry_after))
		return CURE_WAIT;
	return is_trouble(row, r->status) ? CURE_PAUSE : CURE_NONE;
}

static enum err_kind kind_of(const struct aadsts *row, long status)
{
	if (row && row->class == AADSTS_LOOP)
		return ERR_THROTTLED;
	if (is_trouble(row, status))
		return ERR_NETWORK;
	return row && row->class == AADSTS_PERSON ? ERR_PERSON : ERR_REFUSED;
}

static void note_skew(const struct ctx *ctx, const struct http_response *r, struct err *err)
{
	enum { TOLERABLE_S = 60 };
	int64_t theirs, ours = ctx->clock->wall(ctx->clock);
	if (!clock_http_date(r->date, &theirs) || (ours - theirs <= TOLERABLE_S && theirs - ours <= TOLERABLE_S))
		return;
	size_t n = strlen(err->hint);
	long long by = (long long)(ours > theirs ? ours - theirs : theirs - ours);
	snprintf(err->hint + n, sizeof err->hint - n, "%sthis machine's clock is %lld s %s Entra's", n ? "; " : "", by, ours > theirs ? "ahead of" : "behind");
}

static bool refused(const struct attempt *a, const struct json *j, struct exchange_failure *failure, struct err *err)
{
	int64_t code = code_of(j);
	const struct aadsts *row = aadsts_find(code);
	AUTO_STR text = description_of(j);
	const char *error = json_str(j, "error"), *id = json_str(j, "correlation_id");
	long status = a->response->status;
	failure->code = code;
	snprintf(failure->correlation, sizeof failure->correlation, "%s", id ? id : "");
	failure->cure = cure_of(row, a->response);
	failure->retry_after = answer_retry_after(a->response, a->ctx->clock->wall(a->ctx->clock), LOOP_WAIT_S);
	enum err_kind kind = kind_of(row, status);
	const char *what = row ? row->what : error ? error : "no reason given";
	bool quote = (!row || row->quote) && *text;
	err_set(err, kind, row ? row->advice : "look the code up: https://login.microsoftonline.com/error", "Entra %s: %s%s%s (client %s, tenant %s)",
		kind == ERR_NETWORK ? "failed" : "refused", what, quote ? ": " : "", quote ? text : "", identity_get(&a->plan->id, KEY_CLIENT_ID), identity_get(&a->plan->id, KEY_TENANT));
	if (a->plan->source->yields_secret)
		add_secret_place(a->plan, err);
	else
		add_presented(a->ctx, a->assertion, err);
	note_skew(a->ctx, a->response, err);
	if (code)
		return err_detail(err, "AADSTS%lld, HTTP %ld, correlation id %s", (long long)code, status, id ? id : "none");
	return err_detail(err, "%s, HTTP %ld, correlation id %s", error ? error : "no code", status, id ? id : "none");
}

bool exchange_throttled(const struct ctx *ctx, const char *host, const struct http_response *r, struct exchange_failure *failure, struct err *err)
{
	failure->cure = CURE_WAIT;
	failure->retry_after = answer_retry_after(r, ctx->clock->wall(ctx->clock), EXCHANGE_WAIT_S);
	err_set(err, ERR_THROTTLED, NULL, "%s throttles us (HTTP 429)", host);
	return err_hint(err, "retry in %lld s", (long long)failure->retry_after);
}

static bool bad_success(const char *what, struct err *err)
{
	return err_set(err, ERR_NETWORK, "try again; a proxy may have changed the answer", "the token endpoint's answer is not usable: %s", what);
}

static bool accept(const struct json *j, const char *wanted, struct token *out, struct err *err)
{
	const char *token = json_str(j, "access_token"), *type = json_str(j, "token_type");
	int64_t life = 0, refresh = 0;
	if (!token || !str_is_token(token, strlen(token)))
		return bad_success("it has no well-formed access_token", err);
	if (!str_ieq(type, wanted))
		return bad_success(str_ieq(wanted, "pop") ? "token_type is not pop" : "token_type is not Bearer", err);
	if (!json_int(j, "expires_in", &life) || life <= 0)
		return bad_success("expires_in is missing or no number of seconds", err);
	if (!secret_set(&out->value, token, strlen(token)))
		return bad_success("the token is longer than 64 KiB", err);
	life = life < LONGEST_S ? life : LONGEST_S;
	out->expires_at = out->issued_at + life;
	out->refresh_at = json_int(j, "refresh_in", &refresh) && refresh > 0 && refresh < life ? out->issued_at + refresh : 0;
	return true;
}

static bool judge(const struct attempt *a, struct token *out, struct exchange_failure *failure, struct err *err)
{
	const struct http_response *r = a->response;
	if (r->status == 429)
		return exchange_throttled(a->ctx, a->plan->authority, r, failure, err);
	AUTO_JSON j = NULL;
	if (!answer_json(r, a->plan->authority, &j, err)) {
		failure->cure = r->status >= 500 ? CURE_PAUSE : CURE_NONE;
		return false;
	}
	if (r->status == 200 && !json_get(j, "error"))
		return accept(j, a->plan->req_cnf ? "pop" : "Bearer", out, err);
	return refused(a, j, failure, err);
}

bool exchange_once(const struct ctx *ctx, const struct plan *p, const struct token *assertion, struct token *out,
		   struct exchange_failure *failure, struct err *err)
{
	*failure = (struct exchange_failure){.cure = CURE_NONE};
	char guid[37];
	seal_guid(guid);
	AUTO_STR request_id = str_printf("client-request-id: %s", guid);
	AUTO_STR url = str_printf("%s/%s/oauth2/v2.0/token", p->authority, identity_get(&p->id, KEY_TENANT));
	AUTO_SECRET form = secret_new(4 * TOKEN_MAX);
	make_form(p, assertion, &form);
	struct http_request q = {.method = "POST", .url = url, .form = &form, .deadline_ms = ctx->deadline_ms,
				 .headers = {"Accept: application/json", request_id, "return-client-request-id: true", "x-client-SKU: daypass", "x-client-Ver: " DAYPASS_VERSION}};
	AUTO_RESPONSE r = http_response_new();
	AUTO_BINDING binding = {0};
	if (!binding_apply(ctx, p, &q, &binding, err))
		return false;
	out->issued_at = ctx->clock->wall(ctx->clock);
	if (!ctx->http->perform(ctx->http, &q, &r, err)) {
		failure->cure = err->kind == ERR_NETWORK ? CURE_PAUSE : CURE_NONE;
		return err_wrap(err, "exchanging the token");
	}
	struct attempt a = {.ctx = ctx, .plan = p, .assertion = assertion, .response = &r};
	return judge(&a, out, failure, err);
}
