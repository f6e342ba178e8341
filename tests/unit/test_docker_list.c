/* What is held and would be answered, as docker asks for it. */
#include "tests/unit/office.h"
#include "tests/unit/tmp.h"

TEST(nothing_held_is_an_empty_object)
{
	OFFICE(o);
	answers(&o, "list", "unused", "{}\n", 0);
	assert_true(o.d.ring.no_values); /* no secret is fetched for it */
	o.d.ring.answer = KEYRING_LOCKED;
	answers(&o, "list", "", "{}\n", 0);
}

TEST(tokens_and_log_ins_are_listed_once_and_nothing_that_would_not_be_answered)
{
	OFFICE(o);
	world_config(&o.d.w, KEEPS "[match *.azurecr.io]\nidentity = default\n");
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	answers(&o, "list", "", "{\"" REGISTRY "\":\"" DOCKER_GUID_USER "\"}\n", 0);
	others_item(&o, REGISTRY, "<token>", "stale");
	others_item(&o, "docker.io", "carol", "x");
	answers(&o, "list", "", "{\"" REGISTRY "\":\"" DOCKER_GUID_USER "\"}\n", 0);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	answers(&o, "store", ALICE("ghcr.io"), "", 0);
	CALL c = run(&o, "list", "");
	assert_says(c.out, "\"" REGISTRY "\":\"alice\"");
	assert_says(c.out, "\"ghcr.io\":\"alice\"");
	assert_silent_about(c.out, DOCKER_GUID_USER);
	assert_silent_about(c.out, "carol");
	assert_silent_about(c.out, "s3cret");
}

TEST(a_token_is_listed_under_the_user_that_a_get_would_give)
{
	OFFICE(o);
	world_config(&o.d.w, IDENTITY "[match " REGISTRY "]\nregistry-user = token\n");
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	CALL c = run(&o, "get", REGISTRY);
	answers(&o, "list", "", "{\"" REGISTRY "\":\"<token>\"}\n", 0);
}

TEST(a_token_that_has_ended_is_not_listed)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	pass_ms(&o.d.w.clock, LIFE * 1000ll);
	answers(&o, "list", "", "{}\n", 0);
}

TEST(a_token_that_policy_no_longer_gives_is_not_listed)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	world_config(&o.d.w, IDENTITY "[match *.fabrikam.test]\nidentity = default\n");
	answers(&o, "list", "", "{}\n", 0);
}

/* Some clients ask for no registry that is not listed. */
TEST(a_registry_that_the_configuration_names_is_listed_before_anybody_asked)
{
	OFFICE(o);
	world_config(&o.d.w, IDENTITY "[match *.azurecr.io]\nidentity = default\n[match fabrikam.azurecr.io]\nregistry-user = token\n[match ghcr.io]\nstore = keyring\n"
				      "[match https://dev.azure.com]\nidentity = default\n");
	answers(&o, "list", "", "{\"fabrikam.azurecr.io\":\"<token>\"}\n", 0);
}

TEST(a_token_whose_source_is_broken_now_is_not_listed)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	fake_script.state = SOURCE_BROKEN;
	answers(&o, "list", "", "{}\n", 0);
}

TEST(the_fallbacks_list_is_joined_without_what_is_ours)
{
	OFFICE(o);
	TMP(t);
	AUTO_STR program = tmp_path(&t, "docker-credential-other");
	write_text(program, "", 0755);
	world_env(&o.d.w, "PATH", t.path);
	world_config(&o.d.w, "[daypass]\nfallback = other\n" IDENTITY);
	o.d.w.proc.out = "{\"https://ghcr.io\":\"bob\",\"" REGISTRY "\":\"mallory\",\"odd\":7,\"a\\u0000b\":\"x\"}";
	answers(&o, "list", "", "{}\n", 0); /* no JSON that we would read: nothing of it */
	o.d.w.proc.out = "{\"https://ghcr.io\":\"bob\",\"" REGISTRY "\":\"mallory\",\"odd\":7}";
	answers(&o, "list", "", "{\"https://ghcr.io\":\"bob\"}\n", 0);
	AUTO_STR line = str_printf("%s list", program);
	assert_text(o.d.w.proc.line, line);
	assert_text(o.d.w.proc.in, "unused");
	o.d.w.proc.status = 1;
	answers(&o, "list", "", "{}\n", 0);
	o.d.w.proc.fails = true;
	answers(&o, "list", "", "{}\n", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_held_is_an_empty_object),
		T(tokens_and_log_ins_are_listed_once_and_nothing_that_would_not_be_answered),
		T(a_token_is_listed_under_the_user_that_a_get_would_give),
		T(a_token_that_has_ended_is_not_listed),
		T(a_token_that_policy_no_longer_gives_is_not_listed),
		T(a_token_whose_source_is_broken_now_is_not_listed),
		T(a_registry_that_the_configuration_names_is_listed_before_anybody_asked),
		T(the_fallbacks_list_is_joined_without_what_is_ours),
	};
	return RUN(tests);
}
