/* Looking into a JWT without verifying it. */
#include "helper/core/jwt.h"

#include "helper/core/token.h"
#include "tests/unit/fake.h"

static struct err err;

static bool reads(const char *text, struct jwt *out)
{
	AUTO_SECRET s = secret_new(TOKEN_MAX);
	assert_true(secret_set(&s, text, strlen(text)));
	err = ERR_INIT;
	return jwt_read(&s, "the file /x", out, &err);
}

static bool reads_payload(const char *payload, struct jwt *out)
{
	AUTO_STR text = make_jwt(payload);
	return reads(text, out);
}

TEST(head_and_payload_are_read)
{
	AUTO_JWT j = {0};
	assert_true(reads_payload("{\"iss\":\"https://i\",\"sub\":\"s\",\"aud\":\"a\",\"appid\":\"" CLIENT "\",\"oid\":\"o\",\"tid\":\"t\",\"iat\":1,\"nbf\":2,\"exp\":\"3\"}", &j));
	assert_text(j.alg, "RS256");
	assert_text(j.kid, "key-1");
	assert_text(j.iss, "https://i");
	assert_text(j.sub, "s");
	assert_text(j.aud, "a");
	assert_text(j.appid, CLIENT);
	assert_text(j.oid, "o");
	assert_text(j.tid, "t");
	assert_int_equal(j.iat, 1);
	assert_int_equal(j.nbf, 2);
	assert_int_equal(j.exp, 3);
	assert_int_equal(j.aud_count, 1);
}

TEST(what_is_absent_or_of_another_type_is_null)
{
	AUTO_JWT j = {0};
	assert_true(reads_payload("{\"iss\":7,\"sub\":null,\"exp\":\"soon\",\"azp\":\"client\"}", &j));
	assert_null(j.iss);
	assert_null(j.sub);
	assert_null(j.aud);
	assert_int_equal(j.aud_count, 0);
	assert_int_equal(j.exp, 0);
	assert_text(j.appid, "client"); /* v2 tokens say azp */
}

TEST(several_audiences_are_counted)
{
	AUTO_JWT many = {0};
	AUTO_JWT one = {0};
	AUTO_JWT none = {0};
	assert_true(reads_payload("{\"aud\":[\"a\",\"b\",\"c\"]}", &many));
	assert_text(many.aud, "a");
	assert_int_equal(many.aud_count, 3);
	assert_true(reads_payload("{\"aud\":[\"a\"]}", &one));
	assert_int_equal(one.aud_count, 1);
	assert_true(reads_payload("{\"aud\":[]}", &none));
	assert_null(none.aud);
	assert_int_equal(none.aud_count, 0);
}

TEST(claims_with_line_ends_are_no_claims)
{
	AUTO_JWT j = {0};
	assert_true(reads_payload("{\"iss\":\"a\\nhost=evil\",\"sub\":\"s\"}", &j));
	assert_null(j.iss);
	assert_text(j.sub, "s");
}

TEST(a_claim_that_stands_twice_is_absent)
{
	AUTO_JWT j = {0};
	assert_true(reads_payload("{\"sub\":\"a\",\"sub\":\"b\"}", &j));
	assert_null(j.sub);
}

TEST(an_empty_token_says_so)
{
	AUTO_JWT j = {0};
	assert_false(reads("", &j));
	assert_text(err.msg, "the file /x is empty");
	assert_int_equal(err.kind, ERR_SOURCE);
}

TEST(what_is_no_jwt_is_refused_without_its_content)
{
	static const char *const bad[] = {
		"x", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "eyJhbGciOiJSUzI1NiJ9.e30", "eyJhbGciOiJSUzI1NiJ9.e30=.c2ln", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln.x",
		"eyJhbGciOiJSUzI1NiJ9.e3 0.c2ln", "eyJhbGciOiJSUzI1NiJ9\n.e30.c2ln", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "{\"value\":\"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\"}",
		"eyJhbGciOiJSUzI1NiJ9.YWJj.c2ln", "YWJj.e30.c2ln", "secret-looking-thing",
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_JWT j = {0};
		if (reads(bad[i], &j))
			fail_msg("taken: %s", bad[i]);
		assert_clean(&err);
		assert_says(err.msg, "the file /x is not a JWT");
		assert_silent_about(err.msg, "secret");
	}
}

TEST(a_head_or_payload_that_is_no_object_has_no_claims)
{
	AUTO_JWT j = {0};
	if (reads_payload("[1,2]", &j)) /* three parts of JSON, but not of objects */
		assert_null(j.iss);
	else
		assert_says(err.msg, "not a JWT");
}

static void caller_is(const char *payload, const char *iss, const char *sub)
{
	AUTO_SECRET s = secret_new(TOKEN_MAX);
	AUTO_STR text = make_jwt(payload);
	AUTO_STR got_iss = NULL;
	AUTO_STR got_sub = NULL;
	assert_true(secret_set(&s, text, strlen(text)));
	assert_true(jwt_caller(&s, "t", &got_iss, &got_sub, &err));
	assert_text(got_iss, iss);
	assert_text(got_sub, sub);
}

TEST(the_caller_is_the_same_whether_the_short_way_or_the_parser_finds_it)
{
	caller_is("{\"iss\":\"https://i\",\"sub\":\"s\"}", "https://i", "s");
	caller_is("{\"iss\":\"https:\\/\\/i\",\"sub\":\"s\"}", "https://i", "s");
	caller_is("{\"is\\u0073\":\"https://i\",\"sub\":\"\xC3\xA4\"}", "https://i", "\xC3\xA4");
	caller_is("{\"sub\":\"s\"}", "", "s");
	caller_is("{\"iss\":\"a\",\"iss\":\"b\",\"sub\":\"s\"}", "", "s");
	caller_is("{\"iss\":{\"iss\":\"inner\"},\"sub\":7}", "", "");
}

TEST(a_caller_of_no_jwt_is_an_error)
{
	AUTO_SECRET s = secret_new(TOKEN_MAX);
	AUTO_STR iss = NULL;
	AUTO_STR sub = NULL;
	secret_set(&s, "a.b.c", 5);
	assert_false(jwt_caller(&s, "the file /x", &iss, &sub, &err));
	assert_clean(&err);
	assert_null(iss);
	assert_null(sub);
}

TEST(a_signature_of_any_length_is_left_alone)
{
	AUTO_JWT j = {0};
	assert_true(reads("eyJhbGciOiJub25lIn0.eyJpc3MiOiJpIn0.", &j));
	assert_text(j.iss, "i");
	assert_text(j.alg, "none");
}

TEST(all_claims_are_there_for_who_asks)
{
	AUTO_SECRET s = secret_new(TOKEN_MAX);
	AUTO_STR text = make_jwt("{\"iss\":\"i\",\"repository_id\":\"7\"}");
	assert_true(secret_set(&s, text, strlen(text)));
	AUTO_JSON claims = jwt_claims(&s);
	assert_text(json_str(claims, "repository_id"), "7");
	static const char *const none[] = {"", "a.b", "a.b.c.d", "e30.W10", "x y.e30.z"};
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		assert_true(secret_set(&s, none[i], strlen(none[i])));
		AUTO_JSON nothing = jwt_claims(&s);
		assert_null(nothing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(head_and_payload_are_read),
		T(what_is_absent_or_of_another_type_is_null),
		T(several_audiences_are_counted),
		T(claims_with_line_ends_are_no_claims),
		T(a_claim_that_stands_twice_is_absent),
		T(an_empty_token_says_so),
		T(what_is_no_jwt_is_refused_without_its_content),
		T(a_head_or_payload_that_is_no_object_has_no_claims),
		T(the_caller_is_the_same_whether_the_short_way_or_the_parser_finds_it),
		T(a_caller_of_no_jwt_is_an_error),
		T(a_signature_of_any_length_is_left_alone),
		T(all_claims_are_there_for_who_asks),
	};
	return RUN(tests);
}
