/* Log-ins that docker gives us to keep, in the layout of docker-credential-secretservice; and the list of what is held. */
#include "tests/unit/desk.h"
#include "tests/unit/docker.h"
#include "tests/unit/tmp.h"

#define LIFE (3 * 3600)
#define ENTRA {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"}
#define SCHEMA "io.docker.Credentials"
#define ALICE(server) "{\"ServerURL\":\"" server "\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}\n"

/* A desk, and the registry's good answer. */
struct office {
	struct desk d;
	char *token, *body;
};

static void office_end(struct office *o)
{
	desk_end(&o->d);
	free(o->token);
	free(o->body);
}

static void office_begin(struct office *o)
{
	desk_begin(&o->d);
	o->token = refresh_token("rt-1", REGISTRY, NOW, NOW + LIFE);
	o->body = exchange_body(o->token);
}

#define OFFICE(o) CLEANUP(office_end) struct office o; office_begin(&o)
#define GIVES(o) {200, .body = (o).body}

/* A process of its own. */
static struct call run(struct office *o, const char *verb, const char *input)
{
	fake_keyring_next_process(&o->d.ring);
	return docker_call(&o->d.w, verb, input);
}

static void answers(struct office *o, const char *verb, const char *input, const char *out, int status)
{
	CALL c = run(o, verb, input);
	assert_text(c.line, "");
	assert_text(c.out, out);
	assert_int_equal(c.status, status);
}

static void gets_a_token(struct office *o)
{
	CALL c = run(o, "get", REGISTRY);
	assert_says(c.out, "\"Username\":\"" DOCKER_GUID_USER "\",\"Secret\":\"eyJ");
}

/* What another helper kept, without our mark. */
static void others_item(struct office *o, const char *server, const char *user, const char *value)
{
	AUTO_SECRET secret = secret_new(100);
	secret_set(&secret, value, strlen(value));
	struct keyring_call call = {.op = KEYRING_PUT, .schema = SCHEMA, .label = server, .value = &secret,
				    .attrs = {{"label", "Docker Credentials"}, {"docker_cli", "1"}, {"server", server}, {"username", user}}};
	assert_int_equal(keyring_ask(&o->d.w.ctx, &call, NULL), KEYRING_OK);
	o->d.ring.asked[KEYRING_PUT] = 0;
}

TEST(a_log_in_by_another_name_is_kept_and_goes_before_a_token)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	answers(&o, "store", ALICE("https://" REGISTRY ":443/"), "", 0);
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
	answers(&o, "get", "https://" REGISTRY, ALICE("https://" REGISTRY), 0);
	assert_int_equal(o.d.w.http.calls, 0);
}

TEST(its_item_is_what_docker_credential_secretservice_keeps_and_a_mark)
{
	OFFICE(o);
	answers(&o, "store", ALICE("https://" REGISTRY ":443/"), "", 0);
	assert_int_equal(o.d.ring.count, 1);
	struct fake_item *i = &o.d.ring.items[0];
	assert_text(i->schema, SCHEMA);
	assert_text(i->is.label, REGISTRY);
	assert_int_equal(i->is.attr_count, 5);
	assert_text(keyring_attr_get(&i->is, "label"), "Docker Credentials");
	assert_text(keyring_attr_get(&i->is, "docker_cli"), "1");
	assert_text(keyring_attr_get(&i->is, "server"), REGISTRY);
	assert_text(keyring_attr_get(&i->is, "username"), "alice");
	assert_text(keyring_attr_get(&i->is, "app"), "daypass");
	assert_text(secret_reveal(&i->is.value), "s3cret");
}

/* docker login, az acr login and CI actions hand the registry's own token back: there is always a fresh one. */
TEST(a_token_that_comes_back_is_taken_and_not_kept)
{
	OFFICE(o);
	answers(&o, "store", LOGIN(REGISTRY, "\\u003ctoken\\u003e", "eyJ.x.y"), "", 0);
	answers(&o, "store", LOGIN(REGISTRY, "<token>", "eyJ.x.y"), "", 0);
	answers(&o, "store", LOGIN(REGISTRY, DOCKER_GUID_USER, "eyJ.x.y"), "", 0);
	assert_int_equal(o.d.ring.calls, 0);
	o.d.ring.answer = KEYRING_LOCKED;
	answers(&o, "store", LOGIN(REGISTRY, "<token>", "eyJ.x.y"), "", 0);
}

TEST(a_log_in_that_no_keyring_takes_is_an_error_on_both_streams)
{
	static const enum keyring_answer bad[] = {KEYRING_ABSENT, KEYRING_LOCKED, KEYRING_HUNG, KEYRING_BROKEN, KEYRING_NO_LIBRARY};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		OFFICE(o);
		o.d.ring.answer = bad[i];
		CALL c = run(&o, "store", ALICE(REGISTRY));
		assert_says(c.out, "the log-in to " REGISTRY " is not kept: the keyring cannot take it (");
		assert_says(c.out, keyring_says(bad[i]));
		assert_says(c.line, "is not kept");
		assert_silent_about(c.out, "s3cret");
		assert_silent_about(c.line, "s3cret");
		assert_int_equal(c.status, 1);
	}
}

TEST(a_token_that_another_helper_kept_is_not_used_for_a_registry_of_ours)
{
	static const char *const users[] = {"<token>", DOCKER_GUID_USER};
	for (size_t i = 0; i < COUNT_OF(users); i++) {
		OFFICE(o);
		SCRIPT(&o.d.w, ENTRA, GIVES(o));
		others_item(&o, REGISTRY, users[i], "stale");
		gets_a_token(&o);
		assert_int_equal(o.d.w.http.calls, 2);
	}
}

TEST(a_log_in_that_another_helper_kept_is_found)
{
	OFFICE(o);
	others_item(&o, REGISTRY, "<token>", "stale");
	others_item(&o, REGISTRY, "alice", "s3cret");
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

TEST(that_nobody_has_logged_in_is_remembered_for_an_hour)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	size_t finds = o.d.ring.asked[KEYRING_FIND];
	gets_a_token(&o);
	assert_int_equal(o.d.ring.asked[KEYRING_FIND], finds); /* a hit asks no bus */
	for (size_t i = 0; i < FAKE_RECORDS; i++) /* the real store forgets what has expired; this one is told to */
		if (o.d.w.store.records[i].used && o.d.w.store.records[i].data.len == 1) {
			assert_int_equal(o.d.w.store.records[i].expires_at, NOW + 3600);
			assert_text(o.d.w.store.records[i].data.p, "-");
			return;
		}
	fail_msg("nothing is remembered");
}

TEST(a_log_in_is_found_at_once_although_there_was_none_a_moment_ago)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

static void log_in_meanwhile(void *user)
{
	struct office *o = user;
	int in = o->d.w.ctx.in, out = o->d.w.ctx.out;
	answers(o, "store", ALICE(REGISTRY), "", 0);
	o->d.w.ctx.in = in;
	o->d.w.ctx.out = out;
}

TEST(a_log_in_stored_while_another_looks_is_not_buried)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	o.d.ring.during = log_in_meanwhile;
	o.d.ring.user = &o;
	gets_a_token(&o);
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

TEST(a_keyring_that_cannot_be_asked_says_nothing_about_log_ins)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	o.d.ring.answer = KEYRING_LOCKED;
	gets_a_token(&o);
	o.d.ring.answer = KEYRING_OK;
	pass_ms(&o.d.w.clock, 61000); /* that it was locked is remembered for a minute */
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

TEST(the_newest_log_in_is_the_only_one_of_a_registry)
{
	OFFICE(o);
	others_item(&o, REGISTRY, "carol", "old");
	answers(&o, "store", LOGIN(REGISTRY, "bob", "older"), "", 0);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	assert_int_equal(o.d.ring.count, 1);
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

TEST(a_log_out_forgets_the_log_in_and_the_token)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o), GIVES(o));
	gets_a_token(&o);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	answers(&o, "erase", "https://" REGISTRY "/v1/", "", 0);
	assert_int_equal(o.d.ring.asked[KEYRING_REMOVE], 3); /* what was older, the log-in, the token */
	gets_a_token(&o);
	assert_int_equal(o.d.w.http.calls, 3);
}

TEST(a_log_out_that_a_locked_keyring_does_not_hear_says_so)
{
	OFFICE(o);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	o.d.ring.answer = KEYRING_LOCKED;
	CALL c = run(&o, "erase", REGISTRY);
	assert_text(c.out, "");
	assert_says(c.line, "keyring: locked; a log-in that was kept for " REGISTRY " is not forgotten");
	assert_int_equal(c.status, 0);
}

/* --- registries of others, where the configuration says so ------------------------------------------------------------ */

#define KEEPS IDENTITY "[match ghcr.io]\nstore = keyring\n"

TEST(elsewhere_a_log_in_is_found_by_the_clients_own_words)
{
	OFFICE(o);
	world_config(&o.d.w, KEEPS);
	answers(&o, "get", "https://ghcr.io", NOT_FOUND, 1);
	answers(&o, "store", ALICE("https://ghcr.io"), "", 0);
	answers(&o, "get", "https://ghcr.io", ALICE("https://ghcr.io"), 0);
	answers(&o, "get", "ghcr.io", NOT_FOUND, 1);
	answers(&o, "erase", "https://ghcr.io", "", 0);
	answers(&o, "get", "https://ghcr.io", NOT_FOUND, 1);
	assert_int_equal(o.d.w.http.calls, 0);
}

TEST(an_identity_token_of_anothers_is_kept_as_it_is)
{
	OFFICE(o);
	world_config(&o.d.w, KEEPS);
	answers(&o, "store", LOGIN("ghcr.io", "<token>", "theirs"), "", 0);
	answers(&o, "get", "ghcr.io", LOGIN("ghcr.io", "<token>", "theirs") "\n", 0);
}

TEST(a_wide_pattern_that_keeps_takes_no_token_from_azures_registries)
{
	OFFICE(o);
	world_config(&o.d.w, IDENTITY "[match *]\nstore = keyring\n");
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	answers(&o, "store", ALICE("http://registry.local:5000"), "", 0);
	answers(&o, "get", "http://registry.local:5000", ALICE("http://registry.local:5000"), 0);
}

/* --- list ---------------------------------------------------------------------------------------------------------------- */

TEST(nothing_held_is_an_empty_object)
{
	OFFICE(o);
	answers(&o, "list", "unused", "{}\n", 0);
	o.d.ring.answer = KEYRING_LOCKED;
	answers(&o, "list", "", "{}\n", 0);
}

TEST(tokens_and_log_ins_are_listed_once_and_nothing_that_would_not_be_answered)
{
	OFFICE(o);
	world_config(&o.d.w, KEEPS "[match *.azurecr.io]\nidentity = default\n");
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	answers(&o, "list", "", "{\"" REGISTRY "\":\"" DOCKER_GUID_USER "\"}\n", 0);
	others_item(&o, REGISTRY, "<token>", "stale");
	others_item(&o, "docker.io", "carol", "x");
	answers(&o, "list", "", "{\"" REGISTRY "\":\"" DOCKER_GUID_USER "\"}\n", 0);
	answers(&o, "store", ALICE(REGISTRY), "", 0);
	answers(&o, "store", ALICE("ghcr.io"), "", 0);
	CALL c = run(&o, "list", "");
	assert_says(c.out, "\"" REGISTRY "\":\"alice\"");
	assert_says(c.out, "\"ghcr.io\":\"alice\"");
	assert_silent_about(c.out, DOCKER_GUID_USER);
	assert_silent_about(c.out, "carol");
	assert_silent_about(c.out, "s3cret");
}

TEST(a_token_that_has_ended_is_not_listed)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	pass_ms(&o.d.w.clock, LIFE * 1000ll);
	answers(&o, "list", "", "{}\n", 0);
}

TEST(a_token_that_policy_no_longer_gives_is_not_listed)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	world_config(&o.d.w, IDENTITY "[match fabrikam.azurecr.io]\nidentity = default\n");
	answers(&o, "list", "", "{}\n", 0);
}

TEST(the_fallbacks_list_is_joined_without_what_is_ours)
{
	OFFICE(o);
	TMP(t);
	AUTO_STR program = tmp_path(&t, "docker-credential-other");
	write_text(program, "", 0755);
	world_env(&o.d.w, "PATH", t.path);
	world_config(&o.d.w, "[daypass]\nfallback = other\n" IDENTITY);
	o.d.w.proc.out = "{\"https://ghcr.io\":\"bob\",\"" REGISTRY "\":\"mallory\",\"odd\":7,\"a\\u0000b\":\"x\"}";
	answers(&o, "list", "", "{}\n", 0); /* no JSON that we would read: nothing of it */
	o.d.w.proc.out = "{\"https://ghcr.io\":\"bob\",\"" REGISTRY "\":\"mallory\",\"odd\":7}";
	answers(&o, "list", "", "{\"https://ghcr.io\":\"bob\"}\n", 0);
	AUTO_STR line = str_printf("%s list", program);
	assert_text(o.d.w.proc.line, line);
	assert_text(o.d.w.proc.in, "unused");
	o.d.w.proc.status = 1;
	answers(&o, "list", "", "{}\n", 0);
	o.d.w.proc.fails = true;
	answers(&o, "list", "", "{}\n", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_log_in_by_another_name_is_kept_and_goes_before_a_token),
		T(its_item_is_what_docker_credential_secretservice_keeps_and_a_mark),
		T(a_token_that_comes_back_is_taken_and_not_kept),
		T(a_log_in_that_no_keyring_takes_is_an_error_on_both_streams),
		T(a_token_that_another_helper_kept_is_not_used_for_a_registry_of_ours),
		T(a_log_in_that_another_helper_kept_is_found),
		T(that_nobody_has_logged_in_is_remembered_for_an_hour),
		T(a_log_in_is_found_at_once_although_there_was_none_a_moment_ago),
		T(a_log_in_stored_while_another_looks_is_not_buried),
		T(a_keyring_that_cannot_be_asked_says_nothing_about_log_ins),
		T(the_newest_log_in_is_the_only_one_of_a_registry),
		T(a_log_out_forgets_the_log_in_and_the_token),
		T(a_log_out_that_a_locked_keyring_does_not_hear_says_so),
		T(elsewhere_a_log_in_is_found_by_the_clients_own_words),
		T(an_identity_token_of_anothers_is_kept_as_it_is),
		T(a_wide_pattern_that_keeps_takes_no_token_from_azures_registries),
		T(nothing_held_is_an_empty_object),
		T(tokens_and_log_ins_are_listed_once_and_nothing_that_would_not_be_answered),
		T(a_token_that_has_ended_is_not_listed),
		T(a_token_that_policy_no_longer_gives_is_not_listed),
		T(the_fallbacks_list_is_joined_without_what_is_ours),
	};
	return RUN(tests);
}
