/* Failure records: one failing request speaks for those that wait, and for no longer than it should. */
#include "helper/core/cache.h"

#include "tests/unit/fake.h"

struct past {
	struct world w;
	struct plan plan;
	struct cache_key key;
	struct err heard;
};

static void past_end(struct past *p)
{
	plan_free(&p->plan);
	world_end(&p->w);
}

static void past_begin(struct past *p)
{
	*p = (struct past){.heard = ERR_INIT};
	world_begin(&p->w);
	world_plan(&p->w, &p->plan);
	assert_true(cache_key_make(&p->w.ctx, &p->plan, &p->key, &p->heard));
}

#define PAST(p) CLEANUP(past_end) struct past p; past_begin(&p)

static void fail_for(struct past *p, enum err_kind kind, int64_t seconds, bool shared)
{
	struct err e = ERR_INIT;
	err_set(&e, kind, "the hint", "the message");
	err_detail(&e, "the detail");
	cache_fail(&p->w.ctx, &p->key, &e, seconds, shared, p->w.ctx.store->mark(p->w.ctx.store, p->key.token));
}

/* Does a failure speak for a request that begins now? */
static bool speaks(struct past *p)
{
	p->heard = ERR_INIT;
	return cache_failed(&p->w.ctx, &p->key, p->w.clock.up, &p->heard);
}

TEST(no_failure_says_nothing)
{
	PAST(p);
	assert_false(speaks(&p));
}

TEST(a_failure_speaks_with_its_own_words_until_its_time_is_over)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 5, false);
	pass_ms(&p.w.clock, 4000);
	assert_true(speaks(&p));
	assert_int_equal(p.heard.kind, ERR_REFUSED);
	assert_text(p.heard.msg, "the message");
	assert_text(p.heard.hint, "the hint");
	assert_text(p.heard.detail, "the detail");
	pass_ms(&p.w.clock, 1000);
	assert_false(speaks(&p));
}

TEST(one_that_waited_hears_a_failure_newer_than_its_beginning_even_when_it_is_over)
{
	PAST(p);
	int64_t began = p.w.clock.up;
	pass_ms(&p.w.clock, 3000);
	fail_for(&p, ERR_REFUSED, 5, false);
	pass_ms(&p.w.clock, 60000);
	assert_true(cache_failed(&p.w.ctx, &p.key, began, &p.heard));
	assert_false(cache_failed(&p.w.ctx, &p.key, p.w.clock.up, &p.heard));
}

TEST(a_new_external_token_is_not_refused_for_the_old_ones_sake)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	fake_script.evidence = "a rotated token";
	assert_true(cache_key_make(&p.w.ctx, &p.plan, &p.key, &p.heard));
	assert_false(speaks(&p));
}

TEST(a_throttle_counts_for_every_scope_and_every_token_of_the_client)
{
	PAST(p);
	fail_for(&p, ERR_THROTTLED, 60, true);
	str_set(&p.plan.scope, "other/.default");
	fake_script.evidence = "a rotated token";
	assert_true(cache_key_make(&p.w.ctx, &p.plan, &p.key, &p.heard));
	pass_ms(&p.w.clock, 20000);
	assert_true(speaks(&p));
	assert_int_equal(p.heard.kind, ERR_THROTTLED);
	assert_text(p.heard.hint, "retry in 40 s");
}

TEST(a_failure_that_is_not_shared_counts_for_its_scope_only)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	str_set(&p.plan.scope, "other/.default");
	assert_true(cache_key_make(&p.w.ctx, &p.plan, &p.key, &p.heard));
	assert_false(speaks(&p));
}

TEST(a_throttle_of_one_client_is_none_of_another)
{
	PAST(p);
	fail_for(&p, ERR_THROTTLED, 60, true);
	str_set(&p.plan.id.set[KEY_CLIENT_ID].value, OTHER_CLIENT);
	assert_true(cache_key_make(&p.w.ctx, &p.plan, &p.key, &p.heard));
	assert_false(speaks(&p));
}

TEST(the_wall_clock_does_not_matter)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	p.w.clock.now -= 100000;
	assert_true(speaks(&p));
	p.w.clock.now += 200000;
	assert_true(speaks(&p));
}

TEST(a_failure_of_another_boot_says_nothing)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	p.w.clock.up = 3;
	assert_false(speaks(&p));
}

TEST(a_failure_written_before_an_erase_is_not_kept)
{
	PAST(p);
	struct err e = ERR_INIT;
	err_set(&e, ERR_REFUSED, NULL, "old");
	struct store_mark old = p.w.ctx.store->mark(p.w.ctx.store, p.key.token);
	old.generation--;
	cache_fail(&p.w.ctx, &p.key, &e, 60, false, old);
	assert_false(speaks(&p));
}

TEST(a_failure_record_cut_or_changed_in_size_says_nothing)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	struct buf *data = &fake_find(&p.w.store, p.key.failure)->data;
	size_t whole = data->len;
	for (size_t n = 0; n < whole; n += 7) {
		data->len = n;
		assert_false(speaks(&p));
	}
	data->len = whole;
	assert_true(speaks(&p));
	buf_addc(data, 0);
	assert_false(speaks(&p));
}

TEST(a_failure_record_without_a_final_nul_is_not_read_past_its_end)
{
	PAST(p);
	fail_for(&p, ERR_REFUSED, 60, false);
	struct buf *data = &fake_find(&p.w.store, p.key.failure)->data;
	char *msg = memmem(data->p, data->len, "the message", 11);
	assert_non_null(msg);
	memset(msg, 'x', data->len - (size_t)(msg - data->p));
	if (speaks(&p)) {
		assert_true(strlen(p.heard.msg) < sizeof p.heard.msg);
		assert_true(strlen(p.heard.detail) < sizeof p.heard.detail);
	}
}

TEST(a_token_kept_does_not_silence_a_failure_and_the_other_way_round)
{
	PAST(p);
	AUTO_TOKEN t = token_new();
	AUTO_TOKEN got = token_new();
	secret_set(&t.value, "token-1", 7);
	t.issued_at = NOW;
	t.expires_at = NOW + 3600;
	cache_put(&p.w.ctx, &p.key, &p.plan, &t, p.w.ctx.store->mark(p.w.ctx.store, p.key.token));
	fail_for(&p, ERR_NETWORK, 60, false);
	assert_true(speaks(&p));
	assert_int_equal(cache_get(&p.w.ctx, &p.key, &got), CACHE_FRESH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_failure_says_nothing),
		T(a_failure_speaks_with_its_own_words_until_its_time_is_over),
		T(one_that_waited_hears_a_failure_newer_than_its_beginning_even_when_it_is_over),
		T(a_new_external_token_is_not_refused_for_the_old_ones_sake),
		T(a_throttle_counts_for_every_scope_and_every_token_of_the_client),
		T(a_failure_that_is_not_shared_counts_for_its_scope_only),
		T(a_throttle_of_one_client_is_none_of_another),
		T(the_wall_clock_does_not_matter),
		T(a_failure_of_another_boot_says_nothing),
		T(a_failure_written_before_an_erase_is_not_kept),
		T(a_failure_record_cut_or_changed_in_size_says_nothing),
		T(a_failure_record_without_a_final_nul_is_not_read_past_its_end),
		T(a_token_kept_does_not_silence_a_failure_and_the_other_way_round),
	};
	return RUN(tests);
}
