/* What the settings about registries may say. */
#include "helper/core/config_check.h"
#include "tests/unit/check.h"

static void all(const char *(*check)(const char *), const char *const *values, bool good)
{
	for (; *values; values++) {
		const char *why = check(*values);
		if (!why != good)
			fail_msg("'%s': %s", *values, why ? why : "accepted");
	}
}

#define GOOD(check, ...) all(check, (const char *const[]){__VA_ARGS__, NULL}, true)
#define BAD(check, ...) all(check, (const char *const[]){__VA_ARGS__, NULL}, false)

TEST(a_registrys_user_is_one_of_two)
{
	GOOD(is_registry_user, "guid", "token");
	BAD(is_registry_user, "", "GUID", "<token>", "00000000-0000-0000-0000-000000000000");
}

/* It goes into a URL and is compared with what a token says. */
TEST(a_login_server_is_a_hosts_name_in_small_letters)
{
	GOOD(is_host, "contoso.azurecr.io", "contoso-a1.eastus.geo.azurecr.io", "a.b");
	BAD(is_host, "", "contoso", "Contoso.azurecr.io", "https://contoso.azurecr.io", "contoso.azurecr.io:443", "contoso.azurecr.io/", "contoso.azurecr.io.", "*.azurecr.io", "a@contoso.azurecr.io",
	    "[::1]", "contoso..io", ".azurecr.io", "con toso.io", "contoso.azurecr.io?x", "contoso.azurecr.io#");
}

/* It becomes part of a program's name. */
TEST(a_fallback_is_what_follows_in_a_programs_name)
{
	GOOD(is_helper, "desktop", "secretservice", "pass", "ecr-login", "osxkeychain", "a.b_c", "gcr");
	BAD(is_helper, "", "daypass", "../x", "/bin/sh", "a/b", "a b", ".hidden", "..", "a;b", "a\nb", "$x", "caf\xc3\xa9");
}

static void patterns(const char *const *values, bool keeps, bool good)
{
	for (; *values; values++) {
		const char *why = config_bad_pattern(*values, keeps);
		if (!why != good)
			fail_msg("'%s'%s: %s", *values, keeps ? " (keeps)" : "", why ? why : "accepted");
	}
}

#define PATTERNS(keeps, good, ...) patterns((const char *const[]){__VA_ARGS__, NULL}, keeps, good)

TEST(a_registrys_pattern_is_a_bare_host)
{
	PATTERNS(false, true, "*.azurecr.io", "contoso.azurecr.io", "*.*.geo.azurecr.io", "localhost", "*", "registry.*.example");
	PATTERNS(false, false, "", "contoso.azurecr.io/", "contoso.azurecr.io/team", "contoso.azurecr.io:443", "contoso.azurecr.io:8443", "a@contoso.azurecr.io", "contoso.azurecr.io?x", "contoso.azurecr.io#x",
		 "con*.azurecr.io", "*contoso.azurecr.io", "**.azurecr.io", "a.*b", ":443", "/", "con%2e.io");
}

TEST(a_port_is_for_what_is_only_kept)
{
	PATTERNS(true, true, "local:5000", "*:5000", "*.local:5000", "local", "*", "local:443", "local:65535");
	PATTERNS(true, false, "local:", "local:x", "local:65536", "local:5000/x", ":5000", "local:50:60", "loc*:5000", "local:-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registrys_user_is_one_of_two),
		T(a_login_server_is_a_hosts_name_in_small_letters),
		T(a_fallback_is_what_follows_in_a_programs_name),
		T(a_registrys_pattern_is_a_bare_host),
		T(a_port_is_for_what_is_only_kept),
	};
	return RUN(tests);
}
