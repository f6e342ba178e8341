/* Sources of the machine itself: a file, a variable, a command, and the Azure CLI. */
#include "tests/unit/bench.h"
#include "tests/unit/tmp.h"

static const struct source *const file = &source_file, *const env = &source_env, *const command = &source_command, *const az = &source_az;

/* --- file ------------------------------------------------------------------------------------------------------------ */

TEST(a_file_is_present_where_setting_or_variable_names_one)
{
	BENCH(b);
	assert_int_equal(detect(&b, file), SOURCE_ABSENT);
	assert_says(b.err.msg, "AZURE_FEDERATED_TOKEN_FILE");
	world_env(&b.w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere");
	assert_int_equal(detect(&b, file), SOURCE_PRESENT);
}

static void reads_as(const char *before, const char *after)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "token");
	AUTO_STR text = str_printf("%s%s%s", before, fake_script.tokens[0], after);
	write_text(path, text, 0644);
	setting(&b, KEY_TOKEN_FILE, path);
	assert_true(fetch(&b, file));
	assert_text(secret_reveal(&b.got.value), fake_script.tokens[0]);
}

TEST(a_token_file_may_have_line_ends_quotes_and_a_byte_order_mark)
{
	reads_as("", "");
	reads_as("", "\n");
	reads_as("  ", "\r\n\r\n");
	reads_as("\"", "\"\n");
	reads_as("\xEF\xBB\xBF", "\n");
}

TEST(the_setting_goes_before_the_variable)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "token");
	write_text(path, fake_script.tokens[0], 0644);
	world_env(&b.w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere");
	setting(&b, KEY_TOKEN_FILE, path);
	assert_true(fetch(&b, file));
}

TEST(a_missing_empty_or_large_token_file_names_its_path_and_where_it_was_set)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "token");
	setting(&b, KEY_TOKEN_FILE, path);
	assert_false(fetch(&b, file));
	assert_says(b.err.msg, path);
	assert_text(b.err.hint, "check /f:1");
	write_text(path, " \n", 0644);
	assert_false(fetch(&b, file));
	assert_says(b.err.msg, "is empty");
	char *big = mem_alloc(TOKEN_MAX + 1);
	memset(big, 'a', TOKEN_MAX + 1);
	write_file(path, big, TOKEN_MAX + 1, 0644);
	free(big);
	assert_false(fetch(&b, file));
	assert_says(b.err.msg, "larger than");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(fetch(&b, file));
	assert_clean(&b.err);
}

TEST(a_rotated_file_is_the_same_caller_with_new_evidence)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "token");
	AUTO_STR second = make_jwt("{\"iss\":\"https://issuer.example\",\"sub\":\"repo:o/r\",\"exp\":9}");
	AUTO_STR stranger = make_jwt("{\"iss\":\"https://issuer.example\",\"sub\":\"repo:o/other\"}");
	setting(&b, KEY_TOKEN_FILE, path);
	write_text(path, fake_script.tokens[0], 0644);
	AUTO_STR first_print = str_dup(print(&b, file));
	unsigned char first_evidence[STORE_ID];
	assert_int_equal(b.evidence.len, STORE_ID);
	memcpy(first_evidence, b.evidence.p, STORE_ID);
	write_text(path, second, 0644);
	assert_text(print(&b, file), first_print);
	assert_memory_not_equal(b.evidence.p, first_evidence, STORE_ID);
	write_text(path, stranger, 0644);
	assert_string_not_equal(print(&b, file), first_print);
	assert_silent_about(first_print, "eyJ");
	assert_int_equal(unlink(path), 0);
	assert_null(print(&b, file)); /* gone: an error, whatever is cached */
	assert_clean(&b.err);
}

/* --- env ------------------------------------------------------------------------------------------------------------- */

TEST(a_variable_is_present_where_it_is_set)
{
	BENCH(b);
	assert_int_equal(detect(&b, env), SOURCE_ABSENT);
	assert_says(b.err.msg, "DAYPASS_ID_TOKEN is not set");
	setting(&b, KEY_TOKEN_ENV, "MY_TOKEN");
	assert_int_equal(detect(&b, env), SOURCE_ABSENT);
	assert_says(b.err.msg, "MY_TOKEN is not set");
	world_env(&b.w, "MY_TOKEN", fake_script.tokens[0]);
	assert_int_equal(detect(&b, env), SOURCE_PRESENT);
	assert_true(fetch(&b, env));
	assert_text(secret_reveal(&b.got.value), fake_script.tokens[0]);
	assert_text(print(&b, env), "https://issuer.example\nrepo:o/r");
}

TEST(a_variable_that_went_empty_says_so)
{
	BENCH(b);
	assert_false(fetch(&b, env));
	assert_text(b.err.msg, "the variable DAYPASS_ID_TOKEN is empty");
	assert_null(print(&b, env));
}

/* --- command --------------------------------------------------------------------------------------------------------- */

static void program(struct bench *b, const struct tmp *t, const char *arguments)
{
	AUTO_STR path = tmp_path(t, "printer");
	AUTO_STR line = str_printf("%s%s", path, arguments);
	write_text(path, "#!/bin/sh\n", 0755);
	setting(b, KEY_COMMAND, line);
}

TEST(a_command_is_present_where_it_is_configured)
{
	BENCH(b);
	assert_int_equal(detect(&b, command), SOURCE_ABSENT);
	setting(&b, KEY_COMMAND, "/bin/true");
	assert_int_equal(detect(&b, command), SOURCE_PRESENT);
	b.id.command_ok = false;
	assert_int_equal(detect(&b, command), SOURCE_ABSENT);
}

TEST(a_command_runs_as_argv_with_the_audience_in_a_variable)
{
	BENCH(b);
	TMP(t);
	program(&b, &t, " --for \"a b\" $HOME;x");
	b.w.proc.out = fake_script.tokens[0];
	assert_true(fetch(&b, command));
	AUTO_STR wanted = str_printf("%s/printer --for a b $HOME;x", t.path);
	assert_text(b.w.proc.line, wanted);
	assert_text(b.w.proc.more, "DAYPASS_AUDIENCE=api://AzureADTokenExchange");
	assert_int_equal(b.w.proc.timeout_ms, 20000); /* what the request has left */
}

TEST(a_command_has_half_a_minute_at_most)
{
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	b.w.ctx.deadline_ms = b.w.clock.ms + 600000;
	b.w.proc.out = fake_script.tokens[0];
	assert_true(fetch(&b, command));
	assert_int_equal(b.w.proc.timeout_ms, 30000);
}

TEST(a_command_may_print_a_token_or_one_of_the_known_json_forms)
{
	static const char *const forms[] = {"%s\n", "{\"version\":1,\"success\":true,\"id_token\":\"%s\"}", "{\"token\":\"%s\"}\n", "{\"count\":1,\"value\":\"%s\"}", "{\"oidcToken\":\"%s\"}", "\"%s\""};
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		const char *hole = strstr(forms[i], "%s");
		AUTO_STR out = str_printf("%.*s%s%s", (int)(hole - forms[i]), forms[i], fake_script.tokens[0], hole + 2);
		b.w.proc.out = out;
		if (!fetch(&b, command))
			fail_msg("%s: %s", forms[i], b.err.msg);
		assert_text(secret_reveal(&b.got.value), fake_script.tokens[0]);
	}
}

TEST(what_a_command_prints_instead_is_explained)
{
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	b.w.proc.out = "{\"success\":false,\"code\":\"401\",\"message\":\"log in first\"}";
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "log in first");
	b.w.proc.out = "";
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "is empty");
	b.w.proc.out = "";
	b.w.proc.status = 3;
	b.w.proc.err = "cannot: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln\n";
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "ended with status 3: cannot: eyJ***");
	assert_silent_about(b.err.msg, "eyJhb");
	b.w.proc.fails = true;
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "cannot be started");
}

TEST(a_program_that_others_can_change_is_not_run)
{
	static const mode_t modes[] = {0757, 0756, 0777};
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	AUTO_STR path = tmp_path(&t, "printer");
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_false(fetch(&b, command));
		assert_says(b.err.msg, "is not run: others can change it");
		assert_says(b.err.hint, "chmod go-w");
		assert_null(print(&b, command));
	}
	assert_int_equal(unlink(path), 0);
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "No such file");
	assert_null(print(&b, command));
	assert_int_equal(b.w.proc.calls, 0);
}

TEST(a_program_of_another_user_is_not_run)
{
	if (geteuid() != 0)
		SKIP("only root can give a file away");
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	AUTO_STR path = tmp_path(&t, "printer");
	assert_int_equal(chown(path, 4321, 4321), 0);
	assert_false(fetch(&b, command));
	assert_says(b.err.msg, "owner 4321");
	assert_int_equal(b.w.proc.calls, 0);
}

TEST(another_command_or_a_changed_program_is_another_caller)
{
	BENCH(b);
	TMP(t);
	program(&b, &t, "");
	AUTO_STR plain = str_dup(print(&b, command));
	program(&b, &t, " -x");
	AUTO_STR with_argument = str_dup(print(&b, command));
	assert_string_not_equal(plain, with_argument);
	AUTO_STR path = tmp_path(&t, "printer");
	write_text(path, "#!/bin/sh\n# changed\n", 0755);
	assert_string_not_equal(print(&b, command), with_argument);
	assert_int_equal(b.w.proc.calls, 0); /* known without running it */
}

/* --- az -------------------------------------------------------------------------------------------------------------- */

static void log_in(struct bench *b, const struct tmp *t)
{
	AUTO_STR profile = tmp_path(t, "azureProfile.json");
	write_text(profile, "{}", 0600);
	world_env(&b->w, "AZURE_CONFIG_DIR", t->path);
}

TEST(the_profile_of_az_lies_below_home_by_default)
{
	BENCH(b);
	TMP(t);
	AUTO_STR dir = tmp_path(&t, ".azure");
	AUTO_STR profile = tmp_path(&t, ".azure/azureProfile.json");
	world_env(&b.w, "HOME", t.path);
	assert_int_equal(detect(&b, az), SOURCE_BROKEN);
	assert_says(b.err.msg, profile);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_text(profile, "{}", 0600);
	assert_int_equal(detect(&b, az), SOURCE_PRESENT);
	world_env(&b.w, "HOME", NULL);
	assert_int_equal(detect(&b, az), SOURCE_BROKEN);
}

#define ANSWER(more) "{\"accessToken\":\"az-token\"" more ",\"tokenType\":\"Bearer\"}"

TEST(az_is_present_after_a_log_in)
{
	BENCH(b);
	TMP(t);
	world_env(&b.w, "AZURE_CONFIG_DIR", t.path);
	assert_int_equal(detect(&b, az), SOURCE_BROKEN);
	assert_text(b.err.hint, "az login");
	assert_null(print(&b, az));
	log_in(&b, &t);
	assert_int_equal(detect(&b, az), SOURCE_PRESENT);
	AUTO_STR before = str_dup(print(&b, az));
	AUTO_STR profile = tmp_path(&t, "azureProfile.json");
	AUTO_STR other = tmp_path(&t, "new");
	write_text(other, "{}", 0600);
	assert_int_equal(rename(other, profile), 0); /* somebody logged in anew */
	assert_string_not_equal(print(&b, az), before);
}

TEST(az_is_asked_for_the_resource_in_the_tenant)
{
	BENCH(b);
	TMP(t);
	log_in(&b, &t);
	b.w.proc.out = ANSWER(",\"expires_on\":1795431600");
	assert_true(az->fetch(&b.w.ctx, &b.id, RESOURCE_AZURE_REPOS, &b.got, &b.err));
	assert_text(b.w.proc.line, "az account get-access-token --output json --resource " RESOURCE_AZURE_REPOS " --tenant " TENANT);
	assert_says(b.w.proc.more, "AZURE_CORE_NO_COLOR=true");
	assert_int_equal(b.w.proc.timeout_ms, 15000);
	assert_text(secret_reveal(&b.got.value), "az-token");
	assert_int_equal(b.got.issued_at, NOW);
	assert_int_equal(b.got.expires_at, 1795431600);
}

TEST(az_without_a_tenant_is_asked_without_one)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	AUTO_TOKEN t = token_new();
	struct err err = ERR_INIT;
	w.proc.out = ANSWER(",\"expires_on\":\"1795431600\"");
	assert_true(az->fetch(&w.ctx, &id, "res", &t, &err));
	assert_text(w.proc.line, "az account get-access-token --output json --resource res");
	assert_int_equal(t.expires_at, 1795431600);
}

static int64_t az_life(const char *answer)
{
	BENCH(b);
	b.w.proc.out = answer;
	assert_true(fetch(&b, az));
	return b.got.expires_at - NOW;
}

TEST(without_a_usable_expiry_az_tokens_are_kept_for_five_minutes)
{
	assert_int_equal(az_life(ANSWER("")), 300);
	assert_int_equal(az_life(ANSWER(",\"expiresOn\":\"2026-11-23 11:00:00.000000\"")), 300);
	assert_int_equal(az_life(ANSWER(",\"expires_on\":5")), 300);
	assert_int_equal(az_life(ANSWER(",\"expires_on\":-1")), 300);
	assert_int_equal(az_life(ANSWER(",\"expires_on\":1e300")), 300);
	assert_int_equal(az_life(ANSWER(",\"expires_on\":1795428010")), 10);
}

TEST(what_az_says_instead_of_a_token_is_passed_on_in_one_line)
{
	BENCH(b);
	b.w.proc.status = 1;
	b.w.proc.err = "WARNING: x\nERROR: AADSTS700082: The refresh token has expired.\r\nTo re-authenticate, please run: az login\n";
	assert_false(fetch(&b, az));
	assert_says(b.err.msg, "az gave no token (exit status 1): AADSTS700082: The refresh token has expired.");
	assert_silent_about(b.err.msg, "re-authenticate");
	assert_text(b.err.hint, "az login");
	b.w.proc.status = 127;
	assert_false(fetch(&b, az));
	assert_says(b.err.msg, "az is not on PATH");
	b.w.proc.status = 0;
	static const char *const odd[] = {"", "null", "{}", "{\"accessToken\":\"a\\nb\"}", "{\"accessToken\":\"\"}", "not json"};
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		b.w.proc.out = odd[i];
		assert_false(fetch(&b, az));
		assert_clean(&b.err);
	}
	b.w.proc.fails = true;
	assert_false(fetch(&b, az));
	assert_says(b.err.hint, "install the Azure CLI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_present_where_setting_or_variable_names_one),
		T(a_token_file_may_have_line_ends_quotes_and_a_byte_order_mark),
		T(the_setting_goes_before_the_variable),
		T(a_missing_empty_or_large_token_file_names_its_path_and_where_it_was_set),
		T(a_rotated_file_is_the_same_caller_with_new_evidence),
		T(a_variable_is_present_where_it_is_set),
		T(a_variable_that_went_empty_says_so),
		T(a_command_is_present_where_it_is_configured),
		T(a_command_runs_as_argv_with_the_audience_in_a_variable),
		T(a_command_has_half_a_minute_at_most),
		T(a_command_may_print_a_token_or_one_of_the_known_json_forms),
		T(what_a_command_prints_instead_is_explained),
		T(a_program_that_others_can_change_is_not_run),
		T(a_program_of_another_user_is_not_run),
		T(another_command_or_a_changed_program_is_another_caller),
		T(az_is_present_after_a_log_in),
		T(the_profile_of_az_lies_below_home_by_default),
		T(az_is_asked_for_the_resource_in_the_tenant),
		T(az_without_a_tenant_is_asked_without_one),
		T(without_a_usable_expiry_az_tokens_are_kept_for_five_minutes),
		T(what_az_says_instead_of_a_token_is_passed_on_in_one_line),
	};
	return RUN(tests);
}
