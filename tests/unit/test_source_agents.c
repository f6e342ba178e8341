/* Sources that ask a service of this machine or one's own: url, and Fly.io's API. */
#include "tests/unit/bench.h"
#include "tests/unit/tmp.h"

static const struct source *const url = &source_url, *const fly = &source_fly;

/* An identity that names that URL in a file of ours. */
static void at(struct bench *b, const char *where)
{
	b->id.command_ok = true;
	setting(b, KEY_URL, where);
}

TEST(a_url_counts_only_from_a_file_that_is_trusted)
{
	BENCH(b);
	assert_int_equal(detect(&b, url), SOURCE_ABSENT);
	at(&b, "https://agent.test/token");
	assert_int_equal(detect(&b, url), SOURCE_PRESENT);
	b.id.command_ok = false;
	assert_int_equal(detect(&b, url), SOURCE_ABSENT);
	assert_null(print(&b, url));
	assert_false(fetch(&b, url));
	assert_int_equal(b.w.http.calls, 0);
	assert_int_equal(url->automatic, AUTO_NEVER);
}

TEST(what_is_asked_of_a_url)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	at(&b, "https://agent.test/{audience}/x?a={audience}");
	setting(&b, KEY_UNIX_SOCKET, "/run/agent");
	setting(&b, KEY_URL_HEADER, "X-Key");
	setting(&b, KEY_URL_HEADER_ENV, "MY_KEY");
	world_env(&b.w, "MY_KEY", "hush");
	SCRIPT(&b.w, {200, .type = "text/plain", .body = jwt});
	assert_true(fetch(&b, url));
	const struct asked *a = &b.w.http.asked[0];
	assert_text(a->url, "https://agent.test/api%3A%2F%2FAzureADTokenExchange/x?a=api%3A%2F%2FAzureADTokenExchange");
	assert_text(a->method, "GET");
	assert_text(a->unix_socket, "/run/agent");
	assert_text(a->bearer, "X-Key: hush");
}

TEST(a_header_is_whole_or_not_there)
{
	BENCH(b);
	at(&b, "https://agent.test/");
	setting(&b, KEY_URL_HEADER, "X-Key");
	broken(&b, url, "only url-header is set", "both");
	setting(&b, KEY_URL_HEADER_ENV, "MY_KEY");
	broken(&b, url, "MY_KEY is not set", "export");
	world_env(&b.w, "MY_KEY", "hu\nsh");
	assert_false(fetch(&b, url));
	assert_says(b.err.msg, "MY_KEY holds what no header can");
	assert_silent_about(b.err.msg, "sh\n");
	assert_int_equal(b.w.http.calls, 0);
}

TEST(url_callers_are_told_apart_by_url_socket_and_secret)
{
	BENCH(b);
	at(&b, "https://agent.test/");
	AUTO_STR first = str_dup(print(&b, url));
	setting(&b, KEY_UNIX_SOCKET, "/run/agent");
	AUTO_STR second = str_dup(print(&b, url));
	assert_string_not_equal(first, second);
	setting(&b, KEY_URL_HEADER, "X-Key");
	setting(&b, KEY_URL_HEADER_ENV, "MY_KEY");
	world_env(&b.w, "MY_KEY", "hush");
	assert_string_not_equal(print(&b, url), second);
	assert_silent_about(print(&b, url), "hush");
}

TEST(fly_is_there_by_its_variable_or_its_name)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "api");
	setting(&b, KEY_UNIX_SOCKET, path);
	assert_int_equal(detect(&b, fly), SOURCE_ABSENT);
	world_env(&b.w, "FLY_MACHINE_ID", "m1");
	broken(&b, fly, "/api is not here", "another source");
	write_text(path, "", 0600);
	assert_int_equal(detect(&b, fly), SOURCE_PRESENT);
	world_env(&b.w, "FLY_MACHINE_ID", NULL);
	setting(&b, KEY_SOURCE, "fly");
	assert_int_equal(detect(&b, fly), SOURCE_PRESENT);
	assert_int_equal(fly->automatic, AUTO_AMBIENT);
}

TEST(what_is_asked_of_fly)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	SCRIPT(&b.w, {200, .type = "text/plain", .body = jwt});
	assert_true(fetch(&b, fly));
	const struct asked *a = &b.w.http.asked[0];
	assert_text(a->method, "POST");
	assert_text(a->url, "http://localhost/v1/tokens/oidc");
	assert_text(a->unix_socket, "/.fly/api");
	assert_text(a->form, "{\"aud\":\"api://AzureADTokenExchange\"}");
	assert_text(a->headers, "Content-Type: application/json\n");
}

TEST(answers_that_are_no_token_are_told_with_what_to_do)
{
	static const struct answer bad[] = {{200, .type = "text/plain", .body = ""}, {200, .body = "[]"}, {200, .body = "{}"}, {200, .type = "text/html", .body = "<html>"},
					    {302, .location = "https://evil.test/"}, {500, .type = "text/plain", .body = "secret"}, {403, .body = "{\"error\":\"no\"}"}, {.fails = true}};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		BENCH(b);
		at(&b, "https://agent.test/");
		SCRIPT(&b.w, bad[i]);
		for (int k = 0; k < 2; k++) {
			b.w.http.calls = 0;
			assert_false(fetch(&b, k ? fly : url));
			assert_clean(&b.err);
			assert_true(b.err.hint[0]);
			assert_silent_about(b.err.msg, "secret");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_url_counts_only_from_a_file_that_is_trusted),
		T(what_is_asked_of_a_url),
		T(a_header_is_whole_or_not_there),
		T(url_callers_are_told_apart_by_url_socket_and_secret),
		T(fly_is_there_by_its_variable_or_its_name),
		T(what_is_asked_of_fly),
		T(answers_that_are_no_token_are_told_with_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
