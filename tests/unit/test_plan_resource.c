/* Policy for what the token command, az, azd and exec ask for: any resource, unless the configuration says less. */
#include "helper/core/resource.h"

#include "tests/unit/fake.h"

#define VAULT "https://vault.azure.net"
#define STORAGE "https://storage.azure.com"
#define B "[identity b]\ntenant = " TENANT "\nclient-id = " OTHER_CLIENT "\nsource = fake\n"

static struct err err;

static enum verdict plan_for(struct world *w, const char *resource, const char *tenant, struct plan *p)
{
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .action = ACTION_GET, .resource = str_dup(resource), .tenant = str_dup(tenant)};
	return policy_plan(&w->ctx, &r, p, &err);
}

static void served_by(struct world *w, const char *resource, const char *identity)
{
	AUTO_PLAN p = {0};
	enum verdict v = plan_for(w, resource, NULL, &p);
	if (v != PLAN_OURS || !str_eq(p.id.name, identity))
		fail_msg("%s: verdict %d, identity %s instead of %s (%s)", resource, (int)v, p.id.name ? p.id.name : "nobody", identity, err.msg);
}

static void refused(struct world *w, const char *resource, const char *says)
{
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(w, resource, NULL, &p), PLAN_FAIL);
	assert_int_equal(err.kind, ERR_POLICY);
	assert_clean(&err);
	assert_says(err.msg, says);
	assert_says(err.hint, resource);
}

TEST(any_resource_is_served_where_nothing_says_less)
{
	WORLD(w);
	served_by(&w, VAULT, "default");
	served_by(&w, "api://anything", "default");
	served_by(&w, RESOURCE_AZURE_REPOS, "default");
}

TEST(the_scope_is_the_resource_word_for_word_with_its_slash)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(&w, "https://Management.core.windows.net/", NULL, &p), PLAN_OURS);
	assert_text(p.resource, "https://Management.core.windows.net/");
	assert_text(p.scope, "https://Management.core.windows.net//.default");
}

TEST(with_a_match_only_what_matches_is_served)
{
	WORLD(w);
	world_config(&w, IDENTITY B "[match resource:" VAULT "/]\nidentity = b\n");
	served_by(&w, VAULT, "b");
	served_by(&w, "HTTPS://Vault.Azure.NET//", "b");
	refused(&w, STORAGE, "none covers it");
	refused(&w, VAULT "/x", "none covers it");
}

TEST(a_star_is_for_all_and_gives_way_to_a_name)
{
	WORLD(w);
	world_config(&w, IDENTITY B "[match resource:*]\n[match resource:" VAULT "]\nidentity = b\n");
	served_by(&w, VAULT, "b");
	served_by(&w, STORAGE, "default");
}

TEST(matches_of_others_do_not_concern_resources)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match https://dev.azure.com/contoso]\n[match *.azurecr.io]\n[match kube:x.test]\n");
	served_by(&w, VAULT, "default");
}

TEST(a_pattern_that_is_no_resource_is_an_error_of_the_file)
{
	static const char *const bad[] = {"resource:", "resource:a b", "resource:https://*.vault.azure.net", "resource:x\"y"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		WORLD(w);
		AUTO_STR text = str_printf(IDENTITY "[match %s]\n", bad[i]);
		world_config(&w, text);
		assert_true(w.config.broken);
	}
}

TEST(allow_names_all_that_the_identity_may_give)
{
	WORLD(w);
	world_config(&w, IDENTITY "allow = " VAULT " " STORAGE "/\n");
	served_by(&w, VAULT "/", "default");
	served_by(&w, "https://STORAGE.azure.com", "default");
	refused(&w, "https://graph.microsoft.com", "/home/u/config:5: ");
	refused(&w, "https://vault.azure.net.evil.example", "allow = " VAULT);
}

TEST(allow_does_not_concern_git)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_config(&w, IDENTITY "allow = " VAULT "\n");
	world_plan(&w, &p);
	assert_text(p.resource, RESOURCE_AZURE_REPOS);
}

TEST(allow_that_is_no_list_of_resources_is_an_error_of_the_file)
{
	static const char *const bad[] = {"https://x,https://y", "a\\b"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		WORLD(w);
		AUTO_STR text = str_printf(IDENTITY "allow = %s\n", bad[i]);
		world_config(&w, text);
		assert_true(w.config.broken);
	}
}

TEST(the_tenant_asked_for_goes_over_the_identitys)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(&w, VAULT, OTHER_TENANT, &p), PLAN_OURS);
	assert_text(identity_get(&p.id, KEY_TENANT), OTHER_TENANT);
	AUTO_PLAN q = {0};
	assert_int_equal(plan_for(&w, VAULT, "common", &q), PLAN_FAIL);
	assert_clean(&err);
}

TEST(nobody_is_nobody_for_resources_too)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_config(&w, "");
	assert_int_equal(plan_for(&w, VAULT, NULL, &p), PLAN_NOT_OURS);
}

TEST(a_scope_is_a_resource_and_default)
{
	static const char *const good[][2] = {{"https://vault.azure.net/.default", VAULT}, {"https://management.core.windows.net//.default", "https://management.core.windows.net/"}, {"499b84ac/.default", "499b84ac"}};
	static const char *const bad[] = {"", "/.default", ".default", VAULT, VAULT "/.default ", VAULT "/.default openid", VAULT "/.Default", "https://graph.microsoft.com/User.Read", "a\nb/.default"};
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		AUTO_STR resource = resource_of_scope(good[i][0], &err);
		assert_text(resource, good[i][1]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_null(resource_of_scope(bad[i], &err));
		assert_int_equal(err.kind, ERR_USAGE);
		assert_clean(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_resource_is_served_where_nothing_says_less),
		T(the_scope_is_the_resource_word_for_word_with_its_slash),
		T(with_a_match_only_what_matches_is_served),
		T(a_star_is_for_all_and_gives_way_to_a_name),
		T(matches_of_others_do_not_concern_resources),
		T(a_pattern_that_is_no_resource_is_an_error_of_the_file),
		T(allow_names_all_that_the_identity_may_give),
		T(allow_does_not_concern_git),
		T(allow_that_is_no_list_of_resources_is_an_error_of_the_file),
		T(the_tenant_asked_for_goes_over_the_identitys),
		T(nobody_is_nobody_for_resources_too),
		T(a_scope_is_a_resource_and_default),
	};
	return RUN(tests);
}
