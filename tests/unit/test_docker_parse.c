/* What Docker's clients write for a registry, and the corpus of attempts at something else. */
#include "tests/unit/docker.h"

/* --- what the server is called ------------------------------------------------------------------------------------ */

/* nerdctl's six, go-containerregistry's with a path, docker's own after a log-in, and what people write. */
TEST(every_spelling_of_a_registry_is_the_same_registry)
{
	static const char *const texts[] = {
		REGISTRY, REGISTRY ":443", "https://" REGISTRY, "https://" REGISTRY ":443", "https://" REGISTRY "/", "https://" REGISTRY "/v2/", "https://" REGISTRY "/v1/",
		REGISTRY "/", REGISTRY "/team/app", REGISTRY "/team/app:1.0", REGISTRY "/team/app@sha256:0123", REGISTRY "//x", REGISTRY ":443/team", "CONTOSO.AzureCR.IO",
		"HTTPS://Contoso.azurecr.io", REGISTRY ".", REGISTRY ".:443", "https://" REGISTRY "./v2/", REGISTRY "?x=1", REGISTRY "#x", REGISTRY "/a/..b/c", REGISTRY "/a..",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		PARSE(p, texts[i]);
		if (!p.ok || !str_eq(p.r.host, REGISTRY) || !request_is_plain_https(&p.r))
			fail_msg("not understood: %s", texts[i]);
		assert_int_equal(p.r.kind, REQUEST_DOCKER);
		assert_int_equal(p.r.action, ACTION_GET);
		assert_text(p.s.server, texts[i]); /* the client wants its own words back */
	}
}

TEST(blanks_and_line_ends_around_the_server_are_none_of_it)
{
	static const char *const texts[] = {REGISTRY "\n", REGISTRY "\r\n", REGISTRY " \r\n", " \t" REGISTRY, "\n" REGISTRY "\n\n", "\r\n" REGISTRY};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		PARSE(p, texts[i]);
		assert_true(p.ok);
		assert_text(p.r.host, REGISTRY);
		assert_text(p.s.server, REGISTRY);
	}
}

TEST(the_path_is_known_without_its_slashes_and_questions)
{
	PARSE(p, "https://" REGISTRY "//team/app?x#y");
	assert_text(p.r.path, "team/app");
	PARSE(bare, REGISTRY);
	assert_text(bare.r.path, "");
}

/* Understood, but never over https on the registry's own port: no token goes there. */
TEST(another_scheme_or_port_is_told_apart)
{
	static const struct {
		const char *text, *scheme;
		int port;
	} rows[] = {
		{"http://" REGISTRY, "http", 0}, {"http://" REGISTRY ":80", "http", 0}, {"http://" REGISTRY ":443", "http", 443}, {"HTTP://" REGISTRY "/", "http", 0},
		{REGISTRY ":8443", "https", 8443}, {REGISTRY ":80", "https", 80}, {"https://" REGISTRY ":1", "https", 1}, {REGISTRY ":65535", "https", 65535},
		{"ftp://" REGISTRY, "ftp", 0}, {"://" REGISTRY, "", 0}, {"x/https://" REGISTRY, "x/https", 0}, {"https ://" REGISTRY, NULL, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		PARSE(p, rows[i].text);
		if (!rows[i].scheme) {
			assert_false(p.ok);
			continue;
		}
		assert_true(p.ok);
		assert_text(p.r.scheme, rows[i].scheme);
		assert_text(p.r.host, REGISTRY);
		assert_int_equal(p.r.port, rows[i].port);
		assert_false(request_is_plain_https(&p.r));
	}
}

static void nobody(const char *text, size_t len)
{
	PARSED p;
	parse_verb(&p, "get", text, len);
	if (!str_empty(p.r.host))
		fail_msg("taken for a host: %s", text);
	assert_int_equal(p.err.kind, ERR_NONE); /* any other text than "not found" would end a pull */
}

#define NOBODY(text) nobody(text, sizeof text - 1)

TEST(a_name_that_is_no_hosts_is_nobodys)
{
	NOBODY("user@" REGISTRY);
	NOBODY("user:secret@" REGISTRY);
	NOBODY("https://user@" REGISTRY "/");
	NOBODY("evil.example@" REGISTRY ":443");
	NOBODY(REGISTRY "@evil.example");
	NOBODY("contoso%2eazurecr.io");
	NOBODY(REGISTRY "%00.evil.example");
	NOBODY("[::1]");
	NOBODY("[::1]:443");
	NOBODY("https://[fe80::1%25eth0]/");
	NOBODY("::1");
	NOBODY(".azurecr.io");
	NOBODY("contoso..azurecr.io");
	NOBODY(REGISTRY "..");
	NOBODY(".");
	NOBODY("/");
	NOBODY("https://");
	NOBODY("https:///team");
	NOBODY("https://https://" REGISTRY);
	NOBODY("*.azurecr.io");
	NOBODY("con_toso.azurecr.io");
	NOBODY("\"" REGISTRY "\"");
	NOBODY("<" REGISTRY ">");
	NOBODY("{}");
	NOBODY(REGISTRY ",evil.example");
	NOBODY(REGISTRY ";evil.example");
	NOBODY(REGISTRY "&x");
}

TEST(a_port_that_is_none_is_nobodys)
{
	NOBODY(REGISTRY ":");
	NOBODY(REGISTRY ":0");
	NOBODY(REGISTRY ":0443");
	NOBODY(REGISTRY ":65536");
	NOBODY(REGISTRY ":99999999999999999999");
	NOBODY(REGISTRY ":-443");
	NOBODY(REGISTRY ":+443");
	NOBODY(REGISTRY ":4 43");
	NOBODY(REGISTRY ":443:443");
	NOBODY(REGISTRY ":https");
	NOBODY(REGISTRY ":443.evil.example");
}

static void unheard_of(const char *text, size_t len)
{
	PARSED p;
	parse_verb(&p, "get", text, len);
	if (p.ok || p.r.host)
		fail_msg("accepted: %s", text);
	assert_int_equal(p.err.kind, ERR_NONE);
}

#define UNHEARD_OF(text) unheard_of(text, sizeof text - 1)

TEST(bytes_that_no_server_has_are_refused_wherever_they_stand)
{
	UNHEARD_OF(REGISTRY "\n.evil.example"); /* docker's own helpers join the lines */
	UNHEARD_OF("contoso.azure\ncr.io");
	UNHEARD_OF("contoso.azurecr.io\nevil.example\n");
	UNHEARD_OF(REGISTRY "\rx");
	UNHEARD_OF(REGISTRY "/a b");
	UNHEARD_OF("contoso .azurecr.io");
	UNHEARD_OF(REGISTRY "\t.evil.example");
	UNHEARD_OF(REGISTRY "\x01");
	UNHEARD_OF(REGISTRY "\x1b[31m");
	UNHEARD_OF(REGISTRY "\x7f");
	UNHEARD_OF(REGISTRY "\\@evil.example");
	UNHEARD_OF("https:\\\\" REGISTRY);
	UNHEARD_OF(REGISTRY "\v");
}

TEST(a_nul_byte_is_refused_wherever_it_stands)
{
	UNHEARD_OF(REGISTRY "\0");
	UNHEARD_OF(REGISTRY "\0.evil.example");
	UNHEARD_OF("\0" REGISTRY);
	UNHEARD_OF("\0");
	UNHEARD_OF(REGISTRY "\n\0");
}

TEST(no_letter_of_another_alphabet_looks_like_one_of_ours)
{
	UNHEARD_OF("c\xd0\xbentoso.azurecr.io");      /* Cyrillic o */
	UNHEARD_OF("contoso.azurecr.i\xd0\xbe");
	UNHEARD_OF("contoso\xe3\x80\x82" "azurecr.io");  /* an ideographic full stop */
	UNHEARD_OF("contoso\xef\xbc\x8e" "azurecr.io");  /* a fullwidth one */
	UNHEARD_OF("contoso.azurecr.\xc4\xb1o");      /* a dotless i */
	UNHEARD_OF("contoso.a\xe2\x80\x8bzurecr.io"); /* a space of no width */
	UNHEARD_OF("\xef\xbb\xbf" REGISTRY);	      /* a byte order mark */
	UNHEARD_OF(REGISTRY "\xff");
}

TEST(a_path_that_climbs_is_refused)
{
	UNHEARD_OF(REGISTRY "/../x");
	UNHEARD_OF(REGISTRY "/..");
	UNHEARD_OF(REGISTRY "/a/../b");
	UNHEARD_OF(REGISTRY "/a/..");
	UNHEARD_OF(REGISTRY "//..");
	UNHEARD_OF("https://" REGISTRY "/..");
	UNHEARD_OF("https://" REGISTRY "/../?x");
}

TEST(four_kilobytes_are_the_most_that_a_server_has)
{
	char text[4100];
	memset(text, 'a', sizeof text);
	memcpy(text, REGISTRY "/", strlen(REGISTRY "/"));
	text[4096] = 0;
	PARSE(p, text);
	assert_true(p.ok);
	assert_text(p.r.host, REGISTRY);
	text[4096] = 'a';
	text[4097] = 0;
	unheard_of(text, 4097);
	text[4097] = '\n'; /* a line end is not counted, more letters are */
	unheard_of(text, 4098);
	text[4096] = '\n';
	PARSED trimmed;
	parse_verb(&trimmed, "get", text, 4097);
	assert_true(trimmed.ok);
}

TEST(a_name_longer_than_any_hosts_is_nobodys)
{
	AUTO_BUF b = buf_new(1000);
	for (int i = 0; i < 25; i++)
		buf_adds(&b, "abcdefghi.");
	buf_adds(&b, "abcd");
	nobody(b.p, b.len);
	b.p[253] = 0;
	PARSE(p, b.p);
	assert_text(p.r.host, b.p);
}

TEST(no_server_has_its_own_text)
{
	static const char *const texts[] = {"", "\n", "\r\n", "  \t\n"}, *const verbs[] = {"get", "erase"};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		for (size_t k = 0; k < COUNT_OF(verbs); k++) {
			PARSED p;
			parse_verb(&p, verbs[k], texts[i], strlen(texts[i]));
			assert_false(p.ok);
			assert_int_equal(p.err.kind, ERR_USAGE);
			assert_text(p.err.msg, "no credentials server URL");
			assert_text(p.err.hint, "");
			assert_null(p.r.host);
		}
}

TEST(more_than_half_a_megabyte_is_not_read)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	for (int i = 0; i < 512 * 1024 + 1; i++)
		buf_addc(&b, 'a');
	PARSED p;
	parse_verb(&p, "get", b.p, b.len);
	assert_false(p.ok);
	assert_int_equal(p.err.kind, ERR_USAGE);
	assert_says(p.err.msg, "larger than 512 KiB");
	assert_null(p.r.host);
}

/* --- verbs ------------------------------------------------------------------------------------------------------------ */

TEST(verbs_that_need_no_input_read_none)
{
	static const struct {
		const char *verb;
		enum request_action action;
	} rows[] = {{"list", ACTION_LIST}, {"version", ACTION_VERSION}, {"frobnicate", ACTION_NONE}, {"GET", ACTION_NONE}, {"", ACTION_NONE}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		PARSED p;
		parse_verb(&p, rows[i].verb, "unused", 6);
		assert_true(p.ok);
		assert_int_equal(p.r.action, rows[i].action);
		assert_text(p.s.word, rows[i].verb);
		assert_null(p.r.host);
	}
}

TEST(one_argument_is_a_verb_and_any_other_number_is_none)
{
	WORLD(w);
	char *const argv[] = {(char[]){"get"}, (char[]){REGISTRY}, NULL};
	for (int argc = 0; argc < 3; argc += 2) {
		AUTO_REQUEST r = {0};
		AUTO_STATE s = exchange_state_new();
		struct err err = ERR_INIT;
		assert_true(protocol_docker.parse(&w.ctx, argc, argv, &r, &s, &err));
		assert_int_equal(r.action, ACTION_NONE);
		assert_null(s.word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_spelling_of_a_registry_is_the_same_registry),
		T(blanks_and_line_ends_around_the_server_are_none_of_it),
		T(the_path_is_known_without_its_slashes_and_questions),
		T(another_scheme_or_port_is_told_apart),
		T(a_name_that_is_no_hosts_is_nobodys),
		T(a_port_that_is_none_is_nobodys),
		T(bytes_that_no_server_has_are_refused_wherever_they_stand),
		T(a_nul_byte_is_refused_wherever_it_stands),
		T(no_letter_of_another_alphabet_looks_like_one_of_ours),
		T(a_path_that_climbs_is_refused),
		T(four_kilobytes_are_the_most_that_a_server_has),
		T(a_name_longer_than_any_hosts_is_nobodys),
		T(no_server_has_its_own_text),
		T(more_than_half_a_megabyte_is_not_read),
		T(verbs_that_need_no_input_read_none),
		T(one_argument_is_a_verb_and_any_other_number_is_none),
	};
	return RUN(tests);
}
