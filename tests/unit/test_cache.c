/* Kept tokens: under which key, and until when they are good (design section 8). */
#include "helper/core/cache.h"

#include "tests/unit/fake.h"

static struct err err;

/* A world with a plan, its key, and a token of that life kept at NOW. */
struct kept {
	struct world w;
	struct plan plan;
	struct cache_key key;
	struct token got;
};

static void kept_end(struct kept *k)
{
	token_free(&k->got);
	plan_free(&k->plan);
	world_end(&k->w);
}

static void keep(struct kept *k, const char *value, int64_t life, int64_t refresh_in)
{
	AUTO_TOKEN t = token_new();
	assert_true(secret_set(&t.value, value, strlen(value)));
	t.issued_at = k->w.clock.now;
	t.expires_at = t.issued_at + life;
	t.refresh_at = refresh_in ? t.issued_at + refresh_in : 0;
	cache_put(&k->w.ctx, &k->key, &k->plan, &t, k->w.ctx.store->mark(k->w.ctx.store, k->key.token));
}

static void kept_begin(struct kept *k, int64_t life, int64_t refresh_in)
{
	*k = (struct kept){.got = token_new()};
	world_begin(&k->w);
	world_plan(&k->w, &k->plan);
	assert_true(cache_key_make(&k->w.ctx, &k->plan, &k->key, &err));
	if (life)
		keep(k, "token-1", life, refresh_in);
}

#define KEPT(k, life, refresh_in) CLEANUP(kept_end) struct kept k; kept_begin(&k, life, refresh_in)

static enum cache_answer get(struct kept *k)
{
	return cache_get(&k->w.ctx, &k->key, &k->got);
}

/* Both clocks move on, as they do in life. */
static void later(struct kept *k, int64_t seconds)
{
	pass_ms(&k->w.clock, seconds * 1000);
}

TEST(a_kept_token_is_given_back_with_its_times)
{
	KEPT(k, 3600, 0);
	assert_int_equal(get(&k), CACHE_FRESH);
	assert_text(secret_reveal(&k.got.value), "token-1");
	assert_int_equal(k.got.issued_at, NOW);
	assert_int_equal(k.got.expires_at, NOW + 3600);
}

TEST(nothing_kept_is_a_miss)
{
	KEPT(k, 0, 0);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(the_margin_is_a_tenth_of_the_life_and_five_minutes_at_most)
{
	assert_int_equal(cache_margin(3600), 300);
	assert_int_equal(cache_margin(86400), 300);
	assert_int_equal(cache_margin(3000), 300);
	assert_int_equal(cache_margin(600), 60);
	assert_int_equal(cache_margin(0), 0);
}

TEST(a_token_is_good_until_its_margin_and_not_a_second_longer)
{
	KEPT(k, 3600, 0);
	later(&k, 3299);
	assert_int_equal(get(&k), CACHE_FRESH);
	later(&k, 1);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_short_token_has_a_short_margin)
{
	KEPT(k, 600, 0);
	later(&k, 539);
	assert_int_equal(get(&k), CACHE_FRESH);
	later(&k, 1);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_long_token_ages_at_half_its_life)
{
	KEPT(k, 86400, 0);
	later(&k, 43199);
	assert_int_equal(get(&k), CACHE_FRESH);
	later(&k, 1);
	assert_int_equal(get(&k), CACHE_AGING);
	later(&k, 43199 - 300);
	assert_int_equal(get(&k), CACHE_AGING);
	later(&k, 1);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(two_hours_are_not_long)
{
	KEPT(k, 7200, 0);
	later(&k, 6899);
	assert_int_equal(get(&k), CACHE_FRESH);
}

TEST(the_servers_refresh_time_goes_before_half_life)
{
	KEPT(k, 86400, 1000);
	later(&k, 999);
	assert_int_equal(get(&k), CACHE_FRESH);
	later(&k, 1);
	assert_int_equal(get(&k), CACHE_AGING);
}

TEST(a_refresh_time_behind_the_end_does_not_count)
{
	KEPT(k, 3600, 9999);
	later(&k, 3299);
	assert_int_equal(get(&k), CACHE_FRESH);
}

TEST(a_wall_clock_set_back_a_little_is_fine_and_more_is_a_miss)
{
	KEPT(k, 3600, 0);
	k.w.clock.now -= 300;
	assert_int_equal(get(&k), CACHE_FRESH);
	k.w.clock.now -= 1;
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_wall_clock_set_back_does_not_make_an_old_token_young)
{
	KEPT(k, 3600, 0);
	later(&k, 3400);
	k.w.clock.now = NOW + 10;
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_wall_clock_set_back_does_not_put_a_refresh_off)
{
	KEPT(k, 86400, 0);
	later(&k, 50000);
	k.w.clock.now = NOW + 10;
	assert_int_equal(get(&k), CACHE_AGING);
}

TEST(a_wall_clock_set_forward_costs_a_fetch_and_no_more)
{
	KEPT(k, 3600, 0);
	k.w.clock.now += 4000;
	assert_int_equal(get(&k), CACHE_MISS);
	k.w.clock.now = NOW;
	assert_int_equal(get(&k), CACHE_FRESH);
}

TEST(a_record_of_another_boot_is_a_miss)
{
	KEPT(k, 3600, 0);
	k.w.clock.up = 10; /* just booted, and the folder survived: a container's tmpfs */
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(the_time_that_the_request_took_counts_from_its_beginning)
{
	KEPT(k, 0, 0);
	AUTO_TOKEN t = token_new();
	secret_set(&t.value, "slow", 4);
	t.issued_at = k.w.clock.now;
	t.expires_at = t.issued_at + 600;
	later(&k, 20);
	cache_put(&k.w.ctx, &k.key, &k.plan, &t, k.w.ctx.store->mark(k.w.ctx.store, k.key.token));
	k.w.clock.now = NOW; /* only the time since boot tells */
	k.w.clock.up += 519;
	assert_int_equal(get(&k), CACHE_FRESH);
	k.w.clock.up += 1;
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_token_of_absurd_life_is_a_miss)
{
	KEPT(k, 3 * 86400, 0);
	assert_int_equal(get(&k), CACHE_MISS);
	keep(&k, "token-2", 0, 0);
	assert_int_equal(get(&k), CACHE_MISS);
	keep(&k, "token-3", -5, 0);
	assert_int_equal(get(&k), CACHE_MISS);
}

/* The record under the token's key. */
static struct buf *record(struct kept *k)
{
	struct fake_record *r = fake_find(&k->w.store, k->key.token);
	assert_non_null(r);
	return &r->data;
}

TEST(a_record_cut_at_any_length_is_a_miss)
{
	KEPT(k, 3600, 0);
	struct buf *data = record(&k);
	for (size_t n = data->len; n-- > 0;) {
		data->len = n;
		assert_int_equal(get(&k), CACHE_MISS);
	}
}

TEST(a_record_with_bytes_behind_it_is_a_miss)
{
	KEPT(k, 3600, 0);
	assert_true(buf_addc(record(&k), 'x'));
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_record_of_another_format_is_a_miss)
{
	KEPT(k, 3600, 0);
	record(&k)->p[0] ^= 1;
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_record_whose_token_has_strange_bytes_is_a_miss)
{
	KEPT(k, 3600, 0);
	struct buf *data = record(&k);
	data->p[data->len - 1] = '\n';
	assert_int_equal(get(&k), CACHE_MISS);
}

static void other_key(void (*change)(struct plan *))
{
	KEPT(k, 3600, 0);
	struct cache_key before = k.key;
	change(&k.plan);
	assert_true(cache_key_make(&k.w.ctx, &k.plan, &k.key, &err));
	assert_memory_not_equal(before.token, k.key.token, STORE_ID);
	assert_memory_not_equal(before.failure, k.key.failure, STORE_ID);
	assert_int_equal(get(&k), CACHE_MISS);
}

static void other_tenant(struct plan *p) { str_set(&p->id.set[KEY_TENANT].value, OTHER_TENANT); }
static void other_client(struct plan *p) { str_set(&p->id.set[KEY_CLIENT_ID].value, OTHER_CLIENT); }
static void other_scope(struct plan *p) { str_set(&p->scope, "x/.default"); }
static void other_authority(struct plan *p) { str_set(&p->authority, "https://x"); }
static void other_audience(struct plan *p) { str_set(&p->audience, "x"); }
static void other_source(struct plan *p) { p->source = &fake_access_source; }
static void other_caller(struct plan *p UNUSED) { fake_script.print = "another caller"; }

TEST(each_part_of_the_key_makes_another_key)
{
	other_key(other_tenant);
	other_key(other_client);
	other_key(other_scope);
	other_key(other_authority);
	other_key(other_audience);
	other_key(other_source);
	other_key(other_caller);
}

TEST(new_evidence_is_the_same_key)
{
	KEPT(k, 3600, 0);
	struct cache_key before = k.key;
	fake_script.evidence = "a rotated token";
	assert_true(cache_key_make(&k.w.ctx, &k.plan, &k.key, &err));
	assert_memory_equal(before.token, k.key.token, STORE_ID);
	assert_memory_not_equal(before.evidence, k.key.evidence, STORE_ID);
	assert_int_equal(get(&k), CACHE_FRESH);
}

TEST(the_three_keys_of_a_plan_differ)
{
	KEPT(k, 0, 0);
	assert_memory_not_equal(k.key.token, k.key.failure, STORE_ID);
	assert_memory_not_equal(k.key.token, k.key.throttle, STORE_ID);
	assert_memory_not_equal(k.key.failure, k.key.throttle, STORE_ID);
}

TEST(a_source_that_has_gone_is_an_error_even_where_a_token_is_kept)
{
	KEPT(k, 3600, 0);
	fake_script.fingerprint_fails = true;
	assert_false(cache_key_make(&k.w.ctx, &k.plan, &k.key, &err));
	assert_clean(&err);
}

TEST(erasing_compares_before_it_deletes)
{
	KEPT(k, 3600, 0);
	int64_t issued_at = 0;
	AUTO_SECRET other = secret_new(100);
	secret_set(&other, "token-2", 7);
	assert_false(cache_erase(&k.w.ctx, &k.key, &other, &issued_at));
	assert_int_equal(get(&k), CACHE_FRESH);
	secret_set(&other, "token-1", 7);
	assert_true(cache_erase(&k.w.ctx, &k.key, &other, &issued_at));
	assert_int_equal(issued_at, NOW);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_record_that_cannot_be_read_is_not_erased_as_the_token)
{
	KEPT(k, 3600, 0);
	int64_t issued_at;
	AUTO_SECRET same = secret_new(100);
	secret_set(&same, "token-1", 7);
	record(&k)->p[0] ^= 1;
	assert_false(cache_erase(&k.w.ctx, &k.key, &same, &issued_at));
}

TEST(a_writer_that_began_before_an_erase_does_not_bring_the_token_back)
{
	KEPT(k, 3600, 0);
	int64_t issued_at;
	struct store_mark before = k.w.ctx.store->mark(k.w.ctx.store, k.key.token);
	AUTO_TOKEN t = token_new();
	secret_set(&t.value, "token-1", 7);
	t.issued_at = NOW;
	t.expires_at = NOW + 3600;
	assert_true(cache_erase(&k.w.ctx, &k.key, &t.value, &issued_at));
	cache_put(&k.w.ctx, &k.key, &k.plan, &t, before);
	assert_int_equal(get(&k), CACHE_MISS);
}

TEST(a_token_that_is_too_long_for_a_record_is_not_kept)
{
	KEPT(k, 0, 0);
	AUTO_TOKEN t = token_new();
	t.value = secret_new(STORE_RECORD_MAX * 2);
	for (size_t i = 0; i < STORE_RECORD_MAX; i++)
		buf_addc(secret_buf(&t.value), 'a');
	t.issued_at = NOW;
	t.expires_at = NOW + 3600;
	cache_put(&k.w.ctx, &k.key, &k.plan, &t, k.w.ctx.store->mark(k.w.ctx.store, k.key.token));
	assert_int_equal(k.w.store.puts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_kept_token_is_given_back_with_its_times),
		T(nothing_kept_is_a_miss),
		T(the_margin_is_a_tenth_of_the_life_and_five_minutes_at_most),
		T(a_token_is_good_until_its_margin_and_not_a_second_longer),
		T(a_short_token_has_a_short_margin),
		T(a_long_token_ages_at_half_its_life),
		T(two_hours_are_not_long),
		T(the_servers_refresh_time_goes_before_half_life),
		T(a_refresh_time_behind_the_end_does_not_count),
		T(a_wall_clock_set_back_a_little_is_fine_and_more_is_a_miss),
		T(a_wall_clock_set_back_does_not_make_an_old_token_young),
		T(a_wall_clock_set_back_does_not_put_a_refresh_off),
		T(a_wall_clock_set_forward_costs_a_fetch_and_no_more),
		T(a_record_of_another_boot_is_a_miss),
		T(the_time_that_the_request_took_counts_from_its_beginning),
		T(a_token_of_absurd_life_is_a_miss),
		T(a_record_cut_at_any_length_is_a_miss),
		T(a_record_with_bytes_behind_it_is_a_miss),
		T(a_record_of_another_format_is_a_miss),
		T(a_record_whose_token_has_strange_bytes_is_a_miss),
		T(each_part_of_the_key_makes_another_key),
		T(new_evidence_is_the_same_key),
		T(the_three_keys_of_a_plan_differ),
		T(a_source_that_has_gone_is_an_error_even_where_a_token_is_kept),
		T(erasing_compares_before_it_deletes),
		T(a_record_that_cannot_be_read_is_not_erased_as_the_token),
		T(a_writer_that_began_before_an_erase_does_not_bring_the_token_back),
		T(a_token_that_is_too_long_for_a_record_is_not_kept),
	};
	return RUN(tests);
}
