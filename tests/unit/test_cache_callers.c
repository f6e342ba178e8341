/* Nobody gets another's token: a caller with a wrong secret, or another kind of credential, finds nothing, in either
 * tier. (kubelogin's cache gave a token to whoever named the same tenant and client.) */
#include "helper/core/store_keyring.h"
#include "tests/unit/shelf.h"

#include "tests/unit/tmp.h"

#define WHO "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = "
#define CLAIMS(iss, sub, more) "{\"iss\":\"" iss "\",\"sub\":\"" sub "\",\"aud\":\"api://AzureADTokenExchange\",\"exp\":1795431600" more "}"

/* Who a caller is: a configuration, and what it brings in its environment. */
struct caller {
	const char *config;
	const char *vars[3][2];
};

static void become(struct shelf *s, const struct caller *c)
{
	static const char *const all[] = {"DAYPASS_ID_TOKEN", "AZURE_FEDERATED_TOKEN_FILE", "GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL",
					  "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "TF_BUILD", "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN",
					  "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "GITLAB_CI", "AZURE_CONFIG_DIR"};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		world_env(&s->w, all[i], NULL);
	for (size_t i = 0; i < COUNT_OF(c->vars) && c->vars[i][0]; i++)
		world_env(&s->w, c->vars[i][0], c->vars[i][1]);
	world_config(&s->w, c->config);
	assert_false(s->w.config.broken);
	shelf_caller(s);
	next_process(s);
}

/* Each looks in both tiers; in a job there is only one. */
static void strangers(const struct caller *one, const struct caller *other)
{
	SHELF(s);
	become(&s, one);
	bool both = keyring_allowed(&s.w.ctx);
	keep(&s, "ones", 3600);
	become(&s, other);
	both = both && keyring_allowed(&s.w.ctx);
	assert_int_equal(find(&s), CACHE_MISS);
	assert_false(erase(&s, "ones"));
	keep(&s, "others", 3600);
	assert_found(&s, "others");
	become(&s, one);
	assert_found(&s, "ones");
	lose_runtime(&s);
	if (!both)
		return;
	assert_found(&s, "ones");
	lose_runtime(&s);
	become(&s, other);
	assert_found(&s, "others");
	assert_int_equal(s.ring.count, 2);
}

static void same_person(const struct caller *one, const struct caller *again)
{
	SHELF(s);
	become(&s, one);
	keep(&s, "ones", 3600);
	become(&s, again);
	assert_found(&s, "ones");
	lose_runtime(&s);
	assert_found(&s, "ones");
}


TEST(another_subject_or_issuer_is_another_caller)
{
	AUTO_STR one = make_jwt(CLAIMS("https://i.example", "repo:o/r", ""));
	AUTO_STR subject = make_jwt(CLAIMS("https://i.example", "repo:o/evil", ""));
	AUTO_STR issuer = make_jwt(CLAIMS("https://evil.example", "repo:o/r", ""));
	const struct caller a = {WHO "env\n", {{"DAYPASS_ID_TOKEN", one}}};
	strangers(&a, &(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", subject}}});
	strangers(&a, &(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", issuer}}});
}

TEST(a_rotated_token_of_the_same_subject_is_the_same_caller)
{
	AUTO_STR one = make_jwt(CLAIMS("https://i.example", "repo:o/r", ""));
	AUTO_STR rotated = make_jwt(CLAIMS("https://i.example", "repo:o/r", ",\"jti\":\"2\""));
	same_person(&(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", one}}}, &(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", rotated}}});
}

TEST(the_same_subject_by_another_kind_of_source_is_another_caller)
{
	TMP(t);
	AUTO_STR one = make_jwt(CLAIMS("https://i.example", "repo:o/r", ""));
	AUTO_STR file = tmp_path(&t, "token");
	write_text(file, one, 0600);
	const struct caller env = {WHO "env\n", {{"DAYPASS_ID_TOKEN", one}}}, by_file = {WHO "file\n", {{"AZURE_FEDERATED_TOKEN_FILE", file}}};
	const struct caller job = {WHO "ci\n", {{"GITLAB_CI", "1"}, {"DAYPASS_ID_TOKEN", one}}}, fake = {WHO "fake\n", {{NULL, NULL}}};
	strangers(&env, &by_file);
	strangers(&by_file, &fake);
	strangers(&env, &job);
	strangers(&job, &by_file);
}

/* A job's secret stands for the job: with a wrong one there is nothing, however alike the rest. */
TEST(another_jobs_request_token_is_another_caller)
{
	const struct caller github = {WHO "github-actions\n", {{"ACTIONS_ID_TOKEN_REQUEST_URL", "https://a.example/t"}, {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret-1"}, {"GITHUB_ACTIONS", "true"}}};
	struct caller wrong = github;
	wrong.vars[1][1] = "secret-2";
	strangers(&github, &wrong);
	wrong.vars[1][1] = "secret-1";
	wrong.vars[0][1] = "https://a.example/u";
	strangers(&github, &wrong);
}

TEST(another_pipelines_access_token_or_connection_is_another_caller)
{
	const struct caller pipe = {WHO "azure-pipelines\n", {{"SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/o"}, {"SYSTEM_ACCESSTOKEN", "secret-1"}, {"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "11111111-1111-1111-1111-111111111111"}}};
	struct caller wrong = pipe;
	wrong.vars[1][1] = "secret-2";
	strangers(&pipe, &wrong);
	wrong.vars[1][1] = "secret-1";
	wrong.vars[2][1] = "22222222-2222-2222-2222-222222222222";
	strangers(&pipe, &wrong);
}

TEST(another_command_or_its_changed_program_is_another_caller)
{
	TMP(t);
	AUTO_STR program = tmp_path(&t, "program");
	write_text(program, "#!/bin/sh\n", 0700);
	AUTO_STR plain = str_printf(WHO "command\ncommand = %s\n", program);
	AUTO_STR argument = str_printf(WHO "command\ncommand = %s --for evil\n", program);
	strangers(&(struct caller){plain, {{NULL, NULL}}}, &(struct caller){argument, {{NULL, NULL}}});
	SHELF(s);
	become(&s, &(struct caller){plain, {{NULL, NULL}}});
	keep(&s, "ones", 3600);
	write_text(program, "#!/bin/sh\n# changed\n", 0700);
	shelf_caller(&s);
	assert_int_equal(find(&s), CACHE_MISS);
}

TEST(another_login_of_the_azure_cli_is_another_caller)
{
	TMP(one);
	TMP(other);
	AUTO_STR first = tmp_path(&one, "azureProfile.json");
	AUTO_STR second = tmp_path(&other, "azureProfile.json");
	write_text(first, "{}", 0600);
	write_text(second, "{}", 0600);
	strangers(&(struct caller){WHO "az\n", {{"AZURE_CONFIG_DIR", one.path}}}, &(struct caller){WHO "az\n", {{"AZURE_CONFIG_DIR", other.path}}});
}

TEST(another_tenant_or_client_is_another_caller)
{
	static const char *const others[] = {"[identity default]\ntenant = " OTHER_TENANT "\nclient-id = " CLIENT "\nsource = env\n",
					     "[identity default]\ntenant = " TENANT "\nclient-id = " OTHER_CLIENT "\nsource = env\n",
					     WHO "env\ncloud = usgov\n", WHO "env\naudience = api://other\n"};
	AUTO_STR one = make_jwt(CLAIMS("https://i.example", "repo:o/r", ""));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		strangers(&(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", one}}}, &(struct caller){others[i], {{"DAYPASS_ID_TOKEN", one}}});
}

/* The text under which one caller's token lies, given to the other: the key stands in it. */
TEST(a_token_moved_under_another_callers_attributes_is_not_taken)
{
	AUTO_STR mine = make_jwt(CLAIMS("https://i.example", "repo:o/r", ""));
	AUTO_STR theirs = make_jwt(CLAIMS("https://i.example", "repo:o/evil", ""));
	char hex[2 * STORE_ID + 1];
	SHELF(s);
	become(&s, &(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", mine}}});
	keep(&s, "mine", 3600);
	become(&s, &(struct caller){WHO "env\n", {{"DAYPASS_ID_TOKEN", theirs}}});
	str_hex(hex, s.key.token, STORE_ID);
	for (size_t k = 0; k < only_item(&s)->attr_count; k++)
		if (str_eq(only_item(&s)->attrs[k].name, "key"))
			str_set(&only_item(&s)->attrs[k].value, hex);
	assert_int_equal(find(&s), CACHE_MISS);
	assert_int_equal(s.ring.asked[KEYRING_FIND], 1);
	assert_null(fake_find(&s.w.store, s.key.token));
	assert_false(erase(&s, "mine"));
	only_item(&s);
}

TEST(a_source_that_has_gone_gets_nothing_from_the_keyring_either)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	reboot(&s);
	fake_script.fingerprint_fails = true;
	size_t calls = s.ring.calls;
	struct flow_result got;
	assert_false(flow_token(&s.w.ctx, &s.plan, &got, &s.err));
	flow_result_free(&got);
	assert_clean(&s.err);
	assert_int_equal(s.ring.calls, calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(another_subject_or_issuer_is_another_caller),
		T(a_rotated_token_of_the_same_subject_is_the_same_caller),
		T(the_same_subject_by_another_kind_of_source_is_another_caller),
		T(another_jobs_request_token_is_another_caller),
		T(another_pipelines_access_token_or_connection_is_another_caller),
		T(another_command_or_its_changed_program_is_another_caller),
		T(another_login_of_the_azure_cli_is_another_caller),
		T(another_tenant_or_client_is_another_caller),
		T(a_token_moved_under_another_callers_attributes_is_not_taken),
		T(a_source_that_has_gone_gets_nothing_from_the_keyring_either),
	};
	return RUN(tests);
}
