#include "helper/core/answer.h"

#include "helper/base/clock.h"
#include "helper/base/str.h"

static bool looks_like_page(const struct http_response *r, const char *format)
{
	const char *p = secret_reveal(&r->body);
	return strcasestr(r->content_type, "html") || (*(p + strspn(p, " \t\r\n")) == '<' && !str_eq(format, "XML"));
}

bool answer_strange(const struct http_response *r, const char *who, const char *format, struct err *err)
{
	const char *server = r->server[0] ? r->server : "unnamed";
	if (r->status >= 300 && r->status < 400) {
		err_set(err, ERR_NETWORK, NULL, "%s answered with a redirect (HTTP %ld) to %.120s: not followed", who, r->status, r->location[0] ? r->location : "nowhere");
		return err_hint(err, "a captive portal or a proxy? check the network and HTTPS_PROXY");
	}
	if (looks_like_page(r, format)) {
		err_set(err, ERR_NETWORK, NULL, "a web page came back instead of an answer of %s (HTTP %ld, server: %s)", who, r->status, server);
		return err_hint(err, "a captive portal or a proxy? check the network and HTTPS_PROXY");
	}
	err_set(err, ERR_NETWORK, NULL, "the answer of %s is not %s (HTTP %ld, %s, %zu bytes, server: %s)", who, format, r->status,
		r->content_type[0] ? r->content_type : "no content type", secret_len(&r->body), server);
	return err_hint(err, "try again; if it stays: check the network and HTTPS_PROXY");
}

bool answer_json(const struct http_response *r, const char *who, struct json **out, struct err *err)
{
	*out = NULL;
	if (r->status < 300 || r->status >= 400)
		*out = json_parse(secret_reveal(&r->body), secret_len(&r->body));
	return *out || answer_strange(r, who, "JSON", err);
}

int64_t answer_retry_after(const struct http_response *r, int64_t now, int64_t fallback)
{
	enum { MOST_S = 3600 };
	int64_t at, seconds = fallback;
	if (str_to_int(r->retry_after, INT64_MAX / 16, &seconds))
		return seconds < MOST_S ? seconds : MOST_S;
	if (!clock_http_date(r->retry_after, &at))
		return fallback;
	seconds = at - now;
	return seconds < 0 ? 0 : seconds < MOST_S ? seconds : MOST_S;
}
