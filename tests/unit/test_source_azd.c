/* The Azure Developer CLI as a source: what is run, what is taken, and what it says instead. */
#include "tests/unit/bench.h"
#include "tests/unit/tmp.h"

static const struct source *const azd = &source_azd;

#define ANSWER(end) "{\"token\":\"azd-token\",\"expiresOn\":\"" end "\"}"

static void log_in(struct bench *b, const struct tmp *t, const char *file)
{
	AUTO_STR path = tmp_path(t, file);
	write_text(path, "{}", 0600);
	world_env(&b->w, "AZD_CONFIG_DIR", t->path);
}

TEST(azd_is_present_after_a_log_in)
{
	static const char *const files[] = {"auth.json", "config.json"};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		BENCH(b);
		TMP(t);
		world_env(&b.w, "AZD_CONFIG_DIR", t.path);
		broken(&b, azd, "the Azure Developer CLI is not logged in here: there is no ", "azd auth login");
		assert_says(b.err.msg, "/auth.json");
		assert_null(print(&b, azd));
		assert_says(b.err.hint, "azd auth login");
		log_in(&b, &t, files[i]);
		assert_int_equal(detect(&b, azd), SOURCE_PRESENT);
		assert_says(print(&b, azd), files[i]);
	}
}

TEST(the_folder_of_azd_lies_below_home_by_default)
{
	BENCH(b);
	TMP(t);
	AUTO_STR dir = tmp_path(&t, ".azd");
	AUTO_STR path = tmp_path(&t, ".azd/auth.json");
	world_env(&b.w, "HOME", t.path);
	assert_int_equal(detect(&b, azd), SOURCE_BROKEN);
	assert_says(b.err.msg, path);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_text(path, "{}", 0600);
	assert_int_equal(detect(&b, azd), SOURCE_PRESENT);
}

TEST(a_program_that_hands_tokens_to_azd_is_a_log_in_and_tells_callers_apart)
{
	BENCH(b);
	world_env(&b.w, "AZD_AUTH_ENDPOINT", "http://127.0.0.1:1");
	assert_int_equal(detect(&b, azd), SOURCE_BROKEN);
	world_env(&b.w, "AZD_AUTH_KEY", "hush");
	assert_int_equal(detect(&b, azd), SOURCE_PRESENT);
	AUTO_STR before = str_dup(print(&b, azd));
	assert_silent_about(before, "hush");
	world_env(&b.w, "AZD_AUTH_KEY", "other");
	assert_string_not_equal(print(&b, azd), before);
	world_env(&b.w, "AZD_AUTH_ENDPOINT", NULL);
	world_env(&b.w, "AZD_IN_CLOUDSHELL", "1");
	assert_int_equal(detect(&b, azd), SOURCE_PRESENT);
}

TEST(azd_is_never_chosen_by_itself)
{
	assert_int_equal(azd->automatic, AUTO_NEVER);
	assert_true(azd->yields_access_token);
}

TEST(a_log_in_anew_is_another_caller)
{
	BENCH(b);
	TMP(t);
	log_in(&b, &t, "auth.json");
	AUTO_STR before = str_dup(print(&b, azd));
	AUTO_STR path = tmp_path(&t, "auth.json");
	AUTO_STR other = tmp_path(&t, "new");
	write_text(other, "{}", 0600);
	assert_int_equal(rename(other, path), 0);
	assert_string_not_equal(print(&b, azd), before);
}

TEST(azd_is_asked_for_the_scope_in_the_tenant)
{
	BENCH(b);
	b.w.proc.out = ANSWER("2026-11-23T11:00:00Z");
	assert_true(azd->fetch(&b.w.ctx, &b.id, RESOURCE_AKS, &b.got, &b.err));
	assert_text(b.w.proc.line, "azd auth token --output json --no-prompt --scope " RESOURCE_AKS "/.default --tenant-id " TENANT);
	assert_text(b.w.proc.more, "DAYPASS_SHIM_DEPTH=1\nDAYPASS_SHIM_PASS=1\nNO_COLOR=true\nAZD_SKIP_UPDATE_CHECK=true\nAZURE_DEV_COLLECT_TELEMETRY=no");
	assert_int_equal(b.w.proc.timeout_ms, 15000);
	assert_text(secret_reveal(&b.got.value), "azd-token");
	assert_int_equal(b.got.issued_at, NOW);
	assert_int_equal(b.got.expires_at, NOW + 3600);
}

TEST(azd_without_a_tenant_is_asked_without_one)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	AUTO_TOKEN t = token_new();
	struct err err = ERR_INIT;
	w.proc.out = ANSWER("2026-11-23T11:00:00.1234567Z");
	assert_true(azd->fetch(&w.ctx, &id, "res", &t, &err));
	assert_text(w.proc.line, "azd auth token --output json --no-prompt --scope res/.default");
	assert_int_equal(t.expires_at, NOW + 3600);
}

static int64_t life(const char *answer)
{
	BENCH(b);
	b.w.proc.out = answer;
	assert_true(fetch(&b, azd));
	return b.got.expires_at - NOW;
}

TEST(without_a_usable_expiry_azd_tokens_are_kept_for_five_minutes)
{
	assert_int_equal(life("{\"token\":\"t\"}"), 300);
	assert_int_equal(life(ANSWER("2026-11-23 11:00:00")), 300);
	assert_int_equal(life(ANSWER("2026-11-23T11:00:00+01:00")), 300); /* azd writes UTC only */
	assert_int_equal(life(ANSWER("2026-11-23T11:00:00.Z")), 300);
	assert_int_equal(life(ANSWER("2025-11-23T11:00:00Z")), 300);
	assert_int_equal(life(ANSWER("2026-11-23T11:00:00Z x")), 300);
	assert_int_equal(life("{\"token\":\"t\",\"expiresOn\":1795431600}"), 300);
}

static void says(const char *err, const char *out, const char *words)
{
	BENCH(b);
	b.w.proc.status = 1;
	b.w.proc.err = err;
	b.w.proc.out = out;
	assert_false(fetch(&b, azd));
	AUTO_STR wanted = str_printf("azd gave no token (exit status 1): %s", words);
	assert_text(b.err.msg, wanted);
	assert_text(b.err.hint, "azd auth login");
}

TEST(what_azd_says_instead_of_a_token_is_passed_on_in_one_line)
{
	static const char plain[] = "not logged in, run `azd auth login` to login";
	says("ERROR: not logged in, run `azd auth login` to login\n", "", plain);
	says("{\"type\":\"consoleMessage\",\"data\":{\"message\":\"WARNING: an update is there\\n\"}}\n"
	     "{\"type\":\"consoleMessage\",\"data\":{\"message\":\"\\nERROR: not logged in, run `azd auth login` to login\\n\"}}\n", "", plain);
	says("{\"error\":\"x\",\"message\":\"not logged in, run `azd auth login` to login\",\"suggestion\":\"y\"}\n", "", plain);
	says("", "ERROR: not logged in, run `azd auth login` to login\n", plain); /* some versions write it to stdout */
	says("{ broken\nmore", "", "{ broken");
	says("", "", "");
	says("ERROR: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln is bad\n", "", "eyJ*** is bad");
}

TEST(an_azd_that_is_not_there_or_prints_nonsense_is_named)
{
	BENCH(b);
	b.w.proc.status = 127;
	assert_false(fetch(&b, azd));
	assert_says(b.err.msg, "azd is not on PATH");
	assert_says(b.err.hint, "install the Azure Developer CLI");
	b.w.proc.status = 0;
	static const char *const odd[] = {"", "null", "{}", "{\"token\":\"a\\nb\"}", "{\"token\":\"\"}", "not json", "bare-token\n"};
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		b.w.proc.out = odd[i];
		assert_false(fetch(&b, azd));
		assert_says(b.err.msg, "azd printed no token");
	}
	b.w.proc.fails = true;
	assert_false(fetch(&b, azd));
	assert_says(b.err.hint, "install the Azure Developer CLI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(azd_is_present_after_a_log_in),
		T(the_folder_of_azd_lies_below_home_by_default),
		T(a_program_that_hands_tokens_to_azd_is_a_log_in_and_tells_callers_apart),
		T(azd_is_never_chosen_by_itself),
		T(a_log_in_anew_is_another_caller),
		T(azd_is_asked_for_the_scope_in_the_tenant),
		T(azd_without_a_tenant_is_asked_without_one),
		T(without_a_usable_expiry_azd_tokens_are_kept_for_five_minutes),
		T(what_azd_says_instead_of_a_token_is_passed_on_in_one_line),
		T(an_azd_that_is_not_there_or_prints_nonsense_is_named),
	};
	return RUN(tests);
}
