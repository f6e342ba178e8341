/* Attributes and build assumptions shared by every file. Force-included by the Makefile (see also banned.h). */
#ifndef DAYPASS_ATTR_H
#define DAYPASS_ATTR_H

#ifndef __linux__
#error "daypass is for Linux (glibc or musl): kernel keyring, tmpfs and /proc are part of its design"
#endif

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))
/* Keeps a branch's large locals (struct err) out of its caller's frame: each page that is touched costs. */
#define NOINLINE __attribute__((noinline))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Owners are locals that free themselves: functions then read from top to bottom and return early. */
#define AUTO_FREE CLEANUP(auto_free)
#define AUTO_CLOSE CLEANUP(auto_close)

void auto_free(void *pp);
void auto_close(int *fd);

#endif
