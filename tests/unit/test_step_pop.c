/* A token and its key as one, and a statement of its own for each call. That others take it is shown end to end. */
#include "helper/base/json.h"
#include "helper/core/jwt.h"
#include "helper/core/step_pop.h"
#include "tests/unit/fake.h"

#define U "/subscriptions/\"x\"/\\"

struct proof {
	struct world w;
	struct plan plan;
	struct pop_key key;
	struct token t;
	struct err err;
};

static void proof_end(struct proof *p)
{
	pop_key_free(&p->key);
	plan_free(&p->plan);
	token_free(&p->t);
	world_end(&p->w);
}

static void proof_begin(struct proof *p)
{
	*p = (struct proof){.plan.pop = str_dup(U), .t = token_new(), .err = ERR_INIT};
	world_begin(&p->w);
	p->t.issued_at = NOW - 100;
	p->t.expires_at = NOW + 3600;
	assert_true(pop_key_make(&p->key, &p->err));
	assert_true(secret_set(&p->t.value, "opaque", 6));
}

#define PROOF(p) CLEANUP(proof_end) struct proof p; proof_begin(&p)

/* What the statement's payload says. */
static struct json *states(const struct token *t)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	const char *from = strchr(secret_reveal(&t->value), '.');
	assert_non_null(from);
	assert_true(seal_b64url_decode(&text, from + 1, strcspn(from + 1, ".")));
	struct json *j = json_parse(text.p, text.len);
	assert_non_null(j);
	return j;
}

TEST(a_statement_names_token_time_cluster_and_key)
{
	PROOF(p);
	assert_true(pop_bind(&p.key, &p.t, &p.err));
	assert_true(step_pop(&p.w.ctx, &p.plan, &p.t, &p.err));
	AUTO_JSON j = states(&p.t);
	int64_t ts = 0;
	assert_true(json_int(j, "ts", &ts));
	assert_int_equal(ts, NOW);
	assert_text(json_str(j, "at"), "opaque");
	assert_text(json_str(j, "u"), U);
	assert_int_equal(strlen(json_str(j, "nonce")), 32);
	const struct json *jwk = json_get(json_get(j, "cnf"), "jwk");
	assert_text(json_str(jwk, "kid"), p.key.thumbprint);
	assert_text(json_str(jwk, "n"), p.key.n);
	assert_text(json_str(jwk, "e"), "AQAB");
	AUTO_SECRET within = secret_new(TOKEN_MAX);
	assert_true(jwt_within(&p.t.value, &within));
	assert_text(secret_reveal(&within), "opaque");
}

TEST(it_is_good_for_fifteen_minutes_or_as_long_as_its_token)
{
	PROOF(p);
	AUTO_TOKEN shorter = token_new();
	assert_true(pop_bind(&p.key, &p.t, &p.err));
	assert_true(secret_set(&shorter.value, secret_reveal(&p.t.value), secret_len(&p.t.value)));
	shorter.expires_at = NOW + 60;
	assert_true(step_pop(&p.w.ctx, &p.plan, &p.t, &p.err) && step_pop(&p.w.ctx, &p.plan, &shorter, &p.err));
	assert_int_equal(p.t.expires_at, NOW + 900);
	assert_int_equal(shorter.expires_at, NOW + 60);
	assert_int_equal(p.t.issued_at, NOW);
}

TEST(no_two_statements_are_alike_and_no_two_keys)
{
	PROOF(p);
	AUTO_POP_KEY other = {0};
	AUTO_TOKEN again = token_new();
	assert_true(pop_bind(&p.key, &p.t, &p.err) && secret_set(&again.value, secret_reveal(&p.t.value), secret_len(&p.t.value)));
	assert_true(step_pop(&p.w.ctx, &p.plan, &p.t, &p.err) && step_pop(&p.w.ctx, &p.plan, &again, &p.err));
	assert_string_not_equal(secret_reveal(&p.t.value), secret_reveal(&again.value));
	assert_true(pop_key_make(&other, &p.err));
	assert_string_not_equal(p.key.thumbprint, other.thumbprint);
}

TEST(a_token_of_another_key_is_not_taken)
{
	static const char other[] = "eyJhbGciOiJub25lIn0.eyJjbmYiOnsia2lkIjoieCJ9fQ.c2ln"; /* {"cnf":{"kid":"x"}} */
	PROOF(p);
	assert_true(secret_set(&p.t.value, other, sizeof other - 1));
	assert_false(pop_bind(&p.key, &p.t, &p.err));
	assert_says(p.err.msg, "bound to another key than ours");
}

TEST(what_is_kept_without_a_key_is_an_error)
{
	static const char *const kept[] = {"opaque", "opaque~", "opaque~%", "opaque~QUJD", "~", ""};
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		PROOF(p);
		assert_true(secret_set(&p.t.value, kept[i], strlen(kept[i])));
		assert_false(step_pop(&p.w.ctx, &p.plan, &p.t, &p.err));
		assert_says(p.err.hint, "daypass cache clear");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_statement_names_token_time_cluster_and_key),
		T(it_is_good_for_fifteen_minutes_or_as_long_as_its_token),
		T(no_two_statements_are_alike_and_no_two_keys),
		T(a_token_of_another_key_is_not_taken),
		T(what_is_kept_without_a_key_is_an_error),
	};
	return RUN(tests);
}
