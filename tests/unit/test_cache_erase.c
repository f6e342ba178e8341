/* What is erased stays erased, in both tiers, whoever was reading or writing it meanwhile; and a keyring that fails
 * costs nobody anything (design section 8). */
#include "tests/unit/ride.h"
#include "tests/unit/shelf.h"

TEST(an_erase_removes_it_from_both_tiers)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	assert_true(erase(&s, "token-1"));
	assert_int_equal(s.ring.count, 0);
	assert_int_equal(get(&s), CACHE_MISS);
	assert_int_equal(find(&s), CACHE_MISS);
}

TEST(an_erase_compares_in_both_tiers)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	assert_false(erase(&s, "token-2"));
	assert_false(erase(&s, "token-"));
	assert_false(erase(&s, "token-11"));
	assert_int_equal(get(&s), CACHE_FRESH);
	lose_runtime(&s);
	assert_found(&s, "token-1");
}

/* The tiers may hold different tokens: only the one that was refused goes. */
TEST(an_erase_leaves_a_newer_token_of_the_other_tier)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	keep(&s, "token-2", 600); /* too short for the keyring */
	assert_true(erase(&s, "token-1"));
	assert_int_equal(s.ring.count, 0);
	assert_int_equal(get(&s), CACHE_FRESH);
	assert_text(secret_reveal(&s.got.value), "token-2");
	keep(&s, "token-3", 3600);
	keep(&s, "token-4", 600);
	assert_true(erase(&s, "token-4"));
	assert_found(&s, "token-3");
}

TEST(what_lies_only_in_the_keyring_is_erased_and_its_time_told)
{
	SHELF(s);
	int64_t issued_at = 0;
	AUTO_SECRET refused = secret_new(100);
	secret_set(&refused, "token-1", 7);
	keep(&s, "token-1", 3600);
	reboot(&s);
	later(&s, 50);
	assert_true(cache_erase(&s.w.ctx, &s.key, &refused, &issued_at));
	assert_int_equal(issued_at, NOW);
	assert_int_equal(s.ring.count, 0);
}

TEST(an_erase_leaves_the_items_of_other_keys_and_others_that_are_not_ours)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	fake_script.print = "another caller";
	shelf_caller(&s);
	keep(&s, "token-1", 3600); /* the same text under another key */
	assert_int_equal(s.ring.count, 2);
	assert_true(erase(&s, "token-1"));
	fake_script.print = NULL;
	shelf_caller(&s);
	lose_runtime(&s);
	assert_found(&s, "token-1");
}

TEST(an_item_that_cannot_be_read_is_not_erased_as_the_token)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	assert_true(secret_set(&only_item(&s)->value, "token-1", 7));
	assert_false(erase(&s, "token-1"));
	only_item(&s);
}

static void fail_once(struct shelf *s)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_REFUSED, NULL, "refused");
	cache_fail(&s->w.ctx, &s->key, &e, 60, false, shelf_mark(s));
}

TEST(an_erase_forgets_the_failure_record_whichever_tier_had_the_token)
{
	SHELF(s);
	struct err heard = ERR_INIT;
	keep(&s, "token-1", 3600);
	fail_once(&s);
	assert_false(erase(&s, "token-2"));
	assert_true(cache_failed(&s.w.ctx, &s.key, s.w.clock.up, &heard));
	assert_true(erase(&s, "token-1"));
	assert_false(cache_failed(&s.w.ctx, &s.key, s.w.clock.up, &heard));
	keep(&s, "token-2", 3600);
	lose_runtime(&s);
	fail_once(&s);
	assert_true(erase(&s, "token-2"));
	assert_false(cache_failed(&s.w.ctx, &s.key, s.w.clock.up, &heard));
}

static void erase_token_1(void *user)
{
	assert_true(erase(user, "token-1"));
}

TEST(who_read_it_before_the_erase_does_not_lift_it_up_behind_it)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	s.ring.during = erase_token_1; /* the keyring has answered, and its reader is about to lift */
	s.ring.user = &s;
	find(&s);
	assert_null(fake_find(&s.w.store, s.key.token));
	assert_int_equal(find(&s), CACHE_MISS);
	assert_int_equal(s.ring.count, 0);
}

static void lift(void *user)
{
	struct shelf *s = user;
	keep_since(s, "token-1", 600, shelf_mark(s));
}

/* It was lifted up after the erase had looked at the runtime tier and before the keyring was done. */
TEST(what_was_lifted_up_in_the_middle_of_an_erase_goes_too)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	s.ring.during = lift;
	s.ring.user = &s;
	assert_true(erase(&s, "token-1"));
	assert_int_equal(get(&s), CACHE_MISS);
	assert_int_equal(s.ring.count, 0);
}

TEST(a_writer_that_began_before_an_erase_brings_it_back_to_neither_tier)
{
	SHELF(s);
	struct store_mark before = shelf_mark(&s);
	keep(&s, "token-1", 3600);
	assert_true(erase(&s, "token-1"));
	keep_since(&s, "token-1", 3600, before);
	assert_int_equal(s.ring.asked[KEYRING_PUT], 1);
	assert_int_equal(s.ring.count, 0);
	assert_int_equal(find(&s), CACHE_MISS);
}

TEST(what_is_erased_between_the_two_tiers_of_a_put_does_not_reach_the_keyring)
{
	SHELF(s);
	s.w.store.while_waiting = erase_token_1; /* for the keyring's lock, the runtime tier has it already */
	s.w.store.user = &s;
	keep(&s, "token-1", 3600);
	assert_int_equal(s.ring.asked[KEYRING_PUT], 0);
	assert_int_equal(find(&s), CACHE_MISS);
}

/* --- where the keyring is no help ---------------------------------------------------------------------------------- */

TEST(a_keyring_that_fails_costs_the_runtime_tier_nothing)
{
	for (int a = KEYRING_OFF; a <= KEYRING_NO_LIBRARY; a++) {
		SHELF(s);
		s.ring.answer = (enum keyring_answer)a;
		assert_int_equal(find(&s), CACHE_MISS);
		keep(&s, "token-1", 3600);
		assert_found(&s, "token-1");
		assert_true(erase(&s, "token-1"));
		assert_int_equal(find(&s), CACHE_MISS);
		assert_true(s.ring.calls <= 3);
		assert_int_equal(s.w.store.locks, s.w.store.unlocks);
	}
}

/* What it deleted before it failed is deleted. */
TEST(what_a_failing_keyring_deleted_all_the_same_counts_as_erased)
{
	SHELF(s);
	struct err heard = ERR_INIT;
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	fail_once(&s);
	s.ring.answer = KEYRING_BROKEN;
	s.ring.nevertheless = true;
	assert_true(erase(&s, "token-1"));
	assert_false(cache_failed(&s.w.ctx, &s.key, s.w.clock.up, &heard));
}

TEST(what_a_failing_keyring_found_is_not_taken)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	s.ring.answer = KEYRING_BROKEN;
	s.ring.nevertheless = true;
	assert_int_equal(find(&s), CACHE_MISS);
	assert_null(fake_find(&s.w.store, s.key.token));
}

static void never_asked(const char *name, const char *value)
{
	SHELF(s);
	world_env(&s.w, name, value);
	keep(&s, "token-1", 86400);
	assert_int_equal(get(&s), CACHE_FRESH);
	lose_runtime(&s);
	assert_int_equal(find(&s), CACHE_MISS);
	assert_false(erase(&s, "token-1"));
	assert_int_equal(s.ring.calls, 0);
	assert_int_equal(s.w.store.keyring_locks, 0);
}

TEST(in_a_job_switched_off_or_without_a_bus_no_step_of_the_cache_asks_it)
{
	never_asked("CI", "true");
	never_asked("GITLAB_CI", "1");
	never_asked("DAYPASS_KEYRING", "off");
	never_asked("DBUS_SESSION_BUS_ADDRESS", NULL);
}

TEST(where_nothing_is_kept_nothing_goes_to_the_keyring)
{
	SHELF(s);
	struct store none = store_none();
	s.w.ctx.store = &none;
	keep(&s, "token-1", 3600);
	assert_int_equal(s.ring.calls, 0);
}

/* --- through the flow ---------------------------------------------------------------------------------------------- */

struct trip {
	struct ride r;
	struct fake_keyring ring;
};

static void trip_end(struct trip *t)
{
	fake_keyring_end(&t->ring);
	ride_end(&t->r);
}

static void trip_begin(struct trip *t)
{
	ride_begin(&t->r);
	world_keyring(&t->r.w, &t->ring);
}

#define TRIP(t) CLEANUP(trip_end) struct trip t; trip_begin(&t)

TEST(a_hit_makes_no_call_to_the_keyring_and_takes_no_lock)
{
	TRIP(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&t.r, "at-1", false);
	size_t calls = t.ring.calls, locks = t.r.w.store.locks;
	serves(&t.r, "at-1", true);
	assert_int_equal(t.ring.calls, calls);
	assert_int_equal(t.r.w.store.locks, locks);
}

TEST(after_a_restart_the_keyrings_token_saves_the_exchange)
{
	TRIP(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&t.r, "at-1", false);
	t.r.w.store.port.clear(&t.r.w.store.port);
	t.r.w.clock.boots++;
	t.r.w.clock.up = 20;
	fake_keyring_next_process(&t.ring);
	serves(&t.r, "at-1", true);
	assert_int_equal(t.r.w.http.calls, 1);
	assert_int_equal(t.ring.asked[KEYRING_FIND], 2);
	assert_int_equal(t.ring.asked[KEYRING_PUT], 1);
}

TEST(a_keyring_that_hangs_delays_a_request_by_its_patience_and_no_more)
{
	TRIP(t);
	t.ring.takes_ms = 1000000;
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)});
	int64_t before = t.r.w.clock.ms;
	serves(&t.r, "at-1", false);
	assert_true(t.r.w.clock.ms - before <= 1500);
	assert_int_equal(t.ring.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_erase_removes_it_from_both_tiers),
		T(an_erase_compares_in_both_tiers),
		T(an_erase_leaves_a_newer_token_of_the_other_tier),
		T(what_lies_only_in_the_keyring_is_erased_and_its_time_told),
		T(an_erase_leaves_the_items_of_other_keys_and_others_that_are_not_ours),
		T(an_item_that_cannot_be_read_is_not_erased_as_the_token),
		T(an_erase_forgets_the_failure_record_whichever_tier_had_the_token),
		T(who_read_it_before_the_erase_does_not_lift_it_up_behind_it),
		T(what_was_lifted_up_in_the_middle_of_an_erase_goes_too),
		T(a_writer_that_began_before_an_erase_brings_it_back_to_neither_tier),
		T(what_is_erased_between_the_two_tiers_of_a_put_does_not_reach_the_keyring),
		T(a_keyring_that_fails_costs_the_runtime_tier_nothing),
		T(what_a_failing_keyring_deleted_all_the_same_counts_as_erased),
		T(what_a_failing_keyring_found_is_not_taken),
		T(in_a_job_switched_off_or_without_a_bus_no_step_of_the_cache_asks_it),
		T(where_nothing_is_kept_nothing_goes_to_the_keyring),
		T(a_hit_makes_no_call_to_the_keyring_and_takes_no_lock),
		T(after_a_restart_the_keyrings_token_saves_the_exchange),
		T(a_keyring_that_hangs_delays_a_request_by_its_patience_and_no_more),
	};
	return RUN(tests);
}
