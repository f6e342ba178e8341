/* The last refusal: what of it is kept, for how long, and what never. */
#include "helper/core/held.h"
#include "helper/core/refusal.h"
#include "tests/unit/ride.h"

#define MARKER "marker-not-for-anybody"
#define JOB "{\"iss\":\"https://issuer.example\",\"sub\":\"repo:o/r\",\"aud\":[\"a\",\"b\"],\"repository\":\"o/r\",\"repository_id\":\"7\",\"other\":\"" MARKER "\"}"
#define NO(code, id) "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS" #code ": Text.\",\"error_codes\":[" #code "],\"correlation_id\":\"" id "\"}"

/* One request that Entra refuses so, presenting these claims. */
static void refused(struct ride *r, const char *claims, const char *answer)
{
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = make_jwt(claims);
	SCRIPT(&r->w, {401, .body = answer});
	assert_false(ride(r));
}

TEST(code_claims_and_whose_are_kept)
{
	RIDE(r);
	refused(&r, JOB, NO(700213, "id-1"));
	int64_t code = 0, at = 0;
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_non_null(last);
	assert_true(json_int(last, "code", &code) && json_int(last, "at", &at));
	assert_int_equal(code, 700213);
	assert_int_equal(at, NOW);
	assert_text(json_str(last, "correlation"), "id-1");
	assert_text(json_str(last, "client"), CLIENT);
	assert_text(json_str(last, "tenant"), TENANT);
	assert_text(json_str(last, "source"), "fake");
	assert_text(json_str(last, "authority"), "https://login.microsoftonline.com");
	const struct json *claims = json_get(last, "claims");
	assert_text(json_str(claims, "iss"), "https://issuer.example");
	assert_text(json_str(claims, "sub"), "repo:o/r");
	assert_text(json_str(claims, "repository_id"), "7");
	assert_text(json_text(json_at(json_get(claims, "aud"), 1)), "b");
	assert_null(json_get(claims, "other"));
}

TEST(neither_the_token_nor_other_claims_are_in_the_record)
{
	RIDE(r);
	refused(&r, JOB, NO(700213, "id-1"));
	AUTO_STR token = make_jwt(JOB);
	for (size_t i = 0; i < FAKE_RECORDS; i++) {
		const struct fake_record *kept = &r.w.store.records[i];
		if (!kept->used)
			continue;
		assert_null(memmem(kept->data.p, kept->data.len, MARKER, strlen(MARKER)));
		assert_null(memmem(kept->data.p, kept->data.len, token, 40));
		assert_true(kept->data.len < 16384);
	}
}

TEST(the_newest_takes_the_place_of_the_one_before)
{
	RIDE(r);
	int64_t code = 0;
	refused(&r, JOB, NO(700213, "id-1"));
	pass_ms(&r.w.clock, 60000);
	refused(&r, JOB, NO(700211, "id-2"));
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_true(json_int(last, "code", &code));
	assert_int_equal(code, 700211);
	assert_text(json_str(last, "correlation"), "id-2");
}

TEST(what_is_no_refusal_of_entras_is_not_kept)
{
	RIDE(r);
	refused(&r, JOB, "{\"error\":\"invalid_client\"}");
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_null(last);
	SCRIPT(&r.w, {.fails = true}, {.fails = true});
	pass_ms(&r.w.clock, 60000);
	assert_false(ride(&r));
	AUTO_JSON still = refusal_last(&r.w.ctx);
	assert_null(still);
}

TEST(endless_claims_are_left_out)
{
	RIDE(r);
	AUTO_BUF claims = buf_new(65536);
	buf_adds(&claims, "{\"iss\":\"i\",\"sub\":\"");
	for (int i = 0; i < 3000; i++)
		buf_addc(&claims, 's');
	buf_adds(&claims, "\",\"aud\":[");
	for (int i = 0; i < 500; i++)
		buf_addf(&claims, "%s\"a%d\"", i ? "," : "", i);
	buf_adds(&claims, "]}");
	refused(&r, claims.p, NO(700213, "x"));
	AUTO_JSON last = refusal_last(&r.w.ctx);
	const struct json *kept = json_get(last, "claims");
	assert_text(json_str(kept, "iss"), "i");
	assert_null(json_get(kept, "sub"));
	assert_non_null(json_at(json_get(kept, "aud"), 7));
	assert_null(json_at(json_get(kept, "aud"), 8));
}

TEST(claims_cannot_write_the_record)
{
	RIDE(r);
	int64_t code = 0;
	refused(&r, "{\"iss\":\"\\\"},\\\"code\\\":1,\\\"x\\\":{\\\"\",\"sub\":\"s\\n\\u001b\",\"aud\":\"u\"}", NO(700213, "\\\",\\\"code\\\":2"));
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_true(json_int(last, "code", &code));
	assert_int_equal(code, 700213);
	assert_text(json_str(json_get(last, "claims"), "iss"), "\"},\"code\":1,\"x\":{\"");
	assert_text(json_raw_text(json_get(json_get(last, "claims"), "sub")), "s\n\x1b");
}

TEST(cache_clear_takes_it_away)
{
	RIDE(r);
	enum keyring_answer keyring;
	refused(&r, JOB, NO(700213, "id-1"));
	held_clear(&r.w.ctx, NULL, &keyring);
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_null(last);
}

TEST(a_store_that_keeps_nothing_changes_nothing)
{
	RIDE(r);
	r.w.store.fail_all = true;
	refused(&r, JOB, NO(700213, "id-1"));
	assert_int_equal(r.err.kind, ERR_REFUSED);
	AUTO_JSON last = refusal_last(&r.w.ctx);
	assert_null(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(code_claims_and_whose_are_kept),
		T(neither_the_token_nor_other_claims_are_in_the_record),
		T(the_newest_takes_the_place_of_the_one_before),
		T(what_is_no_refusal_of_entras_is_not_kept),
		T(endless_claims_are_left_out),
		T(claims_cannot_write_the_record),
		T(cache_clear_takes_it_away),
		T(a_store_that_keeps_nothing_changes_nothing),
	};
	return RUN(tests);
}
