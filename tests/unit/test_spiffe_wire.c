/* The Workload API on the wire: the request to the byte, and answers of every length, order and defect. */
#include "helper/sources/spiffe_wire.h"
#include "tests/unit/check.h"

#define BYTES(s) s, sizeof(s) - 1

static const char *read_it(const char *data, size_t len, const char *id, char *to)
{
	const char *jwt = NULL, *why = NULL;
	size_t n = 0;
	if (!spiffe_response(data, len, id, &jwt, &n, &why))
		return why;
	memcpy(to, jwt, n);
	to[n] = 0;
	return NULL;
}

TEST(a_request_is_to_the_byte_what_go_spiffe_sends)
{
	AUTO_BUF out = buf_new(8192);
	spiffe_request(&out, "api://AzureADTokenExchange", NULL);
	assert_int_equal(out.len, 5 + 28);
	assert_memory_equal(out.p, "\x00\x00\x00\x00\x1C\x0A\x1A" "api://AzureADTokenExchange", 33);
	buf_clear(&out);
	spiffe_request(&out, "a", "spiffe://d/x");
	assert_memory_equal(out.p, "\x00\x00\x00\x00\x11\x0A\x01" "a" "\x12\x0C" "spiffe://d/x", 22);
	assert_int_equal(out.len, 22);
}

TEST(a_long_audience_has_a_length_of_two_bytes)
{
	AUTO_BUF out = buf_new(8192);
	char audience[301];
	memset(audience, 'a', 300);
	audience[300] = 0;
	spiffe_request(&out, audience, NULL);
	assert_memory_equal(out.p, "\x00\x00\x00\x01\x2F\x0A\xAC\x02" "aaa", 11);
	assert_int_equal(out.len, 5 + 303);
}

TEST(the_first_token_or_that_of_the_id)
{
	static const char two[] = "\x00\x00\x00\x00\x16" "\x0A\x09\x0A\x02i1\x12\x03" "one" "\x0A\x09\x0A\x02i2\x12\x03" "two";
	char got[64];
	assert_null(read_it(BYTES(two), NULL, got));
	assert_string_equal(got, "one");
	assert_null(read_it(BYTES(two), "i2", got));
	assert_string_equal(got, "two");
	assert_string_equal(read_it(BYTES(two), "i", got), "it has no token of that SPIFFE id");
}

TEST(unknown_fields_and_another_order_are_passed_over)
{
	/* varint, fixed64, fixed32 and bytes of unknown numbers, within and without; the token before the id, a hint behind it. */
	static const char odd[] = "\x00\x00\x00\x00\x29" "\x18\xFF\x01" "\x21" "12345678" "\x2D" "1234" "\x32\x01x" "\x0A\x11\x12\x03" "one" "\x1A\x04hint" "\x20\x05" "\x0A\x02" "i1" "\x2A\x00";
	char got[64];
	const char *why = read_it(odd, sizeof odd - 1, "i1", got);
	assert_null(why);
	assert_string_equal(got, "one");
}

TEST(what_is_none_is_told)
{
	static const struct {
		const char *data;
		size_t len;
		const char *why;
	} rows[] = {
		{BYTES(""), "no gRPC frame"},
		{BYTES("\x00\x00\x00\x00"), "no gRPC frame"},
		{BYTES("\x01\x00\x00\x00\x00"), "compressed"},
		{BYTES("\x00\x00\x00\x00\x05\x0A"), "length"},
		{BYTES("\x00\xFF\xFF\xFF\xFF\x0A"), "length"},
		{BYTES("\x00\x00\x00\x00\x00"), "no token"},
		{BYTES("\x00\x00\x00\x00\x02\x0A\x7F"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x02\x0A\x00"), "no token"},
		{BYTES("\x00\x00\x00\x00\x04\x0A\x02\x12\x00"), "no token"},
		{BYTES("\x00\x00\x00\x00\x04\x0A\x02\x12\x05"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x01\x00"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x01\x0B"), "no JWTSVIDResponse"}, /* groups are gone */
		{BYTES("\x00\x00\x00\x00\x0C\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02" "x"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x0B\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x0C\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "no JWTSVIDResponse"},
		{BYTES("\x00\x00\x00\x00\x03\x25" "12"), "no JWTSVIDResponse"},
	};
	char got[64];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *why = read_it(rows[i].data, rows[i].len, NULL, got);
		if (!why || !strstr(why, rows[i].why))
			fail_msg("row %zu: %s", i, why ? why : "taken");
	}
}

TEST(no_cut_of_an_answer_is_read_beyond_its_end)
{
	static const char whole[] = "\x00\x00\x00\x00\x0B" "\x0A\x09\x0A\x02i1\x12\x03" "one";
	char got[64];
	for (size_t len = 0; len < sizeof whole - 1; len++) {
		char *copy = mem_alloc(len + 1);
		memcpy(copy, whole, len);
		assert_non_null(read_it(copy, len, NULL, got));
		free(copy);
	}
	assert_null(read_it(BYTES(whole), NULL, got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_to_the_byte_what_go_spiffe_sends),
		T(a_long_audience_has_a_length_of_two_bytes),
		T(the_first_token_or_that_of_the_id),
		T(unknown_fields_and_another_order_are_passed_over),
		T(what_is_none_is_told),
		T(no_cut_of_an_answer_is_read_beyond_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
