/* A look at one member of a plain JSON object without loading a parser: what a cached answer needs of a token is its
 * issuer and subject, and opening cJSON for that costs a tenth of the whole call. Everything that is not plain (an
 * escape, a control character, a name that stands twice, the slightest disorder) is left to json_parse. */
#include "helper/base/json.h"

#include "helper/base/str.h"

struct cursor {
	const char *p, *end;
};

static char next(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
	return c->p < c->end ? *c->p : 0;
}

static bool take(struct cursor *c, char wanted)
{
	if (next(c) != wanted)
		return false;
	c->p++;
	return true;
}

/* A string of printable ASCII without escapes. */
static bool string(struct cursor *c, const char **text, size_t *len)
{
	if (!take(c, '"'))
		return false;
	*text = c->p;
	while (c->p < c->end && *c->p >= ' ' && *c->p < 0x7F && *c->p != '"' && *c->p != '\\')
		c->p++;
	*len = (size_t)(c->p - *text);
	return c->p < c->end && *c->p++ == '"';
}

/* A number or a word of JSON; nothing else may stand where a value is expected. */
static bool scalar(struct cursor *c)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t left = (size_t)(c->end - c->p), n = 0;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t len = strlen(words[i]);
		if (left > len && memcmp(c->p, words[i], len) == 0) {
			c->p += len;
			return true;
		}
	}
	while (n < left && c->p[n] >= '0' && c->p[n] <= '9')
		n++;
	bool plain = n > 0 && n < 16 && (n == 1 || c->p[0] != '0');
	c->p += n;
	return plain;
}

static bool value(struct cursor *c, int depth);

/* Members or elements up to the closing mark; the opening one is taken already. */
static bool inside(struct cursor *c, char close, int depth)
{
	const char *text;
	size_t len;
	if (take(c, close))
		return true;
	do {
		if (close == '}' && (!string(c, &text, &len) || !take(c, ':')))
			return false;
		if (!value(c, depth))
			return false;
	} while (take(c, ','));
	return take(c, close);
}

static bool value(struct cursor *c, int depth)
{
	enum { DEEPEST = 8 };
	const char *text;
	size_t len;
	char first = next(c);
	if (first == '"')
		return string(c, &text, &len);
	if (first != '{' && first != '[')
		return scalar(c);
	c->p++;
	return depth < DEEPEST && inside(c, first == '{' ? '}' : ']', depth + 1);
}

/* The place of a member's value, which must begin with that mark. */
static enum json_peeked find(const char *text, size_t len, const char *name, char first, struct cursor *found)
{
	struct cursor c = {.p = text, .end = text + len};
	const char *key;
	size_t key_len;
	*found = (struct cursor){0};
	if (!take(&c, '{'))
		return JSON_UNSURE;
	do {
		if (!string(&c, &key, &key_len) || !take(&c, ':'))
			return JSON_UNSURE;
		bool wanted = key_len == strlen(name) && memcmp(key, name, key_len) == 0;
		if (wanted && (found->p || next(&c) != first))
			return JSON_UNSURE;
		const char *from = c.p;
		if (!value(&c, 0))
			return JSON_UNSURE;
		if (wanted)
			*found = (struct cursor){from, c.p};
	} while (take(&c, ','));
	if (!take(&c, '}') || next(&c) || c.p != c.end)
		return JSON_UNSURE;
	return found->p ? JSON_FOUND : JSON_MISSING;
}

enum json_peeked json_peek(const char *text, size_t len, const char *name, char **out)
{
	struct cursor found;
	enum json_peeked seen = find(text, len, name, '"', &found);
	*out = seen == JSON_FOUND ? str_ndup(found.p + 1, (size_t)(found.end - found.p) - 2) : NULL;
	return seen;
}

enum json_peeked json_peek_object(const char *text, size_t len, const char *name, const char **out, size_t *out_len)
{
	struct cursor found;
	enum json_peeked seen = find(text, len, name, '{', &found);
	*out = found.p;
	*out_len = (size_t)(found.end - found.p);
	return seen;
}
