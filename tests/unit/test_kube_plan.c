/* Whose identity answers kubectl: the configuration's, the environment's, what flags say over it, or az's. */
#include "helper/core/match.h"
#include "tests/unit/kube.h"
#include "tests/unit/tmp.h"

#define WI FOR_AKS " --login workloadidentity "
#define FABRIKAM "[identity fab]\ntenant = " OTHER_TENANT "\nclient-id = " OTHER_CLIENT "\nsource = fake\n"

static struct err err;

/* The plan for these arguments, and the verdict. */
static enum verdict plan(struct world *w, const struct protocol *face, const char *args, struct plan *p)
{
	PARSED q = kube_parsed(w, face, args);
	if (!q.ok)
		fail_msg("%s: %s", args, q.err.msg);
	return policy_plan(&w->ctx, &q.r, p, &err);
}

static void is(struct world *w, const char *args, const char *name, const char *client, const char *tenant)
{
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		AUTO_PLAN p = {0};
		if (plan(w, kube_faces[i], args, &p) != PLAN_OURS)
			fail_msg("%s: %s", args, err.msg);
		assert_text(p.id.name, name);
		assert_text(identity_get(&p.id, KEY_CLIENT_ID), client);
		assert_text(identity_get(&p.id, KEY_TENANT), tenant);
		assert_text(p.scope, AKS "/.default");
	}
}

static void fails(struct world *w, const char *args, const char *msg)
{
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		AUTO_PLAN p = {0};
		assert_int_equal(plan(w, kube_faces[i], args, &p), PLAN_FAIL);
		assert_clean(&err);
		assert_says(err.msg, msg);
	}
}

/* A pod: two ids and a file. */
static void pod(struct world *w)
{
	world_config(w, "");
	world_env(w, "AZURE_TENANT_ID", TENANT);
	world_env(w, "AZURE_CLIENT_ID", CLIENT);
	world_env(w, "AZURE_FEDERATED_TOKEN_FILE", "/proc/self/exe"); /* a file that is there */
}

/* --- people's modes --------------------------------------------------------------------------------------------------------- */

TEST(aks_own_stanza_is_answered_by_the_configured_identity)
{
	WORLD(w);
	is(&w, STANZA, "default", CLIENT, TENANT);
	is(&w, FOR_AKS " --login interactive --login-hint ada@contoso.test", "default", CLIENT, TENANT);
	is(&w, FOR_AKS, "default", CLIENT, TENANT);
}

TEST(aks_own_stanza_is_answered_by_the_environment_with_a_source)
{
	WORLD(w);
	pod(&w);
	is(&w, STANZA, "AZURE_*", CLIENT, TENANT);
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", NULL);
	AUTO_PLAN p = {0};
	assert_int_equal(plan(&w, &protocol_kubelogin, STANZA, &p), PLAN_NOT_OURS);
}

TEST(a_cluster_of_another_tenant_is_told)
{
	WORLD(w);
	fails(&w, FOR_AKS " -l devicecode -t " OTHER_TENANT, "the cluster is of tenant " OTHER_TENANT ", and identity default (/home/u/config:1) of " TENANT);
	fails(&w, FOR_AKS " -t " OTHER_TENANT, "the cluster is of tenant " OTHER_TENANT);
	is(&w, FOR_AKS " -l devicecode -t AAAAAAAA-1111-2222-3333-444444444444", "default", CLIENT, TENANT);
	is(&w, FOR_AKS " -l devicecode -t contoso.onmicrosoft.com", "default", CLIENT, TENANT); /* who knows which that is */
	pod(&w);
	fails(&w, FOR_AKS " -l devicecode -t " OTHER_TENANT, "and identity AZURE_* (AZURE_TENANT_ID and AZURE_CLIENT_ID) of " TENANT);
}

TEST(an_identity_may_be_chosen_by_option_or_variable)
{
	WORLD(w);
	world_config(&w, IDENTITY FABRIKAM);
	w.ctx.identity = "fab";
	is(&w, FOR_AKS " -l devicecode -t " OTHER_TENANT, "fab", OTHER_CLIENT, OTHER_TENANT);
	fails(&w, STANZA, "identity fab");
	w.ctx.identity = NULL;
	world_env(&w, "DAYPASS_IDENTITY", "fab");
	is(&w, FOR_AKS, "fab", OTHER_CLIENT, OTHER_TENANT);
	w.ctx.identity = "none";
	fails(&w, FOR_AKS, "--identity: there is no [identity none]");
}

/* --- what flags say over it --------------------------------------------------------------------------------------------------- */

TEST(flags_lie_over_the_configured_identity)
{
	WORLD(w);
	is(&w, WI, "default", CLIENT, TENANT);
	is(&w, WI "--client-id " OTHER_CLIENT, "default", OTHER_CLIENT, TENANT);
	is(&w, WI "-t " OTHER_TENANT, "default", CLIENT, OTHER_TENANT); /* on purpose */
	AUTO_PLAN p = {0};
	assert_int_equal(plan(&w, &protocol_kube, WI "-e AzureUSGovernmentCloud", &p), PLAN_OURS);
	assert_text(p.authority, "https://login.microsoftonline.us");
	assert_text(p.audience, "api://AzureADTokenExchangeUSGov");
}

TEST(no_flag_moves_an_identity_away_from_its_own_authority)
{
	static const char *const args[] = {"-e AzureChinaCloud", "--authority-host https://login.microsoftonline.com/", "--authority-host https://login.contoso.test/"};
	WORLD(w);
	world_config(&w, IDENTITY "authority = https://login.contoso.test\n");
	for (size_t i = 0; i < COUNT_OF(args); i++) {
		AUTO_PLAN p = {0};
		AUTO_STR all = str_printf(WI "%s", args[i]);
		assert_int_equal(plan(&w, &protocol_kubelogin, all, &p), PLAN_OURS);
		assert_text(p.authority, "https://login.contoso.test");
	}
}

TEST(flags_alone_are_an_identity_where_there_is_a_source)
{
	WORLD(w);
	world_config(&w, "");
	fails(&w, WI "--client-id " CLIENT " -t " TENANT, "identity kubeconfig (what the kubeconfig says): no source of an external token is present here");
	is(&w, WI "--client-id " CLIENT " -t " TENANT " --federated-token-file /proc/self/exe", "kubeconfig", CLIENT, TENANT);
	fails(&w, WI "--client-id " CLIENT " --federated-token-file /proc/self/exe", "identity kubeconfig (what the kubeconfig says) has no tenant");
	fails(&w, WI "-t " TENANT " --federated-token-file /proc/self/exe", "has no client-id");
	AUTO_PLAN p = {0};
	assert_int_equal(plan(&w, &protocol_kubelogin, WI, &p), PLAN_NOT_OURS);
}

TEST(a_pipelines_connection_needs_its_job)
{
	WORLD(w);
	fails(&w, FOR_AKS " -l azurepipelines", "source azure-pipelines");
	world_env(&w, "SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/x");
	world_env(&w, "SYSTEM_ACCESSTOKEN", "job");
	fails(&w, FOR_AKS " -l azurepipelines", "no service connection is named");
	AUTO_PLAN p = {0};
	assert_int_equal(plan(&w, &protocol_kube, FOR_AKS " -l azurepipelines --azure-pipelines-service-connection-id " OTHER_CLIENT, &p), PLAN_OURS);
	assert_text(p.source->name, "azure-pipelines");
	assert_text(identity_get(&p.id, KEY_CONNECTION), OTHER_CLIENT);
}

/* --- az ------------------------------------------------------------------------------------------------------------------------- */

TEST(azs_own_log_in_answers_alone)
{
	WORLD(w);
	TMP(t);
	AUTO_STR profile = tmp_path(&t, "azureProfile.json");
	write_text(profile, "{}", 0600);
	world_env(&w, "AZURE_CONFIG_DIR", t.path);
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		AUTO_PLAN p = {0};
		assert_int_equal(plan(&w, kube_faces[i], FOR_AKS " -l azurecli", &p), PLAN_OURS);
		assert_text(p.source->name, "az");
		assert_text(p.id.name, "kubeconfig");
		assert_text(identity_get(&p.id, KEY_TENANT), NULL);
		assert_text(identity_get(&p.id, KEY_CLIENT_ID), NULL);
	}
	w.proc.out = "{\"accessToken\":\"az-1\",\"expires_on\":1795431600}";
	CALL c = kube_call(&w, &protocol_kubelogin, FOR_AKS " -l azurecli -t " TENANT);
	assert_says(c.out, "\"token\":\"az-1\"");
	assert_text(w.proc.line, "az account get-access-token --output json --resource " AKS " --tenant " TENANT);
	assert_int_equal(w.http.calls, 0);
}

TEST(without_a_log_in_of_az_the_configured_identity_answers)
{
	WORLD(w);
	TMP(t);
	world_env(&w, "AZURE_CONFIG_DIR", t.path);
	is(&w, FOR_AKS " -l azurecli -t " TENANT, "default", CLIENT, TENANT);
	fails(&w, FOR_AKS " -l azurecli -t " OTHER_TENANT, "the cluster is of tenant " OTHER_TENANT);
}

/* --- mode = direct ------------------------------------------------------------------------------------------------------------ */

#define DIRECT(identity) identity "[match kube:c.test]\nmode = direct\ncluster-audience = my-cluster\n"

static void asks_from(struct world *w, const char *server)
{
	AUTO_STR info = str_printf("{\"apiVersion\":\"" GROUP "v1\",\"spec\":{\"cluster\":{\"server\":\"%s\"}}}", server);
	world_env(w, "KUBERNETES_EXEC_INFO", info);
}

static void hands_out(struct world *w, const char *claims)
{
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = make_jwt(claims);
	asks_from(w, "https://c.test");
}

TEST(a_server_that_trusts_the_issuer_gets_the_sources_own_token)
{
	WORLD(w);
	world_config(&w, DIRECT(IDENTITY));
	hands_out(&w, "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"my-cluster\"],\"exp\":1795431600}");
	for (int i = 0; i < 3; i++) {
		CALL c = kube_call(&w, kube_faces[i % 2], STANZA);
		assert_text(c.line, "");
		assert_says(c.out, fake_script.tokens[0]);
		assert_says(c.out, "\"expirationTimestamp\":\"2026-11-23T10:55:00Z\"");
	}
	assert_int_equal(w.http.calls, 0);
	assert_int_equal(fake_script.calls, 1);
}

/* Else the server, or whoever took its place, could go to Entra with it and be us. */
TEST(a_token_that_is_for_entra_goes_to_no_api_server)
{
	static const char *const claims[] = {ASSERTION_CLAIMS, "{\"iss\":\"i\",\"sub\":\"s\",\"exp\":1795431600}",
					     "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"my-cluster\",\"api://AzureADTokenExchange\"],\"exp\":1795431600}",
					     "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"my-clusters\",\"exp\":1795431600}"};
	for (size_t i = 0; i < COUNT_OF(claims); i++) {
		WORLD(w);
		world_config(&w, DIRECT(IDENTITY));
		hands_out(&w, claims[i]);
		CALL c = kube_call(&w, &protocol_kube, FOR_AKS);
		assert_text(c.out, "");
		assert_says(c.line, "so the API server does not get it: it must be for my-cluster alone");
		assert_int_equal(c.status, 1);
	}
}

TEST(no_flag_chooses_whose_token_goes_out_as_it_is)
{
	static const char *const args[] = {WI "--federated-token-file /proc/self/environ --client-id " OTHER_CLIENT, FOR_AKS " -l azurecli", FOR_AKS " -l azurepipelines", "-l devicecode", WI "-t " OTHER_TENANT};
	TMP(t);
	AUTO_STR profile = tmp_path(&t, "azureProfile.json");
	write_text(profile, "{}", 0600);
	for (size_t i = 0; i < COUNT_OF(args); i++) {
		WORLD(w);
		world_env(&w, "AZURE_CONFIG_DIR", t.path);
		world_config(&w, DIRECT(IDENTITY));
		asks_from(&w, "https://c.test");
		AUTO_PLAN p = {0};
		assert_int_equal(plan(&w, &protocol_kubelogin, args[i], &p), PLAN_OURS);
		assert_text(p.source->name, "fake");
		assert_text(p.audience, "my-cluster");
		assert_text(identity_get(&p.id, KEY_TOKEN_FILE), NULL);
		assert_text(identity_get(&p.id, KEY_CLIENT_ID), CLIENT);
	}
}

TEST(only_the_server_that_is_named_gets_it)
{
	static const char *const others[] = {"https://d.test", "https://c.test:6443", "http://c.test", "no url"};
	WORLD(w);
	world_config(&w, DIRECT(IDENTITY));
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		asks_from(&w, others[i]);
		AUTO_PLAN p = {0};
		assert_int_equal(plan(&w, &protocol_kube, FOR_AKS, &p), PLAN_FAIL);
	}
	world_config(&w, IDENTITY "[match kube:c.test]\nmode = direct\n");
	asks_from(&w, "https://c.test");
	fails(&w, FOR_AKS, "mode = direct needs to know the audience");
}

/* --- the parts -------------------------------------------------------------------------------------------------------------------- */

TEST(what_is_laid_over_an_identity_replaces_value_and_origin_alone)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	struct setting set[KEY_COUNT] = {0};
	assert_true(identity_named(&w.ctx, "default", &id, &err));
	assert_true(config_set(set, KEY_CLIENT_ID, OTHER_CLIENT, "--client-id", &err));
	assert_true(identity_overlay(&id, set, &err));
	config_settings_free(set);
	assert_text(identity_get(&id, KEY_CLIENT_ID), OTHER_CLIENT);
	assert_text(identity_origin(&id, KEY_CLIENT_ID), "--client-id");
	assert_text(identity_get(&id, KEY_TENANT), TENANT);
	assert_text(identity_origin(&id, KEY_TENANT), "/home/u/config:2");
	assert_text(id.name, "default");
}

TEST(a_value_that_is_none_is_not_laid_over)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	struct setting set[KEY_COUNT] = {0};
	assert_true(identity_named(&w.ctx, "default", &id, &err));
	set[KEY_TENANT] = (struct setting){str_dup("../x"), str_dup("--tenant-id")};
	assert_false(identity_overlay(&id, set, &err));
	assert_clean(&err);
	config_settings_free(set);
	assert_text(identity_get(&id, KEY_TENANT), TENANT);
}

static void authority(struct world *w, const char *value, const char *cloud, const char *own)
{
	struct setting set[KEY_COUNT] = {0};
	bool ok = identity_set_authority(&w->ctx, set, value, "V", &err);
	if (ok != (cloud || own))
		fail_msg("%s: %s", value, ok ? "taken" : err.msg);
	if (!ok) {
		assert_clean(&err);
		assert_int_equal(err.kind, ERR_POLICY);
	}
	assert_text(set[KEY_CLOUD].value, cloud);
	assert_text(set[KEY_AUTHORITY].value, own);
	config_settings_free(set);
}

TEST(an_authority_is_a_clouds_or_a_configuration_files)
{
	WORLD(w);
	world_config(&w, IDENTITY FABRIKAM "authority = https://login.contoso.test\n[identity c]\nauthority = https://other.test:8443\n");
	authority(&w, "https://login.microsoftonline.com", "public", NULL);
	authority(&w, "login.windows.net", "public", NULL);
	authority(&w, "https://sts.windows.net/", "public", NULL);
	authority(&w, "https://login.partner.microsoftonline.cn:443", "china", NULL);
	authority(&w, "https://login.contoso.test", NULL, "https://login.contoso.test");
	authority(&w, "LOGIN.contoso.test:443", NULL, "https://login.contoso.test");
	authority(&w, "https://other.test:8443/", NULL, "https://other.test:8443");
	static const char *const strangers[] = {
		"https://other.test", "https://login.contoso.test:8443", "https://contoso.test", "https://x.login.contoso.test", "http://login.contoso.test", "https://u@login.contoso.test",
		"https://login.contoso.test/tenant", "ftp://login.microsoftonline.com", "login.microsoftonline.com/evil", "", "://", "https://", "https://login.microsoftonline.com:80",
		"https://login.microsoftonline.com\n.evil.example", "a://b://c", "\x1b[31m", "https://evil.example?login.contoso.test",
	};
	for (size_t i = 0; i < COUNT_OF(strangers); i++)
		authority(&w, strangers[i], NULL, NULL);
}

/* --- patterns --------------------------------------------------------------------------------------------------------------------- */

static void finds(struct world *w, const char *scheme, const char *host, int port, const char *pattern)
{
	AUTO_REQUEST r = {.kind = REQUEST_KUBE, .action = ACTION_GET, .scheme = str_dup(scheme), .host = str_dup(host), .port = port};
	struct match m = match_find(&w->config, &r, MATCH_ALL);
	if ((m.result == MATCH_FOUND) != (pattern != NULL) || (m.result != MATCH_FOUND && m.result != MATCH_NONE))
		fail_msg("%s:%d: result %d", host ? host : "(none)", port, (int)m.result);
	assert_text(m.section ? m.section->name : NULL, pattern);
}

TEST(patterns_of_api_servers_have_hosts_ports_and_labels)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match kube:*.hcp.westeurope.azmk8s.io]\n[match kube:C.hcp.westeurope.azmk8s.io]\n[match kube:10.0.0.1:6443]\n[match kube:https://d.test:443]\n"
				  "[match kube:*:6443]\n[match kube:[::1]:6443]\n");
	finds(&w, "https", "a.hcp.westeurope.azmk8s.io", 0, "kube:*.hcp.westeurope.azmk8s.io");
	finds(&w, "https", "c.hcp.westeurope.azmk8s.io", 0, "kube:C.hcp.westeurope.azmk8s.io");
	finds(&w, "https", "a.b.hcp.westeurope.azmk8s.io", 0, NULL);
	finds(&w, "https", "hcp.westeurope.azmk8s.io", 0, NULL);
	finds(&w, "https", "a.hcp.westeurope.azmk8s.io", 6443, NULL);
	finds(&w, "https", "10.0.0.1", 6443, "kube:10.0.0.1:6443");
	finds(&w, "https", "10.0.0.1", 0, NULL);
	finds(&w, "https", "d.test", 0, "kube:https://d.test:443");
	finds(&w, "https", "localhost", 6443, "kube:*:6443"); /* one label */
	finds(&w, "https", "e.test", 6443, NULL);
	finds(&w, NULL, NULL, 0, NULL);
}

TEST(patterns_of_others_are_not_about_api_servers)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match c.test]\n[match https://c.test]\n[match resource:c.test]\n");
	AUTO_REQUEST r = {.kind = REQUEST_KUBE, .scheme = str_dup("https"), .host = str_dup("c.test")};
	assert_int_equal(match_find(&w.config, &r, MATCH_ALL).result, MATCH_NO_PATTERNS);
	world_config(&w, IDENTITY "[match kube:dev.azure.com]\n[match kube:contoso.azurecr.io]\n");
	AUTO_REQUEST git = git_request("dev.azure.com", "contoso", NULL);
	AUTO_REQUEST docker = docker_request("contoso.azurecr.io");
	assert_int_equal(match_find(&w.config, &git, MATCH_ALL).result, MATCH_NO_PATTERNS);
	assert_int_equal(match_find(&w.config, &docker, MATCH_ALL).result, MATCH_NO_PATTERNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(aks_own_stanza_is_answered_by_the_configured_identity),
		T(aks_own_stanza_is_answered_by_the_environment_with_a_source),
		T(a_cluster_of_another_tenant_is_told),
		T(an_identity_may_be_chosen_by_option_or_variable),
		T(flags_lie_over_the_configured_identity),
		T(no_flag_moves_an_identity_away_from_its_own_authority),
		T(flags_alone_are_an_identity_where_there_is_a_source),
		T(a_pipelines_connection_needs_its_job),
		T(azs_own_log_in_answers_alone),
		T(without_a_log_in_of_az_the_configured_identity_answers),
		T(a_server_that_trusts_the_issuer_gets_the_sources_own_token),
		T(a_token_that_is_for_entra_goes_to_no_api_server),
		T(no_flag_chooses_whose_token_goes_out_as_it_is),
		T(only_the_server_that_is_named_gets_it),
		T(what_is_laid_over_an_identity_replaces_value_and_origin_alone),
		T(a_value_that_is_none_is_not_laid_over),
		T(an_authority_is_a_clouds_or_a_configuration_files),
		T(patterns_of_api_servers_have_hosts_ports_and_labels),
		T(patterns_of_others_are_not_about_api_servers),
	};
	return RUN(tests);
}
