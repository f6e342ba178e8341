/* Tokens as az, azd and kubectl's plugins print them; az's local time over the changes of the clock. */
#include "helper/core/token_text.h"

#include "tests/unit/check.h"

/* The rules themselves, so that no time zone files are needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define KATHMANDU "<+0545>-5:45"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"

static struct token token_of(const char *value, int64_t issued, int64_t expires)
{
	struct token t = token_new();
	secret_set(&t.value, value, strlen(value));
	t.issued_at = issued;
	t.expires_at = expires;
	return t;
}

TEST(expires_on_is_local_time_over_every_change_of_the_clock)
{
	/* Expected by Python's zoneinfo. */
	static const struct {
		const char *tz;
		int64_t wall;
		const char *text;
	} rows[] = {
		{BERLIN, 1792888200, "2026-10-25 02:30:00"},	{BERLIN, 1792891800, "2026-10-25 02:30:00"},	{BERLIN, 1774745940, "2026-03-29 01:59:00"},
		{BERLIN, 1774746000, "2026-03-29 03:00:00"},	{NEW_YORK, 1793511000, "2026-11-01 01:30:00"},	{NEW_YORK, 1793514600, "2026-11-01 01:30:00"},
		{NEW_YORK, 1792888200, "2026-10-24 20:30:00"},	{KATHMANDU, 1793511000, "2026-11-01 11:15:00"}, {LORD_HOWE, 1775313900, "2026-04-05 01:45:00"},
		{LORD_HOWE, 1775315700, "2026-04-05 01:45:00"}, {"UTC", 1795435719, "2026-11-23 12:08:39"},	{"UTC", 4102444800, "2100-01-01 00:00:00"},
		{"Nowhere/At_All", 1795435719, "2026-11-23 12:08:39"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[40];
		AUTO_STR wanted = str_printf("%s.000000", rows[i].text);
		setenv("TZ", rows[i].tz, 1);
		token_text_local(text, rows[i].wall);
		assert_text(text, wanted);
	}
}

TEST(az_prints_sorted_keys_and_leaves_out_what_is_not_there)
{
	AUTO_TOKEN t = token_of("a.b.c", 1795432119, 1795435719);
	AUTO_BUF all = buf_new(4096);
	AUTO_BUF few = buf_new(4096);
	setenv("TZ", "UTC", 1);
	token_text_az(&all, &t, "S", "T\"\xc3\xb6");
	assert_text(all.p, "{\n  \"accessToken\": \"a.b.c\",\n  \"expiresOn\": \"2026-11-23 12:08:39.000000\",\n  \"expires_on\": 1795435719,\n  \"subscription\": \"S\",\n  \"tenant\": \"T\\\"\xc3\xb6\",\n  \"tokenType\": \"Bearer\"\n}\n");
	token_text_az(&few, &t, NULL, NULL);
	assert_text(few.p, "{\n  \"accessToken\": \"a.b.c\",\n  \"expiresOn\": \"2026-11-23 12:08:39.000000\",\n  \"expires_on\": 1795435719,\n  \"tokenType\": \"Bearer\"\n}\n");
}

TEST(azd_prints_utc_in_every_time_zone)
{
	AUTO_TOKEN t = token_of("a.b.c", 1795432119, 1795435719);
	AUTO_BUF out = buf_new(4096);
	setenv("TZ", KATHMANDU, 1);
	token_text_azd(&out, &t);
	assert_text(out.p, "{\n  \"token\": \"a.b.c\",\n  \"expiresOn\": \"2026-11-23T12:08:39Z\"\n}\n");
}

TEST(kubectl_hears_of_the_end_a_margin_earlier)
{
	AUTO_TOKEN t = token_of("a.b.c", 1795432119, 1795435719);
	AUTO_BUF out = buf_new(4096);
	token_text_exec_credential(&out, &t, "v");
	assert_text(out.p, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"v\",\"status\":{\"expirationTimestamp\":\"2026-11-23T12:03:39Z\",\"token\":\"a.b.c\"}}\n");
}

TEST(a_token_with_other_bytes_is_not_written)
{
	static const char *const bad[] = {"", "a b", "a\nb", "a\"b", "a'b"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err err = ERR_INIT;
		AUTO_TOKEN t = token_of(bad[i], 0, 0);
		assert_false(token_text_ok(&t, &err));
		assert_clean(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(expires_on_is_local_time_over_every_change_of_the_clock),
		T(az_prints_sorted_keys_and_leaves_out_what_is_not_there),
		T(azd_prints_utc_in_every_time_zone),
		T(kubectl_hears_of_the_end_a_margin_earlier),
		T(a_token_with_other_bytes_is_not_written),
	};
	return RUN(tests);
}
