/* What every unit test includes: cmocka, and the few checks that it lacks. */
#ifndef DAYPASS_TESTS_CHECK_H
#define DAYPASS_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/base/err.h"
#include "helper/base/str.h"

/* A test is named by the behaviour that it proves. */
#define TEST(name) static void name(void **state UNUSED)
#define T(name) cmocka_unit_test(name)
#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

/* Say why, then leave the test out: what it needs is not on this machine. */
#define SKIP(why) \
	do { \
		fprintf(stderr, "skipped: %s: %s\n", __func__, why); \
		skip(); \
	} while (0)

static inline void says_at(const char *text, const char *part, bool wanted, const char *file, int line)
{
	if (text && (strstr(text, part) != NULL) == wanted)
		return;
	print_error("\"%s\"\n  %s \"%s\"\n", text ? text : "(null)", wanted ? "lacks" : "must not hold", part);
	_fail(file, line);
}

#define assert_says(text, part) says_at(text, part, true, __FILE__, __LINE__)
#define assert_silent_about(text, part) says_at(text, part, false, __FILE__, __LINE__)

/* Equal, NULL included. */
static inline void text_at(const char *got, const char *wanted, const char *file, int line)
{
	if (str_eq(got, wanted) || (!got && !wanted))
		return;
	print_error("\"%s\"\n  should be \"%s\"\n", got ? got : "(null)", wanted ? wanted : "(null)");
	_fail(file, line);
}

#define assert_text(got, wanted) text_at(got, wanted, __FILE__, __LINE__)

/* A clean message: it says something, no control character, no token, and the hint has no line end either. */
static inline void clean_at(const struct err *e, const char *file, int line)
{
	bool ok = e->kind != ERR_NONE && *e->msg && !str_has_control(e->msg) && !str_has_control(e->hint) && !str_has_control(e->detail) &&
		  !strstr(e->msg, "eyJ") && !strstr(e->hint, "eyJ") && !strstr(e->detail, "eyJ") && !strstr(e->msg, "(null)");
	if (ok)
		return;
	print_error("not a clean error: kind %d, \"%s\", hint \"%s\", detail \"%s\"\n", (int)e->kind, e->msg, e->hint, e->detail);
	_fail(file, line);
}

#define assert_clean(err) clean_at(err, __FILE__, __LINE__)

#endif
