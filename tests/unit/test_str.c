/* Small string helpers. */
#include "helper/base/str.h"

#include "helper/base/env.h"
#include "tests/unit/check.h"

TEST(comparisons_know_null_and_only_fold_ascii)
{
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "A"));
	assert_false(str_eq(NULL, NULL));
	assert_true(str_ieq("aZ-9", "Az-9"));
	assert_false(str_ieq("a", "ab"));
	assert_false(str_ieq("ab", "a"));
	assert_false(str_ieq("", NULL));
	assert_false(str_ieq("[", "{")); /* differ by the case bit only */
	assert_false(str_ieq("\xC3\xA4", "\xC3\x84"));
}

TEST(beginnings_and_ends)
{
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_false(str_starts(NULL, "a"));
	assert_true(str_ends("x.com", ".com"));
	assert_false(str_ends("com", ".com"));
	assert_false(str_ends(NULL, "a"));
	assert_true(str_ends("a", ""));
	assert_true(str_ends(".com", ".com"));
}

TEST(a_guid_is_36_characters_of_hex_and_dashes)
{
	assert_true(str_is_guid("499b84ac-1321-427f-aa17-267ca6975798"));
	assert_true(str_is_guid("499B84AC-1321-427F-AA17-267CA6975798"));
	assert_false(str_is_guid("499b84ac-1321-427f-aa17-267ca697579"));
	assert_false(str_is_guid("499b84ac-1321-427f-aa17-267ca69757988"));
	assert_false(str_is_guid("499b84ac11321-427f-aa17-267ca6975798"));
	assert_false(str_is_guid("{99b84ac-1321-427f-aa17-267ca697579}"));
	assert_false(str_is_guid("499b84ag-1321-427f-aa17-267ca6975798"));
	assert_false(str_is_guid("499b84ac-1321-427f-aa17-267ca697579\n"));
	assert_false(str_is_guid(NULL));
	assert_false(str_is_guid(""));
}

TEST(a_tenant_is_a_guid_or_a_domain_and_cannot_climb_out_of_the_url)
{
	assert_true(str_is_tenant("499b84ac-1321-427f-aa17-267ca6975798"));
	assert_true(str_is_tenant("contoso.onmicrosoft.com"));
	assert_true(str_is_tenant("x-1.de"));
	static const char *const bad[] = {"common", "organizations", "", ".", "..", "a.", ".a", "a..b", "-a.b", "a-.b", "a.b-", "a.-b", "a/b.c", "a.b/..", "a.b?x=1", "a b.c", "a.b\n", "a@b.c", "a%2e.b", "\xC3\xA4.de"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (str_is_tenant(bad[i]))
			fail_msg("taken as a tenant: '%s'", bad[i]);
	assert_false(str_is_tenant(NULL));
	char longest[260];
	memset(longest, 'a', sizeof longest);
	longest[100] = '.';
	longest[253] = 0;
	assert_true(str_is_tenant(longest));
	longest[253] = 'a';
	longest[254] = 0;
	assert_false(str_is_tenant(longest));
}

TEST(token_bytes_are_those_of_rfc_6750_and_nothing_else)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		assert_int_equal(str_is_token(&byte, 1), c && strchr(good, c) != NULL);
	}
	assert_false(str_is_token("", 0));
	assert_false(str_is_token("a\nb", 3));
	assert_false(str_is_token("a\0b", 3));
}

TEST(numbers_are_decimal_bounded_and_never_overflow)
{
	int64_t v = -1;
	assert_true(str_to_int("0", 10, &v));
	assert_int_equal(v, 0);
	assert_true(str_to_int("0010", 10, &v));
	assert_int_equal(v, 10);
	assert_false(str_to_int("11", 10, &v));
	assert_true(str_to_int("9223372036854775807", INT64_MAX, &v));
	assert_true(v == INT64_MAX);
	assert_false(str_to_int("9223372036854775808", INT64_MAX, &v));
	assert_false(str_to_int("99999999999999999999999999", INT64_MAX, &v));
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "abc", "1\n"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(str_to_int(bad[i], 1000, &v));
	assert_false(str_to_int(NULL, 1000, &v));
}

TEST(a_single_digit_above_a_small_bound_is_refused)
{
	int64_t v = -1;
	assert_false(str_to_int("9", 5, &v));
	assert_false(str_to_int("1", 0, &v));
	assert_true(str_to_int("5", 5, &v));
}

TEST(truth_is_told_as_git_tells_it)
{
	bool b = false;
	assert_true(str_to_bool("yes", &b) && b);
	assert_true(str_to_bool("FALSE", &b) && !b);
	assert_true(str_to_bool("1", &b) && b);
	assert_true(str_to_bool("off", &b) && !b);
	assert_false(str_to_bool("maybe", &b));
	assert_false(str_to_bool(NULL, &b));
}

TEST(distance_counts_edits_and_is_capped)
{
	assert_int_equal(str_distance("tenant", "tenant"), 0);
	assert_int_equal(str_distance("Tenant", "tenant"), 0);
	assert_int_equal(str_distance("tennant", "tenant"), 1);
	assert_int_equal(str_distance("tenat", "tenant"), 1);
	assert_int_equal(str_distance("tanent", "tenant"), 2);
	assert_int_equal(str_distance("", "abc"), 3);
	assert_int_equal(str_distance("abcdefghijkl", "123456789012"), 9);
	char big[200];
	memset(big, 'a', sizeof big);
	big[199] = 0;
	assert_int_equal(str_distance(big, "a"), 9);
	assert_int_equal(str_distance("a", big), 9);
}

TEST(hex_round_trips_and_refuses_what_is_none)
{
	static const unsigned char data[4] = {0x00, 0x7f, 0x80, 0xff};
	unsigned char back[4];
	char hex[9];
	str_hex(hex, data, 4);
	assert_text(hex, "007f80ff");
	assert_true(str_from_hex("007F80fF", back, 4));
	assert_memory_equal(back, data, 4);
	assert_false(str_from_hex("007f80f", back, 4));
	assert_false(str_from_hex("007f80ff0", back, 4));
	assert_false(str_from_hex("007f80fg", back, 4));
	assert_false(str_from_hex("0 7f80ff", back, 4));
}

TEST(control_characters_are_seen)
{
	assert_true(str_has_control("a\n"));
	assert_true(str_has_control("\x7f"));
	assert_true(str_has_control("\x1b"));
	assert_false(str_has_control("a b \xC3\xA4"));
}

TEST(setting_frees_the_old_value_and_takes_null)
{
	char *s = NULL;
	str_set(&s, "one");
	str_set(&s, s);
	assert_text(s, "one");
	str_set(&s, NULL);
	assert_null(s);
	str_wipe_free(NULL);
}

TEST(an_empty_variable_counts_as_unset_and_names_match_whole)
{
	char *const vars[] = {(char[]){"A=1"}, (char[]){"AB=2"}, (char[]){"EMPTY="}, (char[]){"EQ=a=b"}, (char[]){"A=second"}, NULL};
	struct env env = {vars}, none = {NULL};
	assert_text(env_get(&env, "A"), "1");
	assert_text(env_get(&env, "AB"), "2");
	assert_text(env_get(&env, "EQ"), "a=b");
	assert_null(env_get(&env, "EMPTY"));
	assert_null(env_get(&env, "B"));
	assert_null(env_get(&none, "A"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(comparisons_know_null_and_only_fold_ascii),
		T(beginnings_and_ends),
		T(a_guid_is_36_characters_of_hex_and_dashes),
		T(a_tenant_is_a_guid_or_a_domain_and_cannot_climb_out_of_the_url),
		T(token_bytes_are_those_of_rfc_6750_and_nothing_else),
		T(numbers_are_decimal_bounded_and_never_overflow),
		T(a_single_digit_above_a_small_bound_is_refused),
		T(truth_is_told_as_git_tells_it),
		T(distance_counts_edits_and_is_capped),
		T(hex_round_trips_and_refuses_what_is_none),
		T(control_characters_are_seen),
		T(setting_frees_the_old_value_and_takes_null),
		T(an_empty_variable_counts_as_unset_and_names_match_whole),
	};
	return RUN(tests);
}
