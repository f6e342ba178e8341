/* Reading JSON from strangers: one strict wrapper around cJSON. */
#include "helper/base/json.h"

#include "helper/base/str.h"
#include "tests/unit/check.h"

static bool parses(const char *text, size_t len)
{
	AUTO_JSON j = json_parse(text, len);
	return j != NULL;
}

#define PARSES(text) parses(text, sizeof text - 1)

TEST(a_whole_value_is_taken_and_nothing_may_follow_it)
{
	assert_true(PARSES("{}"));
	assert_true(PARSES(" \r\n\t{\"a\":[1,2,{\"b\":null}]} \n"));
	assert_false(PARSES("{} x"));
	assert_false(PARSES("{}{}"));
	assert_false(PARSES("{\"a\":1} garbage"));
	assert_false(PARSES("{}\0{}"));
	assert_false(PARSES("{}\0"));
	assert_false(PARSES(""));
	assert_false(PARSES(" "));
	assert_false(PARSES("{\"a\":1"));
	assert_false(PARSES("{\"a\":}"));
	assert_false(PARSES("<html>"));
}

TEST(the_length_counts_and_not_a_nul)
{
	static const char text[] = "{\"a\":1}garbage";
	assert_true(parses(text, 7));
	assert_false(parses(text, 6));
}

TEST(every_cut_of_a_token_answer_is_refused)
{
	static const char text[] = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"abc\"}";
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_false(parses(text, n));
	assert_true(PARSES(text));
}

TEST(an_escaped_nul_and_raw_controls_are_refused)
{
	assert_false(PARSES("{\"a\":\"abc\\u0000def\"}"));
	assert_false(PARSES("{\"a\\u0000\":1}"));
	assert_false(PARSES("{\"a\":\"x\x01y\"}"));
	assert_false(PARSES("{\"a\":\"x\x1by\"}"));
	assert_false(PARSES("{\"a\":\"x\0y\"}"));
}

TEST(text_with_a_line_end_escaped_or_raw_is_no_text)
{
	static const char *const texts[] = {"{\"a\":\"x\\nhost=evil\"}", "{\"a\":\"x\nhost=evil\"}", "{\"a\":\"x\\r\"}", "{\"a\":\"\\u001b[0m\"}", "{\"a\":\"\\u007f\"}", "{\"a\":\"\\t\"}"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		AUTO_JSON j = json_parse(texts[i], strlen(texts[i]));
		assert_null(json_str(j, "a"));
	}
}

TEST(text_for_cleaning_keeps_its_line_ends)
{
	static const char text[] = "{\"a\":\"x\\r\\ny\"}";
	AUTO_JSON j = json_parse(text, sizeof text - 1);
	assert_text(json_raw_text(json_get(j, "a")), "x\r\ny");
	assert_null(json_raw_text(NULL));
}

TEST(names_are_exact_and_one_that_stands_twice_is_absent)
{
	static const char text[] = "{\"Access_Token\":\"x\",\"a\":\"1\",\"a\":\"2\",\"b\":\"3\"}";
	AUTO_JSON j = json_parse(text, sizeof text - 1);
	assert_null(json_get(j, "access_token"));
	assert_null(json_get(j, "a"));
	assert_text(json_str(j, "b"), "3");
	assert_null(json_str(j, "absent"));
	assert_null(json_get(NULL, "a"));
}

TEST(members_of_what_is_no_object_are_absent)
{
	static const char text[] = "[\"a\"]";
	AUTO_JSON j = json_parse(text, sizeof text - 1);
	assert_null(json_get(j, "a"));
	assert_text(json_text(json_at(j, 0)), "a");
	assert_null(json_at(j, 1));
	assert_null(json_at(json_at(j, 0), 0));
}

static bool number(const char *value, int64_t *out)
{
	AUTO_STR text = str_printf("{\"n\":%s}", value);
	AUTO_JSON j = json_parse(text, strlen(text));
	return json_int(j, "n", out);
}

TEST(numbers_may_be_strings_of_digits)
{
	int64_t n = -1;
	assert_true(number("3599", &n) && n == 3599);
	assert_true(number("\"3599\"", &n) && n == 3599);
	assert_true(number("0", &n) && n == 0);
	assert_true(number("9007199254740992", &n) && n == 9007199254740992);
	assert_true(number("\"9007199254740992\"", &n) && n == 9007199254740992);
	assert_true(number("1e3", &n) && n == 1000);
}

TEST(what_is_no_whole_number_in_range_is_none)
{
	static const char *const bad[] = {"-1", "\"-1\"", "9007199254740994", "\"9007199254740993\"", "1e300", "1e999", "-1e999", "\"1e3\"", "\"\"", "\" 1\"", "null", "true", "[]", "{}", "\"0x10\""};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t n = 0;
		if (number(bad[i], &n))
			fail_msg("taken as a number: %s", bad[i]);
	}
	int64_t n;
	assert_false(json_number(NULL, &n));
}

TEST(a_fraction_is_no_whole_number)
{
	int64_t n = 0;
	assert_false(number("3599.5", &n));
}

TEST(deep_nesting_is_refused_without_a_crash)
{
	enum { DEEP = 100000 };
	char *text = mem_alloc(DEEP);
	memset(text, '[', DEEP);
	assert_false(parses(text, DEEP));
	for (size_t i = 0; i + 5 <= DEEP; i += 5)
		memcpy(text + i, "{\"a\":", 5);
	assert_false(parses(text, DEEP));
	free(text);
}

TEST(broken_unicode_is_refused_or_harmless)
{
	assert_false(PARSES("{\"a\":\"\\ud800\"}"));
	assert_false(PARSES("{\"a\":\"\\udc00\\ud800\"}"));
	assert_false(PARSES("{\"a\":\"\\u12\"}"));
	assert_false(PARSES("{\"a\":\"\\x41\"}"));
	assert_false(PARSES("{\"a\":\"\\"));
	assert_true(PARSES("{\"a\":\"\\ud83d\\ude42\"}"));
}

static void quotes_to(const char *in, const char *wanted)
{
	AUTO_BUF b = buf_new(100);
	assert_true(json_quote(&b, in));
	assert_text(b.p, wanted);
}

TEST(quoting_escapes_what_json_demands)
{
	quotes_to("plain", "\"plain\"");
	quotes_to("a\"b\\c", "\"a\\\"b\\\\c\"");
	quotes_to("\n\x01\x7f", "\"\\u000a\\u0001\\u007f\"");
	quotes_to("\xC3\xA4", "\"\xC3\xA4\"");
	quotes_to(NULL, "null");
	AUTO_BUF small = buf_new(4);
	assert_false(json_quote(&small, "abcdef"));
	AUTO_BUF controls = buf_new(4);
	assert_false(json_quote(&controls, "\n"));
}

TEST(what_was_quoted_is_read_back)
{
	AUTO_BUF b = buf_new(1000);
	buf_adds(&b, "{\"a\":");
	json_quote(&b, "q\"b\\s/\xE2\x82\xAC");
	buf_addc(&b, '}');
	AUTO_JSON j = json_parse(b.p, b.len);
	assert_text(json_str(j, "a"), "q\"b\\s/\xE2\x82\xAC");
}

TEST(only_a_list_is_a_list)
{
	static const char text[] = "{\"a\":[],\"b\":[1],\"o\":{},\"s\":\"[]\",\"n\":null}";
	AUTO_JSON j = json_parse(text, strlen(text));
	assert_true(json_is_array(json_get(j, "a")) && json_is_array(json_get(j, "b")));
	assert_false(json_is_array(j) || json_is_array(json_get(j, "o")) || json_is_array(json_get(j, "s")) || json_is_array(json_get(j, "n")) || json_is_array(json_get(j, "none")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_whole_value_is_taken_and_nothing_may_follow_it),
		T(the_length_counts_and_not_a_nul),
		T(every_cut_of_a_token_answer_is_refused),
		T(an_escaped_nul_and_raw_controls_are_refused),
		T(text_with_a_line_end_escaped_or_raw_is_no_text),
		T(text_for_cleaning_keeps_its_line_ends),
		T(names_are_exact_and_one_that_stands_twice_is_absent),
		T(members_of_what_is_no_object_are_absent),
		T(numbers_may_be_strings_of_digits),
		T(what_is_no_whole_number_in_range_is_none),
		T(a_fraction_is_no_whole_number),
		T(deep_nesting_is_refused_without_a_crash),
		T(broken_unicode_is_refused_or_harmless),
		T(quoting_escapes_what_json_demands),
		T(what_was_quoted_is_read_back),
		T(only_a_list_is_a_list),
	};
	return RUN(tests);
}
