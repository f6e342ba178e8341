/* The kubectl face from arguments to stdout: who gets a token, until when, and what is said to whom gets none. */
#include "tests/unit/kube.h"

#define WI FOR_AKS " --login workloadidentity "
#define REFUSED_BY_ENTRA {400, .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700213: x\",\"error_codes\":[700213],\"correlation_id\":\"id-1\"}"}
#define TWO IDENTITY "[identity b]\ntenant = " OTHER_TENANT "\nclient-id = " OTHER_CLIENT "\nsource = fake\n"

/* A token, by name, under either name of ours. */
static void gives(struct world *w, const char *args, const char *token)
{
	AUTO_STR part = str_printf("\",\"token\":\"%s\"}}\n", token);
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		CALL c = kube_call(w, kube_faces[i], args);
		assert_text(c.line, "");
		assert_true(str_ends(c.out, part));
		assert_int_equal(c.status, 0);
	}
}

/* One line with these words, and no request to anybody. */
static void denies(struct world *w, const char *args, const char *msg)
{
	size_t asked = w->http.calls, children = w->proc.calls;
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		CALL c = kube_call(w, kube_faces[i], args);
		assert_text(c.out, "");
		assert_says(c.line, msg);
		assert_true(str_starts(c.line, "daypass: ") && strchr(c.line, '\n') == c.line + strlen(c.line) - 1);
		assert_int_equal(c.status, 1);
	}
	assert_int_equal(w->http.calls - asked + w->proc.calls - children, 0);
}

static void asks_from(struct world *w, const char *server)
{
	AUTO_STR info = str_printf("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"spec\":{\"cluster\":{\"server\":\"%s\"}}}", server);
	world_env(w, "KUBERNETES_EXEC_INFO", server ? info : NULL);
}

/* --- the answer ------------------------------------------------------------------------------------------------------------- */

TEST(the_answer_is_one_line_and_one_exchange_whoever_asks)
{
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"));
	static const char *const args[] = {STANZA, FOR_AKS, FOR_AKS "/ --login interactive", "--server-id=" AKS "/.default", WI};
	for (size_t i = 0; i < COUNT_OF(args); i++) {
		CALL c = kube_call(&w, kube_faces[i % 2], args[i]);
		assert_text(c.out, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1beta1\",\"status\":{\"expirationTimestamp\":\"2026-11-23T10:54:59Z\",\"token\":\"at-1\"}}\n");
		assert_text(c.line, "");
		assert_int_equal(c.status, 0);
	}
	assert_int_equal(w.http.calls, 1);
	assert_says(w.http.asked[0].form, "scope=" AKS "%2F.default");
	assert_says(w.http.asked[0].form, "client_id=" CLIENT);
	assert_text(w.http.asked[0].url, "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token");
}

/* life in seconds, the time that is told: a tenth of the life before its end, and never more than five minutes. */
TEST(the_time_told_is_a_margin_before_the_end_and_never_past)
{
	static const struct {
		int life;
		const char *told;
	} rows[] = {{3599, "2026-11-23T10:54:59Z"}, {3000, "2026-11-23T10:45:00Z"}, {600, "2026-11-23T10:09:00Z"}, {86400, "2026-11-24T09:55:00Z"},
		    {100, "2026-11-23T10:01:30Z"}, {9, "2026-11-23T10:00:09Z"}, {1, "2026-11-23T10:00:01Z"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		WORLD(w);
		AUTO_STR body = str_printf("{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"at-1\"}", rows[i].life);
		AUTO_STR part = str_printf("\"expirationTimestamp\":\"%s\"", rows[i].told);
		SCRIPT(&w, {200, .body = body});
		CALL c = kube_call(&w, &protocol_kube, FOR_AKS);
		assert_says(c.out, part);
	}
}

/* To the last second: what is told lies ahead, or another token is fetched. */
TEST(a_kept_token_never_has_a_time_that_is_past)
{
	for (int before = -2; before <= 2; before++) {
		WORLD(w);
		SCRIPT(&w, ENTRA("at-1"), ENTRA("at-2"));
		gives(&w, FOR_AKS, "at-1");
		pass_ms(&w.clock, (3299 - before) * 1000LL);
		CALL c = kube_call(&w, &protocol_kube, FOR_AKS);
		assert_says(c.out, before > 0 ? "T10:54:59Z\",\"token\":\"at-1\"" : "\"token\":\"at-2\"");
		assert_int_equal(w.http.calls, before > 0 ? 1 : 2);
	}
}

TEST(bytes_that_no_token_has_are_not_handed_on)
{
	static const char *const values[] = {"at\\\"1", "at 1", "at\\n1", "\\u00e9", "at,1"};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		WORLD(w);
		AUTO_STR body = str_printf("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"%s\"}", values[i]);
		SCRIPT(&w, {200, .body = body}, {200, .body = body});
		CALL c = kube_call(&w, &protocol_kube, FOR_AKS);
		assert_text(c.out, "");
		assert_int_equal(c.status, 1);
	}
}

TEST(an_answer_that_cannot_be_printed_is_told)
{
	WORLD(w);
	struct flow_result t = {.token = token_new()};
	struct exchange_state s = exchange_state_new();
	struct request r = {.kind = REQUEST_KUBE};
	struct err err = ERR_INIT;
	AUTO_BUF out = buf_new(1000);
	secret_set(&t.token.value, "at\n1", 4);
	assert_false(protocol_kube.print(&r, &s, NULL, &t, &out, &err));
	assert_int_equal(out.len, 0);
	assert_clean(&err);
	secret_free(&t.token.value);
	exchange_state_free(&s);
}

/* --- afresh ------------------------------------------------------------------------------------------------------------------ */

TEST(a_refresh_drops_what_is_kept_and_keeps_what_comes)
{
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"), ENTRA("at-2"));
	gives(&w, FOR_AKS, "at-1");
	CALL c = kube_call(&w, &protocol_kube, FOR_AKS " --refresh");
	assert_says(c.out, "at-2");
	gives(&w, FOR_AKS, "at-2");
	assert_int_equal(w.http.calls, 2);
}

TEST(a_refresh_with_nothing_kept_is_one_exchange)
{
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"));
	CALL c = kube_call(&w, &protocol_kubelogin, FOR_AKS " --refresh");
	assert_says(c.out, "at-1");
	assert_int_equal(w.http.calls, 1);
}

TEST(a_refresh_that_fails_says_so)
{
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"), REFUSED_BY_ENTRA);
	gives(&w, FOR_AKS, "at-1");
	CALL c = kube_call(&w, &protocol_kube, FOR_AKS " --refresh");
	assert_text(c.out, "");
	assert_says(c.line, "AADSTS700213");
	assert_int_equal(c.status, 1);
}

/* --- failures ----------------------------------------------------------------------------------------------------------------- */

TEST(entras_refusal_is_one_line_and_is_not_asked_for_again)
{
	WORLD(w);
	SCRIPT(&w, REFUSED_BY_ENTRA);
	for (int i = 0; i < 4; i++) {
		CALL c = kube_call(&w, kube_faces[i % 2], STANZA);
		assert_text(c.out, "");
		assert_says(c.line, "AADSTS700213");
		assert_says(c.line, "correlation id id-1");
		assert_true(strchr(c.line, '\n') == c.line + strlen(c.line) - 1);
		assert_int_equal(c.status, 1);
	}
	assert_int_equal(w.http.calls, 1);
}

TEST(nobody_is_told_what_to_type)
{
	WORLD(w);
	world_config(&w, "");
	denies(&w, STANZA, "no identity for this cluster: neither a configuration nor the environment names an identity; set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
			   "AZURE_FEDERATED_TOKEN_FILE, or write an [identity default]: daypass whoami");
	world_env(&w, "AZURE_TENANT_ID", TENANT); /* a laptop's stray variables are nobody */
	world_env(&w, "AZURE_CLIENT_ID", CLIENT);
	denies(&w, STANZA, "no identity for this cluster: the environment names an identity, but there is no source of an external token; set ");
}

TEST(a_token_endpoint_that_repeats_the_assertion_does_not_get_it_onto_the_terminal)
{
	WORLD(w);
	const char *token = fake_script.tokens[0];
	AUTO_STR body = str_printf("{\"error\":\"invalid_client\",\"error_description\":\"AADSTS50027: %s\\r\\nx\",\"error_codes\":[50027]}", token);
	SCRIPT(&w, {400, .body = body});
	CALL c = kube_call(&w, &protocol_kubelogin, STANZA);
	assert_int_equal(c.status, 1);
	assert_silent_about(c.line, strchr(token, '.'));
}

TEST(a_broken_configuration_is_told)
{
	WORLD(w);
	world_config(&w, "[identity\n");
	denies(&w, STANZA, "/home/u/config:1");
	asks_from(&w, "https://c.azmk8s.io");
	denies(&w, STANZA, "/home/u/config:1");
}

TEST(another_word_than_get_token_is_no_command)
{
	static const char *const words[] = {"", "frobnicate", "get-tokens", "GET-TOKEN", "a\x1b[31m\nb"};
	for (size_t i = 0; i < COUNT_OF(words) * COUNT_OF(kube_faces); i++) {
		WORLD(w);
		char *const argv[] = {(char *)(uintptr_t)words[i / 2], NULL}, *const none[] = {NULL};
		CALL c = face_call(&w, kube_faces[i % 2], argv, "", 0);
		assert_text(c.out, "");
		assert_says(c.line, "Usage: ");
		assert_true(strchr(c.line, '\n') == c.line + strlen(c.line) - 1 && !strchr(c.line, 27));
		assert_int_equal(c.status, 1);
		CALL d = face_call(&w, kube_faces[i % 2], none, "", 0);
		assert_says(d.line, "daypass: Usage: ");
		assert_int_equal(d.status, 1);
		assert_int_equal(w.http.calls + w.store.calls, 0);
	}
}

/* --- whose token is it for ---------------------------------------------------------------------------------------------------- */

TEST(only_aks_and_arc_are_served_unasked)
{
	static const char *const others[] = {
		"https://graph.microsoft.com", "https://management.azure.com", "https://management.core.windows.net/", "00000003-0000-0000-c000-000000000000",
		RESOURCE_AZURE_REPOS, "https://vault.azure.net/.default", AKS "x", AKS "/x", AKS "/.default/.default", "\"" AKS " x\"", "spn:" AKS, "*", "https://evil.example/" AKS,
	};
	WORLD(w);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		AUTO_STR args = str_printf("--server-id %s", others[i]);
		denies(&w, args, "is none of AKS or Arc: a kubeconfig does not choose what a token is for; if it is yours, add to daypass's configuration: [daypass] server-ids = ");
	}
	SCRIPT(&w, ENTRA("at-1"), ENTRA("at-2"));
	gives(&w, FOR_AKS, "at-1");
	gives(&w, "--server-id " RESOURCE_ARC, "at-2");
}

TEST(a_configuration_may_name_another_application)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match resource:api://token.test]\n[daypass]\nserver-ids = api://first.test  api://k8s.contoso.test\n");
	SCRIPT(&w, ENTRA("at-1"), ENTRA("at-2"));
	gives(&w, "--server-id api://k8s.contoso.test/", "at-1");
	gives(&w, "--server-id api://first.test", "at-2");
	denies(&w, "--server-id api://token.test", "is none of AKS or Arc");
	denies(&w, "--server-id api://", "is none of AKS or Arc");
	assert_says(w.http.asked[0].form, "scope=api%3A%2F%2Fk8s.contoso.test%2F.default");
	denies(&w, "--server-id api://k8s.contoso.test/x", "is none of AKS or Arc");
	denies(&w, "--server-id api://k8s.contoso", "is none of AKS or Arc");
}

/* --- which API server --------------------------------------------------------------------------------------------------------- */

TEST(without_a_match_any_server_of_that_application_is_served)
{
	static const char *const servers[] = {NULL, "https://c.azmk8s.io:443", "https://10.0.0.1:6443", "https://[::1]:6443", "no url", "https://c/k8s/clusters/1"};
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"));
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		asks_from(&w, servers[i]);
		gives(&w, STANZA, "at-1");
	}
	assert_int_equal(w.http.calls, 1);
}

TEST(a_server_that_is_asked_in_clear_gets_no_token)
{
	static const char *const configs[] = {IDENTITY, IDENTITY "[match kube:c.azmk8s.io]\n", IDENTITY "[match kube:http://c.azmk8s.io]\n"};
	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		WORLD(w);
		world_config(&w, configs[i]);
		asks_from(&w, "http://c.azmk8s.io");
		denies(&w, STANZA, "the API server c.azmk8s.io is asked over http, where others could read the token");
		asks_from(&w, "HTTP://c.azmk8s.io:8080/");
		denies(&w, STANZA, "the API server c.azmk8s.io:8080 is asked over http");
	}
}

/* A stranger's kubeconfig could name the right server, and lead there whomever he likes. */
TEST(a_named_server_that_nobody_checks_gets_no_token)
{
	static const char info[] = "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"cluster\":{\"server\":\"https://c.azmk8s.io\","
				   "\"insecure-skip-tls-verify\":%s},\"interactive\":false}}";
	static const char *const checked[] = {"false", "null", "\"true\""};
	WORLD(w);
	AUTO_STR open = str_printf(info, "true");
	world_config(&w, IDENTITY "[match kube:c.azmk8s.io]\n");
	world_env(&w, "KUBERNETES_EXEC_INFO", open);
	denies(&w, STANZA, "the kubeconfig lets anybody pose as the API server c.azmk8s.io, so it gets no token; take insecure-skip-tls-verify out");
	SCRIPT(&w, ENTRA("at-1"));
	for (size_t i = 0; i < COUNT_OF(checked); i++) {
		AUTO_STR text = str_printf(info, checked[i]);
		world_env(&w, "KUBERNETES_EXEC_INFO", text);
		gives(&w, STANZA, "at-1");
	}
	world_config(&w, IDENTITY);
	world_env(&w, "KUBERNETES_EXEC_INFO", open);
	gives(&w, STANZA, "at-1");
}

TEST(with_a_match_only_what_it_covers_is_served)
{
	static const char *const good[] = {"https://c.azmk8s.io:443", "https://c.azmk8s.io", "HTTPS://C.AZMK8S.IO/", "https://c.azmk8s.io/prefix"};
	static const char *const bad[] = {"https://evil.example", "https://c.azmk8s.io:6443", "https://c.azmk8s.io.evil.example", "https://d.azmk8s.io", "https://evil.example/c.azmk8s.io",
					  "https://c.azmk8s.io@evil.example", "https://xc.azmk8s.io"};
	static const char *const unsaid[] = {NULL, "no url", "https://c.azmk8s.io.", "c.azmk8s.io", "https://c.azmk8s.io:0", "", "https://c.azmk8s.io\\\\@evil.example"};
	WORLD(w);
	world_config(&w, IDENTITY "[match kube:c.azmk8s.io]\n");
	SCRIPT(&w, ENTRA("at-1"));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		asks_from(&w, bad[i]);
		denies(&w, STANZA, "gets no token: there are [match kube:...] sections, and none covers it");
	}
	for (size_t i = 0; i < COUNT_OF(unsaid); i++) {
		asks_from(&w, unsaid[i]);
		denies(&w, STANZA, "the kubeconfig does not say which API server asks, and the configuration names those that get a token; set provideClusterInfo: true");
	}
	assert_int_equal(w.store.calls, 0);
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		asks_from(&w, good[i]);
		gives(&w, STANZA, "at-1");
	}
}

TEST(a_match_names_the_port_and_the_identity)
{
	WORLD(w);
	world_config(&w, TWO "[match kube:10.0.0.1:6443]\nidentity = b\n[match kube:*.azmk8s.io]\n[match kube:b.azmk8s.io]\nidentity = b\n");
	SCRIPT(&w, ENTRA("at-b"), ENTRA("at-a"));
	asks_from(&w, "https://10.0.0.1:6443");
	gives(&w, FOR_AKS, "at-b");
	assert_says(w.http.asked[0].form, "client_id=" OTHER_CLIENT);
	asks_from(&w, "https://a.azmk8s.io:443");
	gives(&w, FOR_AKS, "at-a");
	assert_says(w.http.asked[1].form, "client_id=" CLIENT);
	asks_from(&w, "https://b.azmk8s.io");
	gives(&w, FOR_AKS, "at-b");
	asks_from(&w, "https://10.0.0.1");
	denies(&w, FOR_AKS, "the API server 10.0.0.1 gets no token");
	asks_from(&w, "https://10.0.0.1:6444");
	denies(&w, FOR_AKS, "the API server 10.0.0.1:6444 gets no token: there are [match kube:...] sections, and none covers it; add a [match kube:10.0.0.1:6444] for it");
	assert_int_equal(w.http.calls, 2);
}

TEST(a_match_lets_no_other_application_in)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match kube:c.azmk8s.io]\n");
	asks_from(&w, "https://c.azmk8s.io");
	denies(&w, "--server-id https://graph.microsoft.com", "is none of AKS or Arc");
}

TEST(matches_of_other_tools_are_not_about_kubectl)
{
	WORLD(w);
	world_config(&w, IDENTITY "[match *.azurecr.io]\n[match https://dev.azure.com/contoso]\n[match resource:x]\n");
	SCRIPT(&w, ENTRA("at-1"));
	asks_from(&w, "https://contoso.azurecr.io");
	gives(&w, STANZA, "at-1");
}

/* Whatever the kubeconfig would do instead. */
TEST(an_identity_that_nobody_wrote_is_an_error_whatever_flags_say)
{
	static const char *const args[] = {STANZA, FOR_AKS, WI, WI "--client-id " OTHER_CLIENT " -t " OTHER_TENANT, FOR_AKS " -l azurepipelines --client-id " OTHER_CLIENT};
	WORLD(w);
	world_config(&w, IDENTITY "[match kube:c.azmk8s.io]\nidentity = typo\n");
	asks_from(&w, "https://c.azmk8s.io");
	for (size_t i = 0; i < COUNT_OF(args); i++)
		denies(&w, args[i], "there is no [identity typo]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_answer_is_one_line_and_one_exchange_whoever_asks),
		T(the_time_told_is_a_margin_before_the_end_and_never_past),
		T(a_kept_token_never_has_a_time_that_is_past),
		T(bytes_that_no_token_has_are_not_handed_on),
		T(an_answer_that_cannot_be_printed_is_told),
		T(a_refresh_drops_what_is_kept_and_keeps_what_comes),
		T(a_refresh_with_nothing_kept_is_one_exchange),
		T(a_refresh_that_fails_says_so),
		T(entras_refusal_is_one_line_and_is_not_asked_for_again),
		T(nobody_is_told_what_to_type),
		T(a_token_endpoint_that_repeats_the_assertion_does_not_get_it_onto_the_terminal),
		T(a_broken_configuration_is_told),
		T(another_word_than_get_token_is_no_command),
		T(only_aks_and_arc_are_served_unasked),
		T(a_configuration_may_name_another_application),
		T(without_a_match_any_server_of_that_application_is_served),
		T(a_server_that_is_asked_in_clear_gets_no_token),
		T(a_named_server_that_nobody_checks_gets_no_token),
		T(with_a_match_only_what_it_covers_is_served),
		T(a_match_names_the_port_and_the_identity),
		T(a_match_lets_no_other_application_in),
		T(matches_of_other_tools_are_not_about_kubectl),
		T(an_identity_that_nobody_wrote_is_an_error_whatever_flags_say),
	};
	return RUN(tests);
}
