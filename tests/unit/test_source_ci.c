/* Sources of CI jobs: GitHub Actions, Azure Pipelines, and those whose token is a variable. */
#include "tests/unit/bench.h"

#define URL "https://actions.example/idtoken?a=b"
#define OIDC "https://dev.azure.com/o/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken"

/* --- GitHub Actions ------------------------------------------------------------------------------------------------ */

static void github(struct bench *b)
{
	world_env(&b->w, "GITHUB_ACTIONS", "true");
	world_env(&b->w, "ACTIONS_ID_TOKEN_REQUEST_URL", URL);
	world_env(&b->w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-secret");
}

static void pipeline(struct bench *b, bool connection)
{
	world_env(&b->w, "TF_BUILD", "True");
	world_env(&b->w, "SYSTEM_OIDCREQUESTURI", OIDC);
	world_env(&b->w, "SYSTEM_ACCESSTOKEN", "job-secret");
	if (connection)
		world_env(&b->w, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", OTHER_CLIENT);
}

TEST(github_is_absent_outside_a_job_and_broken_without_its_permission)
{
	BENCH(b);
	assert_int_equal(detect(&b, &source_github_actions), SOURCE_ABSENT);
	world_env(&b.w, "GITHUB_ACTIONS", "true");
	broken(&b, &source_github_actions, "may not ask for an OIDC token", "id-token: write");
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_URL", URL);
	broken(&b, &source_github_actions, "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set", "forks");
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x");
	assert_int_equal(detect(&b, &source_github_actions), SOURCE_PRESENT);
}

static void broken_half(struct bench *b, const char *advice)
{
	static const char *const names[] = {"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR words = str_printf("%s is not set", names[i]);
		github(b);
		world_env(&b->w, names[i], NULL);
		broken(b, &source_github_actions, words, advice);
	}
	github(b);
}

static void no_token(struct bench *b, const struct source *s, struct answer a, const char *msg, const char *hint)
{
	world_script(&b->w, &a, 1);
	assert_false(fetch(b, s));
	assert_clean(&b->err);
	assert_says(b->err.msg, msg);
	assert_says(b->err.hint, hint);
	assert_silent_about(b->err.msg, "job-secret");
}

/* Forgejo's runner sets Gitea's marker too. */
TEST(forgejo_and_gitea_are_told_what_they_call_it)
{
	static const struct {
		const char *marker, *name, *advice, *service;
	} rows[] = {{"GITHUB_ACTIONS", "GitHub Actions job", "`permissions: id-token: write`", "GitHub's OIDC service gave no token"},
		    {"GITEA_ACTIONS", "Gitea Actions job", "`permissions: id-token: write`, on a Gitea", "Gitea's OIDC service gave no token"},
		    {"FORGEJO_ACTIONS", "Forgejo Actions job", "`enable-openid-connect: true`", "Forgejo's OIDC service gave no token"}};
	BENCH(b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_URL", NULL);
		world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", NULL);
		world_env(&b.w, rows[i].marker, "true"); /* beside those before */
		broken(&b, &source_github_actions, rows[i].name, rows[i].advice);
		github(&b);
		broken_half(&b, rows[i].advice);
		no_token(&b, &source_github_actions, (struct answer){403, .body = "{}"}, rows[i].service, rows[i].advice);
	}
}

TEST(github_is_asked_with_the_audience_and_the_jobs_token)
{
	BENCH(b);
	github(&b);
	AUTO_STR body = str_printf("{\"count\":1,\"value\":\"%s\"}", fake_script.tokens[0]);
	SCRIPT(&b.w, {200, .body = body});
	assert_true(fetch(&b, &source_github_actions));
	struct asked *a = &b.w.http.asked[0];
	assert_text(a->method, "GET");
	assert_text(a->url, URL "&audience=api%3A%2F%2FAzureADTokenExchange");
	assert_text(a->bearer, "bearer job-secret");
	assert_null(a->form);
	assert_silent_about(a->url, "job-secret");
	assert_text(secret_reveal(&b.got.value), fake_script.tokens[0]);
}

TEST(a_url_without_a_query_gets_one)
{
	BENCH(b);
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/t");
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x");
	SCRIPT(&b.w, {200, .body = "{}"});
	assert_false(fetch(&b, &source_github_actions));
	assert_text(b.w.http.asked[0].url, "https://actions.example/t?audience=api%3A%2F%2FAzureADTokenExchange");
}

/* It would become a header of its own. */
TEST(a_request_token_of_several_lines_or_too_long_is_never_sent)
{
	AUTO_STR huge = mem_alloc(TOKEN_MAX + 2);
	BENCH(b);
	memset(huge, 'x', TOKEN_MAX + 1);
	huge[TOKEN_MAX + 1] = 0;
	const struct {
		const char *value, *words;
	} rows[] = {{"job-secret\nX-Evil: 1", "holds a line end"}, {"job-secret\r\n", "holds a line end"}, {"job\x7fsecret", "control character"}, {huge, "is larger than 64 KiB"}};
	github(&b);
	pipeline(&b, true);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", rows[i].value);
		world_env(&b.w, "SYSTEM_ACCESSTOKEN", rows[i].value);
		assert_false(fetch(&b, &source_github_actions));
		assert_says(b.err.msg, "ACTIONS_ID_TOKEN_REQUEST_TOKEN ");
		assert_says(b.err.msg, rows[i].words);
		assert_false(fetch(&b, &source_azure_pipelines));
		assert_says(b.err.msg, "SYSTEM_ACCESSTOKEN ");
		assert_says(b.err.msg, rows[i].words);
		assert_clean(&b.err);
		assert_silent_about(b.err.msg, "job-secret");
	}
	assert_int_equal(b.w.http.calls, 0);
}

TEST(github_is_never_asked_in_the_clear)
{
	static const char *const urls[] = {"http://actions.example/t", "ftp://x", "nonsense", "https://a b/"};
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		BENCH(b);
		world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_URL", urls[i]);
		world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x");
		assert_false(fetch(&b, &source_github_actions));
		assert_says(b.err.msg, "not an https URL");
		assert_int_equal(b.w.http.calls, 0);
	}
}

TEST(what_github_answers_instead_of_a_token_is_explained)
{
	BENCH(b);
	github(&b);
	const struct source *s = &source_github_actions;
	no_token(&b, s, (struct answer){403, .body = "{\"message\":\"Resource not accessible\\u001b\"}"}, "HTTP 403", "id-token: write");
	no_token(&b, s, (struct answer){200, .body = "{\"value\":7}"}, "gave no token (HTTP 200)", "id-token");
	no_token(&b, s, (struct answer){500, .body = "{\"value\":\"eyJ.x.y\"}"}, "HTTP 500", "");
	no_token(&b, s, (struct answer){200, .type = "text/html", .body = "<html>"}, "a web page came back", "captive portal");
	no_token(&b, s, (struct answer){302, .location = "https://x"}, "not followed", "");
	no_token(&b, s, (struct answer){.fails = true}, "cannot be reached", "");
	no_token(&b, s, (struct answer){200, .body = "{\"value\":\"\"}"}, "GitHub's answer is empty", "");
}

TEST(a_job_of_github_is_known_by_its_request_token_which_is_not_shown)
{
	BENCH(b);
	github(&b);
	AUTO_STR one = str_dup(print(&b, &source_github_actions));
	assert_text(print(&b, &source_github_actions), one);
	assert_silent_about(one, "job-secret");
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "another-job");
	assert_string_not_equal(print(&b, &source_github_actions), one);
	world_env(&b.w, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", NULL);
	assert_null(print(&b, &source_github_actions)); /* gone: an error, whatever is cached */
	assert_clean(&b.err);
}

/* --- Azure Pipelines ----------------------------------------------------------------------------------------------- */

TEST(pipelines_name_what_is_missing)
{
	BENCH(b);
	const struct source *s = &source_azure_pipelines;
	assert_int_equal(detect(&b, s), SOURCE_ABSENT);
	world_env(&b.w, "TF_BUILD", "True");
	broken(&b, s, "SYSTEM_OIDCREQUESTURI is not set", "job of a pipeline");
	world_env(&b.w, "SYSTEM_OIDCREQUESTURI", OIDC);
	broken(&b, s, "SYSTEM_ACCESSTOKEN is not set", "env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)");
	world_env(&b.w, "SYSTEM_ACCESSTOKEN", "x");
	broken(&b, s, "no service connection is named", "subject = pipeline");
	world_env(&b.w, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", OTHER_CLIENT);
	assert_int_equal(detect(&b, s), SOURCE_PRESENT);
}

/* Agents that do not say where to ask. */
TEST(the_address_is_made_of_its_parts_or_the_missing_one_named)
{
	static const char *const parts[][2] = {{"SYSTEM_COLLECTIONURI", "https://dev.azure.com/o"}, {"SYSTEM_TEAMPROJECTID", "p"}, {"SYSTEM_HOSTTYPE", "build"}, {"SYSTEM_PLANID", "1"}, {"SYSTEM_JOBID", "2"}};
	BENCH(b);
	pipeline(&b, true);
	world_env(&b.w, "SYSTEM_OIDCREQUESTURI", NULL);
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		AUTO_STR words = str_printf("SYSTEM_OIDCREQUESTURI is not set, and cannot be made without %s,", parts[i][0]);
		broken(&b, &source_azure_pipelines, words, "job of a pipeline");
		assert_null(print(&b, &source_azure_pipelines));
		world_env(&b.w, parts[i][0], parts[i][1]);
	}
	assert_int_equal(detect(&b, &source_azure_pipelines), SOURCE_PRESENT);
	SCRIPT(&b.w, {200, .body = "{}"}, {200, .body = "{}"});
	for (int slash = 0; slash < 2; slash++) {
		world_env(&b.w, "SYSTEM_COLLECTIONURI", slash ? "https://dev.azure.com/o/" : "https://dev.azure.com/o");
		assert_false(fetch(&b, &source_azure_pipelines));
		assert_text(b.w.http.asked[slash].url, OIDC "?api-version=7.1&serviceConnectionId=" OTHER_CLIENT "&audience=api%3A%2F%2FAzureADTokenExchange");
	}
	world_env(&b.w, "SYSTEM_JOBID", "2/../../x");
	broken(&b, &source_azure_pipelines, "without SYSTEM_JOBID, which is missing or odd", "");
}

TEST(a_pipeline_token_is_asked_for_only_where_that_is_wanted)
{
	BENCH(b);
	pipeline(&b, false);
	setting(&b, KEY_SUBJECT, "pipeline");
	assert_int_equal(detect(&b, &source_azure_pipelines), SOURCE_PRESENT);
	SCRIPT(&b.w, {200, .body = "{}"});
	assert_false(fetch(&b, &source_azure_pipelines));
	assert_text(b.w.http.asked[0].url, OIDC "?api-version=7.1&audience=api%3A%2F%2FAzureADTokenExchange");
}

TEST(a_connection_is_asked_for_by_its_id)
{
	BENCH(b);
	pipeline(&b, true);
	AUTO_STR body = str_printf("{\"oidcToken\":\"%s\"}", fake_script.tokens[0]);
	SCRIPT(&b.w, {200, .body = body});
	assert_true(fetch(&b, &source_azure_pipelines));
	struct asked *a = &b.w.http.asked[0];
	assert_text(a->method, "POST");
	assert_text(a->url, OIDC "?api-version=7.1&serviceConnectionId=" OTHER_CLIENT "&audience=api%3A%2F%2FAzureADTokenExchange");
	assert_text(a->bearer, "Bearer job-secret");
	assert_says(a->headers, "X-TFS-FedAuthRedirect: Suppress\n");
	assert_says(a->headers, "Accept: application/json\n");
	assert_null(a->form);
}

TEST(a_configured_connection_goes_before_the_variables)
{
	BENCH(b);
	pipeline(&b, true);
	setting(&b, KEY_CONNECTION, CLIENT);
	SCRIPT(&b.w, {200, .body = "{}"});
	assert_false(fetch(&b, &source_azure_pipelines));
	assert_says(b.w.http.asked[0].url, "serviceConnectionId=" CLIENT "&");
}

TEST(what_azure_devops_answers_instead_of_a_token_is_explained)
{
	BENCH(b);
	pipeline(&b, true);
	const struct source *s = &source_azure_pipelines;
	/* It has the outline of GitHub's success. */
	no_token(&b, s, (struct answer){200, .body = "{\"count\":151,\"value\":\"There is no explicit reference to service connection x from current stage\"}"}, "There is no explicit reference", "condition: false");
	no_token(&b, s, (struct answer){401, .body = "{\"message\":\"denied\"}"}, "(HTTP 401: denied)", "SYSTEM_ACCESSTOKEN is mapped");
	no_token(&b, s, (struct answer){200, .body = "{}"}, "gave no token (HTTP 200)", "SYSTEM_ACCESSTOKEN");
	no_token(&b, s, (struct answer){203, .type = "text/html", .body = "<html>Sign In"}, "a web page came back", "");
	no_token(&b, s, (struct answer){302, .location = "https://spsprod.example/_signin"}, "not followed", "");
}

TEST(an_id_that_is_no_guid_cannot_add_a_parameter)
{
	BENCH(b);
	pipeline(&b, false);
	world_env(&b.w, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "x&audience=evil");
	SCRIPT(&b.w, {200, .body = "{}"});
	assert_false(fetch(&b, &source_azure_pipelines));
	assert_says(b.w.http.asked[0].url, "serviceConnectionId=x%26audience%3Devil&audience=api");
}

TEST(a_job_of_a_pipeline_is_known_by_token_and_connection)
{
	BENCH(b);
	pipeline(&b, true);
	AUTO_STR one = str_dup(print(&b, &source_azure_pipelines));
	assert_silent_about(one, "job-secret");
	setting(&b, KEY_CONNECTION, CLIENT);
	AUTO_STR other_connection = str_dup(print(&b, &source_azure_pipelines));
	setting(&b, KEY_SUBJECT, "pipeline");
	AUTO_STR own = str_dup(print(&b, &source_azure_pipelines));
	assert_string_not_equal(one, other_connection);
	assert_string_not_equal(other_connection, own);
}

/* --- jobs whose token is a variable -------------------------------------------------------------------------------- */

TEST(each_system_names_its_variable_and_how_to_get_it)
{
	static const struct {
		const char *marker, *variable, *name;
	} rows[] = {
#define PRESET(name, marker, token, audience, advice) {marker, token, name},
#include "helper/sources/presets.def"
#undef PRESET
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		assert_int_equal(detect(&b, &source_ci), SOURCE_ABSENT);
		world_env(&b.w, rows[i].marker, "1");
		broken(&b, &source_ci, rows[i].variable, "");
		assert_says(b.err.msg, rows[i].name);
		assert_true(*b.err.hint);
		world_env(&b.w, rows[i].variable, fake_script.tokens[0]);
		assert_int_equal(detect(&b, &source_ci), SOURCE_PRESENT);
		assert_true(fetch(&b, &source_ci));
		assert_text(secret_reveal(&b.got.value), fake_script.tokens[0]);
		assert_text(print(&b, &source_ci), "https://issuer.example\nrepo:o/r");
		assert_int_equal(b.evidence.len, STORE_ID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(github_is_absent_outside_a_job_and_broken_without_its_permission),
		T(forgejo_and_gitea_are_told_what_they_call_it),
		T(github_is_asked_with_the_audience_and_the_jobs_token),
		T(a_url_without_a_query_gets_one),
		T(a_request_token_of_several_lines_or_too_long_is_never_sent),
		T(github_is_never_asked_in_the_clear),
		T(what_github_answers_instead_of_a_token_is_explained),
		T(a_job_of_github_is_known_by_its_request_token_which_is_not_shown),
		T(pipelines_name_what_is_missing),
		T(the_address_is_made_of_its_parts_or_the_missing_one_named),
		T(a_pipeline_token_is_asked_for_only_where_that_is_wanted),
		T(a_connection_is_asked_for_by_its_id),
		T(a_configured_connection_goes_before_the_variables),
		T(what_azure_devops_answers_instead_of_a_token_is_explained),
		T(an_id_that_is_no_guid_cannot_add_a_parameter),
		T(a_job_of_a_pipeline_is_known_by_token_and_connection),
		T(each_system_names_its_variable_and_how_to_get_it),
	};
	return RUN(tests);
}
