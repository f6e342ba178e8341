/* STS's answers: which XML is read and which is refused, and what is said of refusals, without what was signed. */
#include "tests/unit/amazon.h"

static struct secret body_of(const char *text)
{
	struct secret s = secret_new(HTTP_MAX_BODY);
	assert_true(secret_set(&s, text, strlen(text)));
	return s;
}

/* --- XML ---------------------------------------------------------------------------------------------------------------- */

TEST(a_document_has_one_root_and_only_elements_and_text)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"<R><a>1</a></R>", true}, {"<R x=\"y\"></R>\n", true}, {"\n<?xml version=\"1.0\"?>\n<R></R>", true}, {"<R\n x=\"y\"></R> \r\n", true},
		{"", false}, {"R", false}, {"<S></S>", false}, {"<Rx></Rx>", false}, {"<R>", false}, {"<R></S>", false}, {"<R/>", false}, {"x<R></R>", false}, {"<R></R>x", false},
		{"<!DOCTYPE R><R></R>", false}, {"<?xml version=\"1.0\"?><!DOCTYPE R [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><R>&e;</R>", false},
		{"<R><!-- --></R>", false}, {"<?xml <!-- ?><R></R>", false}, {"<R><![CDATA[x]]></R>", false}, {"<R><?x y?></R>", false}, {"<?xml version=\"1.0\"", false}, {"<?xml version=\"1.0\"?>", false}, {"<S><R></R></S>", false},
		{"<a/><R></R>", false}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_SECRET s = body_of(rows[i].text);
		if (aws_xml_is(&s, "R") != rows[i].good)
			fail_msg("%s", rows[i].text);
	}
	AUTO_SECRET nul = secret_new(64);
	assert_true(secret_set(&nul, "<R>\0</R>", 8));
	assert_false(aws_xml_is(&nul, "R"));
}

TEST(an_element_is_read_where_it_stands_once_and_plain)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{"<R><T>abc</T></R>", "abc"}, {"<R><A><T></T></A></R>", ""}, {"<R><Tx>1</Tx><T>2</T></R>", "2"}, {"<R><T> a b </T></R>", " a b "},
		{"<R></R>", NULL}, {"<R><T>1</T><T>1</T></R>", NULL}, {"<R><T>1</T><T x=\"y\">2</T></R>", NULL}, {"<R><T>1</T><T/></R>", NULL}, {"<R><T x=\"y\">1</T></R>", NULL}, {"<R><T/></R>", NULL},
		{"<R><T>1<b>2</b></T></R>", NULL}, {"<R><T>1&amp;2</T></R>", NULL}, {"<R><T>1&#65;</T></R>", NULL}, {"<R><T>1", NULL}, {"<R><T>1</U></R>", NULL}, {"<R><T", NULL}, {"<R><T>a\nb</T></R>", NULL},
		{"<R><T>a>b</T></R>", NULL}, {"<R><t>1</t></R>", NULL}, {"<R><x:T>1</x:T></R>", NULL}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_SECRET s = body_of(rows[i].text), out = secret_new(64);
		bool got = aws_xml_text(&s, "T", &out);
		if (got != (rows[i].value != NULL) || (got && !str_eq(secret_reveal(&out), rows[i].value)))
			fail_msg("%s", rows[i].text);
	}
	AUTO_SECRET s = body_of("<R><T>abcd</T></R>"), small = secret_new(3);
	assert_false(aws_xml_text(&s, "T", &small));
}

/* --- answers ------------------------------------------------------------------------------------------------------------ */

static void refuses(struct bench *b, struct answer a, const char *msg, const char *hint)
{
	vars(b, in_variables);
	a.type = a.type ? a.type : "text/xml";
	world_script(&b->w, &a, 1);
	assert_false(fetch(b, aws));
	assert_clean(&b->err);
	assert_says(b->err.msg, msg);
	assert_says(b->err.hint, hint);
	assert_silent_about(b->err.msg, HUSH);
	assert_silent_about(b->err.msg, SESSION_HUSH);
	assert_int_equal(b->w.http.calls, 1);
}

#define REFUSES(given, msg, hint) \
	do { \
		BENCH(b_); \
		refuses(&b_, given, msg, hint); \
	} while (0)
#define A(...) ((struct answer){__VA_ARGS__})

TEST(refusals_name_the_cause_and_what_to_type)
{
	REFUSES(A(403, .body = REFUSAL("OutboundWebIdentityFederationDisabledException", "The feature is not enabled.")), "AWS STS in eu-west-1 refused GetWebIdentityToken for the keys of the AWS_* variables (HTTP 403): Outbound",
		"aws iam enable-outbound-web-identity-federation");
	REFUSES(A(403, .body = REFUSAL("AccessDenied", "User: arn is not authorized to perform: sts:GetWebIdentityToken")), "(HTTP 403): AccessDenied: User: arn is not authorized", "sts:GetWebIdentityToken");
	REFUSES(A(403, .body = REFUSAL("ExpiredToken", "The security token included in the request is expired")), "ExpiredToken: The security token", "renew the keys");
	REFUSES(A(403, .body = REFUSAL("InvalidClientTokenId", "The security token included in the request is invalid.")), "InvalidClientTokenId", "aws account enable-region");
	REFUSES(A(403, .body = REFUSAL("RegionDisabledException", "x")), "RegionDisabledException", "region = ");
	REFUSES(A(403, .body = REFUSAL("SignatureDoesNotMatch", "Signature expired: 20261123T093000Z is now earlier than 20261123T094500Z")), "Signature expired: 20261123T093000Z is now earlier", "timedatectl");
	REFUSES(A(403, .body = REFUSAL("SignatureDoesNotMatch", "Signature not yet current: x")), "Signature not yet current", "timedatectl");
	REFUSES(A(400, .body = REFUSAL("Throttling", "Rate exceeded")), "(HTTP 400): Throttling: Rate exceeded", "try again");
	REFUSES(A(503, .body = REFUSAL("ServiceUnavailable", "")), "(HTTP 503): ServiceUnavailable", "try again");
	REFUSES(A(400, .body = REFUSAL("InvalidAction", "Could not find operation")), "InvalidAction", "choose another");
	REFUSES(A(400, .body = REFUSAL("SomethingNew", "of next year")), "SomethingNew: of next year", "aws sts get-caller-identity");
}

TEST(what_was_signed_is_never_shown)
{
	REFUSES(A(403, .body = REFUSAL("SignatureDoesNotMatch", "The request signature we calculated does not match. 'POST / x-amz-security-token:" SESSION_HUSH "'")), "SignatureDoesNotMatch", "timedatectl");
	REFUSES(A(403, .body = REFUSAL("SignatureDoesNotMatch", "one line, and the next\nx-amz-security-token:" SESSION_HUSH)), "SignatureDoesNotMatch", "");
	REFUSES(A(403, .body = REFUSAL("SignatureDoesNotMatch", "Signature expired: " SESSION_HUSH)), "SignatureDoesNotMatch", "");
	REFUSES(A(403, .body = REFUSAL("AccessDenied", "told " SESSION_HUSH)), "(HTTP 403): AccessDenied", "");
	REFUSES(A(403, .body = REFUSAL("AccessDenied", "a &quot;name&quot;")), "(HTTP 403): AccessDenied", "");
	BENCH(b);
	vars(&b, in_variables);
	world_env(&b.w, "AWS_SESSION_TOKEN", NULL);
	SCRIPT(&b.w, {403, .type = "text/xml", .body = REFUSAL("SignatureDoesNotMatch", "The Canonical String should have been host:sts")}, {400, .type = "text/xml", .body = REFUSAL("ValidationError", "the token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln")});
	assert_false(fetch(&b, aws));
	assert_silent_about(b.err.msg, "Canonical");
	assert_false(fetch(&b, aws));
	assert_says(b.err.msg, "ValidationError: the token eyJ***");
	assert_silent_about(b.err.msg, "c2ln");
}

TEST(what_is_no_answer_of_sts_is_told_apart)
{
	REFUSES(A(.fails = true), "cannot be reached", "");
	REFUSES(A(200, .type = "text/html", .body = "<html>sign in</html>"), "a web page came back instead of an answer of AWS STS in eu-west-1", "HTTPS_PROXY");
	REFUSES(A(502, .type = "text/html", .body = "<html>bad gateway</html>"), "a web page came back", "");
	REFUSES(A(302, .location = "https://evil.test/"), "redirect (HTTP 302) to https://evil.test/: not followed", "");
	REFUSES(A(200, .body = "{\"WebIdentityToken\":\"x\"}"), "is not XML (HTTP 200", "try again");
	REFUSES(A(200, .body = ""), "is not XML", "");
	REFUSES(A(500, .body = "<ErrorResponse" NS "><Error></Error></ErrorResponse>"), "is not XML (HTTP 500", "");
	REFUSES(A(200, .body = REFUSAL("AccessDenied", "x")), "is not XML (HTTP 200", "");
	REFUSES(A(200, .body = "<AssumeRoleWithWebIdentityResponse" NS "></AssumeRoleWithWebIdentityResponse>"), "is not XML", "");
	REFUSES(A(200, .body = "<!DOCTYPE x><GetWebIdentityTokenResponse" NS "><WebIdentityToken>a.b.c</WebIdentityToken></GetWebIdentityTokenResponse>"), "is not XML", "");
	REFUSES(A(200, .body = "<GetWebIdentityTokenResponse" NS "></GetWebIdentityTokenResponse>"), "holds no readable WebIdentityToken", "try again");
	REFUSES(A(200, .body = "<GetWebIdentityTokenResponse" NS "><WebIdentityToken>a</WebIdentityToken><WebIdentityToken>b</WebIdentityToken></GetWebIdentityTokenResponse>"), "holds no readable WebIdentityToken", "");
	REFUSES(A(200, .body = "<GetWebIdentityTokenResponse" NS "><WebIdentityToken>hello</WebIdentityToken></GetWebIdentityTokenResponse>"), "the answer of AWS STS is not a JWT", "");
	REFUSES(A(200, .body = "<GetWebIdentityTokenResponse" NS "><WebIdentityToken></WebIdentityToken></GetWebIdentityTokenResponse>"), "the answer of AWS STS is empty", "");
}

TEST(tokens_that_are_none_are_not_taken)
{
	static const char *const bad[] = {"a.b.c", "&quot;x&quot;", "x y", "<b>x</b>", "eyJh.eyJh.x.y", "eyJhbGciOiJSUzI1NiJ9.eyJh"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_STR xml = token_xml(bad[i]);
		BENCH(b);
		refuses(&b, (struct answer){200, .body = xml}, "AWS STS", "");
	}
	AUTO_BUF large = buf_new(128 * 1024);
	for (size_t i = 0; i < TOKEN_MAX + 1; i++)
		buf_addc(&large, 'x');
	AUTO_STR xml = token_xml(large.p);
	BENCH(b);
	refuses(&b, (struct answer){200, .body = xml}, "holds no readable WebIdentityToken", "");
}

/* --- a session that ends soon -------------------------------------------------------------------------------------------- */

TEST(a_short_session_is_asked_for_a_shorter_token_once)
{
	BENCH(b);
	vars(&b, in_variables);
	AUTO_STR token = make_jwt(AWS_CLAIMS);
	AUTO_STR xml = token_xml(token);
	SCRIPT(&b.w, {403, .type = "text/xml", .body = REFUSAL("SessionDurationEscalationException", "beyond")}, {200, .type = "text/xml", .body = xml});
	assert_true(fetch(&b, aws));
	assert_int_equal(b.w.http.calls, 2);
	assert_says(b.w.http.asked[0].form, "&DurationSeconds=300");
	assert_says(b.w.http.asked[1].form, "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&SigningAlgorithm=RS256&DurationSeconds=60");
	assert_text(b.w.http.asked[1].sigv4_key, KEY_ID ":" HUSH);
}

TEST(a_session_that_ends_within_a_minute_is_refused)
{
	BENCH(b);
	vars(&b, in_variables);
	const struct answer no = {403, .type = "text/xml", .body = REFUSAL("SessionDurationEscalationException", "beyond its end")};
	SCRIPT(&b.w, no, no, no);
	assert_false(fetch(&b, aws));
	assert_int_equal(b.w.http.calls, 2);
	assert_says(b.err.msg, "beyond its end");
	assert_says(b.err.hint, "renew them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_document_has_one_root_and_only_elements_and_text),
		T(an_element_is_read_where_it_stands_once_and_plain),
		T(refusals_name_the_cause_and_what_to_type),
		T(what_was_signed_is_never_shown),
		T(what_is_no_answer_of_sts_is_told_apart),
		T(tokens_that_are_none_are_not_taken),
		T(a_short_session_is_asked_for_a_shorter_token_once),
		T(a_session_that_ends_within_a_minute_is_refused),
	};
	return RUN(tests);
}
