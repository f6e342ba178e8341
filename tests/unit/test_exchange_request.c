/* The exchange as Entra sees it: byte for byte, once, and with nothing to spare. */
#include "tests/unit/trade.h"

#define GOOD "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"

TEST(the_request_is_one_post_to_the_tenants_token_endpoint)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD});
	assert_true(trade(&t));
	struct asked *a = &t.w.http.asked[0];
	assert_int_equal(t.w.http.calls, 1);
	assert_text(a->method, "POST");
	assert_text(a->url, "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token");
	assert_null(a->bearer);
	assert_false(a->direct || a->local);
	assert_int_equal(a->deadline_ms, t.w.ctx.deadline_ms);
}

TEST(the_form_is_exactly_that_of_a_federated_client)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD});
	assert_true(trade(&t));
	AUTO_STR wanted = str_printf("grant_type=client_credentials&client_id=" CLIENT "&scope=499b84ac-1321-427f-aa17-267ca6975798%%2F.default"
				     "&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%s",
				     fake_script.tokens[0]);
	assert_text(t.w.http.asked[0].form, wanted);
}

TEST(strange_bytes_of_an_assertion_cannot_add_a_parameter)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD});
	secret_set(&t.assertion.value, "a&client_id=evil+=/", 19);
	assert_true(trade(&t));
	assert_says(t.w.http.asked[0].form, "client_assertion=a%26client_id%3Devil%2B%3D%2F");
}

TEST(the_headers_ask_for_json_and_carry_an_id_of_their_own_and_no_secret)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD}, {200, .body = GOOD});
	assert_true(trade(&t) && trade(&t));
	const char *first = t.w.http.asked[0].headers, *second = t.w.http.asked[1].headers;
	assert_says(first, "Accept: application/json\n");
	assert_says(first, "return-client-request-id: true\n");
	assert_silent_about(first, "eyJ");
	const char *id = strstr(first, "client-request-id: ") + strlen("client-request-id: ");
	AUTO_STR guid = str_ndup(id, 36);
	assert_true(str_is_guid(guid));
	assert_int_equal(guid[14], '4');
	assert_non_null(strchr("89ab", guid[19]));
	assert_silent_about(second, guid);
}

TEST(a_tenant_by_its_domain_stands_in_the_url)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD});
	str_set(&t.plan.id.set[KEY_TENANT].value, "contoso.onmicrosoft.com");
	str_set(&t.plan.authority, "https://login.stack.example:8443");
	assert_true(trade(&t));
	assert_text(t.w.http.asked[0].url, "https://login.stack.example:8443/contoso.onmicrosoft.com/oauth2/v2.0/token");
}

TEST(the_life_counts_from_the_beginning_of_the_request)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD, .takes_ms = 4000});
	assert_true(trade(&t));
	assert_int_equal(t.out.issued_at, NOW);
	assert_int_equal(t.out.expires_at, NOW + 3599);
	assert_int_equal(t.out.refresh_at, 0);
	assert_text(secret_reveal(&t.out.value), "at-1");
}

static bool life(const char *expires, const char *refresh, struct trade *t)
{
	AUTO_STR body = str_printf("{\"token_type\":\"Bearer\",\"access_token\":\"at\"%s%s%s%s}", expires ? ",\"expires_in\":" : "", expires ? expires : "",
				   refresh ? ",\"refresh_in\":" : "", refresh ? refresh : "");
	const struct answer script[] = {{200, .body = body}};
	world_script(&t->w, script, 1);
	return trade(t);
}

TEST(expires_in_may_be_a_number_or_a_string_and_is_bounded)
{
	TRADE(t);
	assert_true(life("3599", NULL, &t));
	assert_int_equal(t.out.expires_at - t.out.issued_at, 3599);
	assert_true(life("\"3599\"", NULL, &t));
	assert_int_equal(t.out.expires_at - t.out.issued_at, 3599);
	assert_true(life("86399", NULL, &t));
	assert_int_equal(t.out.expires_at - t.out.issued_at, 86399);
	assert_true(life("9007199254740992", NULL, &t));
	assert_int_equal(t.out.expires_at - t.out.issued_at, 28 * 3600);
}

TEST(an_unusable_life_is_an_unusable_answer)
{
	static const char *const bad[] = {NULL, "0", "-1", "\"-1\"", "\"soon\"", "null", "true", "1e300", "1e999", "-1e300", "[3599]", "\"\"", "0.5"};
	TRADE(t);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (life(bad[i], NULL, &t))
			fail_msg("accepted: expires_in %s", bad[i] ? bad[i] : "missing");
		assert_says(t.err.msg, "expires_in");
		assert_int_equal(t.err.kind, ERR_NETWORK);
		assert_clean(&t.err);
	}
}

TEST(refresh_in_counts_where_it_lies_within_the_life)
{
	TRADE(t);
	assert_true(life("86399", "43199", &t));
	assert_int_equal(t.out.refresh_at, NOW + 43199);
	static const char *const bad[] = {"0", "-5", "86399", "99999", "\"x\"", "1e300", "null"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_true(life("86399", bad[i], &t));
		assert_int_equal(t.out.refresh_at, 0);
	}
}

TEST(a_token_of_the_greatest_size_goes_through_and_a_larger_one_does_not)
{
	TRADE(t);
	AUTO_BUF body = buf_new(HTTP_MAX_BODY);
	for (size_t size = TOKEN_MAX; size <= TOKEN_MAX + 1; size++) {
		buf_clear(&body);
		buf_adds(&body, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"");
		for (size_t i = 0; i < size; i++)
			buf_addc(&body, 'a');
		buf_adds(&body, "\"}");
		const struct answer script[] = {{200, .body = body.p}, {200, .body = body.p}};
		world_script(&t.w, script, 2);
		assert_int_equal(trade(&t), size == TOKEN_MAX);
	}
	assert_says(t.err.msg, "longer than 64 KiB");
}

TEST(the_greatest_assertion_is_sent_whole)
{
	TRADE(t);
	SCRIPT(&t.w, {200, .body = GOOD});
	AUTO_BUF big = buf_new(TOKEN_MAX);
	for (size_t i = 0; i < TOKEN_MAX; i++)
		buf_addc(&big, '+'); /* three bytes each in a form */
	assert_true(secret_set(&t.assertion.value, big.p, big.len));
	assert_true(trade(&t));
	assert_true(strlen(t.w.http.asked[0].form) > 3 * TOKEN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_one_post_to_the_tenants_token_endpoint),
		T(the_form_is_exactly_that_of_a_federated_client),
		T(strange_bytes_of_an_assertion_cannot_add_a_parameter),
		T(the_headers_ask_for_json_and_carry_an_id_of_their_own_and_no_secret),
		T(a_tenant_by_its_domain_stands_in_the_url),
		T(the_life_counts_from_the_beginning_of_the_request),
		T(expires_in_may_be_a_number_or_a_string_and_is_bounded),
		T(an_unusable_life_is_an_unusable_answer),
		T(refresh_in_counts_where_it_lies_within_the_life),
		T(a_token_of_the_greatest_size_goes_through_and_a_larger_one_does_not),
		T(the_greatest_assertion_is_sent_whole),
	};
	return RUN(tests);
}
