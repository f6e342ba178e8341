/* URLs and hosts, held against a hostile corpus. */
#include "helper/base/url.h"

#include "helper/base/str.h"
#include "tests/unit/check.h"

TEST(a_whole_url_is_taken_apart)
{
	AUTO_URL u = {0};
	assert_true(url_parse("HTTPS://user:pw@Dev.Azure.COM:8443/Org/p%20x?a=b&c", &u));
	assert_text(u.scheme, "https");
	assert_text(u.user, "user:pw");
	assert_text(u.host, "dev.azure.com");
	assert_int_equal(u.port, 8443);
	assert_text(u.path, "Org/p%20x");
	assert_text(u.query, "a=b&c");
}

TEST(parts_that_are_missing_are_empty)
{
	AUTO_URL u = {0};
	AUTO_URL q = {0};
	assert_true(url_parse("https://h", &u));
	assert_text(u.path, "");
	assert_null(u.query);
	assert_null(u.user);
	assert_int_equal(u.port, 0);
	assert_true(url_parse("https://h?q=/x@y", &q));
	assert_text(q.host, "h");
	assert_text(q.path, "");
	assert_text(q.query, "q=/x@y");
}

TEST(an_ipv6_literal_keeps_its_brackets)
{
	AUTO_URL u = {0};
	assert_true(url_parse("http://[::1]:8080/x", &u));
	assert_text(u.host, "[::1]");
	assert_int_equal(u.port, 8080);
}

TEST(an_at_sign_behind_the_authority_is_no_user)
{
	AUTO_URL u = {0};
	assert_true(url_parse("https://dev.azure.com/a@evil.example/b", &u));
	assert_text(u.host, "dev.azure.com");
	assert_null(u.user);
}

TEST(hostile_urls_are_refused)
{
	static const char *const bad[] = {
		"", "x", "https:", "https:/", "https://", "://h", "https:///path", "https://?q", "https://@h", "https://a@b@h/", "https://h:", "https://h:0",
		"https://h:65536", "https://h:99999999999999999999", "https://h:44 3", "https://h:443x", "https://h:-1", "https://h:+1", "https://h\n/x", "https://h/\r\nx",
		"https://h/ x", "https://h/\x7f", " https://h", "https://h/x ", "https://h\\evil", "https://h/#frag", "https://h#", "https://h\x01/", "https://h\x7f/", "https://.h",
		"https://h.", "https://h./x", "https://a..b", "https://h_x", "https://h%2ecom", "https://dev.azure.com%0ahost=evil", "https://d\xC3\xA9v.azure.com",
		("https://dev\xE3\x80\x82" "azure.com"), "https://dev.azure.com\xE2\x80\xAE", "https://[::1", "https://[::1]x", "https://[::1%25eth0]/", "https://[g::1]/", "https://[::1]:", "https://[::1]:0",
		"ht tps://h", "h@://h", "https://*.h", "https://h,x", "https://h;x", "https://h'x", "https://user@", "https://h:80:80",
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_URL u = {0};
		if (url_parse(bad[i], &u))
			fail_msg("accepted: %s", bad[i]);
		assert_null(u.host);
	}
	AUTO_URL u = {0};
	assert_false(url_parse(NULL, &u));
}

TEST(brackets_without_an_address_are_an_empty_host)
{
	AUTO_URL u = {0};
	assert_false(url_parse("https://[]/", &u));
}

TEST(host_names_are_ldh_labels_of_at_most_253_bytes)
{
	assert_true(url_host_ok("dev.azure.com"));
	assert_true(url_host_ok("a"));
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a b", "a/b", "a:1", "a@b", "a%2e", "a_b", "*.a", "\xC3\xA4", "a\n", "[::1]"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(url_host_ok(bad[i]));
	char big[255];
	memset(big, 'a', sizeof big);
	big[253] = 0;
	assert_true(url_host_ok(big));
	big[253] = 'a';
	big[254] = 0;
	assert_false(url_host_ok(big));
}

TEST(a_star_stands_for_exactly_one_label)
{
	assert_true(url_host_match("*.azurecr.io", "contoso.azurecr.io"));
	assert_true(url_host_match("dev.azure.com", "dev.azure.com"));
	assert_true(url_host_match("a.*.c", "a.b.c"));
	static const char *const no[][2] = {
		{"*.azurecr.io", "azurecr.io"}, {"*.azurecr.io", "a.b.azurecr.io"}, {"*.azurecr.io", "evil-azurecr.io"}, {"*.azurecr.io", ".azurecr.io"},
		{"*.azurecr.io", "a.azurecr.io.evil"}, {"dev.azure.com", "xdev.azure.com"}, {"dev.azure.com", "dev.azure.comx"}, {"dev.azure.com", "dev.azure"},
		{"dev.azure.com", "dev.azure.com.evil"}, {"*", "a.b"}, {"*", ""}, {"", "a"}, {"a*.b", "ax.b"}, {"**.b", "a.b"},
	};
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (url_host_match(no[i][0], no[i][1]))
			fail_msg("%s must not cover '%s'", no[i][0], no[i][1]);
}

TEST(a_trailing_dot_makes_another_host)
{
	assert_false(url_host_match("dev.azure.com", "dev.azure.com."));
	assert_false(url_host_match("dev.azure.com.", "dev.azure.com"));
}

TEST(loopback_and_link_local_are_literal_addresses)
{
	assert_true(url_is_loopback("127.0.0.1"));
	assert_true(url_is_loopback("127.9.9.9"));
	assert_true(url_is_loopback("localhost"));
	assert_true(url_is_loopback("[::1]"));
	assert_false(url_is_loopback("127.0.0.1.evil.example"));
	assert_false(url_is_loopback("localhost.evil.example"));
	assert_false(url_is_loopback("128.0.0.1"));
	assert_true(url_is_link_local("169.254.169.254"));
	assert_true(url_is_link_local("[fd00:ec2::23]") && url_is_link_local("[fd00:ec2::254]"));
	assert_false(url_is_link_local("[fd00:ec2::24]") || url_is_link_local("[fe80::1]") || url_is_link_local("fd00:ec2::23"));
	assert_false(url_is_link_local("169.254.169.254.evil.example"));
	assert_false(url_is_link_local("169.255.0.1"));
}

static void encodes_to(const char *in, const char *wanted)
{
	AUTO_BUF b = buf_new(200);
	assert_true(url_encode(&b, in));
	assert_text(b.p, wanted);
}

TEST(encoding_keeps_only_unreserved_characters)
{
	encodes_to("AZaz09-._~", "AZaz09-._~");
	encodes_to("a b&c=d+e/f?g#h%", "a%20b%26c%3Dd%2Be%2Ff%3Fg%23h%25");
	encodes_to("api://AzureADTokenExchange", "api%3A%2F%2FAzureADTokenExchange");
	encodes_to("\xC3\xA4\n", "%C3%A4%0A");
	AUTO_BUF small = buf_new(2);
	assert_false(url_encode(&small, "%"));
}

static bool decodes(const char *in, const char *wanted)
{
	AUTO_BUF b = buf_new(200);
	return url_decode(&b, in) && str_eq(b.p, wanted);
}

TEST(decoding_is_once_and_refuses_broken_and_control_bytes)
{
	assert_true(decodes("a%20b%2Fc", "a b/c"));
	assert_true(decodes("%2541", "%41"));
	assert_true(decodes("a+b", "a+b"));
	assert_true(decodes("%C3%A4", "\xC3\xA4"));
	static const char *const bad[] = {"%", "%4", "a%", "%zz", "%0a", "%0D", "%00", "%1b", "%7F", "a\nb", "%-1"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_BUF b = buf_new(200);
		assert_false(url_decode(&b, bad[i]));
	}
}

static void masks_to(const char *in, const char *wanted)
{
	AUTO_BUF b = buf_new(200);
	url_mask(&b, in);
	assert_text(b.p, wanted);
}

TEST(user_information_in_a_proxy_url_is_masked)
{
	masks_to("http://user:secret@proxy:3128", "http://***@proxy:3128");
	masks_to("http://user@proxy", "http://***@proxy");
	masks_to("user:secret@proxy:3128", "***@proxy:3128");
	masks_to("http://a:b@c@proxy/x@y", "http://***@proxy/x@y");
	masks_to("http://proxy/x@y", "http://proxy/x@y");
	masks_to("socks5h://u:p@h:1080/", "socks5h://***@h:1080/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_whole_url_is_taken_apart),
		T(parts_that_are_missing_are_empty),
		T(an_ipv6_literal_keeps_its_brackets),
		T(an_at_sign_behind_the_authority_is_no_user),
		T(hostile_urls_are_refused),
		T(brackets_without_an_address_are_an_empty_host),
		T(host_names_are_ldh_labels_of_at_most_253_bytes),
		T(a_star_stands_for_exactly_one_label),
		T(a_trailing_dot_makes_another_host),
		T(loopback_and_link_local_are_literal_addresses),
		T(encoding_keeps_only_unreserved_characters),
		T(decoding_is_once_and_refuses_broken_and_control_bytes),
		T(user_information_in_a_proxy_url_is_masked),
	};
	return RUN(tests);
}
