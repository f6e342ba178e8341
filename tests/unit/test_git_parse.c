/* git's requests: what is understood, and the corpus of attempts at something else. */
#include "tests/unit/git.h"

#define HEAD "protocol=https\nhost=dev.azure.com\n"

struct parsed {
	struct world w;
	struct request r;
	struct exchange_state s;
	struct err err;
	bool ok;
};

static void parsed_end(struct parsed *p)
{
	request_free(&p->r);
	exchange_state_free(&p->s);
	world_end(&p->w);
}

#define PARSED CLEANUP(parsed_end) struct parsed

static void parse_word(struct parsed *p, const char *operation, const char *text, size_t len)
{
	char word[32];
	char *const argv[] = {(char[]){"--some-option"}, word, NULL};
	*p = (struct parsed){.s = exchange_state_new(), .err = ERR_INIT};
	world_begin(&p->w);
	snprintf(word, sizeof word, "%s", operation);
	p->w.ctx.in = given(text, len);
	p->ok = protocol_git.parse(&p->w.ctx, 2, argv, &p->r, &p->s, &p->err);
	close(p->w.ctx.in);
}

#define PARSE(p, text) PARSED p; parse_word(&p, "get", text, strlen(text))

TEST(a_request_of_git_is_understood)
{
	PARSE(p, "capability[]=authtype\ncapability[]=state\n" HEAD "path=contoso/app/_git/web\nusername=contoso\nwwwauth[]=Bearer\n");
	assert_true(p.ok);
	assert_int_equal(p.r.action, ACTION_GET);
	assert_int_equal(p.r.kind, REQUEST_GIT);
	assert_text(p.r.scheme, "https");
	assert_text(p.r.host, "dev.azure.com");
	assert_text(p.r.path, "contoso/app/_git/web");
	assert_text(p.r.user, "contoso");
	assert_int_equal(p.s.accepts, 3);
	assert_false(p.s.second_round);
}

TEST(the_end_is_a_blank_line_or_the_end_of_input)
{
	static const char *const texts[] = {HEAD "\nhost=evil.example\n", HEAD "\n", HEAD, "protocol=https\nhost=dev.azure.com"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		PARSE(p, texts[i]);
		assert_true(p.ok);
		assert_text(p.r.host, "dev.azure.com");
	}
}

TEST(lines_that_all_end_in_crlf_are_understood)
{
	PARSE(p, "protocol=https\r\nhost=dev.azure.com\r\npath=contoso\r\n\r\nhost=evil.example\r\n");
	assert_true(p.ok);
	assert_text(p.r.host, "dev.azure.com");
	assert_text(p.r.path, "contoso");
}

static void refused(const char *text, size_t len)
{
	PARSED p;
	parse_word(&p, "get", text, len);
	if (p.ok)
		fail_msg("accepted: %s", text);
	assert_int_equal(p.err.kind, ERR_USAGE);
	assert_clean(&p.err);
}

#define REFUSED(text) refused(text, sizeof text - 1)

TEST(a_carriage_return_anywhere_else_is_refused)
{
	REFUSED(HEAD "username=x\rhost=evil.example\n");
	REFUSED(HEAD "username=x\r\n"); /* at the end of one line among others */
	REFUSED("protocol=https\r\nhost=dev.azure.com\r\nusername=x\rhost=evil\r\n");
	REFUSED("protocol=https\nhost=dev.azure.com\r\n");
	REFUSED("\rprotocol=https\nhost=dev.azure.com\n");
	REFUSED(HEAD "x\r=1\n");
}

TEST(a_nul_byte_is_refused)
{
	REFUSED(HEAD "username=a\0host=evil.example\n");
	REFUSED("protocol=https\0\nhost=dev.azure.com\n");
	REFUSED(HEAD "\n\0");
}

TEST(a_line_without_a_key_or_an_equals_sign_is_refused)
{
	REFUSED(HEAD "nonsense\n");
	REFUSED(HEAD "=value\n");
	REFUSED("protocol=https\nhost\n");
}

TEST(a_field_that_git_sends_once_may_not_stand_twice)
{
	REFUSED(HEAD "host=evil.example\n");
	REFUSED(HEAD "protocol=https\n");
	REFUSED(HEAD "path=a\npath=b\n");
	REFUSED("protocol=https\nhost=\nhost=dev.azure.com\n");
}

TEST(the_last_user_name_counts_and_unknown_keys_do_not)
{
	PARSE(p, HEAD "username=a\nusername=b\nntlm=x\nfoo[]=\nHOST=evil.example\noauth_refresh_token=s\nurl=https://evil.example\n");
	assert_true(p.ok);
	assert_text(p.r.user, "b");
	assert_text(p.r.host, "dev.azure.com");
}

static bool of_length(size_t line)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	buf_adds(&b, HEAD "wwwauth[]=");
	while (b.len < strlen(HEAD) + line)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n\n");
	PARSED p;
	parse_word(&p, "get", b.p, b.len);
	return p.ok;
}

TEST(a_line_may_have_65535_bytes_with_its_end)
{
	assert_true(of_length(65534));
	assert_false(of_length(65535));
	assert_false(of_length(100000));
}

TEST(a_request_of_more_than_half_a_mebibyte_is_refused)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	buf_adds(&b, HEAD);
	for (int i = 0; i < 600; i++)
		buf_addf(&b, "k%d=%01000d\n", i, 0);
	refused(b.p, b.len);
}

TEST(a_long_header_of_a_server_is_no_other_field)
{
	AUTO_BUF b = buf_new(65536);
	buf_adds(&b, "wwwauth[]=");
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, ' ');
	buf_adds(&b, "host=evil.example\n" HEAD);
	PARSED p;
	parse_word(&p, "get", b.p, b.len);
	assert_true(p.ok);
	assert_text(p.r.host, "dev.azure.com");
}

/* Not ours, and not a word about it. */
static void silent(const char *text)
{
	PARSE(p, text);
	if (p.ok)
		fail_msg("taken as ours: %s", text);
	assert_int_equal(p.err.kind, ERR_NONE);
}

TEST(other_schemes_missing_fields_and_strange_hosts_are_silently_not_ours)
{
	static const char *const texts[] = {
		"", "\n", "host=dev.azure.com\n", "protocol=https\n", "protocol=\nhost=dev.azure.com\n", "protocol=https\nhost=\n",
		"protocol=HTTPS\nhost=dev.azure.com\n", "protocol=cert\nhost=\npath=x\n", "protocol=https\nhost=dev.azure.com.\n", "protocol=https\nhost=dev.azure.com:0443\n", "protocol=https\nhost=dev.azure.com:65536\n",
		"protocol=https\nhost=dev.azure.com:\n", "protocol=https\nhost=u@dev.azure.com\n", "protocol=https\nhost=dev.azure.com%2eevil\n", "protocol=https\nhost=dev.azure.com/x\n",
		"protocol=https\nhost=dev azure com\n", "protocol=https\nhost=[::1]\n", "protocol=https\nhost=dev\xC2\xB7" "azure.com\n", "protocol=https\nhost=dev.azure.com\x1b" "[m\n",
		"protocol=https\nhost=.dev.azure.com\n", "protocol=https\nhost=dev..azure.com\n", "protocol=https\nhost=dev.azure.com:443:443\n",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		silent(texts[i]);
}

TEST(paths_that_climb_or_carry_controls_are_not_ours)
{
	static const char *const paths[] = {"..", "../x", "a/..", "a/../b", "a\\b", "a\tb", "a\x1b[31m", "a/\x7f", "/../x"};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		AUTO_STR text = str_printf(HEAD "path=%s\n", paths[i]);
		silent(text);
	}
}

static void path_becomes(const char *path, const char *wanted)
{
	AUTO_STR text = str_printf("protocol=https\nhost=Dev.AZURE.com:443\npath=%s\n", path);
	PARSE(p, text);
	assert_true(p.ok);
	assert_text(p.r.host, "dev.azure.com");
	assert_text(p.r.path, wanted);
}

TEST(host_and_path_are_brought_into_one_form)
{
	path_becomes("/Contoso/My App/_git/x//", "Contoso/My App/_git/x");
	path_becomes("///", "");
	path_becomes("", "");
	path_becomes("a..b/...", "a..b/...");
}

TEST(a_port_is_part_of_the_request)
{
	static const struct {
		const char *text, *host;
		int port;
	} rows[] = {{"protocol=http\nhost=dev.azure.com\n", "dev.azure.com", 0}, {"protocol=http\nhost=a.example:80\n", "a.example", 0},
		    {"protocol=http\nhost=A.example:443\n", "a.example", 443}, {"protocol=https\nhost=a.example:8443\n", "a.example", 8443}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		PARSE(p, rows[i].text);
		assert_true(p.ok);
		assert_text(p.r.host, rows[i].host);
		assert_int_equal(p.r.port, rows[i].port);
	}
}

/* What git gives is read only where somebody keeps it. */
TEST(store_reads_the_input_where_a_match_keeps)
{
	PARSED p;
	char word[] = "store", text[] = HEAD "username=u\npassword=\npassword_expiry_utc=9\noauth_refresh_token=r\nephemeral=1\n";
	char *const argv[] = {word, NULL};
	p = (struct parsed){.s = exchange_state_new(), .err = ERR_INIT};
	world_begin(&p.w);
	world_config(&p.w, "[match https://example.com]\nstore = keyring\n");
	p.w.ctx.in = given(text, strlen(text));
	assert_true(protocol_git.parse(&p.w.ctx, 1, argv, &p.r, &p.s, &p.err));
	close(p.w.ctx.in);
	assert_int_equal(p.r.action, ACTION_STORE);
	assert_true(p.s.has_given && p.s.ephemeral);
	assert_int_equal(secret_len(&p.s.given), 0);
	assert_text(p.s.expires, "9");
	assert_text(secret_reveal(&p.s.refresh), "r");
}

TEST(only_get_and_erase_read_the_input)
{
	static const struct {
		const char *word;
		enum request_action action;
	} rows[] = {{"store", ACTION_NONE}, {"capability", ACTION_CAPABILITY}, {"unknown", ACTION_NONE}, {"GET", ACTION_NONE}, {"", ACTION_NONE}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		PARSED p;
		parse_word(&p, rows[i].word, "nonsense", 8);
		assert_true(p.ok);
		assert_int_equal(p.r.action, rows[i].action);
	}
}

TEST(the_token_that_git_hands_back_is_kept_for_the_comparison)
{
	PARSED p;
	static const char text[] = HEAD "authtype=Bearer\ncredential=the-token\n";
	parse_word(&p, "erase", text, strlen(text));
	assert_true(p.ok);
	assert_int_equal(p.r.action, ACTION_ERASE);
	assert_text(secret_reveal(&p.s.given), "the-token");
}

TEST(a_credential_of_more_than_64_kib_is_refused)
{
	AUTO_BUF b = buf_new(400000);
	buf_adds(&b, HEAD "password=");
	for (int i = 0; i < 65530; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n");
	refused(b.p, b.len); /* already longer than a line may be */
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(our_own_state_means_that_the_token_of_that_hash_was_refused)
{
	PARSE(p, HEAD "state[]=other:helper\nstate[]=daypass:1:" HASH "\n");
	assert_true(p.ok && p.s.second_round);
	assert_text(p.s.refused, HASH);
}

TEST(state_of_others_or_of_another_form_is_ignored)
{
	static const char *const states[] = {"", "daypass", "daypass:1:", "daypass:1:abc", "daypass:2:" HASH, "daypass:1:" HASH "0", "DAYPASS:1:" HASH};
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		AUTO_STR text = str_printf(HEAD "state[]=%s\n", states[i]);
		PARSE(p, text);
		assert_true(p.ok);
		assert_false(p.s.second_round);
		assert_text(p.s.refused, "");
	}
}

TEST(a_request_without_an_end_is_given_up_at_its_deadline)
{
	int p[2];
	char *const argv[] = {(char[]){"get"}, NULL};
	struct parsed x = {.s = exchange_state_new(), .err = ERR_INIT};
	world_begin(&x.w);
	x.w.ctx.clock = &x.w.clock.port;
	x.w.clock.tick_ms = 20000;
	assert_int_equal(pipe(p), 0);
	x.w.ctx.in = p[0];
	assert_false(protocol_git.parse(&x.w.ctx, 1, argv, &x.r, &x.s, &x.err));
	assert_says(x.err.msg, "it has no end");
	close(p[0]);
	close(p[1]);
	parsed_end(&x);
}

/* git closes its end; other callers of the protocol may not, and must not be waited for. */
TEST(a_blank_line_is_the_end_although_stdin_stays_open)
{
	static const char *const texts[] = {HEAD "\n", "protocol=https\r\nhost=dev.azure.com\r\n\r\n", "\n"};
	char *const argv[] = {(char[]){"get"}, NULL};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct parsed x = {.s = exchange_state_new(), .err = ERR_INIT};
		int p[2];
		world_begin(&x.w);
		assert_int_equal(pipe(p), 0);
		assert_true(file_write_fd(p[1], texts[i], strlen(texts[i])));
		x.w.ctx.in = p[0];
		bool ok = protocol_git.parse(&x.w.ctx, 1, argv, &x.r, &x.s, &x.err);
		close(p[0]);
		close(p[1]);
		assert_int_equal(x.err.kind, ERR_NONE); /* not "it has no end" */
		assert_int_equal(ok, i < 2);
		parsed_end(&x);
	}
}

TEST(a_request_in_many_pieces_is_put_together)
{
	AUTO_BUF b = buf_new(100000);
	buf_adds(&b, HEAD);
	for (int i = 0; i < 500; i++)
		buf_addf(&b, "wwwauth[]=%0100d\n", i);
	buf_adds(&b, "path=contoso/last\n\n");
	PARSED p;
	parse_word(&p, "get", b.p, b.len);
	assert_true(p.ok);
	assert_text(p.r.path, "contoso/last");
}

TEST(an_empty_value_empties_the_list)
{
	PARSE(p, "capability[]=authtype\ncapability[]=\ncapability[]=state\n" HEAD "state[]=daypass:1:" HASH "\nstate[]=\n");
	assert_true(p.ok);
	assert_int_equal(p.s.accepts, 2);
	assert_false(p.s.second_round);
	assert_text(p.s.refused, "");
}

TEST(what_a_strangers_server_makes_of_a_request_is_not_worth_a_line)
{
	static const char *const texts[] = {"protocol=https\nhost=github.com\nusername=x\ry\n", "protocol=https\nhost=github.com\nnonsense\n"};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		silent(texts[i]);
}

TEST(a_closed_stdin_is_no_request_and_no_hang)
{
	WORLD(w);
	char *const argv[] = {(char[]){"get"}, NULL};
	struct request r = {.kind = REQUEST_GIT};
	AUTO_STATE s = exchange_state_new();
	struct err err = ERR_INIT;
	w.ctx.in = open("/dev/null", O_WRONLY | O_CLOEXEC); /* what file_open_std puts in place of a closed stdin */
	assert_false(protocol_git.parse(&w.ctx, 1, argv, &r, &s, &err));
	close(w.ctx.in);
	request_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_of_git_is_understood),
		T(the_end_is_a_blank_line_or_the_end_of_input),
		T(lines_that_all_end_in_crlf_are_understood),
		T(a_carriage_return_anywhere_else_is_refused),
		T(a_nul_byte_is_refused),
		T(a_line_without_a_key_or_an_equals_sign_is_refused),
		T(a_field_that_git_sends_once_may_not_stand_twice),
		T(the_last_user_name_counts_and_unknown_keys_do_not),
		T(a_line_may_have_65535_bytes_with_its_end),
		T(a_request_of_more_than_half_a_mebibyte_is_refused),
		T(a_long_header_of_a_server_is_no_other_field),
		T(other_schemes_missing_fields_and_strange_hosts_are_silently_not_ours),
		T(paths_that_climb_or_carry_controls_are_not_ours),
		T(host_and_path_are_brought_into_one_form),
		T(a_port_is_part_of_the_request),
		T(store_reads_the_input_where_a_match_keeps),
		T(only_get_and_erase_read_the_input),
		T(the_token_that_git_hands_back_is_kept_for_the_comparison),
		T(a_credential_of_more_than_64_kib_is_refused),
		T(our_own_state_means_that_the_token_of_that_hash_was_refused),
		T(state_of_others_or_of_another_form_is_ignored),
		T(a_request_without_an_end_is_given_up_at_its_deadline),
		T(a_blank_line_is_the_end_although_stdin_stays_open),
		T(a_request_in_many_pieces_is_put_together),
		T(an_empty_value_empties_the_list),
		T(what_a_strangers_server_makes_of_a_request_is_not_worth_a_line),
		T(a_closed_stdin_is_no_request_and_no_hang),
	};
	return RUN(tests);
}
