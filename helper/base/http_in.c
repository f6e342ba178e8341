#include "helper/base/http_in.h"

#include "helper/base/str.h"

static const char *const names[IN_HEADERS] = {"host", "x-identity-header", "secret", "metadata", "authorization", "content-length", "transfer-encoding", "connection", "expect"};

size_t http_in_end(const char *text, size_t len)
{
	const char *end = len ? memmem(text, len, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - text) + 4 : 0;
}

/* In place. False where a control character comes out of it. */
static bool decode(char *text, bool form)
{
	char *to = text;
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		char hex[3] = {p[1], p[1] ? p[2] : 0, 0};
		if (c == '%' && str_from_hex(hex, &c, 1)) {
			p += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c < ' ' || c == 127)
			return false;
		*to++ = (char)c;
	}
	*to = 0;
	return true;
}

/* Only programs that relay others' requests send these, and browsers for their pages. */
static bool is_relays(const char *name)
{
	static const char *const them[] = {"origin", "referer", "via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"};
	for (size_t i = 0; i < COUNT_OF(them); i++)
		if (str_eq(name, them[i]))
			return true;
	return str_starts(name, "sec-fetch-");
}

static bool is_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") == strlen(s);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 127)
			return true;
	return false;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = 0;
	return s;
}

/* One header line. False where it is none, or stands twice although we go by it. */
static bool take_header(char *line, struct http_in *out)
{
	char *colon = strchr(line, ':');
	if (!colon)
		return false;
	*colon = 0;
	str_lower(line);
	if (!is_name(line) || has_control(colon + 1))
		return false;
	out->relayed = out->relayed || is_relays(line);
	for (size_t i = 0; i < IN_HEADERS; i++) {
		if (!str_eq(line, names[i]))
			continue;
		if (out->value[i])
			return false;
		out->value[i] = trim(colon + 1);
	}
	return true;
}

static int take_target(char *target, struct http_in *out, const char **why)
{
	char *question = strchr(target, '?');
	*why = "the path is not understood";
	out->path = target;
	out->query = question ? question + 1 : target + strlen(target);
	if (question)
		*question = 0;
	if (*target != '/' || strchr(target, '#') || strchr(out->query, '#') || !decode(target, false))
		return 400;
	size_t n = strlen(target);
	if (n > 1 && target[n - 1] == '/')
		target[n - 1] = 0;
	return 0;
}

static int take_first(char *line, struct http_in *out, const char **why)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;
	*why = "this is no HTTP request";
	if (!version || has_control(line) || (!str_eq(version, " HTTP/1.1") && !str_eq(version, " HTTP/1.0")))
		return 400;
	out->keep = version[8] == '1';
	*target++ = *version = 0;
	out->post = str_eq(line, "POST");
	*why = "only GET and POST are served";
	return out->post || str_eq(line, "GET") ? take_target(target, out, why) : 405;
}

static int take_body(struct http_in *out, const char **why)
{
	const char *length = out->value[IN_LENGTH], *expect = out->value[IN_EXPECT];
	int64_t n = 0;
	*why = "a body needs a Content-Length, and no Transfer-Encoding";
	if (out->value[IN_ENCODING] || (length && !str_to_int(length, INT64_MAX, &n)))
		return 400;
	*why = "the body is larger than 64 KiB";
	if (n > HTTP_IN_BODY_MAX)
		return 413;
	*why = "what the request expects is not understood";
	if (expect && !str_ieq(expect, "100-continue"))
		return 400;
	out->length = (size_t)n;
	out->waits = expect != NULL;
	return 0;
}

int http_in_read(char *head, size_t len, struct http_in *out, const char **why)
{
	*out = (struct http_in){0};
	*why = "this is no HTTP request";
	if (memchr(head, 0, len) || len < 4)
		return 400;
	bool first = true;
	for (char *line = head, *end; line + 2 < head + len; line = end + 2) {
		end = memmem(line, (size_t)(head + len - line), "\r\n", 2);
		*end = 0;
		int status = first ? take_first(line, out, why) : 0;
		if (status)
			return status;
		*why = "a header is not understood, or stands twice";
		if (!first && !take_header(line, out))
			return 400;
		first = false;
	}
	out->keep = out->keep && !(out->value[IN_CONNECTION] && strcasestr(out->value[IN_CONNECTION], "close"));
	return take_body(out, why);
}

char *http_in_param(const char *query, const char *name)
{
	char *found = NULL;
	bool good = true;
	for (const char *p = query; *p; p += p[strcspn(p, "&")] ? strcspn(p, "&") + 1 : strcspn(p, "&")) {
		size_t whole = strcspn(p, "&"), n = strcspn(p, "=&");
		if (n != strlen(name) || strncmp(p, name, n) != 0)
			continue;
		good = good && !found;
		free(found);
		found = str_ndup(p + n + (p[n] == '='), whole - n - (p[n] == '='));
	}
	if (found && good && decode(found, true))
		return found;
	free(found);
	return NULL;
}
