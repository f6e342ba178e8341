/* How long anybody waits for the keyring, its lock, and what was erased while we waited (design section 8). */
#include "tests/unit/desk.h"

TEST(a_call_has_a_second_and_a_half)
{
	DESK(d);
	d.w.ctx.deadline_ms = 0;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1500);
	d.w.ctx.deadline_ms = d.w.clock.ms + 20000;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1500);
}

TEST(all_calls_of_a_process_share_its_patience)
{
	DESK(d);
	d.ring.takes_ms = 600;
	ask(&d);
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 900);
	d.ring.takes_ms = 100;
	put_since(&d, NULL);
	assert_int_equal(d.ring.timeout_ms, 300);
	look(&d);
	assert_int_equal(d.ring.timeout_ms, 200);
}

TEST(without_patience_left_nobody_is_asked_and_nothing_remembered)
{
	DESK(d);
	d.ring.takes_ms = 1500;
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_int_equal(ask(&d), KEYRING_HUNG);
	assert_int_equal(put_since(&d, NULL), KEYRING_HUNG);
	assert_asked(&d, 1);
	assert_int_equal(d.w.store.puts, 0);
	fake_keyring_next_process(&d.ring);
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_asked(&d, 2);
}

TEST(one_that_hangs_costs_a_second_and_a_half_and_is_then_left_alone)
{
	DESK(d);
	d.ring.takes_ms = 60000;
	int64_t before = d.w.clock.ms;
	assert_int_equal(ask(&d), KEYRING_HUNG);
	assert_int_equal(d.w.clock.ms - before, 1500);
	fake_keyring_next_process(&d.ring);
	assert_int_equal(ask(&d), KEYRING_HUNG);
	assert_int_equal(d.w.clock.ms - before, 1500);
	assert_asked(&d, 1);
}

TEST(half_of_what_is_left_of_the_requests_time_is_for_others)
{
	DESK(d);
	d.w.ctx.deadline_ms = d.w.clock.ms + 1000;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 500);
	d.w.ctx.deadline_ms = d.w.clock.ms + 3000;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1500);
	d.ring.takes_ms = 400;
	ask(&d);
	d.w.ctx.deadline_ms = d.w.clock.ms + 300;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 150);
}

TEST(behind_the_requests_deadline_nobody_is_asked)
{
	DESK(d);
	d.w.ctx.deadline_ms = d.w.clock.ms;
	assert_int_equal(ask(&d), KEYRING_HUNG);
	d.w.ctx.deadline_ms = d.w.clock.ms - 5000;
	assert_int_equal(ask(&d), KEYRING_HUNG);
	assert_asked(&d, 0);
	assert_int_equal(d.w.store.puts, 0);
}

/* Somebody else has the keyring's lock for this long. */
static void wait_400_ms(void *user)
{
	pass_ms(user, 400);
}

static void lock_takes_400_ms(struct desk *d)
{
	d->w.store.while_waiting = wait_400_ms;
	d->w.store.user = &d->w.clock;
}

TEST(the_wait_for_the_lock_is_part_of_the_patience)
{
	DESK(d);
	lock_takes_400_ms(&d);
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1100);
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1100);
}

TEST(the_lock_of_the_keyring_is_waited_for_as_long_as_the_patience_lasts)
{
	DESK(d);
	ask(&d);
	assert_int_equal(d.w.store.keyring_locks, 1);
	assert_int_equal(d.w.store.lock_until_ms, d.w.clock.ms + 1500);
	d.w.ctx.deadline_ms = d.w.clock.ms + 800;
	ask(&d);
	assert_int_equal(d.w.store.lock_until_ms, d.w.clock.ms + 400);
}

TEST(the_lock_is_given_back_whatever_the_keyring_answers)
{
	for (int a = KEYRING_OK; a <= KEYRING_NO_LIBRARY; a++) {
		DESK(d);
		d.ring.answer = (enum keyring_answer)a;
		ask(&d);
		assert_asked(&d, 1);
		assert_int_equal(d.w.store.locks, 1);
		assert_int_equal(d.w.store.keyring_locks, 1);
	}
}

TEST(while_another_holds_the_lock_nobody_is_asked_and_nothing_remembered)
{
	DESK(d);
	d.w.store.busy = true;
	assert_int_equal(ask(&d), KEYRING_HUNG);
	assert_int_equal(look(&d), KEYRING_HUNG);
	assert_asked(&d, 0);
	assert_int_equal(d.w.store.puts, 0);
	d.w.store.busy = false;
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_asked(&d, 1);
}

TEST(where_there_is_no_folder_to_lock_in_it_is_asked_without)
{
	DESK(d);
	d.w.store.no_folder = true;
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_asked(&d, 1);
}

/* The one that we waited for found the keyring locked, and wrote that down. */
static void found_locked(void *user)
{
	struct desk *d = user;
	enum keyring_answer before = d->ring.answer;
	d->ring.answer = KEYRING_LOCKED;
	ask(d);
	d->ring.answer = before;
}

TEST(what_another_found_out_while_we_waited_is_not_asked_again)
{
	DESK(d);
	d.w.store.while_waiting = found_locked;
	d.w.store.user = &d;
	assert_int_equal(ask(&d), KEYRING_LOCKED);
	assert_asked(&d, 1);
	assert_int_equal(d.w.store.locks, 2);
}

static struct store_mark mark(struct desk *d)
{
	unsigned char id[STORE_ID] = {1};
	return d->w.ctx.store->mark(d->w.ctx.store, id);
}

static void erase_something(void *user)
{
	struct desk *d = user;
	unsigned char id[STORE_ID] = {1};
	d->w.ctx.store->advance(d->w.ctx.store, id);
}

TEST(what_was_not_erased_meanwhile_is_written)
{
	DESK(d);
	struct store_mark since = mark(&d);
	assert_int_equal(put_since(&d, &since), KEYRING_OK);
	assert_int_equal(d.ring.count, 1);
}

TEST(what_was_erased_meanwhile_is_not_written)
{
	DESK(d);
	struct store_mark since = mark(&d);
	erase_something(&d);
	assert_int_equal(put_since(&d, &since), KEYRING_OFF);
	assert_asked(&d, 0);
	assert_int_equal(d.w.store.keyring_locks, 1);
	assert_int_equal(d.w.store.puts, 0);
	assert_int_equal(put_since(&d, NULL), KEYRING_OK); /* who has no mark does not mind */
}

TEST(what_was_erased_while_we_waited_for_the_lock_is_not_written)
{
	DESK(d);
	struct store_mark since = mark(&d);
	d.w.store.while_waiting = erase_something;
	d.w.store.user = &d;
	assert_int_equal(put_since(&d, &since), KEYRING_OFF);
	assert_asked(&d, 0);
}

TEST(a_store_whose_nth_call_fails_costs_no_more_than_a_call)
{
	for (size_t n = 1; n <= 8; n++) {
		DESK(d);
		struct store_mark since = mark(&d);
		d.w.store.fail_at = d.w.store.calls + n;
		d.ring.answer = n % 2 ? KEYRING_OK : KEYRING_LOCKED;
		put_since(&d, &since);
		assert_int_equal(d.w.store.locks, d.w.store.unlocks);
		assert_true(d.ring.calls <= 1);
	}
}

TEST(a_wait_in_vain_for_the_lock_is_part_of_the_patience_too)
{
	DESK(d);
	lock_takes_400_ms(&d);
	d.w.store.busy = true;
	assert_int_equal(ask(&d), KEYRING_HUNG);
	d.w.store.busy = false;
	ask(&d);
	assert_int_equal(d.ring.timeout_ms, 1100);
}

TEST(who_had_little_time_left_does_not_say_for_all_that_it_hangs)
{
	DESK(d);
	d.ring.takes_ms = 1400;
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_int_equal(put_since(&d, NULL), KEYRING_HUNG);
	assert_asked(&d, 2);
	assert_int_equal(d.w.store.puts, 0);
	fake_keyring_next_process(&d.ring);
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_asked(&d, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_has_a_second_and_a_half),
		T(all_calls_of_a_process_share_its_patience),
		T(without_patience_left_nobody_is_asked_and_nothing_remembered),
		T(one_that_hangs_costs_a_second_and_a_half_and_is_then_left_alone),
		T(half_of_what_is_left_of_the_requests_time_is_for_others),
		T(behind_the_requests_deadline_nobody_is_asked),
		T(the_wait_for_the_lock_is_part_of_the_patience),
		T(the_lock_of_the_keyring_is_waited_for_as_long_as_the_patience_lasts),
		T(the_lock_is_given_back_whatever_the_keyring_answers),
		T(while_another_holds_the_lock_nobody_is_asked_and_nothing_remembered),
		T(where_there_is_no_folder_to_lock_in_it_is_asked_without),
		T(what_another_found_out_while_we_waited_is_not_asked_again),
		T(what_was_not_erased_meanwhile_is_written),
		T(what_was_erased_meanwhile_is_not_written),
		T(what_was_erased_while_we_waited_for_the_lock_is_not_written),
		T(a_store_whose_nth_call_fails_costs_no_more_than_a_call),
		T(a_wait_in_vain_for_the_lock_is_part_of_the_patience_too),
		T(who_had_little_time_left_does_not_say_for_all_that_it_hangs),
	};
	return RUN(tests);
}
