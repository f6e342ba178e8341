/* The machine's own identity: where it is asked, what is sent, what is taken, and what is said of refusals. */
#include "helper/sources/managed_identity.h"
#include "tests/unit/bench.h"
#include "tests/unit/tmp.h"

static const struct source *const mi = &source_managed_identity;

#define IMDS_URL "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com"
#define RES "https://management.azure.com"
#define OK_BODY "{\"access_token\":\"mi-token\",\"client_id\":\"" CLIENT "\",\"expires_in\":\"86399\",\"expires_on\":\"1795514399\",\"resource\":\"" RES "/\",\"token_type\":\"Bearer\"}"
#define RESOURCE_NAME "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n"

static void unset(struct bench *b, enum key key)
{
	free(b->id.set[key].value);
	free(b->id.set[key].origin);
	b->id.set[key] = (struct setting){0};
}

/* An identity without client id that names this source. */
static void named(struct bench *b)
{
	unset(b, KEY_CLIENT_ID);
	setting(b, KEY_SOURCE, "managed-identity");
}

#define MACHINE(b) BENCH(b); named(&b)

static bool get(struct bench *b)
{
	b->err = ERR_INIT;
	return mi->fetch(&b->w.ctx, &b->id, RES, &b->got, &b->err);
}

static void vars(struct bench *b, const char *const *pairs)
{
	for (; *pairs; pairs += 2)
		world_env(&b->w, pairs[0], pairs[1]);
}

static const char *const app_service[] = {"IDENTITY_ENDPOINT", "http://169.254.129.2:8081/msi/token", "IDENTITY_HEADER", "header-hush", NULL};
static const char *const arc[] = {"IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token", "IMDS_ENDPOINT", "http://localhost:40342", NULL};
static const char *const ml[] = {"MSI_ENDPOINT", "http://127.0.0.1:46808/MSI/auth", "MSI_SECRET", "ml-hush", NULL};
static const char *const shell[] = {"MSI_ENDPOINT", "http://localhost:50342/oauth2/token", NULL};

/* --- who is found ---------------------------------------------------------------------------------------------------- */

TEST(metadata_addresses_are_asked_only_by_name)
{
	BENCH(b);
	setting(&b, KEY_SOURCE, "auto");
	assert_int_equal(detect(&b, mi), SOURCE_ABSENT);
	assert_clean(&b.err);
	assert_says(b.err.msg, "IDENTITY_ENDPOINT");
	world_env(&b.w, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
	assert_int_equal(detect(&b, mi), SOURCE_ABSENT);
	named(&b);
	assert_int_equal(detect(&b, mi), SOURCE_PRESENT);
	assert_int_equal(mi->automatic, AUTO_AMBIENT);
	assert_true(mi->yields_access_token);
}

TEST(auto_follows_the_platforms_variables)
{
	static const char *const *const all[] = {app_service, arc, ml};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		BENCH(b);
		setting(&b, KEY_SOURCE, "auto");
		vars(&b, all[i]);
		assert_int_equal(detect(&b, mi), SOURCE_PRESENT);
	}
	MACHINE(b);
	setting(&b, KEY_SOURCE, "auto");
	vars(&b, shell);
	assert_int_equal(detect(&b, mi), SOURCE_PRESENT);
}

TEST(half_a_platform_is_broken)
{
	BENCH(b);
	world_env(&b.w, "IDENTITY_ENDPOINT", "http://127.0.0.1:1");
	for (int i = 0; i < 2; i++) {
		setting(&b, KEY_SOURCE, i ? "managed-identity" : "auto");
		broken(&b, mi, "neither IDENTITY_HEADER nor IMDS_ENDPOINT", "environment that the platform gave");
	}
	assert_null(print(&b, mi));
	world_env(&b.w, "IDENTITY_HEADER", "x");
	world_env(&b.w, "IDENTITY_SERVER_THUMBPRINT", "x");
	broken(&b, mi, "Service Fabric's managed identity is not supported", "federated");
	assert_false(get(&b));
	assert_null(print(&b, mi));
	assert_int_equal(b.w.http.calls, 0);
}

TEST(cloud_shell_and_azure_ml_cannot_choose_by_what_they_do_not_know)
{
	BENCH(b);
	setting(&b, KEY_SOURCE, "managed-identity");
	vars(&b, shell);
	broken(&b, mi, "client-id (", "take client-id away");
	named(&b);
	assert_int_equal(detect(&b, mi), SOURCE_PRESENT);
	setting(&b, KEY_RESOURCE_ID, RESOURCE_NAME);
	broken(&b, mi, "does not know identities by resource-id", "client-id");
	vars(&b, ml);
	broken(&b, mi, "does not know identities by resource-id", "client-id");
	setting(&b, KEY_CLIENT_ID, CLIENT);
	assert_int_equal(detect(&b, mi), SOURCE_PRESENT);
}

/* --- what is asked --------------------------------------------------------------------------------------------------- */

TEST(imds_is_asked_directly_and_briefly)
{
	MACHINE(b);
	SCRIPT(&b.w, {200, .body = OK_BODY});
	assert_true(get(&b));
	struct asked *a = &b.w.http.asked[0];
	assert_text(a->method, "GET");
	assert_text(a->url, IMDS_URL);
	assert_text(a->headers, "Metadata: true\nAccept: application/json\n");
	assert_true(a->direct && a->local);
	assert_int_equal(a->connect_ms, 1000);
	assert_null(a->bearer);
	assert_null(a->form);
	assert_text(secret_reveal(&b.got.value), "mi-token");
	assert_int_equal(b.got.issued_at, NOW);
	assert_int_equal(b.got.expires_at, NOW + 86399);
	assert_int_equal(b.got.refresh_at, 0);
}

static void url_is(const char *const *pairs, const char *client, const char *resource, const char *url)
{
	MACHINE(b);
	vars(&b, pairs);
	if (client)
		setting(&b, KEY_CLIENT_ID, client);
	if (resource)
		setting(&b, KEY_RESOURCE_ID, resource);
	SCRIPT(&b.w, {200, .body = OK_BODY});
	if (!get(&b))
		fail_msg("%s", b.err.msg);
	assert_text(b.w.http.asked[0].url, url);
}

TEST(a_user_assigned_identity_is_chosen_in_each_hosts_own_words)
{
	static const char *const none[] = {NULL};
	static const char *const pod[] = {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:8000/", NULL};
	static const char *const with_query[] = {"IDENTITY_ENDPOINT", "http://localhost:1/x?y=z", "IDENTITY_HEADER", "h", NULL};
	static const char *const ml_default[] = {"MSI_ENDPOINT", "http://127.0.0.1:46808/MSI/auth", "MSI_SECRET", "h", "DEFAULT_IDENTITY_CLIENT_ID", "ml-default", NULL};
	url_is(none, CLIENT, NULL, IMDS_URL "&client_id=" CLIENT);
	url_is(none, CLIENT, RESOURCE_NAME, IMDS_URL "&client_id=" CLIENT);
	url_is(none, NULL, "/subscriptions/s/n", IMDS_URL "&msi_res_id=%2Fsubscriptions%2Fs%2Fn");
	url_is(pod, NULL, NULL, "http://127.0.0.1:8000/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com");
	url_is(app_service, CLIENT, NULL, "http://169.254.129.2:8081/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id=" CLIENT);
	url_is(app_service, NULL, "/subscriptions/s/n", "http://169.254.129.2:8081/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&mi_res_id=%2Fsubscriptions%2Fs%2Fn");
	url_is(with_query, NULL, NULL, "http://localhost:1/x?y=z&api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com");
	url_is(ml, CLIENT, NULL, "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=https%3A%2F%2Fmanagement.azure.com&clientid=" CLIENT);
	url_is(ml, NULL, NULL, "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=https%3A%2F%2Fmanagement.azure.com");
	url_is(ml_default, NULL, NULL, "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=https%3A%2F%2Fmanagement.azure.com&clientid=ml-default");
	url_is(arc, NULL, NULL, "http://localhost:40342/metadata/identity/oauth2/token?api-version=2020-06-01&resource=https%3A%2F%2Fmanagement.azure.com");
	url_is(shell, NULL, NULL, "http://localhost:50342/oauth2/token");
}

TEST(secrets_of_the_platform_go_into_its_header_and_nowhere_else)
{
	static const char *const *const all[] = {app_service, ml};
	static const char *const headers[] = {"X-IDENTITY-HEADER: header-hush", "secret: ml-hush"};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		MACHINE(b);
		vars(&b, all[i]);
		SCRIPT(&b.w, {200, .body = OK_BODY}, {400, .body = "{\"message\":\"x\"}"});
		assert_true(get(&b));
		assert_text(b.w.http.asked[0].bearer, headers[i]);
		assert_silent_about(b.w.http.asked[0].url, "hush");
		assert_false(get(&b));
		assert_silent_about(b.err.msg, "hush");
		assert_silent_about(print(&b, mi), "hush");
		world_env(&b.w, all[i][2], "a\r\nb: c");
		assert_false(get(&b));
		assert_says(b.err.msg, "holds what no header can");
		assert_int_equal(b.w.http.calls, 2);
	}
}

TEST(cloud_shell_is_asked_by_a_form)
{
	MACHINE(b);
	vars(&b, shell);
	SCRIPT(&b.w, {200, .body = OK_BODY});
	assert_true(get(&b));
	assert_text(b.w.http.asked[0].method, "POST");
	assert_text(b.w.http.asked[0].form, "resource=https%3A%2F%2Fmanagement.azure.com");
}

TEST(only_this_machine_and_its_link_are_asked)
{
	static const char *const far[] = {"http://10.0.0.1/x", "https://evil.test/x", "http://evil.test", "nonsense", "http://u@127.0.0.1/", "ftp://127.0.0.1/", "http://127.0.0.1.evil.test/"};
	for (size_t i = 0; i < COUNT_OF(far); i++) {
		static const char *const names[] = {"IDENTITY_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "MSI_ENDPOINT"};
		for (size_t k = 0; k < COUNT_OF(names); k++) {
			MACHINE(b);
			world_env(&b.w, names[k], far[i]);
			if (k == 0)
				world_env(&b.w, "IDENTITY_HEADER", "h");
			assert_false(get(&b));
			assert_says(b.err.msg, names[k]);
			assert_int_equal(b.w.http.calls, 0);
			assert_null(print(&b, mi));
		}
	}
}

/* --- patience -------------------------------------------------------------------------------------------------------- */

#define BUSY(s) {s, .body = "{\"error\":\"busy\"}"}

TEST(a_busy_imds_is_asked_again_a_little_later_each_time)
{
	static const long statuses[] = {404, 429, 500, 503};
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		MACHINE(b);
		SCRIPT(&b.w, BUSY(statuses[i]), BUSY(statuses[i]), BUSY(statuses[i]), {200, .body = OK_BODY});
		assert_true(get(&b));
		assert_int_equal(b.w.clock.slept, 1000 + 2000 + 4000);
	}
	MACHINE(b);
	SCRIPT(&b.w, BUSY(410), {200, .body = OK_BODY});
	assert_true(get(&b));
	assert_int_equal(b.w.clock.slept, 10000);
}

TEST(retry_after_is_honoured_within_the_deadline)
{
	MACHINE(b);
	SCRIPT(&b.w, {429, .body = "{}", .retry_after = "3"}, {200, .body = OK_BODY}, {429, .body = "{\"error\":\"too_many\"}", .retry_after = "60"}, {200, .body = OK_BODY});
	assert_true(get(&b));
	assert_int_equal(b.w.clock.slept, 3000);
	assert_false(get(&b));
	assert_says(b.err.msg, "HTTP 429): too_many");
	assert_says(b.err.hint, "DAYPASS_TIMEOUT");
	assert_int_equal(b.w.http.calls, 3);
}

TEST(patience_ends_with_the_deadline_and_after_six_tries)
{
	MACHINE(b);
	SCRIPT(&b.w, BUSY(500), BUSY(500), BUSY(500), BUSY(500), BUSY(500), BUSY(500), BUSY(500), {200, .body = OK_BODY});
	int64_t start = b.w.clock.ms;
	assert_false(get(&b));
	assert_true(b.w.clock.ms < b.w.ctx.deadline_ms);
	assert_int_equal(b.w.clock.ms - start, 15000); /* 1, 2, 4, 8; 16 more would be too late */
	b.w.ctx.deadline_ms = b.w.clock.ms + 600000;
	b.w.http.calls = 0;
	assert_false(get(&b));
	assert_int_equal(b.w.http.calls, 6);
}

TEST(a_refusal_is_final)
{
	static const long statuses[] = {400, 401, 403, 405};
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		MACHINE(b);
		SCRIPT(&b.w, BUSY(statuses[i]), {200, .body = OK_BODY});
		assert_false(get(&b));
		assert_int_equal(b.w.http.calls, 1);
	}
	MACHINE(b);
	vars(&b, app_service);
	SCRIPT(&b.w, BUSY(404), {200, .body = OK_BODY});
	assert_false(get(&b)); /* only IMDS is renewed */
	assert_int_equal(b.w.http.calls, 1);
}

/* --- what is said ---------------------------------------------------------------------------------------------------- */

TEST(who_does_not_answer_is_not_asked_twice)
{
	MACHINE(b);
	SCRIPT(&b.w, {.fails = true}, {200, .body = OK_BODY});
	assert_false(get(&b));
	assert_clean(&b.err);
	assert_says(b.err.msg, "there is no managed identity here: 169.254.169.254 does not answer");
	assert_says(b.err.hint, "no Azure VM");
	assert_int_equal(b.err.kind, ERR_SOURCE);
	assert_int_equal(b.w.http.calls, 1);
}

TEST(another_clouds_metadata_service_is_told_apart)
{
	static const char *const servers[] = {"EC2ws", "Metadata Server for VM"};
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		MACHINE(b);
		SCRIPT(&b.w, {404, .type = "text/html", .body = "<html>", .server = servers[i]}, {200, .body = OK_BODY});
		assert_false(get(&b));
		assert_says(b.err.msg, "is another cloud's");
		assert_int_equal(b.w.http.calls, 1);
	}
}

static void says(const char *const *pairs, const char *client, const char *body, const char *msg, const char *hint)
{
	MACHINE(b);
	vars(&b, pairs);
	if (client)
		setting(&b, KEY_CLIENT_ID, client);
	SCRIPT(&b.w, {400, .body = body});
	assert_false(get(&b));
	assert_clean(&b.err);
	assert_says(b.err.msg, msg);
	assert_says(b.err.hint, hint);
}

TEST(refusals_name_what_to_type)
{
	static const char *const none[] = {NULL};
	static const char vm_none[] = "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}";
	static const char app_none[] = "{\"statusCode\":400,\"message\":\"No Managed Identity found for specified ClientId/ResourceId/PrincipalId.\"}";
	says(none, NULL, vm_none, "has no system-assigned identity (HTTP 400): Identity not found", "az vm identity assign");
	says(none, CLIENT, vm_none, "has no identity " CLIENT, "check it (/f:1), or assign it: az vm identity assign");
	says(app_service, NULL, app_none, "App Service has no system-assigned identity", "az webapp identity assign");
	says(none, NULL, "{\"error\":\"invalid_request\",\"error_description\":\"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request\"}",
	     "has several identities", "client-id");
	says(none, NULL, "{\"error\":\"invalid_resource\",\"error_description\":\"AADSTS500011: The resource principal named x was not found\"}", "gave no token (HTTP 400): AADSTS500011", "daypass whoami");
	says(shell, NULL, "{\"error\":{\"code\":\"invalid_request\",\"message\":\"Audience x is not a supported MSI token audience.\"}}", "Cloud Shell gave no token (HTTP 400): Audience x", "");
	says(none, NULL, "{\"error\":\"bad\\u001b[31m\\r\\nthing\"}", "gave no token (HTTP 400): bad?[31m??thing", "");
	says(none, NULL, "{}", "no reason given", "");
	says(none, NULL, "<html>sign in</html>", "a web page came back", "");
	says(none, NULL, "[1]", "no reason given", "");
}

/* --- what is taken --------------------------------------------------------------------------------------------------- */

static int64_t life(const char *times)
{
	MACHINE(b);
	AUTO_STR body = str_printf("{\"access_token\":\"t\"%s}", times);
	SCRIPT(&b.w, {200, .body = body});
	assert_true(get(&b));
	return b.got.expires_at - NOW;
}

TEST(the_end_is_read_from_whatever_says_it)
{
	assert_int_equal(life(",\"expires_in\":3599"), 3599);
	assert_int_equal(life(",\"expires_in\":\"3599\",\"expires_on\":\"1\""), 3599);
	assert_int_equal(life(",\"expires_on\":\"1795431600\""), 3600);
	assert_int_equal(life(",\"expires_in\":0,\"expires_on\":1795431600"), 3600);
	assert_int_equal(life(",\"expires_on\":\"11/23/2026 11:00:00 AM +00:00\""), 300);
	assert_int_equal(life(""), 300);
	assert_int_equal(life(",\"expires_in\":\"99999999999\""), 28 * 3600);
	AUTO_STR jwt = make_jwt("{\"exp\":1795431600,\"appid\":\"x\"}");
	AUTO_STR body = str_printf("{\"access_token\":\"%s\",\"expires_on\":\"11/23/2026 11:00:00 AM +00:00\"}", jwt);
	MACHINE(b);
	SCRIPT(&b.w, {200, .body = body}, {200, .body = "{\"access_token\":\"t\",\"expires_in\":\"7200\",\"refresh_in\":\"3600\"}"});
	assert_true(get(&b));
	assert_int_equal(b.got.expires_at, NOW + 3600);
	assert_true(get(&b));
	assert_int_equal(b.got.refresh_at, NOW + 3600);
}

static void taken(const char *const *pairs, bool ok, const char *body, const char *msg)
{
	MACHINE(b);
	vars(&b, pairs);
	setting(&b, KEY_CLIENT_ID, CLIENT);
	SCRIPT(&b.w, {200, .body = body});
	if (get(&b) != ok)
		fail_msg("%s: %s", body, b.err.msg);
	if (!ok)
		assert_says(b.err.msg, msg);
}

TEST(a_token_for_something_or_somebody_else_is_not_taken)
{
	static const char *const none[] = {NULL};
	AUTO_STR own = make_jwt("{\"appid\":\"" CLIENT "\"}");
	AUTO_STR strange = make_jwt("{\"appid\":\"" OTHER_CLIENT "\"}");
	AUTO_STR own_body = str_printf("{\"access_token\":\"%s\"}", own);
	AUTO_STR strange_body = str_printf("{\"access_token\":\"%s\"}", strange);
	taken(none, true, OK_BODY, NULL);
	taken(none, true, "{\"access_token\":\"t\"}", NULL);
	taken(arc, false, "{\"access_token\":\"t\"}", "does not say whose token it gave");
	taken(arc, true, own_body, NULL);
	taken(none, false, strange_body, "a token of identity " OTHER_CLIENT ", and " CLIENT " was asked for");
	taken(none, false, "{\"access_token\":\"t\",\"client_id\":\"" OTHER_CLIENT "\"}", "a token of identity " OTHER_CLIENT);
	taken(none, false, "{\"access_token\":\"t\",\"resource\":\"https://graph.microsoft.com\"}", "a token for https://graph.microsoft.com, and " RES);
	taken(none, true, "{\"access_token\":\"t\",\"resource\":\"HTTPS://Management.azure.com/\"}", NULL);
	taken(none, false, "{\"access_token\":\"t\",\"resource\":\"" RES ".evil\"}", "was asked for");
	taken(none, false, "{\"access_token\":\"a\\nb\"}", "holds no token");
	taken(none, false, "{\"access_token\":\"\"}", "holds no token");
	taken(none, false, "{}", "holds no token");
}

/* --- the caller ------------------------------------------------------------------------------------------------------ */

TEST(host_boot_and_choice_tell_callers_apart)
{
	MACHINE(b);
	AUTO_STR plain = str_dup(print(&b, mi));
	assert_int_equal(b.evidence.len, 0);
	assert_text(print(&b, mi), plain);
	setting(&b, KEY_RESOURCE_ID, RESOURCE_NAME);
	AUTO_STR chosen = str_dup(print(&b, mi));
	assert_string_not_equal(chosen, plain);
	b.w.clock.boots++;
	assert_string_not_equal(print(&b, mi), chosen);
	b.w.clock.boots--;
	world_env(&b.w, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:8");
	assert_string_not_equal(print(&b, mi), chosen);
	vars(&b, app_service);
	AUTO_STR app = str_dup(print(&b, mi));
	world_env(&b.w, "IDENTITY_HEADER", "another");
	assert_string_not_equal(print(&b, mi), app);
	assert_int_equal(b.w.http.calls, 0);
}

/* --- Azure Arc ------------------------------------------------------------------------------------------------------- */

TEST(arcs_challenge_is_answered_from_its_own_folder)
{
	TMP(t);
	AUTO_SECRET key = secret_new(8192);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "a1.key");
	AUTO_STR plain = str_printf("Basic realm=%s", path);
	AUTO_STR quoted = str_printf("basic Realm=\"%s\"", path);
	write_text(path, "the-key\n", 0600);
	assert_true(arc_answer(t.path, plain, &key, &err));
	assert_text(secret_reveal(&key), "the-key");
	assert_true(arc_answer(t.path, quoted, &key, &err));
}

TEST(arcs_challenge_cannot_have_another_file_read)
{
	static const char *const names[] = {"a.txt", "key", "../x.key", "sub/a.key", "a.key/..", "", "..key", ".key", "a.key x", "a.key\x01.key"};
	TMP(t);
	AUTO_SECRET key = secret_new(8192);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "a.key");
	write_text(path, "the-key", 0600);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR line = str_printf("Basic realm=%s/%s", t.path, names[i]);
		assert_false(arc_answer(t.path, line, &key, &err));
		assert_says(err.msg, "names no file of");
	}
	static const char *const heads[] = {"", "Bearer realm=", "Basic realm=x", "Basic realm=\"", "Basic  realm="};
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		AUTO_STR line = str_printf("%s%s", heads[i], path);
		assert_false(arc_answer(t.path, line, &key, &err));
	}
	static const char *const beside[] = {"-more/a.key", "-more.key", ".key"};
	for (size_t i = 0; i < COUNT_OF(beside); i++) {
		AUTO_STR line = str_printf("Basic realm=%s%s", t.path, beside[i]);
		assert_false(arc_answer(t.path, line, &key, &err));
		assert_says(err.msg, "names no file of");
	}
	assert_int_equal(secret_len(&key), 0);
}

TEST(arcs_key_file_must_be_small_regular_and_readable)
{
	TMP(t);
	AUTO_SECRET key = secret_new(8192);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "a.key");
	AUTO_STR line = str_printf("Basic realm=%s", path);
	assert_false(arc_answer(t.path, line, &key, &err));
	assert_says(err.msg, "No such file");
	char big[4097];
	memset(big, 'k', sizeof big);
	write_file(path, big, 4096, 0600);
	assert_true(arc_answer(t.path, line, &key, &err));
	write_file(path, big, 4097, 0600);
	assert_false(arc_answer(t.path, line, &key, &err));
	static const char *const odd[] = {"", "\n", "a\nb"};
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		write_text(path, odd[i], 0600);
		assert_false(arc_answer(t.path, line, &key, &err));
		assert_says(err.msg, "holds no key");
	}
	AUTO_STR real = tmp_path(&t, "real");
	write_text(real, "k", 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(real, path), 0);
	assert_false(arc_answer(t.path, line, &key, &err));
	assert_says(err.msg, "no regular file");
	if (geteuid() == 0)
		return; /* root may read everything */
	assert_int_equal(unlink(path), 0);
	write_text(path, "k", 0000);
	assert_false(arc_answer(t.path, line, &key, &err));
	assert_says(err.hint, "himds");
}

TEST(an_arc_agent_that_names_no_file_gets_no_second_request)
{
	MACHINE(b);
	vars(&b, arc);
	SCRIPT(&b.w, {401, .body = "{}", .authenticate = "Basic realm=/etc/shadow"}, {200, .body = OK_BODY});
	assert_false(get(&b));
	assert_says(b.err.msg, "'Basic realm=/etc/shadow'");
	assert_int_equal(b.w.http.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(metadata_addresses_are_asked_only_by_name),
		T(auto_follows_the_platforms_variables),
		T(half_a_platform_is_broken),
		T(cloud_shell_and_azure_ml_cannot_choose_by_what_they_do_not_know),
		T(imds_is_asked_directly_and_briefly),
		T(a_user_assigned_identity_is_chosen_in_each_hosts_own_words),
		T(secrets_of_the_platform_go_into_its_header_and_nowhere_else),
		T(cloud_shell_is_asked_by_a_form),
		T(only_this_machine_and_its_link_are_asked),
		T(a_busy_imds_is_asked_again_a_little_later_each_time),
		T(retry_after_is_honoured_within_the_deadline),
		T(patience_ends_with_the_deadline_and_after_six_tries),
		T(a_refusal_is_final),
		T(who_does_not_answer_is_not_asked_twice),
		T(another_clouds_metadata_service_is_told_apart),
		T(refusals_name_what_to_type),
		T(the_end_is_read_from_whatever_says_it),
		T(a_token_for_something_or_somebody_else_is_not_taken),
		T(host_boot_and_choice_tell_callers_apart),
		T(arcs_challenge_is_answered_from_its_own_folder),
		T(arcs_challenge_cannot_have_another_file_read),
		T(arcs_key_file_must_be_small_regular_and_readable),
		T(an_arc_agent_that_names_no_file_gets_no_second_request),
	};
	return RUN(tests);
}
