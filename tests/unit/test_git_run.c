/* The git face from stdin to stdout: what is answered, what is said, when git is told to stop. */
#include "helper/core/cache.h"

#include "tests/unit/git.h"

#define HEAD "protocol=https\nhost=dev.azure.com\npath=contoso/app\n"
#define MODERN "capability[]=authtype\ncapability[]=state\n" HEAD
#define TOKEN(name) "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"" name "\"}"
#define REFUSED_BY_ENTRA "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700213: x\",\"error_codes\":[700213],\"correlation_id\":\"id-1\"}"
#define EXPIRY "1795431599"

static void answers(struct world *w, const char *operation, const char *input, const char *out)
{
	CALL c = git_call(w, operation, input);
	assert_text(c.line, "");
	assert_text(c.out, out);
	assert_int_equal(c.status, 0);
}

TEST(an_old_git_gets_user_name_password_and_expiry)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	answers(&w, "get", HEAD, "username=" CLIENT "\npassword=at-1\npassword_expiry_utc=" EXPIRY "\n");
}

TEST(a_git_with_authtype_gets_a_bearer_token)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	answers(&w, "get", "capability[]=authtype\n" HEAD, "capability[]=authtype\nauthtype=Bearer\ncredential=at-1\nephemeral=1\npassword_expiry_utc=" EXPIRY "\n");
}

TEST(a_token_minted_now_never_asks_git_to_come_back)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	CALL c = git_call(&w, "get", MODERN);
	assert_silent_about(c.out, "continue");
	assert_silent_about(c.out, "state");
}

static char *state_of(const char *out)
{
	const char *at = strstr(out, "state[]=");
	assert_non_null(at);
	return str_ndup(at, strcspn(at, "\n"));
}

TEST(a_kept_token_asks_git_to_come_back_and_the_second_round_heals)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	CALL first = git_call(&w, "get", MODERN);
	CALL kept = git_call(&w, "get", MODERN);
	assert_says(kept.out, "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=at-1\n");
	assert_says(kept.out, "continue=1\nstate[]=daypass:1:");
	AUTO_STR state_line = state_of(kept.out);
	AUTO_STR again = str_printf("%s%s\n", MODERN, state_line);
	CALL second = git_call(&w, "get", again);
	assert_says(second.out, "credential=at-2\n");
	assert_silent_about(second.out, "continue");
	CALL after = git_call(&w, "get", MODERN);
	assert_says(after.out, "credential=at-2\n");
	assert_int_equal(w.http.calls, 2);
}

TEST(a_second_round_that_still_finds_a_kept_token_does_not_ask_again)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	CALL first = git_call(&w, "get", MODERN);
	/* A state of some other token: ours was replaced meanwhile, by another process. */
	CALL second = git_call(&w, "get", MODERN "state[]=daypass:1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
	assert_says(second.out, "credential=at-1\n");
	assert_silent_about(second.out, "continue");
	assert_int_equal(w.http.calls, 1);
}

TEST(state_alone_works_with_user_name_and_password)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	CALL first = git_call(&w, "get", "capability[]=state\n" HEAD);
	CALL kept = git_call(&w, "get", "capability[]=state\n" HEAD);
	assert_says(kept.out, "capability[]=state\nusername=" CLIENT "\npassword=at-1\n");
	assert_says(kept.out, "continue=1\n");
}

TEST(gits_own_user_name_is_given_back_where_basic_can_carry_it)
{
	static const char *const rows[][2] = {{"contoso", "contoso"}, {"a b", "a b"}, {"a:b", CLIENT}, {"", CLIENT}, {"a\x1b[m", CLIENT}, {"a\tb", CLIENT}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		WORLD(w);
		SCRIPT(&w, {200, .body = TOKEN("at-1")});
		AUTO_STR input = str_printf(HEAD "username=%s\n", rows[i][0]);
		AUTO_STR wanted = str_printf("username=%s\npassword=at-1\n", rows[i][1]);
		CALL c = git_call(&w, "get", input);
		assert_true(str_starts(c.out, wanted));
	}
}

TEST(protocol_host_and_path_are_never_printed)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	CALL c = git_call(&w, "get", MODERN);
	assert_silent_about(c.out, "protocol=");
	assert_silent_about(c.out, "host=");
	assert_silent_about(c.out, "path=");
}

/* Whatever the token endpoint says, a line of the answer is one field of ours. */
TEST(no_value_can_bring_a_line_end_or_nul_into_the_answer)
{
	static const char *const tokens[] = {"a\\nhost=evil", "a\\r", "a\\u0000b", "a b", "a\\tb", "a\\u2028b", "\\u00e4"};
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		WORLD(w);
		AUTO_STR body = str_printf("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"%s\"}", tokens[i]);
		SCRIPT(&w, {200, .body = body});
		CALL c = git_call(&w, "get", HEAD);
		assert_text(c.out, "");
		assert_int_equal(c.status, 0);
	}
}

TEST(printing_refuses_bytes_that_no_token_has)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	AUTO_BUF out = buf_new(1000);
	AUTO_RESULT t = {.token = token_new()};
	AUTO_REQUEST r = git_request("dev.azure.com", NULL, NULL);
	struct exchange_state s = {0};
	struct err err = ERR_INIT;
	world_plan(&w, &p);
	secret_set(&t.token.value, "a\nb", 3);
	assert_false(protocol_git.print(&r, &s, &p, &t, &out, &err));
	assert_int_equal(out.len, 0);
	assert_clean(&err);
}

TEST(capabilities_are_told_and_unknown_operations_are_silent)
{
	WORLD(w);
	answers(&w, "capability", "", "version 0\ncapability authtype\ncapability state\n");
	answers(&w, "store", HEAD "username=x\npassword=y\n", "");
	answers(&w, "frobnicate", HEAD, "");
	assert_int_equal(w.http.calls + w.store.calls, 0);
}

TEST(a_host_that_is_not_ours_gets_silence_without_a_look_at_anything)
{
	WORLD(w);
	answers(&w, "get", "protocol=https\nhost=github.com\npath=x/y\n", "");
	answers(&w, "get", "protocol=http\nhost=dev.azure.com\n", "");
	answers(&w, "get", "protocol=https\nhost=contoso.visualstudio.com\n", "");
	answers(&w, "erase", "protocol=https\nhost=github.com\npassword=x\n", "");
	assert_int_equal(w.http.calls + w.store.calls + fake_script.calls, 0);
}

TEST(with_a_broken_file_only_known_hosts_hear_of_it)
{
	WORLD(w);
	world_config(&w, "[nonsense]\n");
	CALL ours = git_call(&w, "get", HEAD);
	assert_text(ours.out, "");
	assert_says(ours.line, "/home/u/config:1: ");
	answers(&w, "get", "protocol=https\nhost=github.com\n", "");
	answers(&w, "get", "protocol=https\nhost=contoso.visualstudio.com\n", "");
}

static void refusal_is(const char *config, const char *out)
{
	WORLD(w);
	AUTO_STR text = str_printf("%s%s", IDENTITY, config);
	world_config(&w, text);
	SCRIPT(&w, {400, .body = REFUSED_BY_ENTRA});
	CALL c = git_call(&w, "get", HEAD);
	assert_text(c.out, out);
	assert_int_equal(c.status, 0);
	assert_says(c.line, "daypass: Entra refused: no federated credential of this client has the presented subject");
	assert_says(c.line, "(AADSTS700213, HTTP 400, correlation id id-1); register the subject");
	assert_int_equal(c.line[strcspn(c.line, "\n") + 1], 0); /* one line */
	assert_silent_about(c.line, "eyJ");
}

TEST(git_is_told_to_stop_only_where_a_match_names_the_host_and_is_not_soft)
{
	refusal_is("", "");
	refusal_is("[match https://dev.azure.com/contoso]\n", "quit=1\n");
	refusal_is("[match https://dev.azure.com/contoso]\non-failure = soft\n", "");
}

TEST(a_token_endpoint_that_repeats_the_assertion_does_not_get_it_onto_the_terminal)
{
	WORLD(w);
	AUTO_STR body = str_printf("{\"error\":\"e %s\",\"error_description\":\"AADSTS9: got client_assertion=%s\",\"error_codes\":[9],\"correlation_id\":\"%s\"}", fake_script.tokens[0],
				   fake_script.tokens[0], fake_script.tokens[0]);
	SCRIPT(&w, {400, .body = body});
	CALL c = git_call(&w, "get", HEAD);
	assert_says(c.line, "got client_assertion=eyJ***");
	AUTO_STR head = str_ndup(fake_script.tokens[0], 12);
	assert_silent_about(c.line, head);
	assert_text(c.out, "");
}

TEST(a_request_that_is_unclear_is_one_line_and_no_stop)
{
	WORLD(w);
	world_config(&w, IDENTITY "[identity b]\n[match https://dev.azure.com/a]\n[match https://dev.azure.com/b]\nidentity = b\n");
	CALL c = git_call(&w, "get", "protocol=https\nhost=dev.azure.com\n");
	assert_text(c.out, "");
	assert_says(c.line, "daypass configure git");
}

TEST(an_attack_is_one_clean_line_and_no_answer)
{
	WORLD(w);
	CALL c = git_call(&w, "get", HEAD "username=\x1b[31m\rhost=evil\n");
	assert_text(c.out, "");
	assert_says(c.line, "git's request is refused");
	assert_silent_about(c.line, "\x1b");
	assert_int_equal(w.http.calls, 0);
}

static void get_one(struct world *w, const char *token)
{
	CALL c = git_call(w, "get", HEAD);
	assert_says(c.out, token);
}

TEST(an_erase_of_the_kept_token_forgets_it_and_advises_while_it_is_young)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	get_one(&w, "password=at-1");
	pass_ms(&w.clock, 299000);
	CALL c = git_call(&w, "erase", HEAD "username=x\npassword=at-1\n");
	assert_text(c.out, "");
	assert_says(c.line, "daypass: dev.azure.com refused a fresh token of client " CLIENT " (tenant " TENANT "): add it to organization contoso with at least Basic access");
	get_one(&w, "password=at-2");
}

TEST(an_erase_of_an_old_token_is_without_a_word)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	get_one(&w, "password=at-1");
	pass_ms(&w.clock, 300000);
	answers(&w, "erase", HEAD "username=x\npassword=at-1\n", "");
	get_one(&w, "password=at-2");
}

TEST(an_erase_of_another_password_changes_nothing)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	get_one(&w, "password=at-1");
	answers(&w, "erase", HEAD "username=x\npassword=at-9\n", "");
	answers(&w, "erase", HEAD "username=x\n", "");
	get_one(&w, "password=at-1");
	assert_int_equal(w.http.calls, 1);
}

TEST(a_token_of_ours_that_is_no_longer_kept_is_known_by_its_claims)
{
	WORLD(w);
	AUTO_STR mine = make_jwt("{\"appid\":\"" CLIENT "\",\"iat\":1795427900}");
	AUTO_STR foreign = make_jwt("{\"appid\":\"" OTHER_CLIENT "\",\"iat\":1795427900}");
	AUTO_STR old = make_jwt("{\"appid\":\"" CLIENT "\",\"iat\":1795420000}");
	AUTO_STR young_input = str_printf(HEAD "password=%s\n", mine);
	AUTO_STR foreign_input = str_printf(HEAD "password=%s\n", foreign);
	AUTO_STR old_input = str_printf(HEAD "password=%s\n", old);
	CALL c = git_call(&w, "erase", young_input);
	assert_says(c.line, "refused a fresh token");
	answers(&w, "erase", foreign_input, "");
	answers(&w, "erase", old_input, "");
}

TEST(an_erase_leaves_no_failure_behind_and_makes_no_request)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")}, {200, .body = TOKEN("at-2")});
	get_one(&w, "password=at-1");
	size_t puts = w.store.puts;
	CALL c = git_call(&w, "erase", HEAD "password=at-1\n");
	assert_int_equal(w.store.puts, puts);
	assert_int_equal(w.http.calls, 1);
	get_one(&w, "password=at-2");
}

TEST(an_answer_that_cannot_be_written_is_told_on_stderr)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full < 0)
		SKIP("no /dev/full");
	int saved = dup(2), line = memfd_create("line", MFD_CLOEXEC);
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1")});
	char *const argv[] = {(char[]){"get"}, NULL};
	w.ctx.in = given(HEAD, strlen(HEAD));
	w.ctx.out = full;
	dup2(line, 2);
	protocol_run(&protocol_git, &w.ctx, 1, argv);
	dup2(saved, 2);
	AUTO_STR text = taken(line);
	assert_says(text, "the answer cannot be written");
	assert_silent_about(text, "at-1");
	const int all[] = {full, saved, line, w.ctx.in};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		close(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_old_git_gets_user_name_password_and_expiry),
		T(a_git_with_authtype_gets_a_bearer_token),
		T(a_token_minted_now_never_asks_git_to_come_back),
		T(a_kept_token_asks_git_to_come_back_and_the_second_round_heals),
		T(a_second_round_that_still_finds_a_kept_token_does_not_ask_again),
		T(state_alone_works_with_user_name_and_password),
		T(gits_own_user_name_is_given_back_where_basic_can_carry_it),
		T(protocol_host_and_path_are_never_printed),
		T(no_value_can_bring_a_line_end_or_nul_into_the_answer),
		T(printing_refuses_bytes_that_no_token_has),
		T(capabilities_are_told_and_unknown_operations_are_silent),
		T(a_host_that_is_not_ours_gets_silence_without_a_look_at_anything),
		T(with_a_broken_file_only_known_hosts_hear_of_it),
		T(git_is_told_to_stop_only_where_a_match_names_the_host_and_is_not_soft),
		T(a_token_endpoint_that_repeats_the_assertion_does_not_get_it_onto_the_terminal),
		T(a_request_that_is_unclear_is_one_line_and_no_stop),
		T(an_attack_is_one_clean_line_and_no_answer),
		T(an_erase_of_the_kept_token_forgets_it_and_advises_while_it_is_young),
		T(an_erase_of_an_old_token_is_without_a_word),
		T(an_erase_of_another_password_changes_nothing),
		T(a_token_of_ours_that_is_no_longer_kept_is_known_by_its_claims),
		T(an_erase_leaves_no_failure_behind_and_makes_no_request),
		T(an_answer_that_cannot_be_written_is_told_on_stderr),
	};
	return RUN(tests);
}
