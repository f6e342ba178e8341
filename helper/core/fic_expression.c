#include "helper/core/fic_expression.h"

#include <string.h>

#include "helper/base/str.h"

/* Take a word from the front, if it stands there. */
static bool take(const char **at, const char *word)
{
	if (!str_starts(*at, word))
		return false;
	*at += strlen(word);
	return true;
}

/* What stands between single quotes; two of them within are one. */
static bool take_quoted(const char **at, char *out, size_t size)
{
	size_t n = 0;
	if (!take(at, "'"))
		return false;
	for (; **at && n + 1 < size; (*at)++) {
		if (take(at, "'") && **at != '\'') {
			out[n] = 0;
			return n > 0;
		}
		out[n++] = **at;
	}
	return false;
}

static bool take_clause(const char **at, struct fic_clause *c)
{
	if (!take(at, "claims[") || !take_quoted(at, c->claim, sizeof c->claim) || !take(at, "] "))
		return false;
	c->wildcards = take(at, "matches ");
	return (c->wildcards || take(at, "eq ")) && take_quoted(at, c->wanted, sizeof c->wanted);
}

/* A * that led to nothing takes one more byte: never more than length times length steps. */
static bool wild(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == 0;
}

static bool satisfied(const struct fic_clause *c, const struct json *claims)
{
	const char *value = json_raw_text(json_get(claims, c->claim));
	return value && (c->wildcards ? wild(c->wanted, value) : str_eq(c->wanted, value));
}

enum fic_verdict fic_expression(const char *text, const struct json *claims, struct fic_clause *failed)
{
	struct fic_clause c;
	bool all = true;
	*failed = (struct fic_clause){0};
	for (const char *at = text;; ) {
		if (!take_clause(&at, &c))
			return FIC_UNKNOWN;
		if (all && !satisfied(&c, claims))
			*failed = c;
		all = all && !*failed->claim;
		if (!*at)
			return all ? FIC_TRUE : FIC_FALSE;
		if (!take(&at, " and "))
			return FIC_UNKNOWN;
	}
}
