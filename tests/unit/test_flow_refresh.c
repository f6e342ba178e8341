/* A token that is good and due for a refresh: one process tries, and nobody waits or fails because of it. */
#include "tests/unit/ride.h"

TEST(inside_the_refresh_window_one_refreshes)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 50000ll * 1000);
	serves(&r, "new", false);
	serves(&r, "new", true);
	assert_int_equal(r.w.http.calls, 2);
}

TEST(inside_the_refresh_window_the_others_serve_the_old_token_at_once)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 50000ll * 1000);
	r.w.store.busy = true;
	serves(&r, "old", true);
	assert_int_equal(r.w.clock.slept, 0);
	assert_int_equal(r.w.http.calls, 1);
}

TEST(a_failing_refresh_serves_the_old_token_and_rests_for_half_a_minute)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {400, .body = REFUSAL(700213)}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 50000ll * 1000);
	serves(&r, "old", true);
	pass_ms(&r.w.clock, 20000);
	serves(&r, "old", true);
	assert_int_equal(r.w.http.calls, 2);
	pass_ms(&r.w.clock, 11000);
	serves(&r, "new", false);
}

TEST(a_refresh_takes_three_seconds_at_most)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {503, .body = "{}"}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 50000ll * 1000);
	flow_begin(&r.w.ctx);
	int64_t now = r.w.clock.ms;
	serves(&r, "new", false);
	assert_int_equal(r.w.http.asked[1].deadline_ms, now + 3000);
	assert_int_equal(r.w.ctx.deadline_ms, now + 20000); /* and the request's own is back */
}

TEST(a_throttled_refresh_serves_the_old_token_until_the_throttle_is_over)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {429, .body = "{}", .retry_after = "600"}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 50000ll * 1000);
	serves(&r, "old", true);
	pass_ms(&r.w.clock, 500000);
	serves(&r, "old", true);
	assert_int_equal(r.w.http.calls, 2);
	pass_ms(&r.w.clock, 200000);
	serves(&r, "new", false);
}

TEST(a_refresh_that_is_refused_does_not_refuse_a_later_cold_request_for_long)
{
	RIDE(r);
	SCRIPT(&r.w, {200, .body = TOKEN("old", 86399)}, {400, .body = REFUSAL(700213)}, {200, .body = TOKEN("new", 86399)});
	serves(&r, "old", false);
	pass_ms(&r.w.clock, 86050ll * 1000); /* inside the window, shortly before the margin */
	serves(&r, "old", true);
	pass_ms(&r.w.clock, 100ll * 1000);
	serves(&r, "new", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(inside_the_refresh_window_one_refreshes),
		T(inside_the_refresh_window_the_others_serve_the_old_token_at_once),
		T(a_failing_refresh_serves_the_old_token_and_rests_for_half_a_minute),
		T(a_refresh_takes_three_seconds_at_most),
		T(a_throttled_refresh_serves_the_old_token_until_the_throttle_is_over),
		T(a_refresh_that_is_refused_does_not_refuse_a_later_cold_request_for_long),
	};
	return RUN(tests);
}
