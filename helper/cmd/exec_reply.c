/* What the server of `daypass exec` answers: one body that az, azd, Terraform and all SDKs can read. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/exec.h"
#include "helper/core/token_text.h"

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {{200, "OK"}, {400, "Bad Request"}, {403, "Forbidden"}, {405, "Method Not Allowed"}, {413, "Content Too Large"}, {429, "Too Many Requests"}, {503, "Service Unavailable"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Error";
}

static void whole(struct buf *out, int status, const struct buf *body)
{
	buf_addf(out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n%sContent-Length: %zu\r\n\r\n", status, reason(status),
		 status == 429 ? "Retry-After: 5\r\n" : "", body->len);
	buf_add(out, body->p, body->len);
}

/* Numbers are strings: Rust's SDK takes expires_on in no other way, and all others take that. */
static void number(struct buf *to, const char *name, int64_t value)
{
	buf_addf(to, "\"%s\":\"%lld\",", name, (long long)value);
}

static void identity_body(struct buf *to, const struct ask *a, const struct token *t, const char *client, int64_t now)
{
	int64_t left = t->expires_at > now ? t->expires_at - now : 0;
	buf_adds(to, "{\"access_token\":\"");
	buf_adds(to, secret_reveal(&t->value));
	buf_adds(to, "\",");
	if (client)
		json_pair(to, "client_id", client, false);
	number(to, "expires_in", left);
	number(to, "expires_on", t->expires_at);
	number(to, "ext_expires_in", left);
	number(to, "not_before", t->issued_at);
	json_pair(to, "resource", a->resource, false);
	buf_adds(to, "\"token_type\":\"Bearer\"}");
}

static void azd_body(struct buf *to, const struct token *t)
{
	char when[24];
	token_text_utc(when, t->expires_at);
	buf_addf(to, "{\"status\":\"success\",\"token\":\"%s\",\"expiresOn\":\"%s\"}", secret_reveal(&t->value), when);
}

void reply_token(struct buf *out, const struct ask *a, const struct token *t, const char *client, int64_t now)
{
	AUTO_BUF body = buf_new(REPLY_MAX);
	if (a->shape == ASK_AZD)
		azd_body(&body, t);
	else if (a->shape == ASK_GITHUB)
		buf_addf(&body, "{\"count\":%zu,\"value\":\"%s\"}", secret_len(&t->value), secret_reveal(&t->value));
	else if (a->shape == ASK_PIPELINES)
		buf_addf(&body, "{\"oidcToken\":\"%s\"}", secret_reveal(&t->value));
	else
		identity_body(&body, a, t, client, now);
	whole(out, 200, &body);
}

void reply_refusal(struct buf *out, const struct ask *a, int status, const char *why)
{
	char id[37];
	AUTO_BUF body = buf_new(REPLY_MAX);
	bool azd = a->shape == ASK_AZD;
	seal_guid(id);
	if (azd) {
		buf_adds(&body, "{\"status\":\"error\",\"code\":\"GetTokenError\",");
		json_pair(&body, "message", why, true);
	} else {
		buf_addf(&body, "{\"statusCode\":%d,", status);
		json_pair(&body, "message", why, false);
		json_pair(&body, "error", status == 400 ? "invalid_request" : "access_denied", false);
		json_pair(&body, "error_description", why, false);
		json_pair(&body, "correlationId", id, true);
	}
	buf_addc(&body, '}');
	whole(out, azd ? 200 : status, &body);
}

void reply_error(struct buf *out, const struct ask *a, const struct err *err)
{
	int status = err->kind == ERR_NETWORK ? 503 : err->kind == ERR_THROTTLED ? 429 : err->kind == ERR_USAGE ? 400 : 403;
	AUTO_STR why = str_printf("daypass: %s%s%s%s%s", err->msg, *err->detail ? "; " : "", err->detail, *err->hint ? "; next: " : "", err->hint);
	log_mask(why);
	reply_refusal(out, a, status, why);
}
