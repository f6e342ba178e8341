/* A token as bytes, and as the text that the keyring holds (design section 8). */
#include "helper/core/record.h"

#include "helper/base/seal.h"
#include "tests/unit/edge.h"
#include "tests/unit/fake.h"

enum { HEAD = 2 * 4 + 4 * 8 + CLOCK_BOOT_ID };

static const unsigned char id[STORE_ID] = {0xab, 1, 2, 3}, other_id[STORE_ID] = {0xab, 1, 2, 4};

static struct record sample(void)
{
	return (struct record){.issued_at = NOW, .expires_at = NOW + 3600, .refresh_at = NOW + 1800, .boot_at = 5000, .boot = "boot-0", .token = "token-1", .length = 7,
			       .identity = "default", .tenant = TENANT, .client_id = CLIENT, .resource = RESOURCE_AZURE_REPOS, .source = "file"};
}

static struct buf encoded(const struct record *r)
{
	struct buf b = buf_new(STORE_RECORD_MAX);
	assert_true(record_encode(r, &b));
	return b;
}

#define ENCODED(b, r) AUTO_BUF b = encoded(r)

TEST(what_is_encoded_is_decoded_again)
{
	struct record r = sample(), got;
	ENCODED(b, &r);
	assert_true(record_decode(&b, &got));
	assert_int_equal(got.issued_at, r.issued_at);
	assert_int_equal(got.expires_at, r.expires_at);
	assert_int_equal(got.refresh_at, r.refresh_at);
	assert_int_equal(got.boot_at, r.boot_at);
	assert_text(got.boot, "boot-0");
	assert_int_equal(got.length, 7);
	assert_memory_equal(got.token, "token-1", 7);
	assert_text(got.identity, "default");
	assert_text(got.tenant, TENANT);
	assert_text(got.client_id, CLIENT);
	assert_text(got.resource, RESOURCE_AZURE_REPOS);
	assert_text(got.source, "file");
}

TEST(a_text_that_is_missing_comes_back_empty)
{
	struct record r = sample(), got;
	r.tenant = r.client_id = r.source = NULL;
	ENCODED(b, &r);
	assert_true(record_decode(&b, &got));
	assert_text(got.identity, "default");
	assert_text(got.tenant, "");
	assert_text(got.client_id, "");
	assert_text(got.resource, RESOURCE_AZURE_REPOS);
	assert_text(got.source, "");
}

TEST(the_same_record_is_the_same_bytes)
{
	struct record r = sample();
	ENCODED(one, &r);
	ENCODED(two, &r);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.p, two.p, one.len);
}

TEST(a_record_cut_at_any_length_is_none_and_is_not_read_beyond)
{
	struct record r = sample(), got;
	ENCODED(b, &r);
	EDGE(e, b.len);
	for (size_t n = 0; n < b.len; n++) {
		struct buf cut = edge_buf(&e, b.p, n);
		assert_false(record_decode(&cut, &got));
	}
	struct buf whole = edge_buf(&e, b.p, b.len);
	assert_true(record_decode(&whole, &got));
}

TEST(bytes_behind_a_record_make_it_none)
{
	struct record r = sample(), got;
	ENCODED(b, &r);
	assert_true(buf_addc(&b, 0));
	assert_false(record_decode(&b, &got));
}

TEST(a_record_of_another_format_is_none)
{
	struct record r = sample(), got;
	static const uint32_t formats[] = {0, 1, RECORD_TOKEN - 1, RECORD_TOKEN + 1, RECORD_FAILURE, RECORD_KEYRING, UINT32_MAX};
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		ENCODED(b, &r);
		memcpy(b.p, &formats[i], sizeof formats[i]);
		assert_false(record_decode(&b, &got));
	}
}

TEST(a_length_that_lies_makes_it_none_and_is_not_believed)
{
	struct record r = sample(), got;
	static const uint32_t lengths[] = {0, 200, 1 << 30, INT32_MAX, UINT32_MAX, UINT32_MAX - HEAD};
	ENCODED(b, &r);
	EDGE(e, b.len);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		memcpy(b.p + 4, &lengths[i], sizeof lengths[i]);
		struct buf lies = edge_buf(&e, b.p, b.len);
		assert_false(record_decode(&lies, &got));
	}
}

TEST(a_token_with_strange_bytes_or_of_no_length_is_none)
{
	static const char *const tokens[] = {"to en-1", "token\n1", "token\r1", "tok\"n-1", "tok\xc3\xa9n", "token,1", "tok\x7f-1"};
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		struct record r = sample(), got;
		r.token = tokens[i];
		r.length = strlen(tokens[i]);
		ENCODED(b, &r);
		assert_false(record_decode(&b, &got));
	}
	struct record r = sample(), got;
	r.length = 0;
	ENCODED(b, &r);
	assert_false(record_decode(&b, &got));
}

TEST(a_boot_id_without_an_end_gets_one)
{
	struct record r = sample(), got;
	ENCODED(b, &r);
	memset(b.p + HEAD - CLOCK_BOOT_ID, 'b', CLOCK_BOOT_ID);
	assert_true(record_decode(&b, &got));
	assert_int_equal(strlen(got.boot), CLOCK_BOOT_ID - 1);
}

TEST(what_is_too_long_for_its_place_is_not_encoded)
{
	struct record r = sample();
	AUTO_BUF small = buf_new(HEAD + 20);
	assert_false(record_encode(&r, &small));
}

/* --- as text ------------------------------------------------------------------------------------------------------- */

#define TEXT(t, r) \
	AUTO_SECRET t = secret_new(200 * 1024); \
	ENCODED(bytes_of_##t, r); \
	assert_true(record_to_text(id, &bytes_of_##t, &t))

static bool reads(const unsigned char of[STORE_ID], const char *text, size_t len)
{
	AUTO_SECRET s = secret_new(200 * 1024);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	struct record r;
	assert_true(secret_set(&s, text, len));
	return record_from_text(of, &s, &data) && record_decode(&data, &r);
}

TEST(a_text_gives_the_same_bytes_back)
{
	struct record r = sample();
	TEXT(t, &r);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	assert_true(record_from_text(id, &t, &data));
	assert_int_equal(data.len, bytes_of_t.len);
	assert_memory_equal(data.p, bytes_of_t.p, data.len);
}

TEST(a_text_is_one_word_that_names_program_version_and_key)
{
	struct record r = sample();
	TEXT(t, &r);
	const char *text = secret_reveal(&t);
	assert_true(str_starts(text, "daypass:1:ab010203000000000000000000000000000000000000000000000000000000"));
	assert_false(str_has_control(text));
	assert_null(strpbrk(text, " \t="));
	assert_silent_about(text, "token-1");
	assert_int_equal(strlen(text), secret_len(&t));
}

TEST(the_text_of_another_key_is_none)
{
	struct record r = sample();
	TEXT(t, &r);
	assert_true(reads(id, secret_reveal(&t), secret_len(&t)));
	assert_false(reads(other_id, secret_reveal(&t), secret_len(&t)));
}

TEST(a_text_of_another_program_or_version_is_none)
{
	struct record r = sample();
	TEXT(t, &r);
	static const char *const heads[] = {"Daypass:1:", "daypass:2:", "daypass:1;", " daypass:1:", "daypass:01:", "", "daypass1::"};
	const char *rest = secret_reveal(&t) + strlen("daypass:1:");
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		AUTO_STR text = str_printf("%s%s", heads[i], rest);
		assert_false(reads(id, text, strlen(text)));
	}
}

TEST(a_text_cut_at_any_length_is_none)
{
	struct record r = sample();
	TEXT(t, &r);
	for (size_t n = 0; n < secret_len(&t); n++)
		assert_false(reads(id, secret_reveal(&t), n));
}

TEST(a_text_with_anything_behind_or_in_it_is_none)
{
	struct record r = sample();
	static const char *const more[] = {"\n", "=", " ", "A", "AAAA", ":"};
	TEXT(t, &r);
	for (size_t i = 0; i < COUNT_OF(more); i++) {
		AUTO_STR text = str_printf("%s%s", secret_reveal(&t), more[i]);
		assert_false(reads(id, text, strlen(text)));
	}
	AUTO_BUF hidden = buf_new(4096);
	buf_add(&hidden, secret_reveal(&t), secret_len(&t) + 1); /* the NUL as well */
	assert_false(reads(id, hidden.p, hidden.len));
	hidden.p[100] = '\n';
	assert_false(reads(id, hidden.p, hidden.len - 1));
}

TEST(a_text_that_does_not_fit_is_none)
{
	struct record r = sample();
	ENCODED(b, &r);
	AUTO_SECRET small = secret_new(100);
	assert_false(record_to_text(id, &b, &small));
	TEXT(t, &r);
	AUTO_BUF short_of_one = buf_new(bytes_of_t.len - 1);
	assert_false(record_from_text(id, &t, &short_of_one));
}

/* --- another boot -------------------------------------------------------------------------------------------------- */

TEST(in_the_same_boot_its_clock_counts)
{
	struct fake_clock c = fake_clock();
	struct record r = sample();
	pass_ms(&c, 100000);
	c.now += 77777;
	record_rebase(&r, &c.port);
	assert_int_equal(r.boot_at, 5000);
}

TEST(in_another_boot_it_is_as_old_as_the_wall_clock_says)
{
	struct fake_clock c = fake_clock();
	struct record r = sample();
	c.boots = 1;
	c.up = 30;
	c.now = NOW + 1000;
	record_rebase(&r, &c.port);
	assert_int_equal(r.boot_at, 30 - 1000);
	assert_text(r.boot, "boot-1");
	c.now += 50;
	c.up += 20; /* from here on this boot's clock counts */
	record_rebase(&r, &c.port);
	assert_int_equal(r.boot_at, 30 - 1000);
}

static void no_boot_id(struct clock *c UNUSED, char *out)
{
	*out = 0;
}

TEST(two_boots_that_cannot_be_told_are_not_the_same)
{
	struct fake_clock c = fake_clock();
	struct record r = sample();
	c.port.boot_id = no_boot_id;
	*r.boot = 0;
	c.up = 30;
	c.now = NOW + 1000;
	record_rebase(&r, &c.port);
	assert_int_equal(r.boot_at, 30 - 1000);
}

TEST(times_that_nobody_can_count_with_make_it_none)
{
	static const int64_t absurd[] = {INT64_MIN, INT64_MAX, INT64_MIN / 2, INT64_MAX / 2};
	for (size_t i = 0; i < COUNT_OF(absurd); i++)
		for (size_t k = 0; k < 4; k++) {
			struct record r = sample(), got;
			int64_t *const times[] = {&r.issued_at, &r.expires_at, &r.refresh_at, &r.boot_at};
			*times[k] = absurd[i];
			ENCODED(b, &r);
			assert_false(record_decode(&b, &got));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_encoded_is_decoded_again),
		T(a_text_that_is_missing_comes_back_empty),
		T(the_same_record_is_the_same_bytes),
		T(a_record_cut_at_any_length_is_none_and_is_not_read_beyond),
		T(bytes_behind_a_record_make_it_none),
		T(a_record_of_another_format_is_none),
		T(a_length_that_lies_makes_it_none_and_is_not_believed),
		T(a_token_with_strange_bytes_or_of_no_length_is_none),
		T(a_boot_id_without_an_end_gets_one),
		T(what_is_too_long_for_its_place_is_not_encoded),
		T(a_text_gives_the_same_bytes_back),
		T(a_text_is_one_word_that_names_program_version_and_key),
		T(the_text_of_another_key_is_none),
		T(a_text_of_another_program_or_version_is_none),
		T(a_text_cut_at_any_length_is_none),
		T(a_text_with_anything_behind_or_in_it_is_none),
		T(a_text_that_does_not_fit_is_none),
		T(in_the_same_boot_its_clock_counts),
		T(in_another_boot_it_is_as_old_as_the_wall_clock_says),
		T(two_boots_that_cannot_be_told_are_not_the_same),
		T(times_that_nobody_can_count_with_make_it_none),
	};
	return RUN(tests);
}
