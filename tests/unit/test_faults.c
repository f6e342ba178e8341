/* Whatever effect fails, at its first use or its last: no crash, no half answer, and a clean line. */
#include "helper/core/cache.h"

#include "tests/unit/git.h"

#define HEAD "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=dev.azure.com\npath=contoso/app\n"
#define TOKEN(name, life) "{\"token_type\":\"Bearer\",\"expires_in\":" #life ",\"access_token\":\"" name "\"}"

enum { MANY = 40 };

/* Either a whole answer or none; every line on stderr is ours and holds no token. */
static void sound(const struct call *c)
{
	bool none = !*c->out || str_eq(c->out, "quit=1\n");
	bool whole = str_starts(c->out, "capability[]=") && strstr(c->out, "\ncredential=at-") && str_ends(c->out, "\n");
	if (!none && !whole)
		fail_msg("half an answer: %s", c->out);
	if (none && !*c->line)
		fail_msg("no answer and no reason");
	assert_int_equal(c->status, 0);
	assert_silent_about(c->line, "eyJ");
	assert_silent_about(c->line, "(null)");
	for (const char *p = c->line; *p; p += strcspn(p, "\n") + 1)
		assert_true(str_starts(p, "daypass: "));
}

/* A cold request, a kept one, a refresh, and an erase, as a client lives through a day. */
static void live_a_day(struct world *w)
{
	static const struct answer script[] = {{200, .body = TOKEN("at-1", 86399)}, {200, .body = TOKEN("at-2", 86399)}, {200, .body = TOKEN("at-3", 86399)}, {200, .body = TOKEN("at-4", 86399)}, {200, .body = TOKEN("at-5", 86399)}};
	world_script(w, script, COUNT_OF(script));
	CALL cold = git_call(w, "get", HEAD);
	sound(&cold);
	CALL kept = git_call(w, "get", HEAD);
	sound(&kept);
	pass_ms(&w->clock, 50000ll * 1000);
	CALL refreshed = git_call(w, "get", HEAD);
	sound(&refreshed);
	CALL erased = git_call(w, "erase", HEAD "authtype=Bearer\ncredential=at-2\n");
	assert_text(erased.out, "");
	CALL again = git_call(w, "get", HEAD);
	sound(&again);
}

TEST(a_store_whose_nth_call_fails_costs_no_answer)
{
	for (size_t n = 1; n <= MANY; n++) {
		WORLD(w);
		w.store.fail_at = n;
		live_a_day(&w);
	}
}

TEST(a_store_that_never_works_costs_no_answer)
{
	WORLD(w);
	w.store.fail_all = true;
	w.store.no_folder = true;
	SCRIPT(&w, {200, .body = TOKEN("at-1", 3599)}, {200, .body = TOKEN("at-2", 3599)});
	CALL one = git_call(&w, "get", HEAD);
	assert_says(one.out, "credential=at-1");
	CALL two = git_call(&w, "get", HEAD);
	assert_says(two.out, "credential=at-2");
	assert_text(two.line, "");
}

TEST(a_network_whose_nth_call_fails_is_tried_again_or_told)
{
	for (size_t n = 1; n <= 6; n++) {
		WORLD(w);
		w.http.fail_at = n;
		live_a_day(&w);
	}
}

TEST(a_network_that_never_works_is_told_in_one_line)
{
	WORLD(w);
	world_script(&w, NULL, 0);
	CALL c = git_call(&w, "get", HEAD);
	assert_text(c.out, "");
	assert_says(c.line, "exchanging the token: the host cannot be reached");
	assert_int_equal(c.line[strcspn(c.line, "\n") + 1], 0);
}

TEST(a_source_whose_nth_call_fails_is_told)
{
	for (size_t n = 1; n <= 5; n++) {
		WORLD(w);
		fake_script.fail_at = n;
		live_a_day(&w);
	}
}

TEST(children_that_fail_are_told)
{
	static const char *const sources[] = {"az", "command"};
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		WORLD(w);
		AUTO_STR text = str_printf("[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = %s\ncommand = /bin/sh -c x\n", sources[i]);
		world_config(&w, text);
		world_env(&w, "AZURE_CONFIG_DIR", "/");
		w.proc.fails = true;
		CALL failed = git_call(&w, "get", HEAD);
		assert_text(failed.out, "");
		assert_true(*failed.line);
		w.proc.fails = false;
		w.proc.status = 139;
		CALL crashed = git_call(&w, "get", HEAD);
		assert_text(crashed.out, "");
		assert_true(*crashed.line);
	}
}

/* Every answer cut at every length: refused or taken, never a crash or a part of a token. */
TEST(an_answer_cut_anywhere_gives_no_token)
{
	static const char whole[] = TOKEN("at-1", 3599);
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		WORLD(w);
		AUTO_STR cut = str_ndup(whole, n);
		SCRIPT(&w, {200, .body = cut});
		CALL c = git_call(&w, "get", HEAD);
		assert_text(c.out, "");
		assert_says(c.line, "is not JSON");
	}
}

TEST(a_token_answer_with_any_byte_changed_never_gives_another_field)
{
	static const char whole[] = TOKEN("at-1", 3599);
	static const char bytes[] = {'\n', '\r', '\\', '"', '{', 0x01, (char)0xff, ' '};
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		for (size_t k = 0; k < sizeof bytes; k++) {
			WORLD(w);
			char body[sizeof whole];
			memcpy(body, whole, sizeof whole);
			body[n] = bytes[k];
			SCRIPT(&w, {200, .body = body});
			CALL c = git_call(&w, "get", HEAD);
			size_t lines = 0;
			for (const char *p = c.out; *p; p++)
				lines += *p == '\n';
			assert_true(lines == 0 || lines == 5);
		}
	}
}

TEST(a_source_that_goes_while_the_token_is_kept_gives_nothing)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = TOKEN("at-1", 3599)});
	CALL before = git_call(&w, "get", HEAD);
	assert_says(before.out, "credential=at-1");
	fake_script.fingerprint_fails = true;
	CALL after = git_call(&w, "get", HEAD);
	assert_text(after.out, "");
	assert_says(after.line, "the fake has gone");
	CALL erase = git_call(&w, "erase", HEAD "credential=at-1\n");
	assert_text(erase.out, "");
	assert_text(erase.line, "");
}

TEST(a_clock_that_jumps_in_any_direction_costs_at_most_an_exchange)
{
	static const int64_t jumps[] = {-1000000000, -86400, -301, -1, 1, 3000, 86400, 1000000000};
	for (size_t i = 0; i < COUNT_OF(jumps); i++) {
		WORLD(w);
		SCRIPT(&w, {200, .body = TOKEN("at-1", 3599)}, {200, .body = TOKEN("at-2", 3599)});
		CALL before = git_call(&w, "get", HEAD);
		w.clock.now += jumps[i];
		CALL after = git_call(&w, "get", HEAD);
		sound(&after);
		assert_says(after.out, "credential=at-");
		assert_true(w.http.calls <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_store_whose_nth_call_fails_costs_no_answer),
		T(a_store_that_never_works_costs_no_answer),
		T(a_network_whose_nth_call_fails_is_tried_again_or_told),
		T(a_network_that_never_works_is_told_in_one_line),
		T(a_source_whose_nth_call_fails_is_told),
		T(children_that_fail_are_told),
		T(an_answer_cut_anywhere_gives_no_token),
		T(a_token_answer_with_any_byte_changed_never_gives_another_field),
		T(a_source_that_goes_while_the_token_is_kept_gives_nothing),
		T(a_clock_that_jumps_in_any_direction_costs_at_most_an_exchange),
	};
	return RUN(tests);
}
