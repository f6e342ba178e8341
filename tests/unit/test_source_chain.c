/* A chain: which identity it goes by, what goes to Entra for each hop, and what is no chain. */
#include "tests/unit/bench.h"

static const struct source *const chain = &source_identity;

#define HOP "[identity hop]\ntenant = " TENANT "\nclient-id = " OTHER_CLIENT "\nsource = fake\n"
#define ANSWER(token) {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"" token "\"}"}

/* An identity that goes by hop, in a configuration of the test's. */
static void going_by(struct bench *b, const char *config)
{
	world_config(&b->w, config);
	setting(b, KEY_SOURCE, "identity");
	setting(b, KEY_VIA, "hop");
}

TEST(without_via_it_is_not_there)
{
	BENCH(b);
	assert_int_equal(chain->automatic, AUTO_NEVER);
	assert_int_equal(detect(&b, chain), SOURCE_ABSENT);
	assert_says(b.err.msg, "via is not set");
	assert_says(b.err.hint, "via = NAME");
}

TEST(what_is_no_chain_is_broken)
{
	static const struct {
		const char *config, *msg, *hint;
	} rows[] = {
		{IDENTITY, "/f:1: there is no [identity hop]", "add the section"},
		{IDENTITY "[identity hop]\nsource = identity\nvia = default\n", "goes by another one itself", "a source of its own"},
		{IDENTITY "[identity hop]\nsource = nothing\n", "there is no such source", ""},
		{IDENTITY "[identity hop]\nsource = file\n", "identity hop", "token-file"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		going_by(&b, rows[i].config);
		broken(&b, chain, rows[i].msg, rows[i].hint);
		assert_false(fetch(&b, chain));
		assert_null(print(&b, chain));
		assert_int_equal(b.w.http.calls, 0);
	}
}

TEST(the_hops_token_is_the_assertion)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt("{\"iss\":\"https://login.microsoftonline.com/t/v2.0\",\"sub\":\"o\",\"aud\":\"fb60f99c-7a34-4190-8149-302f77469936\"}");
	AUTO_STR body = str_printf("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"%s\"}", jwt);
	going_by(&b, IDENTITY HOP);
	SCRIPT(&b.w, {200, .body = body});
	assert_true(fetch(&b, chain));
	assert_text(secret_reveal(&b.got.value), jwt);
	assert_says(b.w.http.asked[0].form, "client_id=" OTHER_CLIENT "&scope=api%3A%2F%2FAzureADTokenExchange%2F.default&");
	assert_true(fetch(&b, chain));
	assert_int_equal(b.w.http.calls, 1); /* kept */
}

TEST(a_hop_that_fails_is_named)
{
	BENCH(b);
	going_by(&b, IDENTITY HOP);
	SCRIPT(&b.w, {.fails = true}, {.fails = true});
	assert_false(fetch(&b, chain));
	assert_clean(&b.err);
	assert_says(b.err.msg, "identity hop, which default goes by: ");
	assert_int_equal(b.err.kind, ERR_NETWORK);
}

TEST(a_hops_token_that_is_no_jwt_goes_nowhere)
{
	BENCH(b);
	going_by(&b, IDENTITY HOP);
	SCRIPT(&b.w, ANSWER("opaque"));
	assert_false(fetch(&b, chain));
	assert_says(b.err.msg, "the token of identity hop");
	assert_silent_about(b.err.msg, "opaque");
}

TEST(variables_are_not_over_the_hop)
{
	BENCH(b);
	going_by(&b, IDENTITY HOP);
	world_env(&b.w, "DAYPASS_CLIENT_ID", CLIENT);
	world_env(&b.w, "DAYPASS_SOURCE", "identity");
	SCRIPT(&b.w, ANSWER("opaque"));
	fetch(&b, chain);
	assert_says(b.w.http.asked[0].form, "client_id=" OTHER_CLIENT);
}

TEST(the_hop_tells_callers_apart)
{
	BENCH(b);
	going_by(&b, IDENTITY HOP);
	AUTO_STR first = str_dup(print(&b, chain));
	going_by(&b, IDENTITY "[identity hop]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = fake\n");
	assert_string_not_equal(print(&b, chain), first);
	assert_int_equal(b.w.http.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_via_it_is_not_there),
		T(what_is_no_chain_is_broken),
		T(the_hops_token_is_the_assertion),
		T(a_hop_that_fails_is_named),
		T(a_hops_token_that_is_no_jwt_goes_nowhere),
		T(variables_are_not_over_the_hop),
		T(the_hop_tells_callers_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
