#include "helper/base/str.h"

#include <stdarg.h>

#include "helper/base/buf.h"

char *str_ndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);
	if (n)
		memcpy(p, s, n);
	p[n] = 0;
	return p;
}

char *str_dup(const char *s)
{
	return s ? str_ndup(s, strlen(s)) : NULL;
}

char *str_printf(const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = mem_alloc((size_t)(n < 0 ? 0 : n) + 1);
	vsnprintf(p, (size_t)(n < 0 ? 0 : n) + 1, fmt, again);
	va_end(again);
	return p;
}

void str_set(char **s, const char *value)
{
	char *copy = str_dup(value);
	free(*s);
	*s = copy;
}

void str_wipe_free(char *s)
{
	if (s)
		wipe(s, strlen(s));
	free(s);
}

bool str_eq(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_ieq(const char *a, const char *b)
{
	if (!a || !b)
		return false;
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return *a == 0 && *b == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = s ? strlen(s) : 0, m = strlen(suffix);
	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_empty(const char *s)
{
	return !s || !*s;
}

void str_lower(char *s)
{
	for (; *s; s++)
		*s = lower(*s);
}

bool str_has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return true;
	return false;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

bool str_is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !(s[i] && strchr("-._~+/=", s[i])))
			return false;
	return len > 0;
}

bool str_is_guid(const char *s)
{
	if (!s || strlen(s) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !is_hex(s[i]))
			return false;
	}
	return true;
}

bool str_is_tenant(const char *s)
{
	if (str_is_guid(s))
		return true;
	if (str_empty(s) || strlen(s) > 253 || !strchr(s, '.'))
		return false;
	for (const char *p = s; *p; p++) {
		bool edge = p == s || p[-1] == '.' || !p[1] || p[1] == '.';
		if (!is_alnum(*p) && (edge || (*p != '-' && *p != '.')))
			return false;
	}
	return true;
}

bool str_to_bool(const char *s, bool *out)
{
	static const char *const words[][2] = {{"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		for (int v = 0; v < 2; v++)
			if (str_ieq(s, words[i][v])) {
				*out = v;
				return true;
			}
	return false;
}

bool str_to_int(const char *s, int64_t max, int64_t *out)
{
	int64_t v = 0;
	if (str_empty(s))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		int64_t digit = *s - '0';
		if (digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

int str_distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t n = strlen(a), m = strlen(b);
	if (n > MAX || m > MAX)
		return 9;
	int row[MAX + 1];
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int diagonal = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
			diagonal = row[j];
			int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = change < shift ? change : shift;
		}
	}
	return row[m] < 9 ? row[m] : 9;
}

void str_hex(char *out, const unsigned char *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = 0;
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : lower(c) - 'a' + 10;
}

bool str_from_hex(const char *hex, unsigned char *out, size_t len)
{
	if (strlen(hex) != len * 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_hex(hex[2 * i]) || !is_hex(hex[2 * i + 1]))
			return false;
		out[i] = (unsigned char)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	}
	return true;
}

char **str_words(const char *text)
{
	size_t len = strlen(text), slots = len / 2 + 2, n = 0;
	char **words = mem_alloc(slots * sizeof *words + len + 1);
	char *to = (char *)(words + slots);
	bool quoted = false;
	for (const char *p = text; *p;) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		words[n++] = to;
		for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
			if (*p == '"')
				quoted = !quoted;
			else
				*to++ = *p;
		}
		*to++ = 0;
	}
	words[n] = NULL;
	if (n && !quoted)
		return words;
	free(words);
	return NULL;
}

bool str_listed(const char *list, const char *word, bool (*same)(const char *, const char *))
{
	char **words = list ? str_words(list) : NULL;
	size_t i = 0;
	while (words && words[i] && !same(words[i], word))
		i++;
	bool found = words && words[i];
	free(words);
	return found;
}
