/* Policy: who gets what (design section 7). */
#include "helper/core/plan.h"

#include "tests/unit/fake.h"
#include "helper/core/hosts.h"
#include "helper/core/policy.h"

static struct err err;

static enum verdict plan_for(struct world *w, const char *host, const char *path, struct plan *p)
{
	AUTO_REQUEST r = git_request(host, path, NULL);
	return policy_plan(&w->ctx, &r, p, &err);
}

static void expect(struct world *w, const char *host, const char *path, enum verdict wanted)
{
	AUTO_PLAN p = {0};
	enum verdict v = plan_for(w, host, path, &p);
	if (v != wanted)
		fail_msg("%s/%s: verdict %d instead of %d (%s)", host, path ? path : "", (int)v, (int)wanted, err.msg);
	if (wanted == PLAN_NOT_OURS)
		assert_int_equal(err.kind, ERR_NONE);
	if (wanted == PLAN_FAIL || wanted == PLAN_UNCLEAR)
		assert_clean(&err);
}

TEST(azure_repos_is_ours_with_the_default_identity)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso/_git/app", &p), PLAN_OURS);
	assert_text(p.id.name, "default");
	assert_text(p.source->name, "fake");
	assert_text(p.resource, RESOURCE_AZURE_REPOS);
	assert_text(p.scope, RESOURCE_AZURE_REPOS "/.default");
	assert_text(p.authority, "https://login.microsoftonline.com");
	assert_text(p.audience, "api://AzureADTokenExchange");
	assert_text(p.organization, "contoso");
	assert_false(p.named);
	assert_says(p.why, "/home/u/config:1");
}

TEST(hosts_that_policy_does_not_know_are_not_ours)
{
	static const char *const hosts[] = {"github.com", "dev.azure.com.evil.example", "evil-dev.azure.com", "xdev.azure.com", "azure.com", "pkgs.dev.azure.com", "ssh.dev.azure.com", "contoso.azurecr.io", "localhost", "visualstudio.com", "a.b.visualstudio.com"};
	WORLD(w);
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		expect(&w, hosts[i], "contoso", PLAN_NOT_OURS);
	assert_int_equal(fake_script.calls, 0);
	assert_int_equal(w.http.calls, 0);
}

TEST(an_unknown_host_stays_so_even_where_a_match_names_it)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match https://github.com]\n");
	expect(&w, "github.com", "contoso", PLAN_NOT_OURS);
}

TEST(old_hosts_are_ours_only_where_a_match_names_them)
{
	WORLD(w);
	expect(&w, "contoso.visualstudio.com", "app", PLAN_NOT_OURS);
	world_config(&w, IDENTITY "[match https://contoso.visualstudio.com]\n");
	expect(&w, "contoso.visualstudio.com", "app", PLAN_OURS);
	expect(&w, "other.visualstudio.com", "app", PLAN_NOT_OURS);
}

TEST(the_jobs_own_collection_makes_its_old_host_ours)
{
	WORLD(w);
	world_env(&w, "SYSTEM_COLLECTIONURI", "https://Contoso.visualstudio.com/");
	expect(&w, "contoso.visualstudio.com", "app", PLAN_NOT_OURS); /* a stray variable outside a job */
	world_env(&w, "TF_BUILD", "True");
	expect(&w, "contoso.visualstudio.com", "app", PLAN_OURS);
	expect(&w, "other.visualstudio.com", "app", PLAN_NOT_OURS);
}

TEST(microsofts_own_names_below_visualstudio_are_no_organizations)
{
	static const char *const hosts[] = {"app.visualstudio.com", "login.visualstudio.com", "vs-ssh.visualstudio.com", "marketplace.visualstudio.com", "www.visualstudio.com", "aex.visualstudio.com", "static.visualstudio.com"};
	WORLD(w);
	world_config(&w, IDENTITY "[match https://*.visualstudio.com]\n");
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		expect(&w, hosts[i], "x", PLAN_NOT_OURS);
	expect(&w, "application.visualstudio.com", "x", PLAN_OURS);
}

TEST(with_a_match_only_what_matches_is_served)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match https://dev.azure.com/contoso]\n");
	expect(&w, "dev.azure.com", "contoso/x", PLAN_OURS);
	expect(&w, "dev.azure.com", "other/x", PLAN_NOT_OURS);
}

TEST(a_match_names_the_request_and_may_be_soft)
{
	WORLD(w);
	AUTO_PLAN hard = {0};
	AUTO_PLAN soft = {0};
	world_config(&w, IDENTITY "[match https://dev.azure.com]\n");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso/x", &hard), PLAN_OURS);
	assert_true(hard.named && !hard.soft);
	world_config(&w, IDENTITY "[match https://dev.azure.com]\non-failure = soft\n");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso/x", &soft), PLAN_OURS);
	assert_true(soft.named && soft.soft);
}

TEST(a_match_without_its_identity_is_a_failure_at_its_line)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match https://dev.azure.com]\nidentity = gone\n");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_text(err.msg, "/home/u/config:6: there is no [identity gone]");
}

TEST(a_match_never_uses_the_environments_identity)
{
	WORLD(w);
	world_config(&w, "[match https://dev.azure.com]\n");
	world_env(&w, "AZURE_TENANT_ID", TENANT);
	world_env(&w, "AZURE_CLIENT_ID", CLIENT);
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere/t");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_says(err.msg, "no [identity default]");
}

TEST(an_unclear_request_is_told_in_one_line)
{
	WORLD(w);
	world_config(&w, IDENTITY "[identity b]\n[match https://dev.azure.com/a]\n[match https://dev.azure.com/b]\nidentity = b\n");
	expect(&w, "dev.azure.com", NULL, PLAN_UNCLEAR);
	assert_text(err.hint, "daypass configure git");
}

TEST(stray_variables_that_are_wrong_are_no_identity_either)
{
	static const char *const wrong[][2] = {{"AZURE_TENANT_ID", "common"}, {"AZURE_AUTHORITY_HOST", "https://login.private.test"}, {"AZURE_CLIENT_ID", "x"}};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		WORLD(w);
		world_config(&w, "");
		world_env(&w, "AZURE_TENANT_ID", TENANT);
		world_env(&w, "AZURE_CLIENT_ID", CLIENT);
		world_env(&w, wrong[i][0], wrong[i][1]);
		expect(&w, "dev.azure.com", "contoso", PLAN_NOT_OURS);
	}
}

TEST(stray_ids_without_a_source_are_not_an_identity)
{
	static const char *const families[][2] = {{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"}, {"AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID"}, {"ARM_TENANT_ID", "ARM_CLIENT_ID"}};
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		WORLD(w);
		world_config(&w, "");
		world_env(&w, families[i][0], TENANT);
		world_env(&w, families[i][1], CLIENT);
		world_env(&w, "AZURE_CLIENT_SECRET", "s");
		expect(&w, "dev.azure.com", "contoso", PLAN_NOT_OURS);
	}
}

TEST(ids_of_a_family_with_its_token_are_an_identity)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_config(&w, "");
	world_env(&w, "AZURE_TENANT_ID", TENANT);
	world_env(&w, "AZURE_CLIENT_ID", CLIENT);
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere/t");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_text(p.source->name, "file");
	assert_text(p.id.name, "AZURE_*");
}

TEST(gcms_variables_are_an_identity_for_git_and_for_nothing_else)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	AUTO_PLAN q = {0};
	AUTO_REQUEST resource = {.kind = REQUEST_RESOURCE, .action = ACTION_GET, .resource = str_dup("https://vault.example")};
	world_config(&w, "");
	world_env(&w, "GCM_AZREPOS_WIF", "generic");
	world_env(&w, "GCM_AZREPOS_WIF_TENANTID", TENANT);
	world_env(&w, "GCM_AZREPOS_WIF_CLIENTID", CLIENT);
	world_env(&w, "GCM_AZREPOS_WIF_ASSERTION", fake_script.tokens[0]);
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_text(p.source->name, "env");
	assert_int_equal(policy_plan(&w.ctx, &resource, &q, &err), PLAN_NOT_OURS);
}

TEST(an_identity_of_a_file_without_a_source_is_an_error)
{
	WORLD(w);
	world_config(&w, "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\n");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_int_equal(err.kind, ERR_SOURCE);
	assert_says(err.msg, "no source of an external token is present");
}

TEST(a_file_goes_before_the_environments_families)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_env(&w, "AZURE_TENANT_ID", OTHER_TENANT);
	world_env(&w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_text(identity_get(&p.id, KEY_TENANT), TENANT);
}

TEST(an_authority_of_a_variable_that_is_not_built_in_is_refused)
{
	WORLD(w);
	world_config(&w, "");
	world_env(&w, "AZURE_TENANT_ID", TENANT);
	world_env(&w, "AZURE_CLIENT_ID", CLIENT);
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere/t");
	world_env(&w, "AZURE_AUTHORITY_HOST", "https://login.evil.example");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_int_equal(err.kind, ERR_POLICY);
}

TEST(a_job_never_falls_through_to_its_runners_identity)
{
	static const struct {
		const char *marker, *value, *says;
	} jobs[] = {
		{"GITHUB_ACTIONS", "true", "id-token"}, {"TF_BUILD", "True", "SYSTEM_OIDCREQUESTURI"}, {"GITLAB_CI", "true", "DAYPASS_ID_TOKEN"},
		{"CIRCLECI", "true", "CIRCLE_OIDC_TOKEN_V2"}, {"BITBUCKET_BUILD_NUMBER", "7", "BITBUCKET_STEP_OIDC_TOKEN"}, {"BUILDKITE", "true", "BUILDKITE_JOB_ID"}, {"TFC_RUN_ID", "run-1", "TFC_WORKLOAD_IDENTITY_TOKEN"}, {"JENKINS_URL", "x", "DAYPASS_ID_TOKEN"},
	};
	for (size_t i = 0; i < COUNT_OF(jobs); i++) {
		WORLD(w);
		world_config(&w, "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\n");
		world_env(&w, jobs[i].marker, jobs[i].value);
		world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere/t"); /* the runner's */
		expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
		assert_int_equal(err.kind, ERR_SOURCE);
		assert_says(err.msg, jobs[i].says);
		assert_true(*err.hint);
	}
}

TEST(the_jobs_own_token_goes_before_a_file)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_config(&w, "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\n");
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere/t");
	world_env(&w, "ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token");
	world_env(&w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_text(p.source->name, "github-actions");
}

TEST(a_configured_source_goes_before_the_job)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_env(&w, "GITHUB_ACTIONS", "true");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_text(p.source->name, "fake");
}

TEST(a_configured_source_that_is_absent_or_broken_is_a_failure)
{
	WORLD(w);
	fake_script.state = SOURCE_ABSENT;
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_text(err.msg, "source fake: the fake is not there");
	fake_script.state = SOURCE_BROKEN;
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_text(err.hint, "mend the fake");
}

TEST(an_unknown_source_is_named_with_the_nearest)
{
	WORLD(w);
	world_env(&w, "DAYPASS_SOURCE", "github-action");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_says(err.msg, "DAYPASS_SOURCE: source = github-action");
	assert_says(err.hint, "'github-actions'");
}

TEST(the_identity_can_be_asked_for_by_option_or_variable)
{
	WORLD(w);
	AUTO_PLAN by_variable = {0};
	AUTO_PLAN by_option = {0};
	world_config(&w, IDENTITY "[identity b]\ntenant = " OTHER_TENANT "\nclient-id = " CLIENT "\nsource = fake\n[identity c]\ntenant = " TENANT "\nclient-id = " OTHER_CLIENT "\nsource = fake\n"
				  "[match https://dev.azure.com]\nidentity = default\n");
	world_env(&w, "DAYPASS_IDENTITY", "b");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &by_variable), PLAN_OURS);
	assert_text(by_variable.id.name, "b");
	w.ctx.identity = "c";
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &by_option), PLAN_OURS);
	assert_text(by_option.id.name, "c");
	w.ctx.identity = "d";
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_text(err.msg, "--identity: there is no [identity d]");
}

TEST(with_a_broken_file_known_hosts_fail_and_others_stay_silent)
{
	WORLD(w);
	world_config(&w, "[identity default]\nnonsense\n");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_says(err.msg, "/home/u/config:2: ");
	expect(&w, "github.com", "x", PLAN_NOT_OURS);
	expect(&w, "contoso.visualstudio.com", "x", PLAN_NOT_OURS);
}

TEST(a_source_of_access_tokens_has_no_exchange)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	world_config(&w, "[identity default]\nsource = fake-access\n");
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_null(p.authority);
	assert_null(p.audience);
}

TEST(an_identity_without_ids_is_a_failure_where_an_exchange_is_needed)
{
	WORLD(w);
	world_config(&w, "[identity default]\nsource = fake\n");
	expect(&w, "dev.azure.com", "contoso", PLAN_FAIL);
	assert_says(err.msg, "has no tenant");
}

TEST(a_pattern_can_serve_where_policy_knows_some_host_of_it)
{
	static const char *const yes[] = {"dev.azure.com", "contoso.visualstudio.com", "*.visualstudio.com", "*.azure.com"}, *const no[] = {"github.com", "*.github.com", "azure.com", "a.b.visualstudio.com", "dev.azure.com.evil"};
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		assert_true(hosts_serve(REQUEST_GIT, yes[i]));
	for (size_t i = 0; i < COUNT_OF(no); i++)
		assert_false(hosts_serve(REQUEST_GIT, no[i]));
}

TEST(planning_touches_no_network_child_or_cache)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	assert_int_equal(plan_for(&w, "dev.azure.com", "contoso", &p), PLAN_OURS);
	assert_int_equal(w.http.calls + w.proc.calls + w.store.calls + fake_script.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(azure_repos_is_ours_with_the_default_identity),
		T(hosts_that_policy_does_not_know_are_not_ours),
		T(an_unknown_host_stays_so_even_where_a_match_names_it),
		T(old_hosts_are_ours_only_where_a_match_names_them),
		T(the_jobs_own_collection_makes_its_old_host_ours),
		T(microsofts_own_names_below_visualstudio_are_no_organizations),
		T(with_a_match_only_what_matches_is_served),
		T(a_match_names_the_request_and_may_be_soft),
		T(a_match_without_its_identity_is_a_failure_at_its_line),
		T(a_match_never_uses_the_environments_identity),
		T(an_unclear_request_is_told_in_one_line),
		T(stray_variables_that_are_wrong_are_no_identity_either),
		T(stray_ids_without_a_source_are_not_an_identity),
		T(ids_of_a_family_with_its_token_are_an_identity),
		T(gcms_variables_are_an_identity_for_git_and_for_nothing_else),
		T(an_identity_of_a_file_without_a_source_is_an_error),
		T(a_file_goes_before_the_environments_families),
		T(an_authority_of_a_variable_that_is_not_built_in_is_refused),
		T(a_job_never_falls_through_to_its_runners_identity),
		T(the_jobs_own_token_goes_before_a_file),
		T(a_configured_source_goes_before_the_job),
		T(a_configured_source_that_is_absent_or_broken_is_a_failure),
		T(an_unknown_source_is_named_with_the_nearest),
		T(the_identity_can_be_asked_for_by_option_or_variable),
		T(with_a_broken_file_known_hosts_fail_and_others_stay_silent),
		T(a_source_of_access_tokens_has_no_exchange),
		T(an_identity_without_ids_is_a_failure_where_an_exchange_is_needed),
		T(a_pattern_can_serve_where_policy_knows_some_host_of_it),
		T(planning_touches_no_network_child_or_cache),
	};
	return RUN(tests);
}
