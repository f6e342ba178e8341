/* Entra's token traded at a registry: what is sent there, whose token comes back, and how long it is good. */
#include "tests/unit/stall.h"

/* --- the request ------------------------------------------------------------------------------------------------------- */

TEST(the_request_is_one_post_to_the_login_server_itself)
{
	STALL(s);
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	struct asked *a = &s.w.http.asked[0];
	assert_int_equal(s.w.http.calls, 1);
	assert_text(a->method, "POST");
	assert_text(a->url, "https://" REGISTRY "/oauth2/exchange");
	assert_text(a->form, "grant_type=access_token&service=" REGISTRY "&tenant=" TENANT "&access_token=at-1");
	assert_text(a->headers, "Accept: application/json\n");
	assert_null(a->bearer); /* older helpers sent the token twice */
	assert_false(a->direct || a->local);
	assert_null(a->connect_to);
	assert_int_equal(a->deadline_ms, s.w.ctx.deadline_ms);
}

TEST(the_tenant_is_left_out_where_nobody_named_one)
{
	STALL(s);
	plan_free(&s.plan);
	world_config(&s.w, "[identity default]\nsource = fake-access\n");
	world_plan_registry(&s.w, REGISTRY, &s.plan);
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	assert_text(s.w.http.asked[0].form, "grant_type=access_token&service=" REGISTRY "&access_token=at-1");
}

TEST(strange_bytes_of_a_token_cannot_add_a_field)
{
	STALL(s);
	secret_set(&s.entra.value, "a&service=evil.example+=/", 25);
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	assert_says(s.w.http.asked[0].form, "&access_token=a%26service%3Devil.example%2B%3D%2F");
}

/* --- whose token, and how long it is good ------------------------------------------------------------------------------ */

TEST(its_life_is_that_of_its_claims_and_half_of_it_the_time_to_renew)
{
	STALL(s);
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	assert_int_equal(s.out.issued_at, NOW);
	assert_int_equal(s.out.expires_at, NOW + LIFE);
	assert_int_equal(s.out.refresh_at, NOW + LIFE / 2);
	assert_int_equal(s.failure.cure, CURE_NONE);
}

TEST(a_token_for_another_registry_is_not_used)
{
	static const char *const others[] = {"fabrikam.azurecr.io", "azurecr.io", REGISTRY ".evil.example", "xcontoso.azurecr.io", "", "*", "contoso.azurecr.us", "contoso.eastus.geo.azurecr.io"};
	STALL(s);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		refuses(&s, gives(&s, others[i], NOW, NOW + LIFE), ERR_NETWORK, CURE_NONE);
		AUTO_STR says = str_printf(REGISTRY " gave a refresh token that is for '%s': not used", others[i]);
		assert_text(s.err.msg, says);
		assert_says(s.err.hint, "login-server");
		assert_int_equal(s.err.denied, false);
	}
	accepts(&s, gives(&s, "Contoso.AzureCR.io", NOW, NOW + LIFE));
}

TEST(a_regional_endpoints_token_may_be_for_the_registry_as_a_whole)
{
	STALL_AT(s, "contoso.eastus.geo.azurecr.io");
	accepts(&s, gives(&s, "contoso.eastus.geo.azurecr.io", NOW, NOW + LIFE));
	assert_text(s.w.http.asked[0].url, "https://contoso.eastus.geo.azurecr.io/oauth2/exchange");
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	refuses(&s, gives(&s, "contoso.westus.geo.azurecr.io", NOW, NOW + LIFE), ERR_NETWORK, CURE_NONE);
	refuses(&s, gives(&s, "fabrikam.azurecr.io", NOW, NOW + LIFE), ERR_NETWORK, CURE_NONE);
}

TEST(whom_it_is_for_is_one_text)
{
	STALL(s);
	refuses(&s, of_claims(&s, "{\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":[\"" REGISTRY "\",\"evil.example\"],\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":[],\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":7,\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":\"" REGISTRY "\",\"aud\":\"" REGISTRY "\",\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":\"" REGISTRY "\\u001b[31m\",\"exp\":1795438800}"), ERR_NETWORK, CURE_NONE);
	accepts(&s, of_claims(&s, "{\"aud\":[\"" REGISTRY "\"],\"exp\":1795438800}"));
}

TEST(a_token_without_a_life_ahead_of_it_is_not_used)
{
	STALL(s);
	refuses(&s, gives(&s, REGISTRY, NOW - LIFE, NOW), ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "has expired already");
	refuses(&s, gives(&s, REGISTRY, NOW - LIFE, NOW - 1), ERR_NETWORK, CURE_NONE);
	refuses(&s, gives(&s, REGISTRY, NOW, 0), ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "no JWT with an end");
	refuses(&s, of_claims(&s, "{\"aud\":\"" REGISTRY "\",\"exp\":-1}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, of_claims(&s, "{\"aud\":\"" REGISTRY "\",\"exp\":\"never\"}"), ERR_NETWORK, CURE_NONE);
	refuses(&s, gives(&s, REGISTRY, NOW + LIFE, NOW + LIFE), ERR_NETWORK, CURE_NONE); /* no span */
}

TEST(a_token_good_for_more_than_a_day_is_not_used)
{
	STALL(s);
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + 24 * 3600));
	refuses(&s, gives(&s, REGISTRY, NOW, NOW + 24 * 3600 + 1), ERR_NETWORK, CURE_NONE);
	assert_says(s.err.msg, "longer than a day");
	refuses(&s, of_claims(&s, "{\"aud\":\"" REGISTRY "\",\"exp\":9007199254740992}"), ERR_NETWORK, CURE_NONE);
}

TEST(a_token_that_does_not_say_when_it_began_is_good_until_it_ends)
{
	STALL(s);
	accepts(&s, gives(&s, REGISTRY, 0, NOW + 1000));
	assert_int_equal(s.out.expires_at, NOW + 1000);
}

/* The server's Date says what our clock would say if it were right. */
TEST(a_wrong_clock_of_ours_neither_shortens_nor_lengthens_a_life)
{
	STALL(s);
	s.w.clock.now = NOW - 7200;
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	assert_int_equal(s.out.expires_at, NOW - 7200 + LIFE);
	s.w.clock.now = NOW + 2 * LIFE;
	accepts(&s, gives(&s, REGISTRY, NOW, NOW + LIFE));
	assert_int_equal(s.out.expires_at, NOW + 3 * LIFE);
}

TEST(the_shorter_of_what_is_left_and_of_its_whole_span_counts)
{
	STALL(s);
	struct answer a = gives(&s, REGISTRY, NOW, NOW + LIFE);
	a.date = DATE_LATER; /* it was made two hours ago */
	accepts(&s, a);
	assert_int_equal(s.out.expires_at, NOW + LIFE - 7200);
	a = gives(&s, REGISTRY, NOW, NOW + LIFE);
	a.date = NULL;
	s.w.clock.now = NOW - 3600; /* no Date, and a clock behind: the span */
	accepts(&s, a);
	assert_int_equal(s.out.expires_at, NOW - 3600 + LIFE);
	a.date = "yesterday";
	accepts(&s, a);
	assert_int_equal(s.out.expires_at, NOW - 3600 + LIFE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_one_post_to_the_login_server_itself),
		T(the_tenant_is_left_out_where_nobody_named_one),
		T(strange_bytes_of_a_token_cannot_add_a_field),
		T(its_life_is_that_of_its_claims_and_half_of_it_the_time_to_renew),
		T(a_token_for_another_registry_is_not_used),
		T(a_regional_endpoints_token_may_be_for_the_registry_as_a_whole),
		T(whom_it_is_for_is_one_text),
		T(a_token_without_a_life_ahead_of_it_is_not_used),
		T(a_token_good_for_more_than_a_day_is_not_used),
		T(a_token_that_does_not_say_when_it_began_is_good_until_it_ends),
		T(a_wrong_clock_of_ours_neither_shortens_nor_lengthens_a_life),
		T(the_shorter_of_what_is_left_and_of_its_whole_span_counts),
	};
	return RUN(tests);
}
