/* What every fuzz target includes. Under VARIANT=fuzz libFuzzer drives it; in any other build it takes files as
 * arguments and runs each once, so that the seeds are checked by every compiler. A broken promise aborts.
 * Include it before fakes of the unit tests: it stands in for their cmocka. */
#ifndef DAYPASS_TESTS_FUZZ_H
#define DAYPASS_TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"
#include "helper/base/file.h"
#include "helper/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

#define DAYPASS_TESTS_CHECK_H /* in place of tests/unit/check.h */
#define assert_true(what) must(what)
#define assert_non_null(what) must((what) != NULL)
#define assert_int_equal(a, b) must((a) == (b))
#define assert_says(text, part) must(strstr(text, part) != NULL)
#define assert_clean(err) must((err)->kind != ERR_NONE)
#define print_error(...) fprintf(stderr, __VA_ARGS__)
#define fail() abort()
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), abort())

/* What is shown to people holds no control characters and ends within its bounds. */
static inline void must_be_clean(const struct err *e)
{
	must(memchr(e->msg, 0, sizeof e->msg) && memchr(e->hint, 0, sizeof e->hint) && memchr(e->detail, 0, sizeof e->detail));
	must(!str_has_control(e->msg) && !str_has_control(e->hint) && !str_has_control(e->detail));
}

#ifndef DAYPASS_FUZZ
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		AUTO_BUF b = buf_new(1024 * 1024);
		struct err err = ERR_INIT;
		if (!file_read(argv[i], &b, NULL, ERR_USAGE, &err)) {
			fprintf(stderr, "%s\n", err.msg);
			return 1;
		}
		/* Exactly as large as the input, so that the sanitizer sees each byte read beyond. */
		uint8_t *data = mem_alloc(b.len);
		memcpy(data, b.p, b.len);
		LLVMFuzzerTestOneInput(data, b.len);
		free(data);
	}
	return 0;
}
#endif

#endif
