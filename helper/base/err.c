#include "helper/base/err.h"

#include <stdarg.h>

/* Length of the UTF-8 sequence at p, 0 where it is none. */
static size_t utf8_length(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

/* Controls, and what reorders text on a terminal: U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069. */
static bool is_unsafe(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7F;
	if (n == 2)
		return (p[0] == 0xC2 && p[1] < 0xA0) || (p[0] == 0xD8 && p[1] == 0x9C);
	if (n != 3 || p[0] != 0xE2)
		return n == 0;
	return (p[1] == 0x80 && (p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xAA && p[2] <= 0xAE))) || (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

void err_clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t n = utf8_length(p), step = n ? n : 1;
		if (is_unsafe(p, n))
			memset(p, '?', step);
		p += step;
	}
}

PRINTF_LIKE(3, 0) static void fill(char *to, size_t size, const char *fmt, va_list ap)
{
	vsnprintf(to, size, fmt, ap);
	err_clean(to);
}

bool err_set(struct err *err, enum err_kind kind, const char *hint, const char *fmt, ...)
{
	if (!err)
		return false;
	va_list ap;
	va_start(ap, fmt);
	fill(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	err->kind = kind;
	err->denied = false;
	err->detail[0] = 0;
	snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
	err_clean(err->hint);
	return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
	if (!err)
		return false;
	va_list ap;
	va_start(ap, fmt);
	fill(err->hint, sizeof err->hint, fmt, ap);
	va_end(ap);
	return false;
}

bool err_detail(struct err *err, const char *fmt, ...)
{
	if (!err)
		return false;
	va_list ap;
	va_start(ap, fmt);
	fill(err->detail, sizeof err->detail, fmt, ap);
	va_end(ap);
	return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
	if (!err)
		return false;
	char old[sizeof err->msg];
	memcpy(old, err->msg, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	fill(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	size_t len = strlen(err->msg);
	if (len + 3 < sizeof err->msg)
		snprintf(err->msg + len, sizeof err->msg - len, ": %.*s", (int)(sizeof err->msg - len - 3), old);
	return false;
}
