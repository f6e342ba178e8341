/* What may come back from the token endpoint, and what is said about it. */
#include "helper/core/aadsts.h"
#include "helper/core/answer.h"
#include "tests/unit/trade.h"

/* The exchange must fail on this answer, cleanly. */
static void refuses(struct trade *t, struct answer a, enum err_kind kind, enum exchange_cure cure)
{
	world_script(&t->w, &a, 1);
	if (trade(t))
		fail_msg("accepted: HTTP %ld %s", a.status, a.body ? a.body : "");
	assert_clean(&t->err);
	if (t->err.kind != kind || t->failure.cure != cure)
		fail_msg("kind %d instead of %d, cure %d instead of %d: %s", (int)t->err.kind, (int)kind, (int)t->failure.cure, (int)cure, t->err.msg);
}

static struct answer refusal(const char *body)
{
	return (struct answer){400, .body = body};
}

#define ENTRA(code, text) \
	"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS" #code ": " text " Trace ID: 11111111-2222-3333-4444-555555555555 Correlation ID: x Timestamp: 2026-11-23 10:00:00Z\"," \
	"\"error_codes\":[" #code "],\"correlation_id\":\"22222222-2222-3333-4444-555555555555\"}"

TEST(a_refusal_says_what_who_and_what_was_presented)
{
	TRADE(t);
	refuses(&t, refusal(ENTRA(700213, "No matching federated identity record found.")), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "no federated credential of this client has the presented subject");
	assert_says(t.err.msg, "client " CLIENT ", tenant " TENANT);
	assert_says(t.err.msg, "issuer 'https://issuer.example', subject 'repo:o/r', audience 'api://AzureADTokenExchange'");
	assert_silent_about(t.err.msg, "No matching");
	assert_says(t.err.hint, "daypass fic print");
	assert_text(t.err.detail, "AADSTS700213, HTTP 400, correlation id 22222222-2222-3333-4444-555555555555");
}

TEST(each_class_of_codes_has_its_kind_and_cure)
{
	TRADE(t);
	refuses(&t, refusal(ENTRA(700211, "x")), ERR_REFUSED, CURE_NONE);
	refuses(&t, refusal(ENTRA(700024, "x")), ERR_REFUSED, CURE_FRESH_ASSERTION);
	refuses(&t, refusal(ENTRA(7000272, "x")), ERR_REFUSED, CURE_FRESH_ASSERTION);
	refuses(&t, refusal(ENTRA(90033, "x")), ERR_NETWORK, CURE_PAUSE);
	refuses(&t, refusal(ENTRA(50196, "x")), ERR_THROTTLED, CURE_WAIT);
	assert_int_equal(t.failure.retry_after, 300);
	refuses(&t, refusal(ENTRA(53003, "x")), ERR_PERSON, CURE_NONE);
}

TEST(trouble_of_entras_own_is_no_refusal)
{
	TRADE(t);
	struct answer trouble = {503, .body = "{\"error\":\"temporarily_unavailable\"}"};
	refuses(&t, trouble, ERR_NETWORK, CURE_PAUSE);
	assert_says(t.err.msg, "Entra failed: temporarily_unavailable");
	refuses(&t, (struct answer){503, .body = ENTRA(700213, "x")}, ERR_REFUSED, CURE_NONE);
}

TEST(a_code_without_its_list_is_read_from_the_description)
{
	TRADE(t);
	refuses(&t, refusal("{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700213: No matching\"}"), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "has the presented subject");
	assert_says(t.err.detail, "AADSTS700213");
}

TEST(a_sentence_with_facts_is_quoted_without_ids)
{
	TRADE(t);
	refuses(&t, refusal(ENTRA(700024, "Client assertion is not within its valid time range. Current time: 2026, expires 2025.")), ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_says(t.err.msg, "outside its time of validity: Client assertion is not within its valid time range. Current time: 2026, expires 2025. (client");
	assert_silent_about(t.err.msg, "Trace ID");
}

TEST(an_unknown_code_quotes_entras_sentence)
{
	TRADE(t);
	refuses(&t, refusal(ENTRA(999999, "The quux is not frobbed.")), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "invalid_client: The quux is not frobbed.");
	assert_says(t.err.hint, "login.microsoftonline.com/error");
	assert_says(t.err.detail, "AADSTS999999");
}

TEST(older_answers_with_line_ends_are_quoted_in_one_line)
{
	TRADE(t);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"AADSTS999999: One.\\r\\nTrace ID: x\\r\\nCorrelation ID: y\",\"error_codes\":[999999]}"), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "e: One. (client");
}

TEST(a_description_of_a_code_alone_is_not_read_past_its_end)
{
	TRADE(t);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"AADSTS999999: \",\"error_codes\":[999999]}"), ERR_REFUSED, CURE_NONE);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"AADSTS999999: Trace ID: x\",\"error_codes\":[999999]}"), ERR_REFUSED, CURE_NONE);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"Trace ID: AADSTS: x\",\"error_codes\":[999999]}"), ERR_REFUSED, CURE_NONE);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"\",\"error_codes\":[999999]}"), ERR_REFUSED, CURE_NONE);
}

TEST(hostile_text_of_a_refusal_is_cleaned)
{
	TRADE(t);
	refuses(&t, refusal("{\"error\":\"e\",\"error_description\":\"AADSTS999999: \\u001b[31mred\\u202Eevil\\u0007\",\"error_codes\":[999999],\"correlation_id\":\"a\\nb\"}"), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "?[31mred");
	assert_says(t.err.detail, "correlation id none");
}

TEST(a_refusal_of_odd_shape_is_still_a_refusal)
{
	static const char *const bodies[] = {
		"{}", "{\"error\":\"invalid_request\"}", "{\"error\":7,\"error_codes\":\"x\"}", "{\"error\":\"e\",\"error_codes\":[]}", "{\"error\":\"e\",\"error_codes\":[-1]}",
		"{\"error\":\"e\",\"error_codes\":[1e300]}", "{\"error\":\"e\",\"error_description\":{\"x\":1}}", "[]", "null", "\"text\"", "17",
	};
	TRADE(t);
	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		refuses(&t, refusal(bodies[i]), ERR_REFUSED, CURE_NONE);
	refuses(&t, (struct answer){401, .body = "{\"error\":\"e\",\"correlation_id\":\"id-1\"}"}, ERR_REFUSED, CURE_NONE);
	assert_text(t.err.detail, "e, HTTP 401, correlation id id-1");
}

TEST(two_hundred_with_an_error_is_a_refusal)
{
	TRADE(t);
	refuses(&t, (struct answer){200, .body = "{\"error\":\"invalid_grant\",\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":3599}"}, ERR_REFUSED, CURE_NONE);
}

TEST(an_answer_without_a_usable_token_is_not_taken)
{
	static const char *const bodies[] = {
		"{\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":null}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":7}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a\\nhost=evil\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a b\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a\",\"access_token\":\"b\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"Access_Token\":\"a\"}",
		"{\"expires_in\":3599,\"access_token\":\"a\"}",
		"{\"token_type\":\"pop\",\"expires_in\":3599,\"access_token\":\"a\"}",
		"{\"token_type\":\"Bearer \",\"expires_in\":3599,\"access_token\":\"a\"}",
		"[]", "\"a\"", "null",
	};
	TRADE(t);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		refuses(&t, (struct answer){200, .body = bodies[i]}, ERR_NETWORK, CURE_NONE);
		assert_int_equal(secret_len(&t.out.value), 0);
	}
}

TEST(the_type_bearer_is_taken_in_any_case)
{
	TRADE(t);
	const struct answer a = {200, .body = "{\"token_type\":\"bEaReR\",\"expires_in\":3599,\"access_token\":\"a\"}"};
	world_script(&t.w, &a, 1);
	assert_true(trade(&t));
}

TEST(a_web_page_is_called_one)
{
	TRADE(t);
	refuses(&t, (struct answer){200, .type = "text/html", .body = "<html>sign in</html>", .server = "squid"}, ERR_NETWORK, CURE_NONE);
	assert_says(t.err.msg, "a web page came back");
	assert_says(t.err.msg, "squid");
	assert_says(t.err.hint, "captive portal");
	refuses(&t, (struct answer){200, .type = "application/json", .body = "  <!DOCTYPE html>"}, ERR_NETWORK, CURE_NONE);
	assert_says(t.err.msg, "a web page came back");
	refuses(&t, (struct answer){503, .type = "text/html", .body = "<h1>x</h1>"}, ERR_NETWORK, CURE_PAUSE);
}

TEST(a_redirect_is_named_and_not_followed)
{
	TRADE(t);
	refuses(&t, (struct answer){302, .body = "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":3599}", .location = "https://portal.example/login"}, ERR_NETWORK, CURE_NONE);
	assert_says(t.err.msg, "https://portal.example/login: not followed");
	assert_int_equal(t.w.http.calls, 1);
}

TEST(what_is_no_json_is_told_by_type_and_size)
{
	TRADE(t);
	refuses(&t, (struct answer){200, .body = "{\"access_token\":\"a"}, ERR_NETWORK, CURE_NONE);
	assert_says(t.err.msg, "not JSON (HTTP 200, application/json; charset=utf-8, 18 bytes");
	refuses(&t, (struct answer){200, .type = "text/plain", .body = ""}, ERR_NETWORK, CURE_NONE);
	assert_says(t.err.msg, "0 bytes");
	refuses(&t, (struct answer){500, .type = "text/plain", .body = "oops"}, ERR_NETWORK, CURE_PAUSE);
	refuses(&t, (struct answer){407, .type = "text/plain", .body = "proxy"}, ERR_NETWORK, CURE_NONE);
}

TEST(a_throttle_tells_how_long)
{
	static const struct {
		const char *header;
		int64_t seconds;
	} rows[] = {{"17", 17}, {NULL, 60}, {"soon", 60}, {"0", 0}, {"999999999", 3600}, {"-5", 60}, {"Mon, 23 Nov 2026 10:02:00 GMT", 120}, {"Mon, 23 Nov 2026 09:00:00 GMT", 0}, {"Tue, 24 Nov 2026 10:00:00 GMT", 3600}};
	TRADE(t);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		refuses(&t, (struct answer){429, .body = "{\"error\":\"x\"}", .retry_after = rows[i].header}, ERR_THROTTLED, CURE_WAIT);
		if (t.failure.retry_after != rows[i].seconds)
			fail_msg("%s: %lld instead of %lld s", rows[i].header ? rows[i].header : "none", (long long)t.failure.retry_after, (long long)rows[i].seconds);
	}
	refuses(&t, (struct answer){429, .type = "text/html", .body = "<html>"}, ERR_THROTTLED, CURE_WAIT);
}

TEST(a_wrong_clock_is_hinted_at_from_the_answers_date)
{
	TRADE(t);
	struct answer a = refusal(ENTRA(700024, "x"));
	a.date = "Mon, 23 Nov 2026 10:10:00 GMT";
	refuses(&t, a, ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_says(t.err.hint, "this machine's clock is 600 s behind Entra's");
	a.date = "Mon, 23 Nov 2026 09:50:00 GMT";
	refuses(&t, a, ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_says(t.err.hint, "600 s ahead of Entra's");
	a.date = "Mon, 23 Nov 2026 10:00:59 GMT";
	refuses(&t, a, ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_silent_about(t.err.hint, "clock is");
	a.date = "nonsense";
	refuses(&t, a, ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_silent_about(t.err.hint, "clock is");
}

TEST(an_expired_assertion_and_several_audiences_are_pointed_out)
{
	TRADE(t);
	AUTO_STR token = make_jwt("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"a\",\"b\"],\"exp\":1795427729}");
	secret_set(&t.assertion.value, token, strlen(token));
	refuses(&t, refusal(ENTRA(700024, "x")), ERR_REFUSED, CURE_FRESH_ASSERTION);
	assert_says(t.err.msg, "audience 'a' and others (Entra wants exactly one)");
	assert_says(t.err.msg, "expired 4m31s ago by this machine's clock");
}

TEST(claims_of_the_longest_kind_do_not_overflow_the_message)
{
	TRADE(t);
	char big[3000];
	memset(big, 'c', sizeof big - 1);
	big[sizeof big - 1] = 0;
	AUTO_STR payload = str_printf("{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"exp\":1}", big, big, big);
	AUTO_STR token = make_jwt(payload);
	secret_set(&t.assertion.value, token, strlen(token));
	refuses(&t, refusal(ENTRA(700213, "x")), ERR_REFUSED, CURE_NONE);
	assert_says(t.err.msg, "audience 'ccc");
}

TEST(no_answer_at_all_is_worth_a_pause)
{
	TRADE(t);
	refuses(&t, (struct answer){.fails = true}, ERR_NETWORK, CURE_PAUSE);
	assert_true(str_starts(t.err.msg, "exchanging the token: "));
}

TEST(server_errors_in_json_are_worth_a_pause)
{
	TRADE(t);
	world_script(&t.w, &(const struct answer){503, .body = "{\"error\":\"temporarily_unavailable\"}"}, 1);
	assert_false(trade(&t));
	assert_int_equal(t.failure.cure, CURE_PAUSE);
}

TEST(the_table_has_no_code_twice_and_every_row_says_something)
{
	static const int64_t codes[] = {
#define AADSTS(code, class, what, advice, more) code,
#include "helper/core/aadsts.def"
#undef AADSTS
	};
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		const struct aadsts *row = aadsts_find(codes[i]);
		assert_non_null(row);
		assert_int_equal(row->code, codes[i]);
		assert_true(*row->what && *row->what != '=' && *row->advice && strlen(row->advice) < sizeof((struct err *)0)->hint);
		for (size_t k = 0; k < i; k++)
			if (codes[k] == codes[i])
				fail_msg("twice: %lld", (long long)codes[i]);
	}
	assert_null(aadsts_find(0));
	assert_null(aadsts_find(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_refusal_says_what_who_and_what_was_presented),
		T(each_class_of_codes_has_its_kind_and_cure),
		T(trouble_of_entras_own_is_no_refusal),
		T(a_code_without_its_list_is_read_from_the_description),
		T(a_sentence_with_facts_is_quoted_without_ids),
		T(an_unknown_code_quotes_entras_sentence),
		T(older_answers_with_line_ends_are_quoted_in_one_line),
		T(a_description_of_a_code_alone_is_not_read_past_its_end),
		T(hostile_text_of_a_refusal_is_cleaned),
		T(a_refusal_of_odd_shape_is_still_a_refusal),
		T(two_hundred_with_an_error_is_a_refusal),
		T(an_answer_without_a_usable_token_is_not_taken),
		T(the_type_bearer_is_taken_in_any_case),
		T(a_web_page_is_called_one),
		T(a_redirect_is_named_and_not_followed),
		T(what_is_no_json_is_told_by_type_and_size),
		T(a_throttle_tells_how_long),
		T(a_wrong_clock_is_hinted_at_from_the_answers_date),
		T(an_expired_assertion_and_several_audiences_are_pointed_out),
		T(claims_of_the_longest_kind_do_not_overflow_the_message),
		T(no_answer_at_all_is_worth_a_pause),
		T(server_errors_in_json_are_worth_a_pause),
		T(the_table_has_no_code_twice_and_every_row_says_something),
	};
	return RUN(tests);
}
