/* [match] sections held against requests. */
#include "helper/core/match.h"

#include "tests/unit/fake.h"

static struct world *w;

static struct match find(const char *host, const char *path, const char *user)
{
	AUTO_REQUEST r = git_request(host, path, user);
	return match_find(&w->config, &r, MATCH_ALL);
}

static void finds(const char *host, const char *path, const char *user, const char *pattern)
{
	struct match m = find(host, path, user);
	if (m.result != MATCH_FOUND || !str_eq(m.section->name, pattern))
		fail_msg("%s/%s as %s: result %d, %s instead of %s", host, path ? path : "", user ? user : "nobody", (int)m.result, m.section ? m.section->name : "nothing", pattern);
}

static void finds_none(const char *host, const char *path, const char *user)
{
	struct match m = find(host, path, user);
	if (m.result != MATCH_NONE)
		fail_msg("%s/%s: result %d, %s", host, path ? path : "", (int)m.result, m.section ? m.section->name : "nothing");
}

#define MATCHES(text) \
	WORLD(world_); \
	w = &world_; \
	world_config(w, IDENTITY "[identity b]\n" text); \
	if (w->config.broken) \
		fail_msg("%s", w->config.err.msg)

TEST(without_a_git_pattern_nothing_is_about_git)
{
	MATCHES("[match *.azurecr.io]\n[match kube:x]\n");
	assert_int_equal(find("dev.azure.com", "contoso/x", NULL).result, MATCH_NO_PATTERNS);
}

TEST(with_one_only_what_matches_is_served)
{
	MATCHES("[match https://dev.azure.com/contoso]\n");
	finds("dev.azure.com", "contoso/app/_git/app", NULL, "https://dev.azure.com/contoso");
	finds_none("dev.azure.com", "other/app", NULL);
	finds_none("old.visualstudio.com", "app", NULL);
}

TEST(more_segments_win_whatever_the_order)
{
	MATCHES("[match https://dev.azure.com/contoso/app/_git/one]\n[match https://dev.azure.com]\n[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/contoso/app]\n");
	finds("dev.azure.com", "contoso/app/_git/one", NULL, "https://dev.azure.com/contoso/app/_git/one");
	finds("dev.azure.com", "contoso/app/_git/two", NULL, "https://dev.azure.com/contoso/app");
	finds("dev.azure.com", "contoso/x", NULL, "https://dev.azure.com/contoso");
	finds("dev.azure.com", "other", NULL, "https://dev.azure.com");
}

TEST(a_literal_host_wins_over_a_star_with_as_many_segments)
{
	MATCHES("[match https://*.visualstudio.com]\n[match https://contoso.visualstudio.com]\n[match https://*.visualstudio.com/app]\n");
	finds("contoso.visualstudio.com", "x", NULL, "https://contoso.visualstudio.com");
	finds("other.visualstudio.com", "x", NULL, "https://*.visualstudio.com");
	finds("contoso.visualstudio.com", "app", NULL, "https://*.visualstudio.com/app");
}

TEST(a_path_is_a_prefix_by_whole_segments_and_case_does_not_count)
{
	MATCHES("[match https://Dev.Azure.com/Contoso/App]\n");
	finds("dev.azure.com", "cOnToSo/aPP", NULL, "https://Dev.Azure.com/Contoso/App");
	finds("dev.azure.com", "contoso/app/_git/x", NULL, "https://Dev.Azure.com/Contoso/App");
	finds_none("dev.azure.com", "contoso/application", NULL);
	finds_none("dev.azure.com", "contoso/ap", NULL);
	finds_none("dev.azure.com", "contoso", NULL);
}

TEST(a_pattern_is_decoded_once_as_git_decodes_the_path)
{
	MATCHES("[match https://dev.azure.com/contoso/My%20App/]\n");
	finds("dev.azure.com", "contoso/my app/_git/x", NULL, "https://dev.azure.com/contoso/My%20App/");
	finds_none("dev.azure.com", "contoso/my%20app", NULL);
}

TEST(port_443_and_final_slashes_of_a_pattern_do_not_count)
{
	MATCHES("[match https://dev.azure.com:443/contoso//]\n");
	finds("dev.azure.com", "contoso/x", NULL, "https://dev.azure.com:443/contoso//");
}

TEST(a_star_is_one_label)
{
	MATCHES("[match https://*.visualstudio.com]\n");
	finds("a.visualstudio.com", "x", NULL, "https://*.visualstudio.com");
	finds_none("a.b.visualstudio.com", "x", NULL);
	finds_none("visualstudio.com", "x", NULL);
	finds_none("dev.azure.com", "x", NULL);
}

TEST(without_a_path_the_user_name_counts_as_the_organization)
{
	MATCHES("[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/fabrikam]\nidentity = b\n");
	finds("dev.azure.com", NULL, "contoso", "https://dev.azure.com/contoso");
	finds("dev.azure.com", NULL, "Fabrikam", "https://dev.azure.com/fabrikam");
	finds_none("dev.azure.com", NULL, "other");
}

TEST(a_path_counts_more_than_a_user_name)
{
	MATCHES("[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/fabrikam]\nidentity = b\n");
	finds("dev.azure.com", "contoso/x", "fabrikam", "https://dev.azure.com/contoso");
}

TEST(without_a_path_patterns_of_one_identity_are_clear)
{
	MATCHES("[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/fabrikam]\nidentity = default\n[match https://x.visualstudio.com]\nidentity = b\n");
	finds("dev.azure.com", NULL, NULL, "https://dev.azure.com/contoso");
	finds("dev.azure.com", "", NULL, "https://dev.azure.com/contoso");
}

TEST(without_a_path_patterns_of_two_identities_are_unclear)
{
	MATCHES("[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/fabrikam]\nidentity = b\n");
	assert_int_equal(find("dev.azure.com", NULL, NULL).result, MATCH_UNCLEAR);
	assert_int_equal(find("dev.azure.com", NULL, "not an organization").result, MATCH_UNCLEAR);
}

TEST(without_a_path_a_host_of_no_pattern_is_not_served)
{
	MATCHES("[match https://dev.azure.com/contoso]\n");
	finds_none("a.visualstudio.com", NULL, NULL);
}

TEST(the_organization_is_path_then_user_or_the_label_of_an_old_host)
{
	static const struct {
		const char *host, *path, *user, *wanted;
	} rows[] = {
		{"dev.azure.com", "contoso/app/_git/x", "fabrikam", "contoso"}, {"dev.azure.com", "contoso", NULL, "contoso"}, {"dev.azure.com", NULL, "fabrikam", "fabrikam"},
		{"dev.azure.com", "", "fabrikam", "fabrikam"}, {"dev.azure.com", NULL, "a b", NULL}, {"dev.azure.com", NULL, "user@example.com", NULL},
		{"dev.azure.com", NULL, NULL, NULL}, {"dev.azure.com", "a b/x", NULL, NULL}, {"old.visualstudio.com", "proj/_git/x", "u", "old"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_REQUEST r = git_request(rows[i].host, rows[i].path, rows[i].user);
		AUTO_STR organization = request_organization(&r);
		assert_text(organization, rows[i].wanted);
	}
}

TEST(an_organization_of_more_than_64_letters_is_none)
{
	char name[66];
	memset(name, 'a', 65);
	name[65] = 0;
	AUTO_REQUEST r = git_request("dev.azure.com", name, NULL);
	AUTO_STR none = request_organization(&r);
	assert_null(none);
}

TEST(git_must_send_the_path_where_a_pattern_of_the_host_has_one)
{
	MATCHES("[match https://dev.azure.com/contoso]\n[match https://*.visualstudio.com]\n");
	assert_true(match_needs_path(&w->config, "dev.azure.com"));
	assert_false(match_needs_path(&w->config, "x.visualstudio.com"));
}

/* --- registries --------------------------------------------------------------------------------------------------------- */

static struct match find_registry(const char *host, int port)
{
	AUTO_REQUEST r = docker_request(host);
	r.port = port;
	return match_find(&w->config, &r, MATCH_ALL);
}

static void finds_registry(const char *host, int port, const char *pattern)
{
	struct match m = find_registry(host, port);
	if (!str_eq(m.section ? m.section->name : NULL, pattern) && (m.section || pattern))
		fail_msg("%s:%d: %s instead of %s", host, port, m.section ? m.section->name : "nothing", pattern ? pattern : "nothing");
}

TEST(bare_hosts_are_about_registries_and_urls_are_not)
{
	MATCHES("[match https://contoso.azurecr.io]\n[match kube:contoso.azurecr.io]\n");
	assert_int_equal(find_registry("contoso.azurecr.io", 0).result, MATCH_NO_PATTERNS);
	world_config(w, IDENTITY "[match contoso.azurecr.io]\n");
	finds_registry("contoso.azurecr.io", 0, "contoso.azurecr.io");
	assert_int_equal(find("contoso.azurecr.io", "x", NULL).result, MATCH_NO_PATTERNS);
}

TEST(a_registrys_own_name_wins_over_a_wildcard_whatever_the_order)
{
	MATCHES("[match *.azurecr.io]\n[match Contoso.azurecr.io]\n[match *.*.geo.azurecr.io]\n");
	finds_registry("contoso.azurecr.io", 0, "Contoso.azurecr.io");
	assert_true(find_registry("contoso.azurecr.io", 0).literal);
	finds_registry("fabrikam.azurecr.io", 0, "*.azurecr.io");
	assert_false(find_registry("fabrikam.azurecr.io", 0).literal);
	finds_registry("contoso.eastus.geo.azurecr.io", 0, "*.*.geo.azurecr.io");
	finds_registry("azurecr.io", 0, NULL);
	finds_registry("a.b.azurecr.io", 0, NULL);
	finds_registry("contoso.azurecr.io.evil.example", 0, NULL);
}

TEST(a_registrys_port_is_part_of_its_name)
{
	MATCHES("[match contoso.azurecr.io]\n[match local:5000]\nstore = keyring\n[match *.local:5000]\nstore = keyring\n[match secure:443]\nstore = keyring\n");
	finds_registry("contoso.azurecr.io", 8443, NULL);
	finds_registry("local", 5000, "local:5000");
	finds_registry("local", 0, NULL);
	finds_registry("local", 5001, NULL);
	finds_registry("a.local", 5000, "*.local:5000");
	finds_registry("secure", 0, "secure:443");
}

TEST(a_lone_star_that_keeps_covers_every_host_on_every_port)
{
	MATCHES("[match *]\nstore = keyring\n[match ghcr.io]\nstore = keyring\n");
	finds_registry("docker.io", 0, "*");
	finds_registry("a.b.c.example", 5000, "*");
	finds_registry("", 0, "*");
	finds_registry("ghcr.io", 0, "ghcr.io");
}

TEST(a_lone_star_about_tokens_is_one_label)
{
	MATCHES("[match *]\nidentity = b\n");
	finds_registry("docker.io", 0, NULL);
	finds_registry("localhost", 5000, NULL);
}

TEST(of_two_that_say_the_same_the_first_counts)
{
	MATCHES("[match *.azurecr.io]\nidentity = b\n[match contoso.*.io]\n");
	finds_registry("contoso.azurecr.io", 0, "*.azurecr.io");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_git_pattern_nothing_is_about_git),
		T(with_one_only_what_matches_is_served),
		T(more_segments_win_whatever_the_order),
		T(a_literal_host_wins_over_a_star_with_as_many_segments),
		T(a_path_is_a_prefix_by_whole_segments_and_case_does_not_count),
		T(a_pattern_is_decoded_once_as_git_decodes_the_path),
		T(port_443_and_final_slashes_of_a_pattern_do_not_count),
		T(a_star_is_one_label),
		T(without_a_path_the_user_name_counts_as_the_organization),
		T(a_path_counts_more_than_a_user_name),
		T(without_a_path_patterns_of_one_identity_are_clear),
		T(without_a_path_patterns_of_two_identities_are_unclear),
		T(without_a_path_a_host_of_no_pattern_is_not_served),
		T(the_organization_is_path_then_user_or_the_label_of_an_old_host),
		T(an_organization_of_more_than_64_letters_is_none),
		T(git_must_send_the_path_where_a_pattern_of_the_host_has_one),
		T(bare_hosts_are_about_registries_and_urls_are_not),
		T(a_registrys_own_name_wins_over_a_wildcard_whatever_the_order),
		T(a_registrys_port_is_part_of_its_name),
		T(a_lone_star_that_keeps_covers_every_host_on_every_port),
		T(a_lone_star_about_tokens_is_one_label),
		T(of_two_that_say_the_same_the_first_counts),
	};
	return RUN(tests);
}
