/* What reaches stderr, and libraries that are opened on demand. */
#include "helper/base/log.h"

#include "helper/base/lazy.h"
#include "tests/unit/tmp.h"

static void masks_to(const char *in, const char *wanted)
{
	char text[256];
	snprintf(text, sizeof text, "%s", in);
	log_mask(text);
	assert_text(text, wanted);
}

TEST(what_looks_like_a_jwt_is_masked_and_the_rest_stays)
{
	masks_to("token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln end", "token eyJ*** end");
	masks_to("eyJhbGciOi eyJpc3MiOi", "eyJ*** eyJ***");
	masks_to("a=eyJhbGciOiJSUzI1NiJ9\"", "a=eyJ***\"");
	masks_to("nothing here", "nothing here");
	masks_to("", "");
}

TEST(a_short_word_that_only_begins_so_stays)
{
	masks_to("eyJab", "eyJab");
	masks_to("eyJ", "eyJ");
	masks_to("eyJ12345", "eyJ***");
	masks_to("eyJ1234", "eyJ1234");
}

/* What fd 2 gets while act runs. */
static char *stderr_of(void (*act)(void))
{
	int saved = dup(2), p[2];
	assert_int_equal(pipe(p), 0);
	dup2(p[1], 2);
	close(p[1]);
	act();
	dup2(saved, 2);
	close(saved);
	AUTO_BUF b = buf_new(65536);
	assert_true(file_read_fd(p[0], &b));
	close(p[0]);
	return buf_take(&b);
}

static void say_all(void)
{
	log_trace("trace %s", "one");
	log_note("note %s", "two");
	log_line("line %s", "three");
}

TEST(lines_are_for_everybody_notes_for_verbose_the_story_for_trace)
{
	AUTO_STR quiet = stderr_of(say_all);
	assert_text(quiet, "daypass: line three\n");
	log_init(false, true);
	AUTO_STR verbose = stderr_of(say_all);
	assert_text(verbose, "daypass: note two\ndaypass: line three\n");
	log_init(true, false);
	AUTO_STR trace = stderr_of(say_all);
	assert_text(trace, "daypass: trace: trace one\ndaypass: note two\ndaypass: line three\n");
	log_init(false, false);
}

static void say_hostile(void)
{
	log_line("host %s, token %s", "a\x1b[31m\nb\xE2\x80\xAE", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln");
}

TEST(a_line_is_one_line_cleaned_and_masked_whatever_it_is_given)
{
	AUTO_STR text = stderr_of(say_hostile);
	assert_text(text, "daypass: host a?[31m?b???, token eyJ***\n");
}

static void say_much(void)
{
	static char big[10000];
	memset(big, 'x', sizeof big - 1);
	log_line("%s", big);
}

TEST(a_line_that_is_too_long_is_cut_and_ends)
{
	AUTO_STR text = stderr_of(say_much);
	size_t len = strlen(text);
	assert_true(len > 3000 && len <= 4096);
	assert_int_equal(text[len - 1], '\n');
}

TEST(a_missing_library_names_the_package_and_the_purpose)
{
	static const char *const names[] = {"x"};
	static const struct lazy_lib lib = {"libdaypass-no-such.so.9", "libnosuch9", "to test", names, 1};
	void *table[1] = {NULL};
	struct err err = ERR_INIT;
	assert_false(lazy_load(&lib, table, &err));
	assert_says(err.msg, "libdaypass-no-such.so.9");
	assert_says(err.msg, "to test");
	assert_says(err.hint, "libnosuch9");
}

TEST(a_library_without_a_symbol_is_too_old)
{
	static const char *const names[] = {"malloc", "daypass_no_such_symbol"};
	static const struct lazy_lib lib = {"libc.so.6", "libc6", "to test", names, 2};
	void *table[2] = {NULL, NULL};
	struct err err = ERR_INIT;
	if (!lazy_load(&(struct lazy_lib){"libc.so.6", "libc6", "to test", names, 1}, table, &err))
		SKIP("this C library has another name");
	assert_non_null(table[0]);
	assert_false(lazy_load(&lib, table, &err));
	assert_says(err.msg, "has no daypass_no_such_symbol");
	assert_says(err.hint, "libc6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_looks_like_a_jwt_is_masked_and_the_rest_stays),
		T(a_short_word_that_only_begins_so_stays),
		T(lines_are_for_everybody_notes_for_verbose_the_story_for_trace),
		T(a_line_is_one_line_cleaned_and_masked_whatever_it_is_given),
		T(a_line_that_is_too_long_is_cut_and_ends),
		T(a_missing_library_names_the_package_and_the_purpose),
		T(a_library_without_a_symbol_is_too_old),
	};
	return RUN(tests);
}
