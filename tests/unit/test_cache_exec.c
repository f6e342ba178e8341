/* What `daypass exec` asks of the cache: enough life left for Terraform, and no lock that the one it waits for may hold. */
#include "tests/unit/shelf.h"

TEST(a_token_with_too_little_left_is_renewed_first)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	s.w.ctx.min_left = 1500;
	later(&s, 2100);
	assert_int_equal(get(&s), CACHE_FRESH);
	later(&s, 1);
	assert_int_equal(get(&s), CACHE_AGING);
	s.w.ctx.min_left = 0;
	assert_int_equal(get(&s), CACHE_FRESH);
}

TEST(a_short_life_is_not_renewed_each_time)
{
	SHELF(s);
	s.w.ctx.min_left = 1500;
	keep(&s, "token-1", 2399);
	later(&s, 1800);
	assert_int_equal(get(&s), CACHE_FRESH);
	keep(&s, "token-2", 60);
	assert_int_equal(get(&s), CACHE_FRESH);
}

static struct source relay;

TEST(what_another_daypass_gets_for_us_is_locked_there)
{
	SHELF(s);
	relay = *s.plan.source;
	relay.yields_access_token = true;
	assert_int_equal(s.key.lock, LOCK_TOKEN);
	s.plan.source = &relay;
	assert_true(cache_key_make(&s.w.ctx, &s.plan, &s.key, &s.err));
	assert_int_equal(s.key.lock, LOCK_TOKEN);
	world_env(&s.w, "DAYPASS_EXEC", "http://127.0.0.1:1");
	assert_true(cache_key_make(&s.w.ctx, &s.plan, &s.key, &s.err));
	assert_int_equal(s.key.lock, LOCK_NONE);
}

TEST(a_hop_of_a_chain_has_locks_of_its_own)
{
	SHELF(s);
	s.plan.hop = true;
	assert_true(cache_key_make(&s.w.ctx, &s.plan, &s.key, &s.err));
	assert_int_equal(s.key.lock, LOCK_HOP);
	assert_true(LOCK_TRADE < LOCK_TOKEN && LOCK_TOKEN < LOCK_HOP && LOCK_HOP < LOCK_KEYRING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(a_token_with_too_little_left_is_renewed_first), T(a_short_life_is_not_renewed_each_time), T(what_another_daypass_gets_for_us_is_locked_there),
					   T(a_hop_of_a_chain_has_locks_of_its_own)};
	return RUN(tests);
}
