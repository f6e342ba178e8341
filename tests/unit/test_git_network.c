/* What only git was told about the network: its proxy and its certificates. */
#include "tests/unit/git.h"

/* An http port that has just been asked to prepare itself. */
struct told {
	struct world w;
	struct http http;
};

static void told_end(struct told *t)
{
	http_end(&t->http);
	world_end(&t->w);
}

static void told_begin(struct told *t)
{
	*t = (struct told){.http = {.perform = NULL}};
	world_begin(&t->w);
}

#define TOLD(t) CLEANUP(told_end) struct told t; told_begin(&t)

static void says(struct told *t, const char *out, size_t len)
{
	t->w.proc.out = out;
	t->w.proc.out_len = len;
	protocol_git.network(&t->http, &t->w.ctx);
}

#define SAYS(t, out) says(t, out, sizeof(out) - 1)

TEST(git_is_asked_once_for_what_it_uses_with_entra)
{
	TOLD(t);
	SAYS(&t, "http.proxy\nhttp://p.example:3128\0http.sslcainfo\n/etc/ca.pem\0http.postbuffer\n1\0");
	assert_int_equal(t.w.proc.calls, 1);
	assert_text(t.w.proc.line, "git config --null --get-urlmatch http https://login.microsoftonline.com");
	assert_text(t.w.proc.more, "");
	assert_true(t.w.proc.timeout_ms <= 5000);
	assert_text(t.http.proxy, "http://p.example:3128");
	assert_text(t.http.ca_file, "/etc/ca.pem");
}

TEST(an_empty_proxy_means_none_and_is_kept_as_that)
{
	TOLD(t);
	SAYS(&t, "http.proxy\n\0");
	assert_text(t.http.proxy, "");
	assert_null(t.http.ca_file);
}

TEST(without_settings_nothing_is_set)
{
	TOLD(t);
	SAYS(&t, "");
	assert_null(t.http.proxy);
	assert_null(t.http.ca_file);
}

TEST(other_settings_and_odd_output_are_left_alone)
{
	TOLD(t);
	SAYS(&t, "http.proxyauthmethod\nbasic\0http.proxy\0xhttp.proxy\nx\0http.sslcainfox\ny\0nonsense");
	assert_null(t.http.proxy);
	assert_null(t.http.ca_file);
}

TEST(a_git_that_fails_says_nothing)
{
	TOLD(t);
	t.w.proc.status = 1;
	SAYS(&t, "http.proxy\nhttp://p\0");
	assert_null(t.http.proxy);
	t.w.proc.status = 0;
	t.w.proc.fails = true;
	SAYS(&t, "http.proxy\nhttp://p\0");
	assert_null(t.http.proxy);
}

TEST(gits_own_variable_goes_before_its_setting)
{
	TOLD(t);
	world_env(&t.w, "GIT_SSL_CAINFO", "/from/variable.pem");
	SAYS(&t, "http.sslcainfo\n/from/setting.pem\0");
	assert_text(t.http.ca_file, "/from/variable.pem");
}

TEST(git_is_not_asked_on_a_hit)
{
	WORLD(w);
	SCRIPT(&w, {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"});
	CALL cold = git_call(&w, "get", "protocol=https\nhost=dev.azure.com\n\n");
	assert_non_null(w.http.port.prepare); /* for the real port, before its first request */
	CALL kept = git_call(&w, "get", "protocol=https\nhost=dev.azure.com\n\n");
	assert_text(kept.out, cold.out);
	assert_int_equal(w.proc.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(git_is_asked_once_for_what_it_uses_with_entra),
		T(an_empty_proxy_means_none_and_is_kept_as_that),
		T(without_settings_nothing_is_set),
		T(other_settings_and_odd_output_are_left_alone),
		T(a_git_that_fails_says_nothing),
		T(gits_own_variable_goes_before_its_setting),
		T(git_is_not_asked_on_a_hit),
	};
	return RUN(tests);
}
