/* How a planned request gets its token: cache, lock, source, exchange, cache. */
#include "tests/unit/ride.h"

TEST(a_miss_exchanges_once_and_the_next_request_is_a_hit)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&r, "at-1", false);
	serves(&r, "at-1", true);
	assert_int_equal(r.w.http.calls, 1);
	assert_int_equal(fake_script.calls, 1);
}

TEST(a_hit_takes_no_lock_and_writes_nothing)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&r, "at-1", false);
	size_t calls = r.w.store.calls, puts = r.w.store.puts, locks = r.w.store.locks;
	serves(&r, "at-1", true);
	assert_int_equal(r.w.store.calls, calls + 1);
	assert_int_equal(r.w.store.puts, puts);
	assert_int_equal(r.w.store.locks, locks);
}

TEST(the_time_for_all_comes_from_the_settings)
{
	RIDE(r);
	flow_begin(&r.w.ctx);
	assert_int_equal(r.w.ctx.deadline_ms, r.w.clock.ms + 20000);
	world_env(&r.w, "DAYPASS_TIMEOUT", "7");
	flow_begin(&r.w.ctx);
	assert_int_equal(r.w.ctx.deadline_ms, r.w.clock.ms + 7000);
}

TEST(an_expired_assertion_is_fetched_anew_once)
{
	RIDE(r);
	AUTO_STR second = make_jwt("{\"iss\":\"i2\"}");
	fake_script.tokens[1] = second;
	SCRIPT(&r.w, {401, .body = REFUSAL(700024)}, {200, .body = TOKEN("at-2", 3599)});
	serves(&r, "at-2", false);
	assert_int_equal(fake_script.calls, 2);
	assert_int_equal(r.w.clock.slept, 0);
	assert_says(r.w.http.asked[1].form, second);
}

TEST(the_same_assertion_is_not_sent_again)
{
	RIDE(r);
	SCRIPT(&r.w, {401, .body = REFUSAL(700024)}, {200, .body = TOKEN("at-2", 3599)});
	fails(&r, ERR_REFUSED);
	assert_int_equal(fake_script.calls, 2);
	assert_int_equal(r.w.http.calls, 1);
}

TEST(a_source_that_has_no_second_assertion_leaves_the_first_refusal_standing)
{
	RIDE(r);
	fake_script.fail_at = 2;
	SCRIPT(&r.w, {401, .body = REFUSAL(700024)}, {200, .body = TOKEN("at-2", 3599)});
	fails(&r, ERR_REFUSED);
	assert_says(r.err.detail, "AADSTS700024");
}

TEST(an_assertion_refused_twice_is_a_refusal)
{
	RIDE(r);
	AUTO_STR second = make_jwt("{\"iss\":\"i2\"}");
	fake_script.tokens[1] = second;
	SCRIPT(&r.w, {401, .body = REFUSAL(700024)}, {401, .body = REFUSAL(700024)}, {200, .body = TOKEN("at-3", 3599)});
	fails(&r, ERR_REFUSED);
	assert_int_equal(r.w.http.calls, 2);
}

TEST(a_passing_problem_is_tried_again_after_a_pause_once)
{
	RIDE(r);
	SCRIPT(&r.w, {503, .type = "text/html", .body = "<html>"}, {200, .body = TOKEN("at-2", 3599)});
	serves(&r, "at-2", false);
	assert_int_equal(r.w.clock.slept, 500);
}

TEST(a_problem_that_stays_is_told_after_two_requests)
{
	RIDE(r);
	SCRIPT(&r.w, {.fails = true}, {.fails = true}, {200, .body = TOKEN("at-3", 3599)});
	fails(&r, ERR_NETWORK);
	assert_int_equal(r.w.http.calls, 2);
}

TEST(a_plain_refusal_is_not_tried_again)
{
	RIDE(r);
	SCRIPT(&r.w, {400, .body = REFUSAL(700213)}, {200, .body = TOKEN("at-2", 3599)});
	fails(&r, ERR_REFUSED);
	assert_int_equal(r.w.http.calls, 1);
}

TEST(a_short_throttle_is_waited_for)
{
	RIDE(r);
	SCRIPT(&r.w, {429, .body = "{}", .retry_after = "3"}, {200, .body = TOKEN("at-2", 3599)});
	serves(&r, "at-2", false);
	assert_int_equal(r.w.clock.slept, 3000);
}

TEST(a_throttle_longer_than_the_deadline_is_told_and_shared)
{
	RIDE(r);
	SCRIPT(&r.w, {429, .body = "{}", .retry_after = "90"}, {200, .body = TOKEN("at-2", 3599)});
	fails(&r, ERR_THROTTLED);
	assert_says(r.err.hint, "retry in 90 s");
	assert_int_equal(r.w.clock.slept, 0);
	str_set(&r.plan.scope, "another/.default"); /* of the same client */
	pass_ms(&r.w.clock, 30000);
	fails(&r, ERR_THROTTLED);
	assert_says(r.err.hint, "retry in 60 s");
	assert_int_equal(r.w.http.calls, 1);
	pass_ms(&r.w.clock, 60000);
	serves(&r, "at-2", false);
}

TEST(no_second_try_begins_where_the_time_is_nearly_over)
{
	RIDE(r);
	SCRIPT(&r.w, {503, .body = "{}", .takes_ms = 19000}, {200, .body = TOKEN("at-2", 3599)});
	assert_false(ride(&r));
	assert_int_equal(r.w.http.calls, 1);
	assert_int_equal(r.w.clock.slept, 0);
}

TEST(a_refusal_is_remembered_for_seconds_and_forgotten_with_a_new_token)
{
	RIDE(r);
	fake_script.evidence = "one";
	SCRIPT(&r.w, {400, .body = REFUSAL(700213)}, {400, .body = REFUSAL(700213)}, {200, .body = TOKEN("at-3", 3599)});
	fails(&r, ERR_REFUSED);
	fails(&r, ERR_REFUSED);
	assert_int_equal(r.w.http.calls, 1);
	pass_ms(&r.w.clock, 6000);
	fails(&r, ERR_REFUSED);
	assert_int_equal(r.w.http.calls, 2);
	fake_script.evidence = "two";
	serves(&r, "at-3", false);
}

TEST(a_failing_source_is_named_and_no_request_is_made)
{
	RIDE(r);
	fake_script.fail_at = 1;
	fails(&r, ERR_SOURCE);
	assert_says(r.err.msg, "source fake: the fake has no token for api://AzureADTokenExchange");
	assert_int_equal(r.w.http.calls, 0);
}

TEST(an_external_token_that_is_no_jwt_never_leaves)
{
	RIDE(r);
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = str_dup("not-a-jwt");
	fails(&r, ERR_SOURCE);
	assert_says(r.err.msg, "the token of source fake is not a JWT");
	assert_int_equal(r.w.http.calls, 0);
}

TEST(our_clock_never_refuses_an_assertion)
{
	RIDE(r);
	AUTO_STR old = make_jwt("{\"iss\":\"i\",\"sub\":\"s\",\"exp\":5,\"nbf\":9999999999}");
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = str_dup(old);
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&r, "at-1", false);
}

TEST(a_source_of_access_tokens_needs_no_exchange_and_is_kept)
{
	RIDE(r);
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = str_dup("opaque");
	fake_script.access = true;
	r.plan.source = &fake_access_source;
	serves(&r, "opaque", false);
	serves(&r, "opaque", true);
	assert_int_equal(fake_script.calls, 1);
	assert_int_equal(r.w.http.calls, 0);
}

TEST(a_source_that_has_gone_is_an_error_even_where_a_token_is_kept)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&r, "at-1", false);
	fake_script.fingerprint_fails = true;
	fails(&r, ERR_SOURCE);
	assert_text(r.err.msg, "source fake: the fake has gone");
}

TEST(without_a_folder_for_locks_each_request_exchanges)
{
	RIDE(r);
	r.w.store.no_folder = true;
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	serves(&r, "at-1", false);
}

TEST(a_lock_that_stays_held_is_told_without_an_exchange)
{
	RIDE(r);
	r.w.store.busy = true;
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)});
	fails(&r, ERR_NETWORK);
	assert_says(r.err.msg, "another daypass");
	assert_int_equal(r.w.http.calls, 0);
}

/* What another process does while ours waits for the lock. */
static struct ride *other;

static void store_theirs(void *user UNUSED)
{
	AUTO_TOKEN t = token_new();
	secret_set(&t.value, "theirs", 6);
	t.issued_at = other->w.clock.now;
	t.expires_at = t.issued_at + 3599;
	cache_put(&other->w.ctx, &other->got.key, &other->plan, &t, other->w.ctx.store->mark(other->w.ctx.store, other->got.key.token));
}

static void fail_theirs(void *user UNUSED)
{
	struct err e = ERR_INIT;
	pass_ms(&other->w.clock, 2000);
	err_set(&e, ERR_REFUSED, "their hint", "their refusal");
	cache_fail(&other->w.ctx, &other->got.key, &e, 1, false, other->w.ctx.store->mark(other->w.ctx.store, other->got.key.token));
	pass_ms(&other->w.clock, 9000); /* and ours gets the lock long after that record is over */
}

TEST(one_that_waited_takes_what_the_holder_fetched)
{
	RIDE(r);
	other = &r;
	r.w.store.while_waiting = store_theirs;
	serves(&r, "theirs", true);
	assert_int_equal(r.w.http.calls, 0);
}

TEST(one_that_waited_hears_the_holders_failure)
{
	RIDE(r);
	other = &r;
	r.w.store.while_waiting = fail_theirs;
	fails(&r, ERR_REFUSED);
	assert_text(r.err.msg, "their refusal");
	assert_text(r.err.hint, "their hint");
	assert_int_equal(r.w.http.calls, 0);
}

TEST(an_erase_during_the_exchange_keeps_the_token_out_of_the_cache)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("at-1", 3599)}, {200, .body = TOKEN("at-2", 3599)});
	serves(&r, "at-1", false);
	int64_t issued_at;
	struct store_mark before = r.w.ctx.store->mark(r.w.ctx.store, r.got.key.token);
	assert_true(cache_erase(&r.w.ctx, &r.got.key, &r.got.token.value, &issued_at));
	cache_put(&r.w.ctx, &r.got.key, &r.plan, &r.got.token, before); /* what a slow process would do now */
	serves(&r, "at-2", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_miss_exchanges_once_and_the_next_request_is_a_hit),
		T(a_hit_takes_no_lock_and_writes_nothing),
		T(the_time_for_all_comes_from_the_settings),
		T(an_expired_assertion_is_fetched_anew_once),
		T(the_same_assertion_is_not_sent_again),
		T(a_source_that_has_no_second_assertion_leaves_the_first_refusal_standing),
		T(an_assertion_refused_twice_is_a_refusal),
		T(a_passing_problem_is_tried_again_after_a_pause_once),
		T(a_problem_that_stays_is_told_after_two_requests),
		T(a_plain_refusal_is_not_tried_again),
		T(a_short_throttle_is_waited_for),
		T(a_throttle_longer_than_the_deadline_is_told_and_shared),
		T(no_second_try_begins_where_the_time_is_nearly_over),
		T(a_refusal_is_remembered_for_seconds_and_forgotten_with_a_new_token),
		T(a_failing_source_is_named_and_no_request_is_made),
		T(an_external_token_that_is_no_jwt_never_leaves),
		T(our_clock_never_refuses_an_assertion),
		T(a_source_of_access_tokens_needs_no_exchange_and_is_kept),
		T(a_source_that_has_gone_is_an_error_even_where_a_token_is_kept),
		T(without_a_folder_for_locks_each_request_exchanges),
		T(a_lock_that_stays_held_is_told_without_an_exchange),
		T(one_that_waited_takes_what_the_holder_fetched),
		T(one_that_waited_hears_the_holders_failure),
		T(an_erase_during_the_exchange_keeps_the_token_out_of_the_cache),
	};
	return RUN(tests);
}
