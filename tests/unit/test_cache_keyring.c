/* Tokens in both tiers: what goes to the keyring, and what comes back from it (design section 8). */
#include "tests/unit/shelf.h"

TEST(a_kept_token_lies_in_both_tiers)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	assert_int_equal(get(&s), CACHE_FRESH);
	assert_int_equal(s.ring.asked[KEYRING_PUT], 1);
	lose_runtime(&s);
	assert_int_equal(get(&s), CACHE_MISS);
	assert_found(&s, "token-1");
	assert_int_equal(s.got.issued_at, NOW);
	assert_int_equal(s.got.expires_at, NOW + 3600);
}

TEST(its_item_has_just_these_attributes_and_shows_no_token)
{
	SHELF(s);
	char hex[2 * STORE_ID + 1];
	str_hex(hex, s.key.token, STORE_ID);
	keep(&s, "token-1", 3600);
	struct keyring_item *i = only_item(&s);
	assert_int_equal(i->attr_count, 4);
	assert_text(keyring_attr_get(i, "app"), "daypass");
	assert_text(keyring_attr_get(i, "v"), "1");
	assert_text(keyring_attr_get(i, "kind"), "access");
	assert_text(keyring_attr_get(i, "key"), hex);
	assert_text(s.ring.items[0].schema, "org.daypass.Token");
	assert_text(i->label, "daypass: token for Azure Repos (identity default)");
}

TEST(a_call_about_all_of_ours_names_neither_version_nor_kind)
{
	struct keyring_call call;
	cache_keyring_call(&call, KEYRING_REMOVE, NULL);
	assert_int_equal(call.op, KEYRING_REMOVE);
	assert_text(call.schema, "org.daypass.Token");
	assert_text(call.attrs[0].name, "app");
	assert_text(call.attrs[0].value, "daypass");
	assert_null(call.attrs[1].name);
	assert_false(call.despite_off || call.afresh || call.no_values);
}

TEST(its_text_is_a_name_a_version_the_key_and_the_record)
{
	SHELF(s);
	char hex[2 * STORE_ID + 1];
	str_hex(hex, s.key.token, STORE_ID);
	keep(&s, "token-1", 3600);
	AUTO_STR head = str_printf("daypass:1:%s:", hex);
	assert_true(str_starts(secret_reveal(&only_item(&s)->value), head));
}

TEST(a_put_tidies_the_group_of_our_tokens)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	assert_int_equal(s.ring.group, 3); /* app, v, kind: whatever the key */
	assert_true(s.ring.keep_s >= 24 * 3600);
	assert_true(s.ring.keep_count >= 16);
}

TEST(a_newer_token_takes_the_place_of_the_older)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	later(&s, 10);
	keep(&s, "token-2", 3600);
	only_item(&s);
	reboot(&s);
	assert_found(&s, "token-2");
}

static void half_hour_rule(const char *keyring, int64_t life, size_t puts)
{
	SHELF(s);
	world_env(&s.w, "DAYPASS_KEYRING", keyring);
	keep(&s, "token-1", life);
	assert_int_equal(get(&s), CACHE_FRESH);
	assert_int_equal(s.ring.asked[KEYRING_PUT], puts);
}

TEST(a_token_with_less_than_half_an_hour_left_goes_there_only_where_always_is_set)
{
	half_hour_rule(NULL, 1800, 0);
	half_hour_rule(NULL, 1801, 1);
	half_hour_rule("always", 1800, 1);
	half_hour_rule("always", 300, 1);
	half_hour_rule("off", 86400, 0);
}

TEST(the_half_hour_is_what_is_left_and_not_the_whole_life)
{
	SHELF(s);
	AUTO_TOKEN t = token_new();
	secret_set(&t.value, "slow", 4);
	t.issued_at = NOW;
	t.expires_at = NOW + 1810;
	later(&s, 10);
	cache_put(&s.w.ctx, &s.key, &s.plan, &t, shelf_mark(&s));
	assert_int_equal(s.ring.calls, 0);
}

TEST(what_is_found_there_is_lifted_up_and_then_no_longer_asked_for)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	assert_found(&s, "token-1");
	size_t calls = s.ring.calls;
	assert_int_equal(get(&s), CACHE_FRESH);
	assert_text(secret_reveal(&s.got.value), "token-1");
	assert_found(&s, "token-1");
	assert_int_equal(s.ring.calls, calls);
}

TEST(what_was_lifted_up_is_kept_as_long_as_the_token_is_good)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	reboot(&s);
	later(&s, 100);
	assert_found(&s, "token-1");
	struct fake_record *r = fake_find(&s.w.store, s.key.token);
	assert_non_null(r);
	assert_int_equal(r->expires_at, NOW + 3600);
}

TEST(the_quick_look_never_asks_the_keyring)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	size_t calls = s.ring.calls;
	assert_int_equal(get(&s), CACHE_MISS);
	assert_int_equal(s.ring.calls, calls);
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

TEST(after_a_restart_the_wall_clock_says_how_old_it_is)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	later(&s, 1000);
	reboot(&s);
	assert_found(&s, "token-1");
	assert_int_equal(s.got.expires_at, NOW + 3600);
	later(&s, 2299);
	assert_int_equal(get(&s), CACHE_FRESH);
	later(&s, 1);
	assert_int_equal(get(&s), CACHE_MISS);
}

TEST(what_was_lifted_after_a_restart_then_ages_by_the_time_since_boot_too)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	later(&s, 1000);
	reboot(&s);
	assert_found(&s, "token-1");
	s.w.clock.up += 2299; /* the wall clock stands still */
	assert_int_equal(get(&s), CACHE_FRESH);
	s.w.clock.up += 1;
	assert_int_equal(get(&s), CACHE_MISS);
}

TEST(within_one_boot_a_wall_clock_set_back_makes_no_kept_token_young)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	later(&s, 3400);
	lose_runtime(&s);
	s.w.clock.now = NOW + 10;
	assert_int_equal(find(&s), CACHE_MISS);
}

static void no_boot_id(struct clock *c UNUSED, char *out)
{
	*out = 0;
}

TEST(a_boot_that_cannot_be_told_is_judged_by_the_wall_clock)
{
	SHELF(s);
	s.w.clock.port.boot_id = no_boot_id;
	keep(&s, "token-1", 3600);
	reboot(&s);
	assert_found(&s, "token-1");
}

TEST(an_expired_one_is_a_miss_and_is_not_lifted)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	reboot(&s);
	s.w.clock.now = NOW + 3300; /* its margin */
	assert_int_equal(find(&s), CACHE_MISS);
	s.w.clock.now = NOW + 86400;
	assert_int_equal(find(&s), CACHE_MISS);
	assert_int_equal(s.ring.asked[KEYRING_FIND], 2);
	assert_null(fake_find(&s.w.store, s.key.token));
}

TEST(one_of_the_future_is_a_miss)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	reboot(&s);
	s.w.clock.now = NOW - 301;
	assert_int_equal(find(&s), CACHE_MISS);
}

TEST(one_that_ages_is_still_found)
{
	SHELF(s);
	keep(&s, "token-1", 86400);
	reboot(&s);
	s.w.clock.now = NOW + 43200;
	assert_int_equal(find(&s), CACHE_AGING);
	assert_text(secret_reveal(&s.got.value), "token-1");
	assert_int_equal(get(&s), CACHE_AGING);
}

/* --- what else may lie there --------------------------------------------------------------------------------------- */

static void item_text(struct shelf *s, const char *text, size_t len)
{
	assert_true(secret_set(&only_item(s)->value, text, len));
}

TEST(a_text_that_is_cut_anywhere_is_a_miss)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	AUTO_STR whole = str_dup(secret_reveal(&only_item(&s)->value));
	lose_runtime(&s);
	for (size_t n = 0; n < strlen(whole); n++) {
		item_text(&s, whole, n);
		next_process(&s);
		assert_int_equal(find(&s), CACHE_MISS);
		assert_null(fake_find(&s.w.store, s.key.token));
	}
	item_text(&s, whole, strlen(whole));
	assert_found(&s, "token-1");
}

TEST(foreign_text_is_a_miss)
{
	static const char *const texts[] = {"", "hunter2", "daypass:1:", "daypass:2:", "{\"token\":\"x\"}", "daypass:1:00:AAAA"};
	SHELF(s);
	keep(&s, "token-1", 3600);
	lose_runtime(&s);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		item_text(&s, texts[i], strlen(texts[i]));
		assert_int_equal(find(&s), CACHE_MISS);
	}
	AUTO_BUF noise = buf_new(KEYRING_VALUE_MAX);
	for (size_t i = 0; i < KEYRING_VALUE_MAX; i++)
		buf_addc(&noise, (char)(i * 7));
	item_text(&s, noise.p, noise.len);
	assert_int_equal(find(&s), CACHE_MISS);
}

TEST(another_keys_text_under_our_attributes_is_a_miss)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	AUTO_STR theirs = str_dup(secret_reveal(&only_item(&s)->value));
	fake_script.print = "another caller";
	shelf_caller(&s);
	keep(&s, "token-2", 3600);
	assert_int_equal(s.ring.count, 2);
	lose_runtime(&s);
	assert_true(secret_set(&s.ring.items[1].is.value, theirs, strlen(theirs)));
	assert_int_equal(find(&s), CACHE_MISS);
	assert_null(fake_find(&s.w.store, s.key.token));
}

TEST(of_two_items_for_one_key_the_newest_counts)
{
	SHELF(s);
	keep(&s, "token-1", 3600);
	struct keyring_item *one = only_item(&s);
	one->attrs[one->attr_count].name = str_dup("color"); /* somebody's own: the next put makes another */
	one->attrs[one->attr_count++].value = str_dup("blue");
	later(&s, 10);
	keep(&s, "token-2", 3600);
	assert_int_equal(s.ring.count, 2);
	lose_runtime(&s);
	assert_found(&s, "token-2");
	one->modified = s.w.clock.now + 1;
	lose_runtime(&s);
	assert_found(&s, "token-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_kept_token_lies_in_both_tiers),
		T(its_item_has_just_these_attributes_and_shows_no_token),
		T(a_call_about_all_of_ours_names_neither_version_nor_kind),
		T(its_text_is_a_name_a_version_the_key_and_the_record),
		T(a_put_tidies_the_group_of_our_tokens),
		T(a_newer_token_takes_the_place_of_the_older),
		T(a_token_with_less_than_half_an_hour_left_goes_there_only_where_always_is_set),
		T(the_half_hour_is_what_is_left_and_not_the_whole_life),
		T(what_is_found_there_is_lifted_up_and_then_no_longer_asked_for),
		T(what_was_lifted_up_is_kept_as_long_as_the_token_is_good),
		T(the_quick_look_never_asks_the_keyring),
		T(after_a_restart_the_wall_clock_says_how_old_it_is),
		T(what_was_lifted_after_a_restart_then_ages_by_the_time_since_boot_too),
		T(within_one_boot_a_wall_clock_set_back_makes_no_kept_token_young),
		T(a_boot_that_cannot_be_told_is_judged_by_the_wall_clock),
		T(an_expired_one_is_a_miss_and_is_not_lifted),
		T(one_of_the_future_is_a_miss),
		T(one_that_ages_is_still_found),
		T(a_text_that_is_cut_anywhere_is_a_miss),
		T(foreign_text_is_a_miss),
		T(another_keys_text_under_our_attributes_is_a_miss),
		T(of_two_items_for_one_key_the_newest_counts),
	};
	return RUN(tests);
}
