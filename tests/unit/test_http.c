/* The HTTP port on libcurl, against a server of one answer on the loopback address. */
#include "tests/unit/server.h"

TEST(a_form_goes_out_byte_for_byte_with_its_headers)
{
	SERVER(s, JSON_OK);
	AUTO_SECRET form = secret_new(100);
	secret_set(&form, "a=b&c=%2B", 9);
	assert_true(ask_for(&s, (struct http_request){.method = "POST", .form = &form, .headers = {"Accept: application/json", "X-One: 1"}}, LONG_MS));
	heard(&s);
	assert_true(str_starts(s.request, "POST /path?q=1 HTTP/1.1\r\n"));
	assert_says(s.request, "\r\nAccept: application/json\r\n");
	assert_says(s.request, "\r\nX-One: 1\r\n");
	assert_says(s.request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
	assert_says(s.request, "\r\nContent-Length: 9\r\n");
	assert_true(str_ends(s.request, "\r\n\r\na=b&c=%2B"));
	assert_silent_about(s.request, "Expect");
	assert_silent_about(s.request, "Cookie");
	assert_silent_about(s.request, "Authorization");
	assert_int_equal(s.r.status, 200);
	assert_text(secret_reveal(&s.r.body), "{}");
	assert_true(http_is_json(&s.r));
}

TEST(a_bearer_token_goes_into_its_header_with_the_word_asked_for)
{
	SERVER(s, JSON_OK);
	AUTO_SECRET token = secret_new(100);
	secret_set(&token, "the-token", 9);
	assert_true(ask_for(&s, (struct http_request){.method = "POST", .bearer = &token, .bearer_word = "bearer"}, LONG_MS));
	heard(&s);
	assert_says(s.request, "\r\nAuthorization: bearer the-token\r\n");
	assert_says(s.request, "\r\nContent-Length: 0\r\n"); /* a POST without a body still says so */
}

TEST(a_secret_may_have_a_header_of_its_own_and_a_challenge_is_kept)
{
	SERVER(s, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=/var/opt/x.key\r\nContent-Length: 0\r\n\r\n");
	AUTO_SECRET value = secret_new(100);
	secret_set(&value, "hush", 4);
	assert_true(ask_for(&s, (struct http_request){.bearer = &value, .bearer_name = "X-IDENTITY-HEADER"}, LONG_MS));
	heard(&s);
	assert_says(s.request, "\r\nX-IDENTITY-HEADER: hush\r\n");
	assert_silent_about(s.request, "Authorization");
	assert_text(s.r.authenticate, "Basic realm=/var/opt/x.key");
}

TEST(a_request_for_aws_is_signed_with_its_session_and_no_key_goes_out)
{
	SERVER(s, JSON_OK);
	AUTO_SECRET key = secret_new(100), session = secret_new(100), form = secret_new(100);
	secret_set(&key, "AKIDEXAMPLE:the-key", 19);
	secret_set(&session, "the-session", 11);
	secret_set(&form, "Action=X", 8);
	assert_true(ask_for(&s, (struct http_request){.method = "POST", .form = &form, .bearer = &session, .bearer_name = "X-Amz-Security-Token",
						     .sigv4 = "aws:amz:eu-west-1:sts", .sigv4_key = &key}, LONG_MS));
	heard(&s);
	assert_says(s.request, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/");
	assert_says(s.request, "/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=");
	assert_says(s.request, "\r\nX-Amz-Security-Token: the-session\r\n");
	assert_silent_about(s.request, "the-key");
}

TEST(googles_metadata_server_is_known_by_its_header)
{
	SERVER(s, "HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: 0\r\n\r\n");
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	heard(&s);
	assert_text(s.r.metadata_flavor, "Google");
}

TEST(a_unix_socket_is_dialled_in_the_place_of_the_host)
{
	TMP(dir);
	AUTO_STR path = tmp_path(&dir, "socket");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CLEANUP(server_end) struct server s = {.r = http_response_new(), .err = ERR_INIT, .url = str_dup("http://localhost/path?q=1")};
	s.env = (struct env){s.vars};
	s.http = http_curl(&s.env);
	memcpy(at.sun_path, path, strlen(path));
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_true(answer_at(&s, listener, JSON_OK, strlen(JSON_OK), false));
	s.vars[0] = str_dup("ALL_PROXY=http://127.0.0.1:9");
	assert_true(ask_for(&s, (struct http_request){.unix_socket = path}, LONG_MS));
	heard(&s);
	assert_true(str_starts(s.request, "GET /path?q=1 HTTP/1.1\r\n"));
	assert_int_equal(s.r.status, 200);
}

TEST(a_large_form_is_sent_whole)
{
	SERVER(s, JSON_OK);
	AUTO_SECRET form = secret_new(300000);
	for (size_t i = 0; i < 200000; i++)
		buf_addc(secret_buf(&form), 'a');
	assert_true(ask_for(&s, (struct http_request){.method = "POST", .form = &form}, LONG_MS));
	heard(&s);
	assert_true(strlen(s.request) > 200000);
	assert_silent_about(s.request, "Expect");
}

TEST(the_headers_that_matter_are_kept_cleaned_and_cut)
{
	SERVER(s, "HTTP/1.1 429 Too Many\r\ncontent-type: application/json; charset=utf-8\r\nRETRY-AFTER:  17 \r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
		  "Server: evil\x1b[31m\r\nx-ms-request-id: id-1\r\nx-ms-ests-server: 2.1\r\nLocation: https://x/"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
		  "Content-Length: 0\r\n\r\n");
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(s.r.status, 429);
	assert_text(s.r.retry_after, "17");
	assert_text(s.r.date, "Mon, 23 Nov 2026 10:00:00 GMT");
	assert_text(s.r.server, "evil?[31m");
	assert_text(s.r.request_id, "id-1");
	assert_true(s.r.from_entra);
	assert_int_equal(strlen(s.r.location), sizeof s.r.location - 1);
	assert_true(http_is_json(&s.r));
}

/* Azure Container Registry's name for it. */
TEST(a_registrys_correlation_id_is_the_requests_id)
{
	SERVER(s, "HTTP/1.1 401 Unauthorized\r\nX-Ms-Correlation-Request-Id:  11111111-2222-3333-4444-555555555555 \r\nContent-Length: 0\r\n\r\n");
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_text(s.r.request_id, "11111111-2222-3333-4444-555555555555");
	assert_false(s.r.from_entra);
}

TEST(a_redirect_is_an_answer_and_not_followed)
{
	SERVER(s, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(s.r.status, 302);
	assert_text(s.r.location, "http://127.0.0.1:1/");
	assert_false(s.r.from_entra);
}

TEST(an_answer_cut_short_is_no_answer)
{
	SERVER(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"access_token\":");
	assert_false(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(s.err.kind, ERR_NETWORK);
	assert_says(s.err.msg, "127.0.0.1 was cut short");
	assert_clean(&s.err);
}

TEST(what_is_no_http_is_no_answer)
{
	SERVER(s, "SSH-2.0-OpenSSH\r\n");
	assert_false(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(s.err.kind, ERR_NETWORK);
	assert_clean(&s.err);
}

TEST(a_body_of_more_than_256_kib_is_not_taken)
{
	static char big[300000];
	int n = snprintf(big, sizeof big, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
	memset(big + n, 'a', sizeof big - (size_t)n);
	CLEANUP(server_end) struct server s;
	if (!start(&s, big, sizeof big, false))
		SKIP("no loopback address to listen on");
	assert_false(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_says(s.err.msg, "more than 256 KiB");
}

static void silent_server(bool in_child)
{
	CLEANUP(server_end) struct server s;
	if (!start(&s, "", 0, true))
		SKIP("no loopback address to listen on");
	s.http.always_fork = in_child;
	assert_false(ask_for(&s, (struct http_request){0}, 150));
	assert_int_equal(s.err.kind, ERR_NETWORK);
	assert_says(s.err.msg, "127.0.0.1 did not answer in time");
}

TEST(a_server_that_says_nothing_is_left_at_the_deadline)
{
	silent_server(false);
	silent_server(true);
}

TEST(a_transfer_in_a_child_gives_the_same_answer)
{
	SERVER(s, "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nx-ms-ests-server: 1\r\nContent-Length: 13\r\n\r\n{\"error\":\"x\"}");
	s.http.always_fork = true;
	assert_true(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_int_equal(s.r.status, 400);
	assert_true(s.r.from_entra);
	assert_text(secret_reveal(&s.r.body), "{\"error\":\"x\"}");
}

TEST(a_failure_in_a_child_is_told_like_any_other)
{
	SERVER(s, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
	s.http.always_fork = true;
	assert_false(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_says(s.err.msg, "was cut short");
}

TEST(nobody_listening_is_told_with_the_host)
{
	SERVER(s, JSON_OK);
	gone_away(&s);
	assert_false(ask_for(&s, (struct http_request){0}, LONG_MS));
	assert_says(s.err.msg, "127.0.0.1 cannot be reached");
	assert_clean(&s.err);
}

static void refuses_url(const char *url, bool local)
{
	struct env none = {NULL};
	struct http http = http_curl(&none);
	AUTO_RESPONSE r = http_response_new();
	struct err err = ERR_INIT;
	struct clock c = clock_real();
	struct http_request q = {.method = "GET", .url = url, .local = local, .deadline_ms = c.mono_ms(&c) + LONG_MS};
	if (http.perform(&http, &q, &r, &err))
		fail_msg("called: %s", url);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_clean(&err);
}

TEST(only_https_is_called_and_http_only_nearby_where_that_is_meant)
{
	refuses_url("http://127.0.0.1:1/", false);
	refuses_url("http://example.invalid/", true);
	refuses_url("http://127.0.0.1.example.invalid/", true);
	refuses_url("file:///etc/passwd", true);
	refuses_url("https://u:p@127.0.0.1:1/", false);
	refuses_url("nonsense", false);
	refuses_url("https://127.0.0.1:1/\r\nX: y", false);
}

TEST(a_deadline_that_is_over_begins_nothing)
{
	SERVER(s, JSON_OK);
	assert_false(ask_for(&s, (struct http_request){0}, -1));
	assert_says(s.err.msg, "no time is left to ask 127.0.0.1");
}

TEST(json_is_known_by_its_type)
{
	static const char *const yes[] = {"application/json", "APPLICATION/JSON; charset=utf-8", "application/problem+json", "application/json ;x"}, *const no[] = {"", "text/html", "application/jsonp", "text/json-ish", "xapplication/json"};
	struct http_response r = http_response_new();
	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		snprintf(r.content_type, sizeof r.content_type, "%s", yes[i]);
		assert_true(http_is_json(&r));
	}
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		snprintf(r.content_type, sizeof r.content_type, "%s", no[i]);
		assert_false(http_is_json(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_form_goes_out_byte_for_byte_with_its_headers),
		T(a_bearer_token_goes_into_its_header_with_the_word_asked_for),
		T(a_secret_may_have_a_header_of_its_own_and_a_challenge_is_kept),
		T(a_request_for_aws_is_signed_with_its_session_and_no_key_goes_out),
		T(googles_metadata_server_is_known_by_its_header),
		T(a_unix_socket_is_dialled_in_the_place_of_the_host),
		T(a_large_form_is_sent_whole),
		T(the_headers_that_matter_are_kept_cleaned_and_cut),
		T(a_registrys_correlation_id_is_the_requests_id),
		T(a_redirect_is_an_answer_and_not_followed),
		T(an_answer_cut_short_is_no_answer),
		T(what_is_no_http_is_no_answer),
		T(a_body_of_more_than_256_kib_is_not_taken),
		T(a_server_that_says_nothing_is_left_at_the_deadline),
		T(a_transfer_in_a_child_gives_the_same_answer),
		T(a_failure_in_a_child_is_told_like_any_other),
		T(nobody_listening_is_told_with_the_host),
		T(only_https_is_called_and_http_only_nearby_where_that_is_meant),
		T(a_deadline_that_is_over_begins_nothing),
		T(json_is_known_by_its_type),
	};
	return cmocka_run_group_tests(tests, no_proxies, NULL);
}
