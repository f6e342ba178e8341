/* The Docker face from stdin to stdout: what is answered, what is said, and who else is asked. */
#include "tests/unit/docker.h"
#include "tests/unit/tmp.h"

#define LIFE (3 * 3600)
#define ENTRA {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"}
#define REFUSED_BY_ENTRA {400, .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700213: x\",\"error_codes\":[700213],\"correlation_id\":\"id-1\"}"}
#define DENIED {401, .body = "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}", .request_id = "id-2"}
#define MATCH(pattern) IDENTITY "[match " pattern "]\nidentity = default\n"

/* A world, and the registry's good answer. */
struct dock {
	struct world w;
	char *token, *body;
};

static void dock_end(struct dock *d)
{
	world_end(&d->w);
	free(d->token);
	free(d->body);
}

static void dock_begin(struct dock *d)
{
	world_begin(&d->w);
	d->token = refresh_token("rt-1", REGISTRY, NOW, NOW + LIFE);
	d->body = exchange_body(d->token);
}

#define DOCK(d) CLEANUP(dock_end) struct dock d; dock_begin(&d)
#define GIVES(d) {200, .body = (d).body}

static void answers(struct world *w, const char *verb, const char *input, const char *out, int status)
{
	CALL c = docker_call(w, verb, input);
	assert_text(c.line, "");
	assert_text(c.out, out);
	assert_int_equal(c.status, status);
}

/* The same on both streams: clients show stdout, people read stderr too. */
static void errs(struct world *w, const char *verb, const char *input, const char *text)
{
	CALL c = docker_call(w, verb, input);
	AUTO_STR out = str_printf("%s\n", text);
	AUTO_STR line = str_printf("daypass: %s\n", text);
	assert_text(c.out, out);
	assert_text(c.line, line);
	assert_int_equal(c.status, 1);
}

TEST(a_registry_gets_the_user_of_zeros_and_its_own_token)
{
	DOCK(d);
	SCRIPT(&d.w, ENTRA, GIVES(d));
	AUTO_STR wanted = str_printf("{\"ServerURL\":\"" REGISTRY "\",\"Username\":\"00000000-0000-0000-0000-000000000000\",\"Secret\":\"%s\"}\n", d.token);
	answers(&d.w, "get", REGISTRY, wanted, 0);
	answers(&d.w, "get", REGISTRY, wanted, 0);
	assert_int_equal(d.w.http.calls, 2);
}

TEST(every_spelling_has_one_token_and_gets_its_own_words_back)
{
	static const char *const texts[] = {REGISTRY, "https://" REGISTRY ":443/v2/", "CONTOSO.azurecr.io.", REGISTRY "/team/app"};
	DOCK(d);
	SCRIPT(&d.w, ENTRA, GIVES(d));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		AUTO_STR given = str_printf("%s\r\n", texts[i]);
		AUTO_STR wanted = str_printf("{\"ServerURL\":\"%s\",\"Username\":\"" DOCKER_GUID_USER "\",\"Secret\":\"%s\"}\n", texts[i], d.token);
		answers(&d.w, "get", given, wanted, 0);
	}
	assert_int_equal(d.w.http.calls, 2);
}

TEST(quotes_of_a_path_are_escaped_in_the_answer)
{
	DOCK(d);
	SCRIPT(&d.w, ENTRA, GIVES(d));
	CALL c = docker_call(&d.w, "get", REGISTRY "/\"x");
	assert_says(c.out, "{\"ServerURL\":\"" REGISTRY "/\\\"x\",\"Username\"");
}

TEST(a_match_may_want_the_user_of_identity_tokens)
{
	DOCK(d);
	world_config(&d.w, MATCH("*.azurecr.io") "registry-user = token\n");
	SCRIPT(&d.w, ENTRA, GIVES(d));
	CALL c = docker_call(&d.w, "get", REGISTRY);
	assert_says(c.out, "\"Username\":\"<token>\",\"Secret\":\"eyJ");
}

TEST(what_is_not_ours_is_not_found_without_a_look_at_anything)
{
	static const char *const texts[] = {
		"docker.io", "https://index.docker.io/v1/", "ghcr.io", "mcr.microsoft.com", "localhost:5000", "azurecr.io", REGISTRY ".evil.example", "http://" REGISTRY, REGISTRY ":8443",
		"user@" REGISTRY, "a.b.azurecr.io", "contoso.eastus.data.azurecr.io", REGISTRY "/../x", "c\xd0\xbentoso.azurecr.io", "evil.example/https://" REGISTRY, "[::1]:443", "evilazurecr.io",
		"cont.azurecr.io", "azurecr.io.", "evil.example#." REGISTRY, "evil.example?" REGISTRY, REGISTRY "\n.evil.example",
	};
	DOCK(d);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CALL c = docker_call(&d.w, "get", texts[i]);
		if (!str_eq(c.out, NOT_FOUND) || c.status != 1 || *c.line || d.w.http.calls + d.w.store.calls + d.w.proc.calls + d.w.proc.became)
			fail_msg("%s: %s%s", texts[i], c.out, c.line);
		answers(&d.w, "erase", texts[i], "", 0);
	}
	assert_int_equal(d.w.http.calls + d.w.store.calls + d.w.proc.calls, 0);
}

TEST(an_empty_request_has_the_text_that_clients_know)
{
	DOCK(d);
	errs(&d.w, "get", "", "no credentials server URL");
	errs(&d.w, "erase", " \r\n", "no credentials server URL");
	errs(&d.w, "store", LOGIN(REGISTRY, "", "x"), "no credentials username");
}

/* --- refusals -------------------------------------------------------------------------------------------------------- */

#define REASON REGISTRY " refused identity default (client " CLIENT ", tenant " TENANT "): authentication required (HTTP 401, correlation id id-2); az role assignment create"

TEST(a_registry_that_a_match_names_exactly_refuses_aloud)
{
	DOCK(d);
	world_config(&d.w, MATCH(REGISTRY));
	SCRIPT(&d.w, ENTRA, DENIED);
	for (int i = 0; i < 2; i++) { /* the second hears it from the record */
		CALL c = docker_call(&d.w, "get", REGISTRY);
		assert_true(str_starts(c.out, REASON));
		assert_true(str_starts(c.line, "daypass: " REASON));
		assert_int_equal(c.status, 1);
	}
	assert_int_equal(d.w.http.calls, 2);
}

TEST(elsewhere_a_registrys_refusal_leaves_the_client_anonymous)
{
	static const char *const configs[] = {IDENTITY, MATCH("*.azurecr.io"), MATCH(REGISTRY) "on-failure = soft\n"};
	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		DOCK(d);
		world_config(&d.w, configs[i]);
		SCRIPT(&d.w, ENTRA, DENIED);
		answers(&d.w, "get", REGISTRY, NOT_FOUND, 1);
		answers(&d.w, "get", REGISTRY, NOT_FOUND, 1);
		assert_int_equal(d.w.http.calls, 2);
	}
}

TEST(entras_refusal_is_an_error_always)
{
	static const char *const configs[] = {IDENTITY, MATCH("*.azurecr.io"), MATCH(REGISTRY) "on-failure = soft\n"};
	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		DOCK(d);
		world_config(&d.w, configs[i]);
		SCRIPT(&d.w, REFUSED_BY_ENTRA);
		CALL c = docker_call(&d.w, "get", REGISTRY);
		assert_says(c.out, "AADSTS700213");
		assert_says(c.line, "AADSTS700213");
		assert_silent_about(c.out, "not found in native");
		assert_int_equal(c.status, 1);
	}
}

TEST(trouble_on_the_way_is_an_error_always)
{
	DOCK(d);
	SCRIPT(&d.w, ENTRA, {302, .location = "https://evil.example/"});
	CALL c = docker_call(&d.w, "get", REGISTRY);
	assert_says(c.out, "not followed");
	assert_says(c.line, "not followed");
	assert_int_equal(c.status, 1);
}

TEST(a_broken_configuration_is_told_for_registries_of_azure_only)
{
	DOCK(d);
	world_config(&d.w, "[identity\n");
	assert_true(d.w.config.broken);
	CALL c = docker_call(&d.w, "get", REGISTRY);
	assert_says(c.out, "/home/u/config:1");
	assert_int_equal(c.status, 1);
	answers(&d.w, "get", "docker.io", NOT_FOUND, 1);
	answers(&d.w, "erase", REGISTRY, "", 0);
	CALL stored = docker_call(&d.w, "store", LOGIN(REGISTRY, "alice", "s3cret"));
	assert_says(stored.out, "/home/u/config:1");
	assert_int_equal(stored.status, 1);
}

TEST(a_token_in_a_refusals_text_is_masked)
{
	DOCK(d);
	AUTO_STR text = str_printf("{\"errors\":[{\"message\":\"bad token %s\"}]}", d.token);
	const char *claims = strchr(d.token, '.');
	world_config(&d.w, MATCH(REGISTRY));
	SCRIPT(&d.w, ENTRA, {401, .body = text});
	CALL c = docker_call(&d.w, "get", REGISTRY);
	assert_says(c.out, "bad token ");
	assert_silent_about(c.out, claims);
	assert_silent_about(c.line, claims);
}

/* --- erase, and the other verbs ---------------------------------------------------------------------------------------- */

TEST(after_a_log_out_the_registry_is_asked_again_and_entra_is_not)
{
	DOCK(d);
	AUTO_STR second = refresh_token("rt-2", REGISTRY, NOW, NOW + LIFE);
	AUTO_STR body = exchange_body(second);
	SCRIPT(&d.w, ENTRA, GIVES(d), {200, .body = body});
	CALL first = docker_call(&d.w, "get", REGISTRY);
	answers(&d.w, "erase", "https://" REGISTRY "/", "", 0);
	CALL again = docker_call(&d.w, "get", REGISTRY);
	assert_says(again.out, second);
	assert_int_equal(d.w.http.calls, 3);
}

TEST(a_log_out_forgets_a_refusal_too)
{
	DOCK(d);
	SCRIPT(&d.w, ENTRA, DENIED, GIVES(d));
	answers(&d.w, "get", REGISTRY, NOT_FOUND, 1);
	answers(&d.w, "erase", REGISTRY, "", 0);
	CALL c = docker_call(&d.w, "get", REGISTRY);
	assert_says(c.out, d.token);
}

TEST(a_call_that_is_none_of_the_five_is_answered_as_other_helpers_do)
{
	DOCK(d);
	answers(&d.w, "version", "", "docker-credential-daypass (daypass) " DAYPASS_VERSION "\n", 0);
	answers(&d.w, "frobnicate", "", "docker-credential-daypass: unknown action: frobnicate\n", 1);
	answers(&d.w, "a\x1b[31m\n", "", "docker-credential-daypass: unknown action: a?[31m?\n", 1);
	char *const none[] = {NULL}, *const two[] = {(char[]){"get"}, (char[]){REGISTRY}, NULL};
	CALL nothing = face_call(&d.w, &protocol_docker, none, "", 0);
	CALL both = face_call(&d.w, &protocol_docker, two, REGISTRY, strlen(REGISTRY));
	assert_text(nothing.out, "Usage: docker-credential-daypass <store|get|erase|list|version>\n");
	assert_text(both.out, nothing.out);
	assert_int_equal(nothing.status + both.status, 2);
	assert_int_equal(d.w.http.calls + d.w.store.calls, 0);
}

/* --- another helper for what is not ours -------------------------------------------------------------------------------- */

/* A dock with another helper on its PATH. */
struct port {
	struct dock d;
	struct tmp tmp;
	char *program;
};

static void port_end(struct port *p)
{
	free(p->program);
	tmp_end(&p->tmp);
	dock_end(&p->d);
}

static void port_begin(struct port *p)
{
	*p = (struct port){0};
	dock_begin(&p->d);
	tmp_begin(&p->tmp);
	p->program = tmp_path(&p->tmp, "docker-credential-other");
	write_text(p->program, "", 0755);
	world_env(&p->d.w, "PATH", p->tmp.path);
	world_config(&p->d.w, "[daypass]\nfallback = other\n" IDENTITY);
	if (p->d.w.config.broken)
		fail_msg("%s", p->d.w.config.err.msg);
}

#define PORT(p) CLEANUP(port_end) struct port p; port_begin(&p)

static void became(struct port *p, const char *verb, const char *input)
{
	AUTO_STR line = str_printf("%s %s", p->program, verb);
	assert_text(p->d.w.proc.line, line);
	assert_text(p->d.w.proc.in, input);
	assert_int_equal(p->d.w.http.calls + p->d.w.store.calls, 0);
}

TEST(a_registry_of_others_is_handed_to_the_fallback)
{
	PORT(p);
	CALL c = docker_call(&p.d.w, "get", " https://ghcr.io\n");
	became(&p, "get", "https://ghcr.io");
	answers(&p.d.w, "erase", "ghcr.io", "", 0);
	became(&p, "erase", "ghcr.io");
	answers(&p.d.w, "store", LOGIN("ghcr.io", "\\u003ctoken\\u003e", "a\\n\\\"b\\u0026"), "", 0);
	became(&p, "store", "{\"ServerURL\":\"ghcr.io\",\"Username\":\"<token>\",\"Secret\":\"a\\u000a\\\"b&\"}\n");
	assert_int_equal(p.d.w.proc.became, 3);
}

TEST(the_largest_secret_reaches_the_fallback_whole)
{
	PORT(p);
	AUTO_BUF in = buf_new(512 * 1024);
	buf_adds(&in, "{\"ServerURL\":\"ghcr.io\",\"Username\":\"alice\",\"Secret\":\"");
	for (int i = 0; i < 64 * 1024; i++)
		buf_adds(&in, "\\u0001");
	buf_adds(&in, "\"}");
	answers(&p.d.w, "store", in.p, "", 0);
	AUTO_STR wanted = str_printf("%s\n", in.p);
	became(&p, "store", wanted);
}

TEST(the_fallback_is_never_asked_about_a_registry_of_ours)
{
	PORT(p);
	SCRIPT(&p.d.w, ENTRA, GIVES(p.d), DENIED);
	CALL got = docker_call(&p.d.w, "get", REGISTRY);
	assert_says(got.out, p.d.token);
	CALL erased = docker_call(&p.d.w, "erase", REGISTRY);
	CALL denied = docker_call(&p.d.w, "get", REGISTRY);
	assert_text(denied.out, NOT_FOUND);
	CALL stored = docker_call(&p.d.w, "store", LOGIN(REGISTRY, "<token>", "x"));
	assert_int_equal(p.d.w.proc.became, 0);
}

#define MISSING "fallback = other: there is no docker-credential-other in a safe folder of PATH; install it, or take that line out of daypass's configuration"

/* A public image needs no helper; what is to be kept or forgotten does. */
TEST(a_fallback_that_is_not_here_is_told_and_stops_no_public_pull)
{
	PORT(p);
	world_env(&p.d.w, "PATH", "/nowhere");
	CALL c = docker_call(&p.d.w, "get", "ghcr.io");
	assert_text(c.out, NOT_FOUND);
	assert_text(c.line, "daypass: " MISSING "\n");
	assert_int_equal(c.status, 1);
	errs(&p.d.w, "store", LOGIN("ghcr.io", "alice", "s3cret"), MISSING);
	errs(&p.d.w, "erase", "ghcr.io", MISSING);
	assert_int_equal(p.d.w.proc.became, 0);
}

/* Half of it was read: who knows what the rest would have said. */
TEST(a_broken_configuration_names_no_fallback)
{
	PORT(p);
	world_config(&p.d.w, "[daypass]\nfallback = other\n[identity\n");
	assert_true(p.d.w.config.broken);
	answers(&p.d.w, "get", "ghcr.io", NOT_FOUND, 1);
	assert_int_equal(p.d.w.proc.became, 0);
}

TEST(a_fallback_that_cannot_be_started_is_an_error)
{
	PORT(p);
	p.d.w.proc.fails = true;
	AUTO_STR text = str_printf("%s: cannot be started: No such file or directory", p.program);
	errs(&p.d.w, "get", "ghcr.io", text);
}

TEST(without_a_fallback_a_log_in_elsewhere_is_not_lost_silently)
{
	DOCK(d);
	errs(&d.w, "store", LOGIN("ghcr.io", "alice", "s3cret"),
	     "daypass keeps no log-in for ghcr.io; in its configuration: store = keyring in a [match] for that registry, or fallback = another helper's NAME in [daypass]");
	assert_int_equal(d.w.http.calls + d.w.store.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registry_gets_the_user_of_zeros_and_its_own_token),
		T(every_spelling_has_one_token_and_gets_its_own_words_back),
		T(quotes_of_a_path_are_escaped_in_the_answer),
		T(a_match_may_want_the_user_of_identity_tokens),
		T(what_is_not_ours_is_not_found_without_a_look_at_anything),
		T(an_empty_request_has_the_text_that_clients_know),
		T(a_registry_that_a_match_names_exactly_refuses_aloud),
		T(elsewhere_a_registrys_refusal_leaves_the_client_anonymous),
		T(entras_refusal_is_an_error_always),
		T(trouble_on_the_way_is_an_error_always),
		T(a_broken_configuration_is_told_for_registries_of_azure_only),
		T(a_token_in_a_refusals_text_is_masked),
		T(after_a_log_out_the_registry_is_asked_again_and_entra_is_not),
		T(a_log_out_forgets_a_refusal_too),
		T(a_call_that_is_none_of_the_five_is_answered_as_other_helpers_do),
		T(a_registry_of_others_is_handed_to_the_fallback),
		T(the_largest_secret_reaches_the_fallback_whole),
		T(the_fallback_is_never_asked_about_a_registry_of_ours),
		T(a_fallback_that_is_not_here_is_told_and_stops_no_public_pull),
		T(a_broken_configuration_names_no_fallback),
		T(a_fallback_that_cannot_be_started_is_an_error),
		T(without_a_fallback_a_log_in_elsewhere_is_not_lost_silently),
	};
	return RUN(tests);
}
