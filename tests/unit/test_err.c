/* Errors: plain values, truncated and cleaned, never overflowing. */
#include "helper/base/err.h"

#include "tests/unit/check.h"

static void cleans_to(const char *in, const char *wanted)
{
	char text[128];
	snprintf(text, sizeof text, "%s", in);
	err_clean(text);
	assert_text(text, wanted);
}

TEST(control_characters_become_question_marks)
{
	cleans_to("a\nb\rc\td\x1b[31me\x7f", "a?b?c?d?[31me?");
	cleans_to("\x01\x1f", "??");
}

TEST(c1_controls_in_utf8_lose_their_lead_byte)
{
	char text[] = "x\xC2\x9Bm"; /* U+009B: CSI */
	err_clean(text);
	assert_int_equal(text[1], '?');
}

TEST(bidirectional_overrides_and_isolates_become_question_marks)
{
	cleans_to("a\xE2\x80\xAE" "b", "a???b"); /* U+202E */
	cleans_to("\xE2\x80\xAA\xE2\x80\xAB\xE2\x80\xAC\xE2\x80\xAD", "????????????");
	cleans_to("\xE2\x81\xA6\xE2\x81\xA7\xE2\x81\xA8\xE2\x81\xA9", "????????????"); /* U+2066..U+2069 */
}

TEST(other_utf8_stays_as_it_is)
{
	cleans_to("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xE2\x80\x9Eq\xE2\x80\x9C \xF0\x9F\x99\x82", "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xE2\x80\x9Eq\xE2\x80\x9C \xF0\x9F\x99\x82");
}

TEST(a_cut_sequence_at_the_end_is_not_read_past)
{
	cleans_to("a\xE2", "a?");
	cleans_to("a\xE2\x80", "a??");
	cleans_to("a\xC2", "a?");
}

TEST(bytes_that_are_no_utf8_are_not_shown)
{
	cleans_to("a\x9B" "31mb", "a?31mb");
	cleans_to("\xC0\xAF", "??");
	cleans_to("\xFF\xFE", "??");
	cleans_to("\xE2\x80\x8E|\xD8\x9C", "???|??");
	cleans_to("\xC3\xBC\xE4\xB8\xAD\xF0\x9F\x98\x80", "\xC3\xBC\xE4\xB8\xAD\xF0\x9F\x98\x80");
}

TEST(setting_cleans_the_message_and_clears_the_detail)
{
	struct err e = ERR_INIT;
	err_detail(&e, "old");
	assert_false(err_set(&e, ERR_NETWORK, NULL, "host %s", "a\x1b]0;b"));
	assert_text(e.msg, "host a?]0;b");
	assert_text(e.hint, "");
	assert_text(e.detail, "");
	assert_int_equal(e.kind, ERR_NETWORK);
}

TEST(hint_and_detail_are_cleaned_too)
{
	struct err e = ERR_INIT;
	assert_false(err_hint(&e, "run %s", "a\nb"));
	assert_false(err_detail(&e, "id %s", "c\rd"));
	assert_text(e.hint, "run a?b");
	assert_text(e.detail, "id c?d");
}

TEST(wrapping_puts_the_context_in_front)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_SOURCE, "hint", "inner");
	assert_false(err_wrap(&e, "doing %s", "X"));
	assert_text(e.msg, "doing X: inner");
	assert_text(e.hint, "hint");
	assert_int_equal(e.kind, ERR_SOURCE);
}

static void long_text(char *to, size_t size, char c)
{
	memset(to, c, size - 1);
	to[size - 1] = 0;
}

TEST(wrapping_a_full_message_cuts_it_and_stays_in_bounds)
{
	struct err e = ERR_INIT;
	char big[4096];
	long_text(big, sizeof big, 'm');
	err_set(&e, ERR_SOURCE, NULL, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
	for (int i = 0; i < 5; i++)
		err_wrap(&e, "outer %d", i);
	assert_true(strlen(e.msg) < sizeof e.msg);
	assert_memory_equal(e.msg, "outer 4: outer 3: outer 2: ", 27);
}

TEST(a_context_longer_than_the_message_replaces_it)
{
	struct err e = ERR_INIT;
	char big[4096];
	long_text(big, sizeof big, 'c');
	err_set(&e, ERR_SOURCE, NULL, "inner");
	err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

TEST(long_hints_and_details_are_cut)
{
	struct err e = ERR_INIT;
	char big[4096];
	long_text(big, sizeof big, 'h');
	err_set(&e, ERR_SOURCE, big, "m");
	assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
	err_hint(&e, "%s", big);
	err_detail(&e, "%s", big);
	assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
	assert_int_equal(strlen(e.detail), sizeof e.detail - 1);
}

TEST(nobody_listening_is_fine)
{
	assert_false(err_set(NULL, ERR_SOURCE, "h", "m"));
	assert_false(err_hint(NULL, "h"));
	assert_false(err_detail(NULL, "d"));
	assert_false(err_wrap(NULL, "w"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(control_characters_become_question_marks),
		T(c1_controls_in_utf8_lose_their_lead_byte),
		T(bidirectional_overrides_and_isolates_become_question_marks),
		T(other_utf8_stays_as_it_is),
		T(a_cut_sequence_at_the_end_is_not_read_past),
		T(bytes_that_are_no_utf8_are_not_shown),
		T(setting_cleans_the_message_and_clears_the_detail),
		T(hint_and_detail_are_cleaned_too),
		T(wrapping_puts_the_context_in_front),
		T(wrapping_a_full_message_cuts_it_and_stays_in_bounds),
		T(a_context_longer_than_the_message_replaces_it),
		T(long_hints_and_details_are_cut),
		T(nobody_listening_is_fine),
	};
	return RUN(tests);
}
