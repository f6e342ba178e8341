/* The line reader of the configuration, rule by rule (design section 10). */
#include "helper/core/config.h"

#include "helper/base/buf.h"
#include "helper/base/str.h"
#include "helper/core/config_check.h"
#include "tests/unit/check.h"

#define GUID "00001111-aaaa-2222-bbbb-3333cccc4444"

static struct err err;

static bool parse_len(struct config *c, const char *text, size_t len)
{
	*c = (struct config){0};
	err = ERR_INIT;
	return config_parse(c, 0, "/f", text, len, &err);
}

static bool parse(struct config *c, const char *text)
{
	return parse_len(c, text, strlen(text));
}

#define CONFIG CLEANUP(config_free) struct config

static const char *value(const struct config *c, enum section_kind kind, const char *name, enum key key)
{
	const struct section *s = config_section(c, kind, name);
	return s ? s->set[key].value : NULL;
}

/* The file is wrong, and the message begins with file and line. */
static void refuses(const char *text, const char *where, const char *what)
{
	CONFIG c;
	if (parse(&c, text))
		fail_msg("accepted: %s", text);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_true(str_starts(err.msg, where));
	assert_says(err.msg, what);
	assert_clean(&err);
}

TEST(the_example_of_the_design_is_read)
{
	CONFIG c;
	assert_true(parse(&c, "[identity default]\n"
			      "tenant    = contoso.onmicrosoft.com              # or a GUID\n"
			      "client-id = " GUID " # app registration\n"
			      "source    = auto                                 # or others\n"
			      "cloud     = public                               # usgov\n"
			      "\n"
			      "[match https://dev.azure.com/contoso]\n"
			      "identity = default\n"
			      "\n"
			      "[match *.azurecr.io]\n"
			      "identity = default\n"));
	assert_int_equal(c.count, 3);
	assert_text(value(&c, SECTION_IDENTITY, "default", KEY_TENANT), "contoso.onmicrosoft.com");
	assert_text(value(&c, SECTION_IDENTITY, "default", KEY_CLIENT_ID), GUID);
	assert_text(value(&c, SECTION_MATCH, "*.azurecr.io", KEY_IDENTITY), "default");
	assert_text(config_section(&c, SECTION_IDENTITY, "default")->set[KEY_CLIENT_ID].origin, "/f:3");
}

TEST(comments_begin_a_line_or_follow_a_blank_outside_quotes)
{
	CONFIG c;
	assert_true(parse(&c, "# whole line\n; too\n   # indented\n[identity a] # behind\naudience = x#y ; gone\n[identity b]\naudience = \"x # y\" # gone\n"
			      "[identity c]\naudience = a;b\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_AUDIENCE), "x#y");
	assert_text(value(&c, SECTION_IDENTITY, "b", KEY_AUDIENCE), "x # y");
	assert_text(value(&c, SECTION_IDENTITY, "c", KEY_AUDIENCE), "a;b");
}

TEST(crlf_a_byte_order_mark_and_a_missing_last_line_end_are_accepted)
{
	CONFIG c;
	assert_true(parse(&c, "\xEF\xBB\xBF[identity a]\r\n\r\naudience = x y\r\nsource = auto"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_AUDIENCE), "x y");
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_SOURCE), "auto");
}

TEST(blanks_around_keys_values_and_section_names_do_not_count)
{
	CONFIG c;
	assert_true(parse(&c, " \t[  identity \t a b \t]  \n\t audience= x  \n"));
	assert_text(value(&c, SECTION_IDENTITY, "a b", KEY_AUDIENCE), "x");
}

TEST(tabs_may_stand_between_key_equals_and_value)
{
	CONFIG c;
	assert_true(parse(&c, "[identity a]\naudience\t=\tx\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_AUDIENCE), "x");
}

TEST(a_value_may_hold_equals_signs_and_quotes_keep_blanks)
{
	CONFIG c;
	assert_true(parse(&c, "[identity a]\naudience = \" k = v \"\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_AUDIENCE), " k = v ");
}

TEST(there_are_no_continuation_lines)
{
	CONFIG c;
	refuses("[identity a]\naudience = x\n  more\n", "/f:3: ", "neither [section] nor key = value");
	assert_true(parse(&c, "[identity a]\naudience = x\n  source = auto\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_SOURCE), "auto");
}

static bool with_line(struct config *c, size_t length)
{
	AUTO_BUF b = buf_new(20000);
	buf_adds(&b, "[identity a]\n#");
	for (size_t i = 1; i < length; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\naudience = y\n");
	return parse_len(c, b.p, b.len);
}

TEST(a_line_may_have_4096_bytes_and_not_one_more)
{
	CONFIG a;
	CONFIG b;
	assert_true(with_line(&a, 4096));
	assert_text(value(&a, SECTION_IDENTITY, "a", KEY_AUDIENCE), "y");
	assert_false(with_line(&b, 4097));
	assert_says(err.msg, "/f:2: the line is longer than 4096 bytes");
}

TEST(a_section_name_may_be_long)
{
	CONFIG c;
	char name[3001];
	memset(name, 'n', 3000);
	name[3000] = 0;
	AUTO_STR text = str_printf("[identity %s]\naudience = y\n", name);
	assert_true(parse(&c, text));
	assert_text(value(&c, SECTION_IDENTITY, name, KEY_AUDIENCE), "y");
}

TEST(an_unknown_key_names_file_line_and_the_nearest_word)
{
	refuses("[identity a]\n\ntennant = x\n", "/f:3: ", "unknown key 'tennant'");
	assert_says(err.hint, "did you mean 'tenant'");
	refuses("[identity a]\nclientid = x\n", "/f:2: ", "unknown key");
	assert_says(err.hint, "client-id");
	refuses("[identity a]\nzzzzzzzzzzzz = x\n", "/f:2: ", "unknown key");
	assert_silent_about(err.hint, "did you mean");
	refuses("[identity a]\nTenant = x\n", "/f:2: ", "unknown key 'Tenant'");
	assert_says(err.hint, "'tenant'");
}

TEST(a_key_of_another_kind_of_section_is_unknown)
{
	refuses("[identity a]\nidentity = x\n", "/f:2: ", "unknown key");
	refuses("[match https://dev.azure.com]\ntenant = x\n", "/f:2: ", "unknown key");
	refuses("[daypass]\ntenant = x\n", "/f:2: ", "unknown key");
}

TEST(a_key_with_a_question_mark_is_ignored_where_unknown_and_counts_where_known)
{
	CONFIG c;
	assert_true(parse(&c, "[identity a]\n?future = x\n?audience = y\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_AUDIENCE), "y");
	refuses("[identity a]\n?tenant = not a tenant\n", "/f:2: ", "tenant");
}

TEST(a_section_that_stands_twice_is_refused_with_both_places)
{
	refuses("[identity a]\naudience = x\n[identity b]\n[identity a]\n", "/f:4: ", "stands twice: 'a'");
	assert_says(err.hint, "/f:1");
	refuses("[daypass]\n[daypass]\n", "/f:2: ", "stands twice");
}

TEST(a_key_that_stands_twice_is_refused)
{
	refuses("[identity a]\naudience = x\naudience = y\n", "/f:3: ", "stands twice in its section: 'audience'");
}

TEST(sections_are_of_three_kinds_with_a_name_where_one_belongs)
{
	refuses("[identiy a]\n", "/f:1: ", "unknown section 'identiy'");
	assert_says(err.hint, "identity");
	refuses("[identity]\n", "/f:1: ", "needs a name");
	refuses("[match]\n", "/f:1: ", "needs a name");
	refuses("[daypass x]\n", "/f:1: ", "takes no name");
	refuses("[]\n", "/f:1: ", "a section is written");
	refuses("[identity a\n", "/f:1: ", "a section is written");
	refuses("[identity a] x\n", "/f:1: ", "a section is written");
	refuses("[\n", "/f:1: ", "a section is written");
	refuses("audience = x\n", "/f:1: ", "before the first [section]");
}

TEST(broken_lines_are_refused_with_their_place)
{
	refuses("[identity a]\naudience\n", "/f:2: ", "neither [section] nor key = value");
	refuses("[identity a]\naudience = \"x\n", "/f:2: ", "double quote is not closed");
	refuses("[identity a]\naudience = x\x01y\n", "/f:2: ", "control character");
	refuses("[identity a]\naudience = x\ry\n", "/f:2: ", "control character");
	refuses("[identity a]\n= x\n", "/f:2: ", "unknown key");
	refuses("[identity a]\naudience =\n", "/f:2: ", "audience");
}

TEST(a_nul_byte_is_refused)
{
	CONFIG c;
	assert_false(parse_len(&c, "[identity a]\naudience = x\0y\n", 27));
	assert_says(err.msg, "/f:2: a NUL byte");
}

TEST(an_escape_sequence_in_a_wrong_line_is_not_shown_raw)
{
	refuses("[identity a]\nx\x1b[31m = 1\n", "/f:2: ", "?[31m");
}

TEST(every_value_is_checked_and_the_origin_stands_in_front)
{
	static const char *const bad[] = {
		"tenant = common", "tenant = a/b.c", "client-id = 123", "client-id = contoso.com", "source = A B", "cloud = moon", "authority = http://x", "authority = https://x/path",
		"authority = https://u@x", "token-file = relative", "token-env = 1X", "token-env = A-B", "command = relative x", "command = \"\"", "service-connection = x", "subject = both",
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_STR text = str_printf("[identity a]\n%s\n", bad[i]);
		refuses(text, "/f:2: ", "");
		assert_says(err.hint, "daypass config keys");
	}
	refuses("[daypass]\ntimeout = 0\n", "/f:2: ", "1 to 600");
	refuses("[daypass]\ntimeout = 601\n", "/f:2: ", "1 to 600");
	refuses("[daypass]\ncache = some\n", "/f:2: ", "auto or none");
	refuses("[daypass]\nhot = cold\n", "/f:2: ", "auto or sealed");
	refuses("[match https://dev.azure.com]\non-failure = no\n", "/f:2: ", "stop or soft");
}

TEST(good_values_of_every_key_are_taken)
{
	CONFIG c;
	assert_true(parse(&c, "[identity a]\ntenant = " GUID "\nclient-id = " GUID "\nsource = github-actions\ncloud = usgov\nauthority = https://login.example:8443\naudience = api://x\n"
			      "token-file = /var/run/t\ntoken-env = MY_TOKEN\ncommand = /usr/bin/printer --for \"a b\"\nservice-connection = " GUID "\nsubject = pipeline\n"
			      "[match https://dev.azure.com]\nidentity = a\non-failure = soft\n[daypass]\ncache = none\nhot = sealed\ntimeout = 600\n"));
	assert_text(value(&c, SECTION_IDENTITY, "a", KEY_COMMAND), "/usr/bin/printer --for \"a b\"");
}

TEST(a_pattern_that_nobody_can_mean_is_refused)
{
	static const char *const bad[] = {"http://dev.azure.com", "ssh://dev.azure.com", "https://u@dev.azure.com", "https://dev.azure.com:8443", "https://dev.azure.com?x", "https://", "https:///x", "https://dev.azure.com./x", "dev.azure.com/contoso", "u@h", "a b"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_STR text = str_printf("[match %s]\n", bad[i]);
		refuses(text, "/f:1: ", "[match] pattern");
		assert_true(*err.hint);
	}
}

TEST(a_star_beside_other_letters_is_no_pattern)
{
	refuses("[match https://dev*.azure.com]\n", "/f:1: ", "[match] pattern");
}

TEST(a_path_that_cannot_be_decoded_is_no_pattern)
{
	refuses("[match https://dev.azure.com/a%zz]\n", "/f:1: ", "[match] pattern");
}

TEST(good_patterns_are_taken)
{
	static const char *const good[] = {"https://dev.azure.com", "https://dev.azure.com/", "https://dev.azure.com/contoso/My%20Project", "https://dev.azure.com:443/x", "https://*.visualstudio.com", "*.azurecr.io", "registry.example", "kube:https://x:6443", "resource:https://vault.azure.net"};
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		CONFIG c;
		AUTO_STR text = str_printf("[match %s]\nidentity = a\n", good[i]);
		if (!parse(&c, text))
			fail_msg("%s: %s (%s)", good[i], err.msg, err.hint);
	}
}

TEST(a_command_line_splits_at_blanks_and_quotes_group)
{
	char **w = str_words("/bin/x  -a \"b c\"\t\"\" d\"e f\"g");
	assert_text(w[0], "/bin/x");
	assert_text(w[1], "-a");
	assert_text(w[2], "b c");
	assert_text(w[3], "");
	assert_text(w[4], "de fg");
	assert_null(w[5]);
	free(w);
	assert_null(str_words(""));
	assert_null(str_words("  "));
	assert_null(str_words("/bin/x \"open"));
}

TEST(a_command_that_is_one_quoted_path_keeps_its_blanks)
{
	static const enum key keys[] = {KEY_COMMAND, KEY_CREDENTIAL_COMMAND};
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		CONFIG c;
		AUTO_STR text = str_printf("[identity a]\n%s = \"/opt/my tools/printer\"\n", config_keys[keys[i]].name);
		assert_true(parse(&c, text));
		char **w = str_words(value(&c, SECTION_IDENTITY, "a", keys[i]));
		AUTO_STR first = str_dup(w[0]);
		free(w);
		assert_text(first, "/opt/my tools/printer");
	}
}

TEST(too_many_sections_are_refused)
{
	CONFIG c;
	AUTO_BUF b = buf_new(1024 * 1024);
	for (int i = 0; i < 4200; i++)
		buf_addf(&b, "[identity i%d]\n", i);
	assert_false(parse_len(&c, b.p, b.len));
	assert_says(err.msg, "more than 4096 sections");
}

TEST(every_row_of_the_table_is_complete_and_its_default_good)
{
	for (int k = 0; k < KEY_COUNT; k++) {
		const struct key_row *row = &config_keys[k];
		assert_true(*row->name && *row->help && row->check);
		assert_true(!*row->def || !row->check(row->def));
		assert_true(!*row->env || str_starts(row->env, "DAYPASS_"));
		for (int i = 0; i < k; i++)
			assert_false(str_eq(config_keys[i].name, row->name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_example_of_the_design_is_read),
		T(comments_begin_a_line_or_follow_a_blank_outside_quotes),
		T(crlf_a_byte_order_mark_and_a_missing_last_line_end_are_accepted),
		T(blanks_around_keys_values_and_section_names_do_not_count),
		T(tabs_may_stand_between_key_equals_and_value),
		T(a_value_may_hold_equals_signs_and_quotes_keep_blanks),
		T(there_are_no_continuation_lines),
		T(a_line_may_have_4096_bytes_and_not_one_more),
		T(a_section_name_may_be_long),
		T(an_unknown_key_names_file_line_and_the_nearest_word),
		T(a_key_of_another_kind_of_section_is_unknown),
		T(a_key_with_a_question_mark_is_ignored_where_unknown_and_counts_where_known),
		T(a_section_that_stands_twice_is_refused_with_both_places),
		T(a_key_that_stands_twice_is_refused),
		T(sections_are_of_three_kinds_with_a_name_where_one_belongs),
		T(broken_lines_are_refused_with_their_place),
		T(a_nul_byte_is_refused),
		T(an_escape_sequence_in_a_wrong_line_is_not_shown_raw),
		T(every_value_is_checked_and_the_origin_stands_in_front),
		T(good_values_of_every_key_are_taken),
		T(a_pattern_that_nobody_can_mean_is_refused),
		T(a_star_beside_other_letters_is_no_pattern),
		T(a_path_that_cannot_be_decoded_is_no_pattern),
		T(good_patterns_are_taken),
		T(a_command_line_splits_at_blanks_and_quotes_group),
		T(a_command_that_is_one_quoted_path_keeps_its_blanks),
		T(too_many_sections_are_refused),
		T(every_row_of_the_table_is_complete_and_its_default_good),
	};
	return RUN(tests);
}
