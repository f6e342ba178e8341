/* Requests as our own server takes them. */
#include "helper/base/http_in.h"

#include "tests/unit/check.h"

static struct http_in in;
static char head[16 * 1024];
static const char *why;

static int read_head(const char *text)
{
	snprintf(head, sizeof head, "%s", text);
	return http_in_read(head, strlen(text), &in, &why);
}

TEST(the_head_ends_at_its_empty_line)
{
	assert_int_equal(http_in_end("", 0), 0);
	assert_int_equal(http_in_end("GET / HTTP/1.1\r\n", 16), 0);
	assert_int_equal(http_in_end("GET / HTTP/1.1\r\n\r\nbody\r\n\r\n", 26), 18);
	assert_int_equal(http_in_end("GET / HTTP/1.1\n\n", 16), 0);
}

TEST(a_request_is_taken_apart)
{
	assert_int_equal(read_head("GET /a%20b/?x=1%26 HTTP/1.1\r\nHost:\t h \r\nX-Identity-Header: s\r\nMETADATA:true\r\nX-Other: y\r\n\r\n"), 0);
	assert_false(in.post);
	assert_true(in.keep);
	assert_false(in.relayed);
	assert_text(in.path, "/a b");
	assert_text(in.query, "x=1%26");
	assert_text(in.value[IN_HOST], "h");
	assert_text(in.value[IN_IDENTITY], "s");
	assert_text(in.value[IN_METADATA], "true");
	assert_null(in.value[IN_AUTHORIZATION]);
}

TEST(a_connection_is_kept_where_both_know_that_it_can_be)
{
	assert_int_equal(read_head("GET / HTTP/1.1\r\nConnection: keep-alive, Close\r\n\r\n"), 0);
	assert_false(in.keep);
	assert_int_equal(read_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 0);
	assert_false(in.keep);
	assert_text(in.path, "/");
}

TEST(a_body_has_a_length_and_a_limit)
{
	assert_int_equal(read_head("POST / HTTP/1.1\r\nContent-Length: 65536\r\nExpect: 100-Continue\r\n\r\n"), 0);
	assert_int_equal(in.length, 65536);
	assert_true(in.post && in.waits);
	assert_int_equal(read_head("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), 413);
	assert_says(why, "64 KiB");
	assert_int_equal(read_head("POST / HTTP/1.1\r\n\r\n"), 0);
	assert_int_equal(in.length, 0);
}

TEST(pages_and_proxies_are_recognized)
{
	static const char *const headers[] = {"Origin", "REFERER", "via", "Forwarded", "X-Forwarded-For", "Sec-Fetch-Site", "sec-fetch-dest"};
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		AUTO_STR text = str_printf("GET / HTTP/1.1\r\n%s:\r\n\r\n", headers[i]);
		assert_int_equal(read_head(text), 0);
		assert_true(in.relayed);
	}
	assert_int_equal(read_head("GET / HTTP/1.1\r\nOriginal: x\r\nViaduct: y\r\n\r\n"), 0);
	assert_false(in.relayed);
}

TEST(what_is_no_request_is_refused)
{
	static const char *const heads[] = {
		"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET a HTTP/1.1\r\n\r\n", "GET /a#b HTTP/1.1\r\n\r\n",
		"GET /?a#b HTTP/1.1\r\n\r\n", "GET /%0d HTTP/1.1\r\n\r\n", "GET /%7f HTTP/1.1\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n a: b\r\n\r\n", "GET / HTTP/1.1\r\na b: c\r\n\r\n", "GET / HTTP/1.1\r\n: c\r\n\r\n",
		"GET / HTTP/1.1\r\na\r\n\r\n", "GET / HTTP/1.1\r\na: b\nc\r\n\r\n", "GET / HTTP/1.1\r\na: b\rc\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", "POST / HTTP/1.1\r\nExpect: x\r\n\r\n",
	};
	for (size_t i = 0; i < COUNT_OF(heads); i++)
		if (read_head(heads[i]) != 400)
			fail_msg("taken: %s", heads[i]);
	assert_int_equal(read_head("PUT / HTTP/1.1\r\n\r\n"), 405);
	memcpy(head, "GET / HTTP/1.1\r\na: \0\r\n\r\n", 25);
	assert_int_equal(http_in_read(head, 25, &in, &why), 400);
}

static void param_is(const char *query, const char *wanted)
{
	AUTO_STR value = http_in_param(query, "resource");
	assert_text(value, wanted);
}

TEST(parameters)
{
	param_is("resource=https://a/b:c", "https://a/b:c");
	param_is("x=1&resource=https%3a%2F%2Fa+b&y=", "https://a b");
	param_is("resource=%zz%4", "%zz%4");
	param_is("resource=a=b", "a=b");
	param_is("resource", "");
	param_is("resource=", "");
	param_is("&&resource=a&&", "a");
	param_is("resources=a&xresource=b&resourc=c", NULL);
	param_is("resource=a&resource=a", NULL);
	param_is("resource=a%0a", NULL);
	param_is("resource=a%00b", NULL);
	param_is("", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(the_head_ends_at_its_empty_line), T(a_request_is_taken_apart), T(a_connection_is_kept_where_both_know_that_it_can_be), T(a_body_has_a_length_and_a_limit),
					   T(pages_and_proxies_are_recognized), T(what_is_no_request_is_refused), T(parameters)};
	return RUN(tests);
}
