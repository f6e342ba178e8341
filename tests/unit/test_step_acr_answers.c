/* What else a registry, or who stands in its place, may answer to a trade. */
#include "tests/unit/stall.h"

TEST(what_is_not_a_token_in_a_good_answer_is_refused)
{
	static const char *const bodies[] = {
		"{}", "[]", "null", "\"eyJ\"", "{\"refresh_token\":null}", "{\"refresh_token\":7}", "{\"refresh_token\":\"\"}", "{\"access_token\":\"at-1\"}", "{\"refresh_token\":\"plain\"}",
		"{\"refresh_token\":\"a.b.c\"}", "{\"refresh_token\":\"a b\"}", "{\"refresh_token\":\"a\\nb\"}", "{\"refresh_token\":\"x\",\"refresh_token\":\"x\"}", "{\"refresh_token\":\"e30.e30.\\u00e4\"}",
		"{\"refresh_token\":\"<script>\"}", "{\"refresh_token\":\"..\"}", "{\"refresh_token\":{}}",
	};
	STALL(s);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		refuses(&s, (struct answer){200, .body = bodies[i], .date = DATE}, ERR_NETWORK, CURE_NONE);
		assert_says(s.err.msg, "the answer of " REGISTRY " is not usable");
		assert_int_equal(secret_len(&s.out.value) && str_starts(secret_reveal(&s.out.value), "eyJ"), false);
	}
}

TEST(a_token_longer_than_any_is_refused)
{
	AUTO_BUF body = buf_new(HTTP_MAX_BODY);
	buf_adds(&body, "{\"refresh_token\":\"");
	for (int i = 0; i < 64 * 1024 + 1; i++)
		buf_addc(&body, 'a');
	buf_adds(&body, "\"}");
	STALL(s);
	refuses(&s, (struct answer){200, .body = body.p}, ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "longer than 64 KiB");
}

TEST(a_web_page_a_redirect_and_nonsense_have_their_own_texts)
{
	STALL(s);
	refuses(&s, (struct answer){200, .type = "text/html", .body = "<html>Sign in"}, ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "a web page came back instead of an answer of " REGISTRY);
	refuses(&s, (struct answer){302, .location = "https://evil.example/oauth2/exchange", .body = "{\"refresh_token\":\"a.b.c\"}"}, ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "a redirect (HTTP 302) to https://evil.example/oauth2/exchange: not followed");
	refuses(&s, (struct answer){307, .location = "https://evil.example/"}, ERR_NETWORK, CURE_NONE);
	refuses(&s, (struct answer){200, .body = "not JSON"}, ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "is not JSON");
	refuses(&s, (struct answer){200, .body = ""}, ERR_NETWORK, CURE_NONE);
	refuses(&s, (struct answer){502, .type = "text/html", .body = "<html>Bad gateway"}, ERR_NETWORK, CURE_PAUSE);
}

TEST(nobody_there_may_be_there_in_a_moment)
{
	STALL(s);
	refuses(&s, (struct answer){.fails = true}, ERR_NETWORK, CURE_PAUSE);
	assert_says(s.err.msg, "trading the token at the registry");
}

/* --- refusals ------------------------------------------------------------------------------------------------------------ */

#define ACR(code, text) "{\"errors\":[{\"code\":\"" code "\",\"message\":\"" text "\"}]}"
#define UNAUTHORIZED ACR("UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information. CorrelationId: 11111111-2222-3333-4444-555555555555")
#define FIREWALL ACR("DENIED", "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.")

TEST(a_refusal_says_who_was_refused_where_and_what_to_type)
{
	STALL(s);
	refuses(&s, (struct answer){401, .body = UNAUTHORIZED, .request_id = "id-1"}, ERR_REFUSED, CURE_NONE);
	assert_text(s.err.msg, REGISTRY " refused identity default (client " CLIENT ", tenant " TENANT "): authentication required, visit https://aka.ms/acr/authorization for more information");
	assert_says(s.err.hint, "az role assignment create --role AcrPull --assignee " CLIENT " --scope $(az acr show --name contoso --query id --output tsv)");
	assert_text(s.err.detail, "HTTP 401, correlation id id-1");
	assert_true(s.err.denied);
}

TEST(the_firewalls_refusal_has_its_own_advice)
{
	STALL(s);
	refuses(&s, (struct answer){403, .body = FIREWALL}, ERR_REFUSED, CURE_NONE);
	assert_says(s.err.msg, "client with IP '203.0.113.7' is not allowed access");
	assert_says(s.err.hint, "az acr network-rule add --name contoso --ip-address");
	assert_text(s.err.detail, "HTTP 403, correlation id none");
	assert_true(s.err.denied);
}

TEST(a_refusal_of_odd_shape_is_still_a_refusal)
{
	static const char *const bodies[] = {"{}", "[]", "{\"errors\":[]}", "{\"errors\":{}}", "{\"errors\":[7]}", "{\"errors\":[{\"message\":7}]}", "null", ACR("X", ""), ACR("X", " CorrelationId: x"), ACR("X", "...")};
	STALL(s);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		refuses(&s, (struct answer){401, .body = bodies[i]}, ERR_REFUSED, CURE_NONE);
		assert_true(s.err.denied);
		assert_true(str_ends(s.err.msg, "tenant " TENANT ")"));
	}
}

TEST(hostile_text_of_a_refusal_is_cleaned_and_cut)
{
	AUTO_BUF body = buf_new(8192);
	buf_adds(&body, "{\"errors\":[{\"message\":\"");
	for (int i = 0; i < 100; i++)
		buf_adds(&body, "0123456789 ");
	buf_adds(&body, "END\"}]}");
	STALL(s);
	refuses(&s, (struct answer){401, .body = ACR("X", "\\u202Eevil\\u2066")}, ERR_REFUSED, CURE_NONE);
	assert_silent_about(s.err.msg, "\xe2\x80\xae");
	refuses(&s, (struct answer){401, .body = ACR("X", "\\u001b[31mred")}, ERR_REFUSED, CURE_NONE);
	refuses(&s, (struct answer){401, .body = body.p}, ERR_REFUSED, CURE_NONE);
	assert_silent_about(s.err.msg, "END");
}

/* A page of a proxy's is not the registry's word: it denies nothing. */
TEST(a_page_with_a_refusals_status_is_no_refusal)
{
	STALL(s);
	refuses(&s, (struct answer){403, .type = "text/html", .body = "<html>Blocked by policy"}, ERR_NETWORK, CURE_NONE);
	assert_false(s.err.denied);
	refuses(&s, (struct answer){401, .body = ""}, ERR_NETWORK, CURE_NONE);
	assert_false(s.err.denied);
}

TEST(other_statuses_are_failures_and_deny_nothing)
{
	STALL(s);
	const struct {
		long status;
		enum exchange_cure cure;
	} rows[] = {{400, CURE_NONE}, {404, CURE_NONE}, {405, CURE_NONE}, {500, CURE_PAUSE}, {503, CURE_PAUSE}, {201, CURE_NONE}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		refuses(&s, (struct answer){rows[i].status, .body = ACR("X", "Something.")}, ERR_NETWORK, rows[i].cure);
		assert_says(s.err.msg, REGISTRY " failed for identity default");
		assert_false(s.err.denied);
		assert_int_equal(s.failure.retry_after, 0);
	}
}

TEST(a_throttle_says_how_long)
{
	STALL(s);
	refuses(&s, (struct answer){429, .body = "{}", .retry_after = "17"}, ERR_THROTTLED, CURE_WAIT);
	assert_int_equal(s.failure.retry_after, 17);
	assert_text(s.err.msg, REGISTRY " throttles us (HTTP 429)");
	assert_text(s.err.hint, "retry in 17 s");
	refuses(&s, (struct answer){429, .type = "text/html", .body = "<html>"}, ERR_THROTTLED, CURE_WAIT);
	assert_int_equal(s.failure.retry_after, EXCHANGE_WAIT_S);
	refuses(&s, (struct answer){429, .retry_after = DATE_LATER}, ERR_THROTTLED, CURE_WAIT);
	assert_int_equal(s.failure.retry_after, 3600); /* at most */
	refuses(&s, (struct answer){503, .body = "{}", .retry_after = "5"}, ERR_NETWORK, CURE_WAIT);
	assert_int_equal(s.failure.retry_after, 5);
	refuses(&s, (struct answer){401, .body = UNAUTHORIZED, .retry_after = "5"}, ERR_REFUSED, CURE_NONE);
	assert_int_equal(s.failure.retry_after, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_not_a_token_in_a_good_answer_is_refused),
		T(a_token_longer_than_any_is_refused),
		T(a_web_page_a_redirect_and_nonsense_have_their_own_texts),
		T(nobody_there_may_be_there_in_a_moment),
		T(a_refusal_says_who_was_refused_where_and_what_to_type),
		T(the_firewalls_refusal_has_its_own_advice),
		T(a_refusal_of_odd_shape_is_still_a_refusal),
		T(hostile_text_of_a_refusal_is_cleaned_and_cut),
		T(a_page_with_a_refusals_status_is_no_refusal),
		T(other_statuses_are_failures_and_deny_nothing),
		T(a_throttle_says_how_long),
	};
	return RUN(tests);
}
