/* The HTTP port behind a proxy: what it is told, and that nobody hears its password. */
#include "tests/unit/server.h"

#define NO_ENTRY "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
#define LOG_IN "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define TARGET (struct http_request){.url = "https://login.example.invalid/x"}

TEST(a_proxy_that_lets_nobody_through_is_named)
{
	SERVER(s, NO_ENTRY);
	s.http.proxy = str_printf("http://127.0.0.1:%d", s.port);
	assert_false(ask_for(&s, TARGET, LONG_MS));
	AUTO_STR wanted = str_printf("proxy http://127.0.0.1:%d does not let us reach login.example.invalid (HTTP 403)", s.port);
	assert_text(s.err.msg, wanted);
	assert_says(s.err.hint, "NO_PROXY=login.example.invalid");
	heard(&s);
	assert_true(str_starts(s.request, "CONNECT login.example.invalid:443 HTTP/1.1\r\n"));
	http_end(&s.http);
}

TEST(a_proxy_that_wants_a_log_in_is_named)
{
	SERVER(s, LOG_IN);
	s.http.proxy = str_printf("http://127.0.0.1:%d", s.port);
	assert_false(ask_for(&s, TARGET, LONG_MS));
	assert_says(s.err.msg, "wants a log-in (HTTP 407)");
	assert_clean(&s.err);
	http_end(&s.http);
}

TEST(a_proxys_password_is_never_shown)
{
	SERVER(s, NO_ENTRY);
	s.http.proxy = str_printf("http://user:secret@127.0.0.1:%d", s.port);
	assert_false(ask_for(&s, TARGET, LONG_MS));
	assert_silent_about(s.err.msg, "secret");
	assert_silent_about(s.err.hint, "secret");
	assert_says(s.err.msg, "***@127.0.0.1");
	http_end(&s.http);
}

TEST(a_proxy_that_cannot_be_reached_is_told_from_the_host)
{
	SERVER(s, NO_ENTRY);
	gone_away(&s);
	s.http.proxy = str_printf("http://user:secret@127.0.0.1:%d", s.port);
	assert_false(ask_for(&s, TARGET, LONG_MS));
	assert_says(s.err.msg, "login.example.invalid cannot be reached through proxy http://***@127.0.0.1");
	http_end(&s.http);
}

TEST(an_empty_proxy_means_none)
{
	SERVER(s, JSON_OK);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* nobody listens there */
	s.http.proxy = str_dup("");
	bool ok = ask_for(&s, (struct http_request){0}, LONG_MS);
	unsetenv("http_proxy");
	assert_true(ok);
	http_end(&s.http);
}

TEST(a_direct_request_goes_past_every_proxy)
{
	SERVER(s, JSON_OK);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	bool ok = ask_for(&s, (struct http_request){.direct = true}, LONG_MS);
	unsetenv("http_proxy");
	assert_true(ok);
}

TEST(a_request_may_dial_another_address_than_its_url_names)
{
	SERVER(s, JSON_OK);
	AUTO_STR to = str_printf("127.0.0.1:%d", s.port);
	assert_true(ask_for(&s, (struct http_request){.url = "http://127.0.0.9:9/x", .connect_to = to, .headers = {"Host: proxy.example"}, .direct = true}, LONG_MS));
	heard(&s);
	assert_says(s.request, "GET /x HTTP/1.1\r\n");
	assert_says(s.request, "\r\nHost: proxy.example\r\n");
}

static int prepared;

static void prepare(struct http *http UNUSED, void *user)
{
	prepared += *(int *)user;
}

TEST(the_client_is_asked_for_its_settings_once_before_the_first_request)
{
	SERVER(s, JSON_OK);
	int one = 1;
	prepared = 0;
	s.http.prepare = prepare;
	s.http.prepare_user = &one;
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(prepared, 1);
	assert_false(ask_for(&s, (struct http_request){.url = "http://127.0.0.1:1/"}, LONG_MS));
	assert_int_equal(prepared, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_proxy_that_lets_nobody_through_is_named),
		T(a_proxy_that_wants_a_log_in_is_named),
		T(a_proxys_password_is_never_shown),
		T(a_proxy_that_cannot_be_reached_is_told_from_the_host),
		T(an_empty_proxy_means_none),
		T(a_direct_request_goes_past_every_proxy),
		T(a_request_may_dial_another_address_than_its_url_names),
		T(the_client_is_asked_for_its_settings_once_before_the_first_request),
	};
	return cmocka_run_group_tests(tests, no_proxies, NULL);
}
