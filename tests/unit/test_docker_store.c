/* A log-in that docker gives us to keep: {"ServerURL":..., "Username":..., "Secret":...}. */
#include "tests/unit/docker.h"

TEST(a_store_is_understood)
{
	STORE(p, "{\"ServerURL\":\"https://" REGISTRY ":443/\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}\n");
	assert_true(p.ok);
	assert_int_equal(p.r.action, ACTION_STORE);
	assert_text(p.r.host, REGISTRY);
	assert_text(p.r.user, "alice");
	assert_text(p.s.server, "https://" REGISTRY ":443/");
	assert_text(secret_reveal(&p.s.given), "s3cret");
	assert_true(p.s.has_given);
}

/* Go escapes <, > and & in JSON: docker says "\u003ctoken\u003e" for <token>. */
TEST(escapes_of_a_store_are_letters)
{
	STORE(p, LOGIN(REGISTRY, "\\u003ctoken\\u003e", "a\\u0026b\\\"c\\\\d\\/e\\u00e4\\ud83d\\ude00"));
	assert_true(p.ok);
	assert_text(p.r.user, "<token>");
	assert_text(secret_reveal(&p.s.given), "a&b\"c\\d/e\xc3\xa4\xf0\x9f\x98\x80");
}

TEST(a_secret_may_hold_line_ends_and_blanks_and_be_empty)
{
	STORE(p, LOGIN(REGISTRY, "alice", " a\\nb\\r\\n\\tc "));
	assert_true(p.ok);
	assert_text(secret_reveal(&p.s.given), " a\nb\r\n\tc ");
	STORE(empty, LOGIN(REGISTRY, "alice", ""));
	assert_true(empty.ok);
	assert_true(empty.s.has_given);
	assert_int_equal(secret_len(&empty.s.given), 0);
}

TEST(unknown_members_and_their_order_do_not_matter)
{
	STORE(p, "\n{ \"Secret\" : \"s\", \"Extra\": [1], \"Username\":\"alice\" , \"ServerURL\":\"" REGISTRY "\" } \n");
	assert_true(p.ok);
	assert_text(p.r.user, "alice");
}

static void bad_store(const char *text, size_t len, const char *says)
{
	PARSED p;
	parse_verb(&p, "store", text, len);
	if (p.ok)
		fail_msg("accepted: %s", text);
	assert_clean(&p.err);
	assert_int_equal(p.err.kind, ERR_USAGE);
	assert_says(p.err.msg, says);
	assert_silent_about(p.err.msg, "s3cret");
}

#define BAD_STORE(text, says) bad_store(text, sizeof text - 1, says)
#define WANTS "store wants JSON with the texts ServerURL, Username and Secret"

TEST(a_store_that_is_not_whole_is_refused)
{
	BAD_STORE("", WANTS);
	BAD_STORE("nonsense", WANTS);
	BAD_STORE("{}", WANTS);
	BAD_STORE("[]", WANTS);
	BAD_STORE("\"" REGISTRY "\"", WANTS);
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\"}", WANTS);
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"Secret\":\"s3cret\"}", WANTS);
	BAD_STORE("{\"Username\":\"alice\",\"Secret\":\"s3cret\"}", WANTS);
	BAD_STORE(LOGIN(REGISTRY, "alice", "s3cret") "x", WANTS);
	BAD_STORE(LOGIN(REGISTRY, "alice", "s3cret") LOGIN(REGISTRY, "bob", "s3cret"), WANTS);
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\",\"Secret\":\"s3cret\"", WANTS);
}

TEST(a_member_of_another_type_is_refused)
{
	static const char *const values[] = {"null", "1", "true", "[\"" REGISTRY "\"]", "{}"};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		AUTO_STR server = str_printf("{\"ServerURL\":%s,\"Username\":\"alice\",\"Secret\":\"s3cret\"}", values[i]);
		AUTO_STR user = str_printf("{\"ServerURL\":\"" REGISTRY "\",\"Username\":%s,\"Secret\":\"s3cret\"}", values[i]);
		AUTO_STR secret = str_printf("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\",\"Secret\":%s}", values[i]);
		bad_store(server, strlen(server), WANTS);
		bad_store(user, strlen(user), WANTS);
		bad_store(secret, strlen(secret), WANTS);
	}
}

/* Readers disagree on which one counts. */
TEST(a_member_that_stands_twice_is_refused)
{
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"ServerURL\":\"evil.example\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}", WANTS);
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}", WANTS);
	BAD_STORE("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\",\"Secret\":\"s3cret\",\"Secret\":\"s3cret\"}", WANTS);
}

TEST(nul_and_control_characters_of_names_are_refused)
{
	BAD_STORE(LOGIN("contoso.azurecr.io\\u0000", "alice", "s3cret"), WANTS);
	BAD_STORE(LOGIN(REGISTRY, "a\\u0000lice", "s3cret"), WANTS);
	BAD_STORE(LOGIN(REGISTRY, "alice", "s3cret\\u0000x"), WANTS);
	BAD_STORE(LOGIN(REGISTRY, "alice", "s3cret") "\0", WANTS);
	BAD_STORE(LOGIN("contoso.azurecr.io\\nevil", "alice", "s3cret"), WANTS);
	BAD_STORE(LOGIN(REGISTRY, "a\\u001b[31mlice", "s3cret"), WANTS);
}

TEST(a_store_without_server_or_user_has_the_texts_that_clients_know)
{
	PARSED p;
	static const char *const rows[][2] = {{LOGIN("", "alice", "s"), "no credentials server URL"}, {LOGIN("  ", "alice", "s"), "no credentials server URL"},
					      {LOGIN(REGISTRY, "", "s"), "no credentials username"}, {LOGIN("", "", ""), "no credentials server URL"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		parse_verb(&p, "store", rows[i][0], strlen(rows[i][0]));
		assert_false(p.ok);
		assert_text(p.err.msg, rows[i][1]);
		if (i + 1 < COUNT_OF(rows))
			parsed_end(&p);
	}
}

TEST(a_store_for_no_registry_is_an_error_and_not_a_not_found)
{
	BAD_STORE(LOGIN("contoso .azurecr.io", "alice", "s3cret"), "its ServerURL names no registry");
	BAD_STORE(LOGIN(REGISTRY "/../x", "alice", "s3cret"), "its ServerURL names no registry");
	BAD_STORE(LOGIN("c\xd0\xbentoso.azurecr.io", "alice", "s3cret"), "its ServerURL names no registry");
}

static void store_of(struct parsed *p, size_t len, const char *letter)
{
	AUTO_BUF b = buf_new(512 * 1024);
	buf_adds(&b, "{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"alice\",\"Secret\":\"");
	for (size_t i = 0; i < len; i++)
		buf_adds(&b, letter);
	buf_adds(&b, "\"}");
	assert_false(b.over);
	parse_verb(p, "store", b.p, b.len);
}

TEST(sixty_four_kilobytes_are_the_most_that_a_secret_has)
{
	PARSED whole, escaped, over;
	store_of(&whole, 64 * 1024, "x");
	assert_true(whole.ok);
	assert_int_equal(secret_len(&whole.s.given), 64 * 1024);
	store_of(&escaped, 64 * 1024, "\\u0026");
	assert_true(escaped.ok);
	store_of(&over, 64 * 1024 + 1, "x");
	assert_false(over.ok);
	assert_says(over.err.msg, "longer than 64 KiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_store_is_understood),
		T(escapes_of_a_store_are_letters),
		T(a_secret_may_hold_line_ends_and_blanks_and_be_empty),
		T(unknown_members_and_their_order_do_not_matter),
		T(a_store_that_is_not_whole_is_refused),
		T(a_member_of_another_type_is_refused),
		T(a_member_that_stands_twice_is_refused),
		T(nul_and_control_characters_of_names_are_refused),
		T(a_store_without_server_or_user_has_the_texts_that_clients_know),
		T(a_store_for_no_registry_is_an_error_and_not_a_not_found),
		T(sixty_four_kilobytes_are_the_most_that_a_secret_has),
	};
	return RUN(tests);
}
