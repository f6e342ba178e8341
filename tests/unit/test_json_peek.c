/* Looking at one member without a parser: sure only where the parser says the same. */
#include "helper/base/json.h"
#include "tests/unit/check.h"

static const char kubernetes[] = "{\"aud\":[\"api://AzureADTokenExchange\"],\"exp\":1795461288,\"iat\":1795457688,\"iss\":\"https://aks.issuer.test/\","
				 "\"kubernetes.io\":{\"namespace\":\"ci\",\"pod\":{\"name\":\"p\",\"uid\":\"1\"}},\"nbf\":0,\"sub\":\"system:serviceaccount:ci:builder\"}";

static enum json_peeked peek(const char *text, size_t len, const char *name, char **out)
{
	free(*out);
	*out = NULL;
	return json_peek(text, len, name, out);
}

TEST(a_member_is_found_among_nested_values)
{
	AUTO_STR got = NULL;
	assert_int_equal(peek(kubernetes, sizeof kubernetes - 1, "sub", &got), JSON_FOUND);
	assert_text(got, "system:serviceaccount:ci:builder");
	assert_int_equal(peek(kubernetes, sizeof kubernetes - 1, "iss", &got), JSON_FOUND);
	assert_text(got, "https://aks.issuer.test/");
	assert_int_equal(peek(kubernetes, sizeof kubernetes - 1, "name", &got), JSON_MISSING);
	assert_null(got);
}

TEST(whatever_is_not_plain_is_left_to_the_parser)
{
	static const char *const texts[] = {
		"", "{", "{}", "[]", "\"iss\"", "{\"iss\":\"a\"", "{\"iss\":\"a\"}}", "{\"iss\":\"a\"} x", "{\"iss\":\"a\",}", "{,\"iss\":\"a\"}",
		"{\"iss\":\"a\",\"iss\":\"b\"}", "{\"iss\":\"\\u0061\"}", "{\"i\\u0073s\":\"a\",\"iss\":\"b\"}", "{\"iss\":\"a\\/b\"}", "{\"iss\":\"\xC3\xA9\"}", "{\"iss\":\"a\nb\"}",
		"{\"iss\":1}", "{\"iss\":[\"a\"]}", "{\"iss\":null}", "{\"iss\":\"a\",\"x\":01}", "{\"iss\":\"a\",\"x\":-}", "{\"iss\":\"a\",\"x\":tru}", "{\"iss\":\"a\",\"x\":}",
		"{\"iss\":\"a\" \"x\":1}", "{\"iss\" \"a\"}", "{iss:\"a\"}", "{'iss':'a'}", "{\"iss\":\"a\",\"x\":[1,]}", "{\"iss\":\"a\",\"x\":{\"y\"}}",
		"{\"iss\":\"a\",\"x\":[[[[[[[[[[1]]]]]]]]]]}"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		AUTO_STR got = NULL;
		assert_int_equal(peek(texts[i], strlen(texts[i]), "iss", &got), JSON_UNSURE);
		assert_null(got);
	}
	AUTO_STR got = NULL;
	assert_int_equal(json_peek("{\"iss\":\"a\"}\0", 12, "iss", &got), JSON_UNSURE);
}

static void agrees(const char *text, size_t len)
{
	AUTO_STR got = NULL;
	enum json_peeked p = peek(text, len, "sub", &got);
	if (p == JSON_UNSURE)
		return;
	AUTO_JSON j = json_parse(text, len);
	assert_non_null(j);
	assert_text(json_str(j, "sub"), got);
	assert_true(p == JSON_FOUND || !json_get(j, "sub"));
}

static const char cluster[] = "{\"kind\":\"ExecCredential\",\"spec\":{\"cluster\":{\"server\":\"https://c.test\",\"config\":{\"server\":1}},\"interactive\":false}}";

/* The server as the parser would have it. */
static bool inner(const char *text, size_t len, char **out)
{
	const char *spec, *found;
	size_t spec_len, found_len;
	*out = NULL;
	enum json_peeked p = json_peek_object(text, len, "spec", &spec, &spec_len);
	p = p == JSON_FOUND ? json_peek_object(spec, spec_len, "cluster", &found, &found_len) : p;
	p = p == JSON_FOUND ? json_peek(found, found_len, "server", out) : p;
	return p != JSON_UNSURE;
}

TEST(an_object_within_is_found)
{
	const char *out;
	size_t len;
	AUTO_STR server = NULL;
	assert_true(inner(cluster, sizeof cluster - 1, &server));
	assert_text(server, "https://c.test");
	assert_int_equal(json_peek_object("{\"a\":1}", 7, "b", &out, &len), JSON_MISSING);
	assert_int_equal(json_peek_object("{\"a\":1}", 7, "a", &out, &len), JSON_UNSURE);
	assert_int_equal(json_peek_object("{\"a\":{},\"a\":{}}", 15, "a", &out, &len), JSON_UNSURE);
}

static void inner_agrees(const char *text, size_t len)
{
	AUTO_STR got = NULL;
	if (!inner(text, len, &got))
		return;
	AUTO_JSON j = json_parse(text, len);
	assert_non_null(j);
	assert_text(json_str(json_get(json_get(j, "spec"), "cluster"), "server"), got);
}

TEST(where_it_is_sure_the_parser_agrees_after_any_change_of_one_byte)
{
	static const char others[] = "\"\\{}[]:,0-ae \n\x01\x7F\x80s";
	char text[sizeof kubernetes];
	for (size_t i = 0; i + 1 < sizeof kubernetes; i++) {
		for (size_t k = 0; k < sizeof others; k++) { /* the final NUL too */
			memcpy(text, kubernetes, sizeof text);
			text[i] = others[k];
			agrees(text, sizeof text - 1);
			memcpy(text, cluster, sizeof cluster);
			text[i % (sizeof cluster - 1)] = others[k];
			inner_agrees(text, sizeof cluster - 1);
		}
		agrees(kubernetes, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_member_is_found_among_nested_values),
		T(whatever_is_not_plain_is_left_to_the_parser),
		T(an_object_within_is_found),
		T(where_it_is_sure_the_parser_agrees_after_any_change_of_one_byte),
	};
	return RUN(tests);
}
