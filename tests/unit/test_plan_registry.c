/* Policy for container registries: whose they are, of which cloud, and who gets what there. */
#include "helper/core/match.h"
#include "helper/core/plan.h"
#include "tests/unit/fake.h"
#include "helper/core/hosts.h"
#include "helper/core/policy.h"

#define REGISTRY "contoso.azurecr.io"
#define IDENTITY_OF(name, cloud) "[identity " name "]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = fake\ncloud = " cloud "\n"

static struct err err;

static enum verdict plan_for(struct world *w, const char *host, struct plan *p)
{
	AUTO_REQUEST r = docker_request(host);
	if (w->config.broken)
		fail_msg("%s", w->config.err.msg);
	return policy_plan(&w->ctx, &r, p, &err);
}

static void expect(struct world *w, const char *host, enum verdict wanted)
{
	AUTO_PLAN p = {0};
	enum verdict v = plan_for(w, host, &p);
	if (v != wanted)
		fail_msg("%s: verdict %d instead of %d (%s%s)", host, (int)v, (int)wanted, err.msg, p.why ? p.why : "");
	if (wanted == PLAN_NOT_OURS)
		assert_null(p.registry);
	if (wanted == PLAN_FAIL)
		assert_clean(&err);
	else
		assert_int_equal(err.kind, ERR_NONE);
}

TEST(a_registry_is_ours_with_the_default_identity)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(&w, REGISTRY, &p), PLAN_OURS);
	assert_text(p.registry, REGISTRY);
	assert_text(p.id.name, "default");
	assert_text(p.resource, "https://containerregistry.azure.net");
	assert_text(p.scope, "https://containerregistry.azure.net/.default");
	assert_text(p.authority, "https://login.microsoftonline.com");
	assert_false(p.named || p.exact || p.soft || p.token_user);
	assert_true(p.keeps); /* a log-in by another name goes before */
	assert_null(p.organization);
	assert_text(resource_name(p.resource), "Azure Container Registry");
}

TEST(labels_and_regions_are_registries_too)
{
	WORLD(w);
	expect(&w, "contoso-e7ggejfuhzhgedc8.azurecr.io", PLAN_OURS);
	expect(&w, "contoso.eastus.geo.azurecr.io", PLAN_OURS);
	expect(&w, "contoso-a1b2.eastus.geo.azurecr.io", PLAN_OURS);
}

TEST(hosts_that_are_no_registries_are_not_ours)
{
	static const char *const hosts[] = {
		"azurecr.io", "a.b.azurecr.io", "contoso.a.azurecr.io", "contoso.geo.azurecr.io", "contoso.eastus.data.azurecr.io", "contoso.eastus.blob.azurecr.io", "contoso.azurecr.io.evil.example",
		"contosoazurecr.io", "contoso.xazurecr.io", "contoso.azurecr.iox", "contoso.azurecr.de", "contoso.azurecr.com", "azurecr.io.azurecr.io", "cont.azurecr.io", "con-to-so.azurecr.io",
		"mcr.microsoft.com", "docker.io", "dev.azure.com", "contoso.a.b.geo.azurecr.io", "contoso.eastus.geo.azurecr.io.evil.example", "localhost", "", "evil.example",
	};
	WORLD(w);
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		expect(&w, hosts[i], PLAN_NOT_OURS);
	assert_int_equal(fake_script.calls + w.http.calls + w.store.calls, 0);
}

TEST(a_wildcard_of_azures_own_names_makes_no_registry_of_what_is_none)
{
	static const char *const hosts[] = {"cont.azurecr.io", "con-to-so.azurecr.io", "contoso-.azurecr.io", "azurecr.io", "a.b.azurecr.io"};
	WORLD(w);
	world_config(&w, IDENTITY "[match *.azurecr.io]\n");
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		expect(&w, hosts[i], PLAN_NOT_OURS);
	world_config(&w, IDENTITY "[match *.*.data.azurecr.io]\n[match *.*.azurecr.io]\n");
	expect(&w, "a.b.azurecr.io", PLAN_OURS); /* names that we do not know: whoever writes that wants it */
	expect(&w, REGISTRY, PLAN_NOT_OURS);
}

TEST(another_scheme_or_port_is_not_ours)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match " REGISTRY "]\n[match registry.example.com]\n");
	static const char *const hosts[] = {REGISTRY, "registry.example.com"};
	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		AUTO_PLAN p = {0}, q = {0}, q2 = {0};
		AUTO_REQUEST r = docker_request(hosts[i]);
		assert_int_equal(policy_plan(&w.ctx, &r, &p, &err), PLAN_OURS);
		r.port = 8443;
		assert_int_equal(policy_plan(&w.ctx, &r, &q, &err), PLAN_NOT_OURS);
		r.port = 0;
		str_set(&r.scheme, "http");
		assert_int_equal(policy_plan(&w.ctx, &r, &q2, &err), PLAN_NOT_OURS);
	}
}

/* --- [match] ------------------------------------------------------------------------------------------------------------ */

TEST(with_a_match_only_what_it_covers_is_served)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match " REGISTRY "]\n");
	expect(&w, REGISTRY, PLAN_OURS);
	expect(&w, "fabrikam.azurecr.io", PLAN_NOT_OURS);
	world_config(&w, IDENTITY "[match https://dev.azure.com]\n");
	expect(&w, REGISTRY, PLAN_OURS); /* that is about git */
}

TEST(exact_soft_and_the_user_come_from_the_match)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match *.azurecr.io]\n[match " REGISTRY "]\non-failure = soft\nregistry-user = token\nregistry-audience = https://management.azure.com\n");
	AUTO_PLAN p = {0}, q = {0};
	assert_int_equal(plan_for(&w, REGISTRY, &p), PLAN_OURS);
	assert_true(p.named && p.exact && p.soft && p.token_user);
	assert_text(p.scope, "https://management.azure.com/.default");
	assert_int_equal(plan_for(&w, "fabrikam.azurecr.io", &q), PLAN_OURS);
	assert_true(q.named);
	assert_false(q.exact || q.soft || q.token_user);
	assert_text(q.scope, "https://containerregistry.azure.net/.default");
}

TEST(a_custom_domain_is_a_registry_where_a_match_names_it)
{
	WORLD(w);
	expect(&w, "registry.example.com", PLAN_NOT_OURS);
	world_config(&w, IDENTITY "[match registry.example.com]\nlogin-server = " REGISTRY "\n[match *.hub.example.com]\n");
	AUTO_PLAN p = {0}, q = {0};
	assert_int_equal(plan_for(&w, "registry.example.com", &p), PLAN_OURS);
	assert_text(p.registry, REGISTRY);
	assert_true(p.named && p.exact);
	assert_int_equal(plan_for(&w, "a.hub.example.com", &q), PLAN_OURS);
	assert_text(q.registry, "a.hub.example.com");
	expect(&w, "hub.example.com", PLAN_NOT_OURS);
	expect(&w, "evil.registry.example.com", PLAN_NOT_OURS);
	expect(&w, REGISTRY, PLAN_NOT_OURS); /* the sections are about others */
}

/* Anybody can have a registry of Azure's. */
TEST(one_registrys_token_is_not_told_to_all_that_a_wildcard_of_azures_covers)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match *.azurecr.io]\nlogin-server = " REGISTRY "\n[match fabrikam.azurecr.io]\nlogin-server = fabrikam.eastus.geo.azurecr.io\n[match *.example.com]\nlogin-server = " REGISTRY "\n");
	expect(&w, "evil1.azurecr.io", PLAN_FAIL);
	assert_text(err.msg, "[match *.azurecr.io] (/home/u/config:5): login-server = " REGISTRY " would tell its token to evil1.azurecr.io");
	expect(&w, "fabrikam.azurecr.io", PLAN_OURS);
	expect(&w, "images.example.com", PLAN_OURS);
}

TEST(a_pattern_for_half_the_world_makes_no_registry)
{
	static const char *const patterns[] = {"*", "*.io", "*.com", "*.*", "*.*.io", "*.example.*", "registry.*", "localhost"};
	static const char *const hosts[] = {"evil.io", "evil.com", "ghcr.io", "quay.io", "a.evil.io", "x.example.org", "registry.evil", "localhost", "docker.io"};
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		WORLD(w);
		AUTO_STR text = str_printf(IDENTITY "[match %s]\n", patterns[i]);
		world_config(&w, text);
		for (size_t k = 0; k < COUNT_OF(hosts); k++)
			expect(&w, hosts[k], PLAN_NOT_OURS);
	}
}

TEST(can_a_pattern_ever_serve_a_registry)
{
	static const char *const yes[] = {"*.azurecr.io", REGISTRY, "*.*.geo.azurecr.io", "registry.example.com", "*.example.com", "*.azurecr.us", "*.*.example.com", "*.*.io"};
	static const char *const no[] = {"*", "*.io", "*.*.com", "localhost", "*.example.*", "registry.*"};
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (!hosts_serve(REQUEST_DOCKER, yes[i]))
			fail_msg("serves nothing: %s", yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (hosts_serve(REQUEST_DOCKER, no[i]))
			fail_msg("serves: %s", no[i]);
	assert_false(hosts_serve(REQUEST_GIT, REGISTRY));
	assert_false(hosts_serve(REQUEST_DOCKER, "ghcr"));
}

/* --- store = keyring ----------------------------------------------------------------------------------------------------- */

static bool keeps(struct world *w, const char *host, enum verdict wanted)
{
	AUTO_PLAN p = {0};
	enum verdict v = plan_for(w, host, &p);
	if (v != wanted)
		fail_msg("%s: verdict %d instead of %d", host, (int)v, (int)wanted);
	return p.keeps;
}

TEST(a_section_that_only_keeps_gives_no_token)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match ghcr.io]\nstore = keyring\n[match fabrikam.azurecr.io]\nstore = keyring\n");
	assert_true(keeps(&w, "ghcr.io", PLAN_NOT_OURS));
	assert_true(keeps(&w, "fabrikam.azurecr.io", PLAN_NOT_OURS)); /* its own log-ins, by name */
	assert_true(keeps(&w, REGISTRY, PLAN_OURS));		      /* no section about tokens: as without any */
	assert_false(keeps(&w, "quay.io", PLAN_NOT_OURS));
}

TEST(a_wide_section_that_keeps_steps_back_for_azures_registries)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match *]\nstore = keyring\n");
	assert_true(keeps(&w, REGISTRY, PLAN_OURS));
	assert_true(keeps(&w, "ghcr.io", PLAN_NOT_OURS));
	assert_true(keeps(&w, "localhost", PLAN_NOT_OURS));
	world_config(&w, IDENTITY "[match *]\nstore = keyring\n[match fabrikam.azurecr.io]\nidentity = default\n");
	assert_true(keeps(&w, "fabrikam.azurecr.io", PLAN_OURS));
	assert_true(keeps(&w, REGISTRY, PLAN_NOT_OURS));
}

/* --- clouds --------------------------------------------------------------------------------------------------------------- */

TEST(an_identity_serves_the_registries_of_its_own_cloud)
{
	static const char *const rows[][3] = {{"public", "azurecr.io", "https://login.microsoftonline.com"},
					      {"usgov", "azurecr.us", "https://login.microsoftonline.us"},
					      {"china", "azurecr.cn", "https://login.partner.microsoftonline.cn"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		WORLD(w);
		AUTO_STR text = str_printf(IDENTITY "cloud = %s\n", rows[i][0]);
		world_config(&w, text);
		for (size_t k = 0; k < COUNT_OF(rows); k++) {
			AUTO_STR host = str_printf("contoso.%s", rows[k][1]);
			AUTO_STR regional = str_printf("contoso.region1.geo.%s", rows[k][1]);
			expect(&w, host, i == k ? PLAN_OURS : PLAN_NOT_OURS);
			expect(&w, regional, i == k ? PLAN_OURS : PLAN_NOT_OURS);
		}
		AUTO_STR own = str_printf("contoso.%s", rows[i][1]);
		AUTO_PLAN p = {0};
		assert_int_equal(plan_for(&w, own, &p), PLAN_OURS);
		assert_text(p.authority, rows[i][2]);
		assert_text(p.scope, "https://containerregistry.azure.net/.default"); /* in every cloud */
	}
}

TEST(a_match_that_joins_two_clouds_is_an_error)
{
	WORLD(w);
	world_config(&w, IDENTITY IDENTITY_OF("gov", "usgov") "[match *.azurecr.us]\nidentity = default\n[match *.azurecr.io]\nidentity = gov\n");
	expect(&w, "contoso.azurecr.us", PLAN_FAIL);
	assert_text(err.msg, "contoso.azurecr.us is a registry of the cloud usgov, and identity default (/home/u/config:1) is of public");
	assert_says(err.hint, "cloud = usgov");
	expect(&w, REGISTRY, PLAN_FAIL);
	world_config(&w, IDENTITY IDENTITY_OF("gov", "usgov") "[match *.azurecr.us]\nidentity = gov\n[match *.azurecr.io]\n");
	expect(&w, "contoso.azurecr.us", PLAN_OURS);
	expect(&w, REGISTRY, PLAN_OURS);
}

TEST(a_custom_domain_has_the_cloud_of_its_login_server)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match registry.example.com]\nlogin-server = contoso.azurecr.us\n");
	expect(&w, "registry.example.com", PLAN_FAIL);
	world_config(&w, IDENTITY_OF("default", "usgov") "[match registry.example.com]\nlogin-server = contoso.azurecr.us\n");
	expect(&w, "registry.example.com", PLAN_OURS);
}

TEST(another_authority_is_of_no_cloud_of_azures)
{
	WORLD(w);
	world_config(&w, IDENTITY "authority = https://login.private.example\n");
	expect(&w, REGISTRY, PLAN_NOT_OURS);
	world_config(&w, IDENTITY "authority = https://login.private.example\n[match *.azurecr.private.example]\n");
	expect(&w, "contoso.azurecr.private.example", PLAN_OURS);
	world_config(&w, IDENTITY "authority = https://login.microsoftonline.us\n");
	expect(&w, REGISTRY, PLAN_NOT_OURS);
	expect(&w, "contoso.azurecr.us", PLAN_OURS);
}

TEST(an_authoritys_spelling_hides_no_cloud)
{
	static const char *const forms[] = {"https://login.microsoftonline.us:443", "https://Login.MicrosoftOnline.US", "https://login.usgovcloudapi.net", "https://login.microsoftonline.us/"};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		WORLD(w);
		AUTO_STR text = str_printf(IDENTITY "authority = %s\n[match " REGISTRY "]\n[match *.azurecr.us]\n", forms[i]);
		world_config(&w, text);
		expect(&w, REGISTRY, PLAN_FAIL);
		expect(&w, "contoso.azurecr.us", PLAN_OURS);
	}
}

TEST(a_source_of_access_tokens_is_of_the_cloud_that_is_set)
{
	WORLD(w);
	world_config(&w, "[identity default]\nsource = fake-access\ncloud = usgov\n");
	expect(&w, "contoso.azurecr.us", PLAN_OURS);
	expect(&w, REGISTRY, PLAN_NOT_OURS);
}

/* --- what cannot be served -------------------------------------------------------------------------------------------------- */

TEST(a_broken_configuration_fails_for_registries_of_azure_only)
{
	WORLD(w);
	world_config(&w, "[identity\n");
	AUTO_REQUEST ours = docker_request(REGISTRY);
	AUTO_REQUEST other = docker_request("ghcr.io");
	AUTO_PLAN p = {0}, q = {0};
	assert_int_equal(policy_plan(&w.ctx, &ours, &p, &err), PLAN_FAIL);
	assert_says(err.msg, "/home/u/config:1");
	assert_int_equal(policy_plan(&w.ctx, &other, &q, &err), PLAN_NOT_OURS);
}

TEST(nobody_to_be_is_not_ours_and_a_broken_source_fails)
{
	WORLD(w);
	world_config(&w, "");
	expect(&w, REGISTRY, PLAN_NOT_OURS);
	world_config(&w, IDENTITY);
	fake_script.state = SOURCE_BROKEN;
	expect(&w, REGISTRY, PLAN_FAIL);
	AUTO_PLAN p = {0};
	plan_for(&w, REGISTRY, &p);
	assert_true(p.keeps); /* a log-in that was kept serves all the same */
	assert_text(p.registry, REGISTRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registry_is_ours_with_the_default_identity),
		T(labels_and_regions_are_registries_too),
		T(hosts_that_are_no_registries_are_not_ours),
		T(a_wildcard_of_azures_own_names_makes_no_registry_of_what_is_none),
		T(another_scheme_or_port_is_not_ours),
		T(with_a_match_only_what_it_covers_is_served),
		T(exact_soft_and_the_user_come_from_the_match),
		T(a_custom_domain_is_a_registry_where_a_match_names_it),
		T(one_registrys_token_is_not_told_to_all_that_a_wildcard_of_azures_covers),
		T(a_pattern_for_half_the_world_makes_no_registry),
		T(can_a_pattern_ever_serve_a_registry),
		T(a_section_that_only_keeps_gives_no_token),
		T(a_wide_section_that_keeps_steps_back_for_azures_registries),
		T(an_identity_serves_the_registries_of_its_own_cloud),
		T(a_match_that_joins_two_clouds_is_an_error),
		T(a_custom_domain_has_the_cloud_of_its_login_server),
		T(another_authority_is_of_no_cloud_of_azures),
		T(an_authoritys_spelling_hides_no_cloud),
		T(a_source_of_access_tokens_is_of_the_cloud_that_is_set),
		T(a_broken_configuration_fails_for_registries_of_azure_only),
		T(nobody_to_be_is_not_ours_and_a_broken_source_fails),
	};
	return RUN(tests);
}
