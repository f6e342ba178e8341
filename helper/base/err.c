#include "helper/base/err.h"

#include <stdarg.h>

/* U+202A..U+202E and U+2066..U+2069 reorder what a terminal shows: E2 80 AA..AE and E2 81 A6..A9 in UTF-8. */
static bool is_bidi(const unsigned char *p)
{
	if (p[0] != 0xE2 || !p[1] || !p[2])
		return false;
	return (p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) || (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

void err_clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7F || (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0))
			*p = '?';
		else if (is_bidi(p))
			memset(p, '?', 3);
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
	err->detail[0] = 0;
	snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
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
