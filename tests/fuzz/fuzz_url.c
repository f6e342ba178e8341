/* URLs, host patterns, percent-encoding and masking, each against a slower way to say the same. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/url.h"
#include "helper/core/config_check.h"

static void check_parts(const struct url *u, const char *text)
{
	must(u->scheme && u->host && u->path && *u->host);
	must(u->host[0] == '[' || url_host_ok(u->host));
	must(u->port >= 0 && u->port <= 65535);
	must(!u->user || (*u->user && !strchr(u->user, '@')));
	must(!strpbrk(text, " \t\r\n\\#"));
	/* Written anew from its parts it is the same URL. */
	AUTO_BUF again = buf_new(strlen(text) + 64);
	buf_addf(&again, "%s://%s%s%s", u->scheme, u->user ? u->user : "", u->user ? "@" : "", u->host);
	if (u->port)
		buf_addf(&again, ":%d", u->port);
	buf_addf(&again, "/%s%s%s", u->path, u->query ? "?" : "", u->query ? u->query : "");
	AUTO_URL v = {0};
	must(url_parse(again.p, &v));
	must(str_eq(u->host, v.host) && u->port == v.port && str_eq(u->path, v.path) && (!u->user || str_eq(u->user, v.user)) && (!u->query || str_eq(u->query, v.query)));
}

/* Label by label, from copies. */
static bool slow_match(const char *pattern, const char *host)
{
	size_t n = strcspn(pattern, "."), m = strcspn(host, ".");
	AUTO_STR p = str_ndup(pattern, n);
	AUTO_STR h = str_ndup(host, m);
	if (!*h || !*p || (!str_eq(p, "*") && !str_eq(p, h)))
		return false;
	if (!pattern[n] || !host[m])
		return !pattern[n] && !host[m];
	return slow_match(pattern + n + 1, host + m + 1);
}

static void check_match(const char *pattern, const char *host)
{
	if (url_host_ok(host)) /* no other is ever asked about */
		must(url_host_match(pattern, host) == slow_match(pattern, host));
}

static void check_coding(const char *text)
{
	AUTO_BUF encoded = buf_new(4 * strlen(text) + 16), decoded = buf_new(4 * strlen(text) + 16), any = buf_new(strlen(text));
	must(url_encode(&encoded, text));
	must(!strpbrk(encoded.p, "&=+ /?#\r\n"));
	must(url_decode(&decoded, encoded.p) == !str_has_control(text));
	must(str_has_control(text) || str_eq(decoded.p, text));
	if (url_decode(&any, text))
		must(!str_has_control(any.p));
}

static void check_mask(const char *text)
{
	AUTO_BUF masked = buf_new(2 * strlen(text) + 16);
	url_mask(&masked, text);
	AUTO_URL u = {0};
	AUTO_URL v = {0};
	if (url_parse(text, &u) && u.user)
		must(url_parse(masked.p, &v) && str_eq(v.user, "***") && str_eq(u.host, v.host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STR text = str_ndup((const char *)data, strnlen((const char *)data, size));
	AUTO_URL u = {0};
	if (url_parse(text, &u))
		check_parts(&u, text);
	else
		must(!u.scheme && !u.user && !u.host && !u.path && !u.query);
	size_t half = strcspn(text, "\n");
	AUTO_STR pattern = str_ndup(text, half);
	const char *host = text[half] ? text + half + 1 : text;
	check_match(pattern, host);
	check_match("*.azurecr.io", text);
	check_coding(text);
	check_mask(text);
	(void)config_bad_pattern(text, false);
	(void)config_bad_pattern(text, true);
	return 0;
}
