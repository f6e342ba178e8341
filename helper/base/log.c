#include "helper/base/log.h"

#include <stdarg.h>

#include "helper/base/err.h"
#include "helper/base/str.h"

static bool tracing, noting;

void log_init(bool trace, bool verbose)
{
	tracing = trace;
	noting = verbose || trace;
}

void log_mask(char *text)
{
	for (char *p = text; (p = strstr(p, "eyJ"));) {
		size_t n = 3;
		while (p[n] && str_is_token(p + n, 1))
			n++;
		if (n < 8) {
			p += n;
			continue;
		}
		memcpy(p + 3, "***", 3);
		memmove(p + 6, p + n, strlen(p + n) + 1);
		p += 6;
	}
}

PRINTF_LIKE(2, 0) static void emit(const char *prefix, const char *fmt, va_list ap)
{
	char line[4096];
	int n = snprintf(line, sizeof line, "%s", prefix);
	vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
	err_clean(line);
	log_mask(line);
	size_t len = strlen(line);
	line[len] = '\n';
	if (write(2, line, len + 1) < 0)
		return; /* nobody listens: nothing better to do */
}

void log_trace(const char *fmt, ...)
{
	if (!tracing)
		return;
	va_list ap;
	va_start(ap, fmt);
	emit("daypass: trace: ", fmt, ap);
	va_end(ap);
}

void log_note(const char *fmt, ...)
{
	if (!noting)
		return;
	va_list ap;
	va_start(ap, fmt);
	emit("daypass: ", fmt, ap);
	va_end(ap);
}

void log_line(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	emit("daypass: ", fmt, ap);
	va_end(ap);
}
