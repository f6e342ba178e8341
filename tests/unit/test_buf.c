/* Buffers and secrets: capped at birth, wiped on release. */
#include "helper/base/buf.h"

#include "tests/unit/check.h"

TEST(an_empty_buffer_allocates_nothing_and_is_a_text)
{
	struct buf b = buf_new(10);
	assert_int_equal(b.cap, 0);
	assert_text(b.p, "");
	buf_free(&b);
}

TEST(an_append_beyond_the_cap_is_dropped_whole_and_remembered)
{
	AUTO_BUF b = buf_new(5);
	assert_true(buf_adds(&b, "1234"));
	assert_false(buf_adds(&b, "56"));
	assert_text(b.p, "1234");
	assert_true(b.over);
	assert_false(buf_addc(&b, '5')); /* a smaller one behind it must not close the gap unseen */
	assert_text(b.p, "1234");
}

TEST(the_cap_itself_can_be_filled)
{
	AUTO_BUF b = buf_new(4);
	assert_true(buf_adds(&b, "1234"));
	assert_false(b.over);
	assert_int_equal(b.len, 4);
	assert_int_equal(b.p[4], 0);
}

TEST(a_formatted_append_beyond_the_cap_is_dropped_whole)
{
	AUTO_BUF b = buf_new(8);
	assert_true(buf_addf(&b, "%s", "abc"));
	assert_false(buf_addf(&b, "%d", 1234567));
	assert_text(b.p, "abc");
	assert_true(b.over);
}

TEST(a_length_near_the_end_of_size_t_does_not_wrap)
{
	AUTO_BUF b = buf_new(100);
	assert_true(buf_adds(&b, "x"));
	assert_false(buf_add(&b, "y", SIZE_MAX));
	assert_false(buf_add(&b, "y", SIZE_MAX - 1));
	assert_text(b.p, "x");
}

TEST(clearing_wipes_all_memory_and_the_overflow_mark)
{
	AUTO_BUF b = buf_new(64);
	assert_true(buf_adds(&b, "secret-secret"));
	assert_false(buf_add(&b, "x", 100));
	buf_clear(&b);
	assert_false(b.over);
	for (size_t i = 0; i < b.cap; i++)
		assert_int_equal(b.p[i], 0);
	assert_true(buf_adds(&b, "again"));
	assert_text(b.p, "again");
}

TEST(a_freed_buffer_stays_usable_with_its_cap)
{
	AUTO_BUF b = buf_new(3);
	assert_true(buf_adds(&b, "abc"));
	buf_free(&b);
	assert_text(b.p, "");
	assert_true(buf_adds(&b, "xyz"));
	assert_false(buf_addc(&b, '!'));
}

TEST(growing_keeps_what_was_there)
{
	AUTO_BUF b = buf_new(100000);
	for (int i = 0; i < 5000; i++)
		assert_true(buf_addf(&b, "%04d\n", i));
	assert_int_equal(b.len, 25000);
	assert_memory_equal(b.p, "0000\n0001\n", 10);
	assert_text(b.p + 24995, "4999\n");
}

static void trims_to(const char *in, const char *wanted)
{
	AUTO_BUF b = buf_new(100);
	assert_true(buf_adds(&b, in));
	buf_trim(&b);
	assert_text(b.p, wanted);
	assert_int_equal(b.len, strlen(wanted));
}

TEST(trimming_takes_blanks_line_ends_one_pair_of_quotes_and_a_byte_order_mark)
{
	trims_to("token", "token");
	trims_to("token\n", "token");
	trims_to(" \t\r\ntoken\r\n\n", "token");
	trims_to("\xEF\xBB\xBFtoken\r\n", "token");
	trims_to("\"token\"\n", "token");
	trims_to("\xEF\xBB\xBF\"token\"", "token");
	trims_to("\"\"token\"\"", "\"token\"");
	trims_to("\"token", "\"token");
	trims_to("\"", "\"");
	trims_to("\"\"", "");
	trims_to("  ", "");
	trims_to("", "");
	trims_to("a b", "a b");
}

TEST(trimming_wipes_what_it_cuts_off)
{
	AUTO_BUF b = buf_new(100);
	assert_true(buf_adds(&b, "\"secret\"   "));
	buf_trim(&b);
	for (size_t i = b.len; i < 11; i++)
		assert_int_equal(b.p[i], 0);
}

TEST(taking_hands_the_memory_over_and_leaves_an_empty_buffer)
{
	AUTO_BUF b = buf_new(100), none = buf_new(100);
	buf_adds(&b, "mine");
	AUTO_STR mine = buf_take(&b);
	AUTO_STR nothing = buf_take(&none);
	assert_text(mine, "mine");
	assert_text(nothing, "");
	assert_text(b.p, "");
	assert_int_equal(b.len, 0);
}

TEST(taking_from_a_buffer_that_ran_over_at_once_gives_an_empty_text)
{
	AUTO_BUF b = buf_new(1);
	buf_adds(&b, "too long");
	AUTO_STR text = buf_take(&b);
	assert_text(text, "");
}

TEST(a_secret_is_replaced_wiped_and_capped)
{
	AUTO_SECRET s = secret_new(8);
	assert_text(secret_reveal(&s), "");
	assert_true(secret_set(&s, "12345678", 8));
	assert_true(secret_set(&s, "ab", 2));
	assert_text(secret_reveal(&s), "ab");
	assert_int_equal(secret_len(&s), 2);
	for (size_t i = 2; i < 8; i++)
		assert_int_equal(secret_buf(&s)->p[i], 0);
	assert_false(secret_set(&s, "123456789", 9));
	assert_int_equal(secret_len(&s), 0);
	assert_true(secret_set(&s, "x", 1)); /* the refusal does not stick */
}

TEST(reallocation_keeps_the_beginning_and_can_shrink)
{
	char *p = mem_alloc(8);
	memcpy(p, "abcdefgh", 8);
	p = mem_realloc_wipe(p, 8, 4);
	assert_memory_equal(p, "abcd", 4);
	p = mem_realloc_wipe(p, 4, 100);
	assert_memory_equal(p, "abcd", 4);
	free(p);
	free(mem_realloc_wipe(NULL, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_buffer_allocates_nothing_and_is_a_text),
		T(an_append_beyond_the_cap_is_dropped_whole_and_remembered),
		T(the_cap_itself_can_be_filled),
		T(a_formatted_append_beyond_the_cap_is_dropped_whole),
		T(a_length_near_the_end_of_size_t_does_not_wrap),
		T(clearing_wipes_all_memory_and_the_overflow_mark),
		T(a_freed_buffer_stays_usable_with_its_cap),
		T(growing_keeps_what_was_there),
		T(trimming_takes_blanks_line_ends_one_pair_of_quotes_and_a_byte_order_mark),
		T(trimming_wipes_what_it_cuts_off),
		T(taking_hands_the_memory_over_and_leaves_an_empty_buffer),
		T(taking_from_a_buffer_that_ran_over_at_once_gives_an_empty_text),
		T(a_secret_is_replaced_wiped_and_capped),
		T(reallocation_keeps_the_beginning_and_can_shrink),
	};
	return RUN(tests);
}
