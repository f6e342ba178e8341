/* Sealing, hashing, base64url; and clocks, whose texts are as plain. */
#include "helper/base/seal.h"

#include "helper/base/clock.h"
#include "helper/base/str.h"
#include "tests/unit/check.h"

static const unsigned char key[SEAL_KEY] = {1, 2, 3}, other_key[SEAL_KEY] = {1, 2, 4};

static bool opens(const struct buf *sealed, const unsigned char *with, const char *aad, const char *wanted)
{
	AUTO_BUF out = buf_new(1000);
	return seal_open(&out, with, aad, strlen(aad), sealed->p, sealed->len) && str_eq(out.p, wanted);
}

TEST(what_is_sealed_opens_with_the_same_key_and_place)
{
	AUTO_BUF sealed = buf_new(1000);
	assert_true(seal_close(&sealed, key, "place", 5, "the secret", 10));
	assert_int_equal(sealed.len, SEAL_NONCE + 10 + SEAL_TAG);
	assert_null(memmem(sealed.p, sealed.len, "secret", 6));
	assert_true(opens(&sealed, key, "place", "the secret"));
	assert_false(opens(&sealed, other_key, "place", "the secret"));
	assert_false(opens(&sealed, key, "plac", "the secret"));
	assert_false(opens(&sealed, key, "Place", "the secret"));
}

TEST(each_changed_byte_and_each_cut_is_noticed)
{
	AUTO_BUF sealed = buf_new(1000), out = buf_new(1000);
	seal_close(&sealed, key, "p", 1, "abc", 3);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.p[i] = (char)(sealed.p[i] ^ 0x10);
		assert_false(seal_open(&out, key, "p", 1, sealed.p, sealed.len));
		sealed.p[i] = (char)(sealed.p[i] ^ 0x10);
	}
	for (size_t n = 0; n < sealed.len; n++)
		assert_false(seal_open(&out, key, "p", 1, sealed.p, n));
	assert_int_equal(out.len, 0);
	assert_true(seal_open(&out, key, "p", 1, sealed.p, sealed.len));
}

TEST(sealing_twice_differs_and_nothing_can_be_sealed)
{
	AUTO_BUF a = buf_new(100), b = buf_new(100), none = buf_new(100), out = buf_new(10);
	seal_close(&a, key, "", 0, "same", 4);
	seal_close(&b, key, "", 0, "same", 4);
	assert_memory_not_equal(a.p, b.p, a.len);
	assert_true(seal_close(&none, key, "", 0, "", 0));
	assert_true(seal_open(&out, key, "", 0, none.p, none.len));
	assert_int_equal(out.len, 0);
}

TEST(hash_fields_do_not_run_together_and_null_is_a_value)
{
	static const char *const sets[][2] = {{"a", "b"}, {"ab", ""}, {"", "ab"}, {NULL, "ab"}, {"ab", NULL}, {"a", "b\n"}};
	unsigned char sums[COUNT_OF(sets)][SEAL_HASH];
	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		struct seal_hash h;
		seal_hash_begin(&h);
		seal_hash_field(&h, sets[i][0]);
		seal_hash_field(&h, sets[i][1]);
		seal_hash_end(&h, sums[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(sums[i], sums[k], SEAL_HASH);
	}
}

TEST(sha256_is_the_known_one)
{
	unsigned char sum[SEAL_HASH];
	char hex[65];
	seal_sha256(sum, "abc", 3);
	str_hex(hex, sum, sizeof sum);
	assert_text(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static bool b64(const char *text, const char *wanted)
{
	AUTO_BUF b = buf_new(100);
	return seal_b64url_decode(&b, text, strlen(text)) && str_eq(b.p, wanted);
}

TEST(base64url_is_unpadded_and_strict)
{
	assert_true(b64("", ""));
	assert_true(b64("YQ", "a"));
	assert_true(b64("YWI", "ab"));
	assert_true(b64("YWJj", "abc"));
	assert_true(b64("_-A", "\xff\xe0"));
	static const char *const bad[] = {"YQ==", "YWI=", "Y", "YWJjZ", "YQ\n", " YQ", "Y Q", "a+b", "a/b", "YR", "YWJ", "YQ\x01", "\xC3\xA4"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_BUF b = buf_new(100);
		if (seal_b64url_decode(&b, bad[i], strlen(bad[i])))
			fail_msg("decoded: '%s'", bad[i]);
	}
}

TEST(base64url_round_trips_every_length)
{
	unsigned char data[50];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 37 + 5);
	for (size_t n = 0; n <= sizeof data; n++) {
		AUTO_BUF text = buf_new(100), back = buf_new(100);
		seal_b64url_encode(&text, data, n);
		assert_true(seal_b64url_decode(&back, text.p, text.len));
		assert_int_equal(back.len, n);
		assert_memory_equal(back.p, data, n);
	}
}

TEST(random_bytes_differ)
{
	unsigned char a[32] = {0}, b[32] = {0};
	seal_random(a, sizeof a);
	seal_random(b, sizeof b);
	assert_false(seal_same(a, b, sizeof a));
	assert_true(seal_same(a, a, sizeof a));
}

static bool date(const char *text, int64_t wanted)
{
	int64_t at = -1;
	return clock_http_date(text, &at) && at == wanted;
}

TEST(the_three_forms_of_an_http_date_are_read)
{
	assert_true(date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777));
	assert_true(date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777));
	assert_true(date("Sun Nov  6 08:49:37 1994", 784111777));
	assert_true(date("Mon, 23 Nov 2026 10:00:00 GMT", 1795428000));
}

TEST(what_is_no_http_date_is_none)
{
	static const char *const bad[] = {"", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 08:49:37 PST", "1994-11-06T08:49:37Z", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Abc 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "soon"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t at;
		if (clock_http_date(bad[i], &at))
			fail_msg("taken as a date: '%s'", bad[i]);
	}
}

static void span(int64_t seconds, const char *wanted)
{
	char out[32];
	clock_span(out, seconds);
	assert_text(out, wanted);
}

TEST(spans_are_told_in_two_units)
{
	span(0, "0s");
	span(59, "59s");
	span(60, "1m00s");
	span(271, "4m31s");
	span(7500, "2h05m");
	span(86400 * 3 + 4 * 3600, "3d4h");
	span(-5, "0s");
	span(INT64_MAX, "106751991167300d15h");
}

TEST(times_are_told_in_utc_or_not_at_all)
{
	char out[24];
	clock_text(out, 1795428000);
	assert_text(out, "2026-11-23 10:00:00Z");
	clock_text(out, 0);
	assert_text(out, "1970-01-01 00:00:00Z");
	clock_text(out, INT64_MAX);
	assert_text(out, "?");
}

TEST(the_real_clocks_go_forward_and_sleeping_takes_its_time)
{
	struct clock c = clock_real();
	int64_t boot = c.boot(&c), mono = c.mono_ms(&c);
	c.sleep_ms(&c, 3);
	assert_true(c.mono_ms(&c) - mono >= 3);
	assert_true(c.boot(&c) >= boot);
	assert_true(c.wall(&c) > 1700000000);
}

TEST(bytes_beyond_ascii_are_no_base64url)
{
	for (int c = 0x80; c <= 0xFF; c++) {
		const char text[] = {'Q', (char)c, 'A', 'A', 0};
		assert_false(b64(text, "\x43\xf0"));
		AUTO_BUF b = buf_new(8);
		assert_false(seal_b64url_decode(&b, text, 4));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_sealed_opens_with_the_same_key_and_place),
		T(each_changed_byte_and_each_cut_is_noticed),
		T(sealing_twice_differs_and_nothing_can_be_sealed),
		T(hash_fields_do_not_run_together_and_null_is_a_value),
		T(sha256_is_the_known_one),
		T(base64url_is_unpadded_and_strict),
		T(base64url_round_trips_every_length),
		T(random_bytes_differ),
		T(the_three_forms_of_an_http_date_are_read),
		T(what_is_no_http_date_is_none),
		T(spans_are_told_in_two_units),
		T(times_are_told_in_utc_or_not_at_all),
		T(the_real_clocks_go_forward_and_sleeping_takes_its_time),
		T(bytes_beyond_ascii_are_no_base64url),
	};
	return RUN(tests);
}
