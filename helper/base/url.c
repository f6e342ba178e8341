#include "helper/base/url.h"

#include "helper/base/str.h"

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool url_host_ok(const char *host)
{
	size_t len = strlen(host);
	if (len == 0 || len > 253 || host[0] == '.' || host[len - 1] == '.' || strstr(host, ".."))
		return false;
	for (const char *p = host; *p; p++)
		if (!host_char(*p))
			return false;
	return true;
}

int url_own_port(const char *scheme)
{
	return str_eq(scheme, "https") ? 443 : 80;
}

void url_free(struct url *u)
{
	free(u->scheme);
	str_wipe_free(u->user);
	free(u->host);
	free(u->path);
	free(u->query);
	*u = (struct url){0};
}

static bool printable(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p >= 0x7F || *p == '\\' || *p == '#')
			return false;
	return true;
}

static bool parse_port(const char *text, int *port)
{
	int64_t value;
	if (!str_to_int(text, 65535, &value) || value == 0)
		return false;
	*port = (int)value;
	return true;
}

/* authority = [user@] host [:port] */
static bool parse_authority(const char *text, struct url *out)
{
	const char *at = strrchr(text, '@');
	if (at) {
		out->user = str_ndup(text, (size_t)(at - text));
		if (strchr(out->user, '@') || str_empty(out->user))
			return false;
		text = at + 1;
	}
	if (*text == '[') {
		const char *end = strchr(text, ']');
		if (!end || end == text + 1 || (end[1] && end[1] != ':') || strspn(text + 1, "0123456789abcdefABCDEF:.") != (size_t)(end - text - 1))
			return false;
		out->host = str_ndup(text, (size_t)(end - text) + 1);
		str_lower(out->host);
		return !end[1] || parse_port(end + 2, &out->port);
	}
	const char *colon = strchr(text, ':');
	out->host = colon ? str_ndup(text, (size_t)(colon - text)) : str_dup(text);
	if (!url_host_ok(out->host))
		return false;
	str_lower(out->host);
	return !colon || parse_port(colon + 1, &out->port);
}

bool url_parse(const char *text, struct url *out)
{
	*out = (struct url){0};
	const char *sep = text ? strstr(text, "://") : NULL;
	if (!sep || sep == text || !printable(text))
		return false;
	out->scheme = str_ndup(text, (size_t)(sep - text));
	str_lower(out->scheme);
	const char *rest = sep + 3;
	size_t len = strcspn(rest, "/?");
	AUTO_STR authority = str_ndup(rest, len);
	rest += len;
	const char *query = strchr(rest, '?');
	const char *path = *rest == '/' ? rest + 1 : rest;
	out->path = query ? str_ndup(path, (size_t)(query > path ? query - path : 0)) : str_dup(path);
	if (query)
		out->query = str_dup(query + 1);
	if (strspn(out->scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == strlen(out->scheme) && parse_authority(authority, out))
		return true;
	url_free(out);
	return false;
}

bool url_is_loopback(const char *host)
{
	if (str_eq(host, "localhost") || str_eq(host, "[::1]") || str_eq(host, "::1"))
		return true;
	return str_starts(host, "127.") && strspn(host, "0123456789.") == strlen(host);
}

bool url_is_link_local(const char *host)
{
	if (str_eq(host, "[fd00:ec2::23]") || str_eq(host, "[fd00:ec2::254]"))
		return true;
	return str_starts(host, "169.254.") && strspn(host, "0123456789.") == strlen(host);
}

bool url_host_match(const char *pattern, const char *host)
{
	while (*pattern && *host) {
		size_t n = strcspn(pattern, "."), m = strcspn(host, ".");
		bool any = n == 1 && *pattern == '*';
		if (m == 0 || pattern[n] != host[m] || (!any && (n != m || strncmp(pattern, host, n) != 0)))
			return false;
		pattern += n + (pattern[n] == '.');
		host += m + (host[m] == '.');
	}
	return *pattern == 0 && *host == 0;
}

bool url_encode(struct buf *to, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	bool ok = true;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((host_char(*s)) || c == '_' || c == '~') {
			ok = buf_addc(to, *s) && ok;
		} else {
			char hex[3] = {'%', digits[c >> 4], digits[c & 15]};
			ok = buf_add(to, hex, 3) && ok;
		}
	}
	return ok;
}

bool url_decode(struct buf *to, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '%') {
			char hex[3] = {s[1], s[1] ? s[2] : 0, 0};
			if (!str_from_hex(hex, &c, 1))
				return false;
			s += 2;
		}
		if (c < 0x20 || c == 0x7F || !buf_addc(to, (char)c))
			return false;
	}
	return true;
}

void url_mask(struct buf *to, const char *url)
{
	const char *sep = strstr(url, "://");
	const char *rest = sep ? sep + 3 : url;
	size_t authority = strcspn(rest, "/?");
	const char *at = memrchr(rest, '@', authority);
	if (!at) {
		buf_adds(to, url);
		return;
	}
	buf_add(to, url, (size_t)(rest - url));
	buf_adds(to, "***");
	buf_adds(to, at);
}
