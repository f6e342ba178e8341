/* Google Cloud's metadata server, and IAM for another account: what is asked, what is taken, and what is said of refusals. */
#include "tests/unit/bench.h"

static const struct source *const gcp = &source_gcp;

#define ID_URL "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/identity?audience=api%3A%2F%2FAzureADTokenExchange&format=full"
#define TOKEN_URL "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
#define EMAIL "deploy@shop.iam.gserviceaccount.com"
#define IAM "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" EMAIL ":generateIdToken"
#define ACCESS {200, .flavor = "Google", .body = "{\"access_token\":\"ya29.hush\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"}

TEST(it_is_there_by_its_name_only_and_without_looking)
{
	BENCH(b);
	assert_int_equal(gcp->automatic, AUTO_NEVER);
	assert_int_equal(detect(&b, gcp), SOURCE_PRESENT);
	assert_int_equal(b.w.http.calls, 0);
}

TEST(a_service_account_is_an_address_of_theirs)
{
	static const char *const bad[] = {"deploy", "a b@c", "a@b/../c", "a@b?x", "a@b:x", "a@b%2F"};
	BENCH(b);
	setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
	assert_int_equal(detect(&b, gcp), SOURCE_PRESENT);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		setting(&b, KEY_SERVICE_ACCOUNT, bad[i]);
		broken(&b, gcp, "/f:1: '", "iam.gserviceaccount.com");
	}
}

TEST(the_machines_own_token)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	SCRIPT(&b.w, {200, .flavor = "Google", .type = "text/html", .body = jwt});
	assert_true(fetch(&b, gcp));
	assert_text(secret_reveal(&b.got.value), jwt);
	const struct asked *a = &b.w.http.asked[0];
	assert_text(a->method, "GET");
	assert_text(a->url, ID_URL);
	assert_text(a->headers, "Metadata-Flavor: Google\n");
	assert_true(a->direct && a->local);
	assert_int_equal(a->connect_ms, 1000);
	assert_int_equal(a->deadline_ms, b.w.clock.ms + 5000);
}

TEST(anothers_token_is_asked_of_iam_with_the_machines_access_token)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	AUTO_STR body = str_printf("{\"token\":\"%s\"}", jwt);
	setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
	SCRIPT(&b.w, ACCESS, {200, .body = body});
	assert_true(fetch(&b, gcp));
	assert_text(secret_reveal(&b.got.value), jwt);
	assert_text(b.w.http.asked[0].url, TOKEN_URL);
	const struct asked *a = &b.w.http.asked[1];
	assert_text(a->url, IAM);
	assert_text(a->bearer, "Bearer ya29.hush");
	assert_text(a->form, "{\"audience\":\"api://AzureADTokenExchange\",\"includeEmail\":true}");
	assert_text(a->headers, "Content-Type: application/json\n");
	assert_false(a->direct || a->local);
}

/* What it says with that variable set so. */
static bool led_by(struct bench *b, const char *name, const char *value)
{
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	world_env(&b->w, name, value);
	SCRIPT(&b->w, {200, .flavor = "Google", .body = jwt});
	return fetch(b, gcp);
}

TEST(only_this_machine_and_its_own_link_are_asked)
{
	static const char *const names[] = {"GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"}, *const bad[] = {"evil.test", "8.8.8.8", "127.0.0.1@evil.test", "127.0.0.1/x", "127.0.0.1?x", "http://127.0.0.1"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		BENCH(b);
		assert_true(led_by(&b, names[i], "127.0.0.1:8080"));
		assert_true(str_starts(b.w.http.asked[0].url, "http://127.0.0.1:8080/computeMetadata/"));
		assert_true(led_by(&b, names[i], "metadata.google.internal"));
		assert_text(b.w.http.asked[0].url, ID_URL);
		for (size_t k = 0; k < COUNT_OF(bad); k++) {
			assert_false(led_by(&b, names[i], bad[k]));
			assert_says(b.err.msg, names[i]);
			assert_null(print(&b, gcp));
			assert_int_equal(b.w.http.calls, 0);
		}
	}
}

TEST(whatever_else_answers_is_no_metadata_server)
{
	static const char *const flavors[] = {NULL, "", "google", "Amazon"};
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	for (size_t i = 0; i < COUNT_OF(flavors); i++) {
		BENCH(b);
		SCRIPT(&b.w, {200, .flavor = flavors[i], .body = jwt});
		assert_false(fetch(&b, gcp));
		assert_clean(&b.err);
		assert_says(b.err.msg, "does not say Metadata-Flavor: Google");
		assert_says(b.err.hint, "another source");
	}
}

TEST(away_from_google_it_is_told)
{
	BENCH(b);
	SCRIPT(&b.w, {.fails = true});
	assert_false(fetch(&b, gcp));
	assert_says(b.err.msg, "there is no Google's metadata server here: ");
	assert_says(b.err.hint, "no machine of Google Cloud");
	assert_int_equal(b.err.kind, ERR_SOURCE);
}

TEST(refusals_of_the_server_say_what_to_do)
{
	static const struct {
		struct answer a;
		const char *msg, *hint;
	} rows[] = {
		{{404, .flavor = "Google", .type = "text/html", .body = "<html>Not Found"}, "knows no service account", "set-service-account"},
		{{403, .flavor = "Google", .type = "text/plain", .body = "Unable to generate token\r\n\x1b[2J; IAM returned 403"}, "(HTTP 403: Unable to generate token", "service account"},
		{{500, .flavor = "Google", .type = "text/html", .body = "<html>secret"}, "(HTTP 500)", "try again"},
		{{302, .flavor = "Google", .location = "https://evil.test"}, "(HTTP 302", "try again"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		SCRIPT(&b.w, rows[i].a);
		assert_false(fetch(&b, gcp));
		assert_clean(&b.err);
		assert_says(b.err.msg, rows[i].msg);
		assert_says(b.err.hint, rows[i].hint);
		assert_silent_about(b.err.msg, "secret");
	}
}

TEST(a_token_in_an_answer_that_is_not_taken_is_not_shown)
{
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	const char *const bodies[] = {jwt, "{\"access_token\":\"ya29.hush\"}", "no: ya29.hush"}, *const types[] = {"text/plain", "text/html", "application/json", ""};
	static const long statuses[] = {203, 302, 403, 500};
	for (size_t i = 0; i < COUNT_OF(bodies) * COUNT_OF(types) * COUNT_OF(statuses); i++) {
		BENCH(b);
		if (i % 2)
			setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
		SCRIPT(&b.w, {statuses[i % COUNT_OF(statuses)], .flavor = "Google", .type = types[i / COUNT_OF(statuses) % COUNT_OF(types)], .body = bodies[i / COUNT_OF(statuses) / COUNT_OF(types)]});
		assert_false(fetch(&b, gcp));
		assert_silent_about(b.err.msg, "hush");
		assert_silent_about(b.err.msg, strchr(jwt, '.'));
	}
}

TEST(answers_that_are_no_token)
{
	static const char *const bodies[] = {"", "hello", "<html>", "[]", "a.b.c", "eyJ.x.y.z", "{\"token\":\"x\"}"};
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		BENCH(b);
		SCRIPT(&b.w, {200, .flavor = "Google", .body = bodies[i]});
		assert_false(fetch(&b, gcp));
		assert_clean(&b.err);
		assert_says(b.err.msg, "the answer of Google's metadata server");
	}
}

TEST(a_quoted_one_with_a_byte_order_mark_is_taken)
{
	BENCH(b);
	AUTO_STR jwt = make_jwt(ASSERTION_CLAIMS);
	AUTO_STR body = str_printf("\xef\xbb\xbf\"%s\"\r\n", jwt);
	SCRIPT(&b.w, {200, .flavor = "Google", .body = body});
	assert_true(fetch(&b, gcp));
	assert_text(secret_reveal(&b.got.value), jwt);
}

TEST(iam_says_why_it_gives_none)
{
	static const struct {
		struct answer a;
		const char *msg, *hint;
	} rows[] = {
		{{403, .body = "{\"error\":{\"code\":403,\"message\":\"Permission denied\",\"status\":\"PERMISSION_DENIED\"}}"}, "(HTTP 403: Permission denied)", "roles/iam.serviceAccountOpenIdTokenCreator"},
		{{404, .body = "{\"error\":{\"message\":\"Not found\"}}"}, "for " EMAIL " (HTTP 404: Not found)", "check service-account"},
		{{200, .body = "{}"}, "(HTTP 200)", "check service-account"},
		{{200, .body = "[]"}, "(HTTP 200)", "check service-account"},
		{{502, .type = "text/html", .body = "<html>"}, "web page", "HTTPS_PROXY"},
		{{302, .location = "https://evil.test/"}, "redirect", "HTTPS_PROXY"},
		{{200, .body = "{\"token\":\"x.y.z\"}"}, "the answer of Google's IAM", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
		SCRIPT(&b.w, ACCESS, rows[i].a);
		assert_false(fetch(&b, gcp));
		assert_clean(&b.err);
		assert_says(b.err.msg, rows[i].msg);
		assert_says(b.err.hint, rows[i].hint);
		assert_silent_about(b.err.msg, "ya29");
	}
}

TEST(an_access_token_that_is_none_goes_nowhere)
{
	static const char *const bodies[] = {"", "{}", "[]", "<html>", "{\"access_token\":7}"};
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		BENCH(b);
		setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
		SCRIPT(&b.w, {200, .flavor = "Google", .body = bodies[i]});
		assert_false(fetch(&b, gcp));
		assert_clean(&b.err);
		assert_int_equal(b.w.http.calls, 1);
	}
}

TEST(callers_are_told_apart_by_server_account_and_boot)
{
	BENCH(b);
	AUTO_STR first = str_dup(print(&b, gcp));
	setting(&b, KEY_SERVICE_ACCOUNT, EMAIL);
	AUTO_STR second = str_dup(print(&b, gcp));
	assert_string_not_equal(first, second);
	world_env(&b.w, "GCE_METADATA_HOST", "127.0.0.1");
	assert_string_not_equal(print(&b, gcp), second);
	assert_int_equal(b.w.http.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_is_there_by_its_name_only_and_without_looking),
		T(a_service_account_is_an_address_of_theirs),
		T(the_machines_own_token),
		T(anothers_token_is_asked_of_iam_with_the_machines_access_token),
		T(only_this_machine_and_its_own_link_are_asked),
		T(whatever_else_answers_is_no_metadata_server),
		T(away_from_google_it_is_told),
		T(refusals_of_the_server_say_what_to_do),
		T(a_token_in_an_answer_that_is_not_taken_is_not_shown),
		T(answers_that_are_no_token),
		T(a_quoted_one_with_a_byte_order_mark_is_taken),
		T(iam_says_why_it_gives_none),
		T(an_access_token_that_is_none_goes_nowhere),
		T(callers_are_told_apart_by_server_account_and_boot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
