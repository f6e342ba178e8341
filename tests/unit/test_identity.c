/* Who we are: settings from files and variables, families whole or not at all, in their order. */
#include "helper/core/identity.h"

#include "tests/unit/fake.h"

static struct err err;

#define NOBODY(w) \
	WORLD(w); \
	world_config(&w, "")

static void azure(struct world *w)
{
	world_env(w, "AZURE_TENANT_ID", TENANT);
	world_env(w, "AZURE_CLIENT_ID", CLIENT);
}

TEST(nobody_is_named_where_no_variable_is_set)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	assert_false(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_int_equal(err.kind, ERR_NONE);
}

TEST(a_family_is_taken_whole_or_not_at_all)
{
	static const char *const names[][2] = {{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"}, {"AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID"}, {"ARM_TENANT_ID", "ARM_CLIENT_ID"}};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		for (size_t k = 0; k < 2; k++) {
			NOBODY(w);
			AUTO_IDENTITY id = {0};
			world_env(&w, names[i][k], TENANT);
			assert_false(identity_from_env(&w.ctx, NULL, &id, &err));
			assert_int_equal(err.kind, ERR_NONE);
		}
		NOBODY(w);
		AUTO_IDENTITY id = {0};
		world_env(&w, names[i][0], TENANT);
		world_env(&w, names[i][1], CLIENT);
		assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
		assert_text(identity_get(&id, KEY_TENANT), TENANT);
		assert_text(identity_get(&id, KEY_CLIENT_ID), CLIENT);
		assert_text(identity_origin(&id, KEY_TENANT), names[i][0]);
		assert_true(id.from_env);
	}
}

TEST(half_a_family_and_half_another_are_nobody)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "AZURE_TENANT_ID", TENANT);
	world_env(&w, "ARM_CLIENT_ID", CLIENT);
	assert_false(identity_from_env(&w.ctx, NULL, &id, &err));
}

TEST(azure_goes_before_azuresubscription_before_arm)
{
	NOBODY(w);
	AUTO_IDENTITY first = {0};
	AUTO_IDENTITY second = {0};
	AUTO_IDENTITY third = {0};
	world_env(&w, "ARM_TENANT_ID", OTHER_TENANT);
	world_env(&w, "ARM_CLIENT_ID", CLIENT);
	assert_true(identity_from_env(&w.ctx, NULL, &third, &err));
	assert_text(third.name, "ARM_*");
	world_env(&w, "AZURESUBSCRIPTION_TENANT_ID", TENANT);
	world_env(&w, "AZURESUBSCRIPTION_CLIENT_ID", CLIENT);
	assert_true(identity_from_env(&w.ctx, NULL, &second, &err));
	assert_text(second.name, "AZURESUBSCRIPTION_*");
	azure(&w);
	assert_true(identity_from_env(&w.ctx, NULL, &first, &err));
	assert_text(first.name, "AZURE_*");
}

TEST(each_family_brings_its_companions)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "ARM_TENANT_ID", TENANT);
	world_env(&w, "ARM_CLIENT_ID", CLIENT);
	world_env(&w, "ARM_OIDC_TOKEN", "value");
	world_env(&w, "ARM_OIDC_TOKEN_FILE_PATH", "/run/t");
	world_env(&w, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", OTHER_CLIENT);
	assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_text(identity_get(&id, KEY_TOKEN_ENV), "ARM_OIDC_TOKEN"); /* the name, never the value */
	assert_text(identity_get(&id, KEY_TOKEN_FILE), "/run/t");
	assert_text(identity_get(&id, KEY_CONNECTION), OTHER_CLIENT);
}

TEST(companions_of_a_family_that_is_not_taken_do_not_count)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	azure(&w);
	world_env(&w, "ARM_OIDC_TOKEN", "value");
	world_env(&w, "AZURE_FEDERATED_TOKEN_FILE", "/run/k");
	assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_null(identity_get(&id, KEY_TOKEN_ENV));
	assert_text(identity_get(&id, KEY_TOKEN_FILE), "/run/k");
}

TEST(a_wrong_value_in_a_family_names_the_variable)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "AZURE_TENANT_ID", TENANT);
	world_env(&w, "AZURE_CLIENT_ID", "not-a-guid");
	assert_false(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_says(err.msg, "AZURE_CLIENT_ID");
}

TEST(an_authority_variable_chooses_among_the_built_in_clouds)
{
	static const char *const rows[][2] = {
		{"https://login.microsoftonline.com/", "public"}, {"https://login.microsoftonline.us", "usgov"}, {"login.partner.microsoftonline.cn", "china"},
		{"https://LOGIN.chinacloudapi.cn/", "china"}, {"https://login.microsoftonline.com:443/", "public"}, {"https://login.windows.net", "public"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		NOBODY(w);
		AUTO_IDENTITY id = {0};
		azure(&w);
		world_env(&w, "AZURE_AUTHORITY_HOST", rows[i][0]);
		assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
		assert_text(identity_get(&id, KEY_CLOUD), rows[i][1]);
	}
}

TEST(an_authority_of_a_stranger_is_refused)
{
	static const char *const bad[] = {"https://login.evil.example", "http://login.microsoftonline.com", "https://login.microsoftonline.com.evil.example", "https://x@login.microsoftonline.com", "https://login.microsoftonline.com:8443", "https://login.microsoftonline.com/path", "login.microsoftonline.com@evil.example", "https://login.microsoftonline.com\\.evil", "javascript:1"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		NOBODY(w);
		AUTO_IDENTITY id = {0};
		azure(&w);
		world_env(&w, "AZURE_AUTHORITY_HOST", bad[i]);
		if (identity_from_env(&w.ctx, NULL, &id, &err))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.kind, ERR_POLICY);
		assert_says(err.hint, "configuration file");
	}
}

TEST(our_own_variables_name_somebody_when_both_ids_are_there)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	azure(&w);
	world_env(&w, "DAYPASS_TENANT", OTHER_TENANT);
	world_env(&w, "DAYPASS_CLIENT_ID", OTHER_CLIENT);
	assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_text(id.name, "DAYPASS_*");
	assert_text(identity_get(&id, KEY_TENANT), OTHER_TENANT);
	assert_text(identity_get(&id, KEY_CLIENT_ID), OTHER_CLIENT);
	assert_false(id.from_env);
}

TEST(a_source_of_access_tokens_needs_no_ids)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "DAYPASS_SOURCE", "az");
	assert_true(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_text(identity_get(&id, KEY_SOURCE), "az");
	assert_null(identity_get(&id, KEY_TENANT));
}

TEST(a_source_of_assertions_alone_names_nobody)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "DAYPASS_SOURCE", "github-actions");
	assert_false(identity_from_env(&w.ctx, NULL, &id, &err));
	assert_int_equal(err.kind, ERR_NONE);
}

TEST(variables_of_ours_go_over_the_file)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "DAYPASS_TENANT", OTHER_TENANT);
	world_env(&w, "DAYPASS_AUDIENCE", "api://other");
	assert_true(identity_named(&w.ctx, "default", &id, &err));
	assert_text(identity_get(&id, KEY_TENANT), OTHER_TENANT);
	assert_text(identity_origin(&id, KEY_TENANT), "DAYPASS_TENANT");
	assert_text(identity_get(&id, KEY_CLIENT_ID), CLIENT);
	assert_text(identity_origin(&id, KEY_CLIENT_ID), "/home/u/config:3");
	assert_text(identity_get(&id, KEY_AUDIENCE), "api://other");
	assert_text(identity_origin(&id, KEY_CLOUD), "default");
}

TEST(a_wrong_variable_of_ours_is_an_error)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "DAYPASS_CLOUD", "moon");
	assert_false(identity_named(&w.ctx, "default", &id, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_says(err.msg, "DAYPASS_CLOUD: cloud = moon");
}

TEST(no_variable_sets_authority_or_command)
{
	assert_text(config_keys[KEY_AUTHORITY].env, "");
	assert_text(config_keys[KEY_COMMAND].env, "");
}

TEST(an_absent_name_is_nobody_without_an_error)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	assert_false(identity_named(&w.ctx, "other", &id, &err));
	assert_int_equal(err.kind, ERR_NONE);
}

static void gcm(struct world *w, const char *mode)
{
	world_env(w, "GCM_AZREPOS_WIF", mode);
	world_env(w, "GCM_AZREPOS_WIF_TENANTID", TENANT);
	world_env(w, "GCM_AZREPOS_WIF_CLIENTID", CLIENT);
}

TEST(gcms_variables_go_before_azures_for_git_only)
{
	NOBODY(w);
	AUTO_IDENTITY git = {0};
	AUTO_IDENTITY other = {0};
	gcm(&w, "githubactions");
	world_env(&w, "AZURE_TENANT_ID", OTHER_TENANT);
	world_env(&w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	assert_true(identity_from_env(&w.ctx, identity_gcm, &git, &err));
	assert_text(identity_get(&git, KEY_CLIENT_ID), CLIENT);
	assert_text(identity_get(&git, KEY_SOURCE), "github-actions");
	assert_true(identity_from_env(&w.ctx, NULL, &other, &err));
	assert_text(identity_get(&other, KEY_CLIENT_ID), OTHER_CLIENT);
}

TEST(gcms_generic_mode_takes_a_variable_or_a_file_url)
{
	NOBODY(w);
	AUTO_IDENTITY var = {0};
	gcm(&w, "Generic");
	world_env(&w, "GCM_AZREPOS_WIF_AUDIENCE", "api://aud");
	assert_true(identity_from_env(&w.ctx, identity_gcm, &var, &err));
	assert_text(identity_get(&var, KEY_SOURCE), "env");
	assert_text(identity_get(&var, KEY_TOKEN_ENV), "GCM_AZREPOS_WIF_ASSERTION");
	assert_text(identity_get(&var, KEY_AUDIENCE), "api://aud");
	AUTO_IDENTITY file = {0};
	world_env(&w, "GCM_AZREPOS_WIF_ASSERTION", "file:///run/token");
	assert_true(identity_from_env(&w.ctx, identity_gcm, &file, &err));
	assert_text(identity_get(&file, KEY_SOURCE), "file");
	assert_text(identity_get(&file, KEY_TOKEN_FILE), "/run/token");
}

TEST(gcms_managed_identity_is_an_error_that_says_what_to_use)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	gcm(&w, "ManagedIdentity");
	assert_false(identity_from_env(&w.ctx, identity_gcm, &id, &err));
	assert_says(err.msg, "GCM_AZREPOS_WIF = ManagedIdentity");
	assert_true(*err.hint);
}

TEST(an_unknown_mode_of_gcm_is_an_error)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	gcm(&w, "magic");
	assert_false(identity_from_env(&w.ctx, identity_gcm, &id, &err));
	assert_says(err.msg, "GCM_AZREPOS_WIF = magic");
}

TEST(a_wrong_audience_of_gcm_is_an_error)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	char big[700];
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = 0;
	gcm(&w, "generic");
	world_env(&w, "GCM_AZREPOS_WIF_AUDIENCE", big);
	assert_false(identity_from_env(&w.ctx, identity_gcm, &id, &err));
	assert_says(err.msg, "GCM_AZREPOS_WIF_AUDIENCE");
}

TEST(half_of_gcms_variables_are_not_taken)
{
	NOBODY(w);
	AUTO_IDENTITY id = {0};
	world_env(&w, "GCM_AZREPOS_WIF", "generic");
	world_env(&w, "GCM_AZREPOS_WIF_CLIENTID", CLIENT);
	azure(&w);
	assert_true(identity_from_env(&w.ctx, identity_gcm, &id, &err));
	assert_text(id.name, "AZURE_*");
}

TEST(authority_and_audience_follow_the_cloud)
{
	static const char *const rows[][3] = {
		{"public", "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		{"usgov", "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"},
		{"china", "https://login.partner.microsoftonline.cn", "api://AzureADTokenExchangeChina"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		WORLD(w);
		AUTO_IDENTITY id = {0};
		AUTO_STR authority = NULL;
		AUTO_STR audience = NULL;
		world_env(&w, "DAYPASS_CLOUD", rows[i][0]);
		assert_true(identity_named(&w.ctx, "default", &id, &err));
		assert_true(identity_authority(&id, &authority, &audience, &err));
		assert_text(authority, rows[i][1]);
		assert_text(audience, rows[i][2]);
	}
}

TEST(a_file_may_name_an_authority_of_its_own)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	AUTO_STR authority = NULL;
	AUTO_STR audience = NULL;
	world_config(&w, IDENTITY "authority = https://login.stack.example:8443\naudience = api://stack\n");
	assert_true(identity_named(&w.ctx, "default", &id, &err));
	assert_true(identity_authority(&id, &authority, &audience, &err));
	assert_text(authority, "https://login.stack.example:8443");
	assert_text(audience, "api://stack");
}

TEST(a_missing_id_is_named_with_the_line_to_add)
{
	WORLD(w);
	AUTO_IDENTITY id = {0};
	AUTO_STR authority = NULL;
	AUTO_STR audience = NULL;
	world_config(&w, "[identity default]\nclient-id = " CLIENT "\n");
	assert_true(identity_named(&w.ctx, "default", &id, &err));
	assert_false(identity_authority(&id, &authority, &audience, &err));
	assert_text(err.msg, "identity default (/home/u/config:1) has no tenant");
	assert_text(err.hint, "add the line: tenant = ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nobody_is_named_where_no_variable_is_set),
		T(a_family_is_taken_whole_or_not_at_all),
		T(half_a_family_and_half_another_are_nobody),
		T(azure_goes_before_azuresubscription_before_arm),
		T(each_family_brings_its_companions),
		T(companions_of_a_family_that_is_not_taken_do_not_count),
		T(a_wrong_value_in_a_family_names_the_variable),
		T(an_authority_variable_chooses_among_the_built_in_clouds),
		T(an_authority_of_a_stranger_is_refused),
		T(our_own_variables_name_somebody_when_both_ids_are_there),
		T(a_source_of_access_tokens_needs_no_ids),
		T(a_source_of_assertions_alone_names_nobody),
		T(variables_of_ours_go_over_the_file),
		T(a_wrong_variable_of_ours_is_an_error),
		T(no_variable_sets_authority_or_command),
		T(an_absent_name_is_nobody_without_an_error),
		T(gcms_variables_go_before_azures_for_git_only),
		T(gcms_generic_mode_takes_a_variable_or_a_file_url),
		T(gcms_managed_identity_is_an_error_that_says_what_to_use),
		T(an_unknown_mode_of_gcm_is_an_error),
		T(a_wrong_audience_of_gcm_is_an_error),
		T(half_of_gcms_variables_are_not_taken),
		T(authority_and_audience_follow_the_cloud),
		T(a_file_may_name_an_authority_of_its_own),
		T(a_missing_id_is_named_with_the_line_to_add),
	};
	return RUN(tests);
}
