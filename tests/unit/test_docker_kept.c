/* Log-ins that docker gives us to keep, in the layout of docker-credential-secretservice. */
#include "tests/unit/office.h"

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

static struct fake_record *known(struct office *o)
{
	for (size_t i = 0; i < FAKE_RECORDS; i++) {
		struct fake_record *r = &o->d.w.store.records[i];
		if (r->used && r->data.len == 1)
			return r;
	}
	return NULL;
}

TEST(that_nobody_has_logged_in_is_remembered_for_an_hour)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	size_t finds = o.d.ring.asked[KEYRING_FIND];
	gets_a_token(&o);
	assert_int_equal(o.d.ring.asked[KEYRING_FIND], finds); /* a hit asks no bus */
	assert_non_null(known(&o));
	assert_int_equal(known(&o)->expires_at, NOW + 3600);
}

TEST(that_there_is_no_keyring_is_remembered_for_a_minute)
{
	static const enum keyring_answer nothing[] = {KEYRING_NO_BUS, KEYRING_ABSENT, KEYRING_NO_LIBRARY};
	for (size_t i = 0; i < COUNT_OF(nothing); i++) {
		OFFICE(o);
		o.d.ring.answer = nothing[i];
		SCRIPT(&o.d.w, ENTRA, GIVES(o));
		gets_a_token(&o);
		assert_non_null(known(&o));
		assert_int_equal(known(&o)->expires_at, NOW + 60);
	}
}

/* Whoever looks without the keyring, or on another bus, says nothing about this one. */
TEST(a_log_in_is_found_after_a_get_that_could_not_see_it)
{
	static const char *const rows[][2] = {{"DAYPASS_KEYRING", "off"}, {"CI", "true"}, {"DBUS_SESSION_BUS_ADDRESS", NULL}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		OFFICE(o);
		SCRIPT(&o.d.w, ENTRA, GIVES(o));
		answers(&o, "store", ALICE(REGISTRY), "", 0);
		size_t calls = o.d.ring.calls;
		world_env(&o.d.w, rows[i][0], rows[i][1]);
		gets_a_token(&o);
		size_t looks = o.d.w.store.calls;
		gets_a_token(&o);
		assert_int_equal(o.d.w.store.calls, looks + 1); /* the token: nothing is to be known of log-ins */
		assert_int_equal(o.d.ring.calls, calls);
		world_env(&o.d.w, rows[i][0], NULL);
		world_env(&o.d.w, "DBUS_SESSION_BUS_ADDRESS", BUS);
		answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
	}
}

TEST(that_nobody_has_logged_in_on_another_bus_says_nothing_about_this_one)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	world_env(&o.d.w, "DBUS_SESSION_BUS_ADDRESS", OTHER_BUS);
	gets_a_token(&o);
	world_env(&o.d.w, "DBUS_SESSION_BUS_ADDRESS", BUS);
	others_item(&o, REGISTRY, "alice", "s3cret");
	answers(&o, "get", REGISTRY, ALICE(REGISTRY), 0);
}

TEST(an_item_without_a_user_is_no_log_in)
{
	OFFICE(o);
	AUTO_SECRET secret = secret_new(100);
	secret_set(&secret, "x", 1);
	struct keyring_call call = {.op = KEYRING_PUT, .schema = SCHEMA, .label = "x", .value = &secret, .attrs = {{"label", "Docker Credentials"}, {"docker_cli", "1"}, {"server", REGISTRY}}};
	assert_int_equal(keyring_ask(&o.d.w.ctx, &call, NULL), KEYRING_OK);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
}

/* Another helper may have kept one since we looked. */
TEST(a_log_out_asks_the_keyring_whatever_is_remembered)
{
	OFFICE(o);
	SCRIPT(&o.d.w, ENTRA, GIVES(o));
	gets_a_token(&o);
	others_item(&o, REGISTRY, "alice", "s3cret");
	answers(&o, "erase", REGISTRY, "", 0);
	for (size_t i = 0; i < o.d.ring.count; i++)
		assert_false(str_eq(o.d.ring.items[i].schema, SCHEMA));
	o.d.ring.answer = KEYRING_LOCKED;
	answers(&o, "erase", REGISTRY, "", 0); /* there was none: nothing to be said */
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
	assert_int_equal(o.d.ring.count, 1);
	others_item(&o, REGISTRY, "alice", "old");
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
		T(that_there_is_no_keyring_is_remembered_for_a_minute),
		T(a_log_in_is_found_after_a_get_that_could_not_see_it),
		T(that_nobody_has_logged_in_on_another_bus_says_nothing_about_this_one),
		T(an_item_without_a_user_is_no_log_in),
		T(a_log_out_asks_the_keyring_whatever_is_remembered),
		T(a_log_in_is_found_at_once_although_there_was_none_a_moment_ago),
		T(a_log_in_stored_while_another_looks_is_not_buried),
		T(a_keyring_that_cannot_be_asked_says_nothing_about_log_ins),
		T(the_newest_log_in_is_the_only_one_of_a_registry),
		T(a_log_out_forgets_the_log_in_and_the_token),
		T(a_log_out_that_a_locked_keyring_does_not_hear_says_so),
		T(elsewhere_a_log_in_is_found_by_the_clients_own_words),
		T(an_identity_token_of_anothers_is_kept_as_it_is),
		T(a_wide_pattern_that_keeps_takes_no_token_from_azures_registries),
	};
	return RUN(tests);
}
