/* Which subscription an identity stands in: the setting, peers' variables, else one list of Resource Manager's, kept. */
#include "helper/core/subscription.h"

#include "tests/unit/fake.h"

#define ONE "f0f0f0f0-0000-4000-8000-000000000001"
#define TWO "f0f0f0f0-0000-4000-8000-000000000002"
#define ARM "https://management.azure.com"
#define ROW(id, name, state) "{\"subscriptionId\":\"" id "\",\"displayName\":\"" name "\",\"state\":\"" state "\",\"tenantId\":\"" TENANT "\"}"
#define TOKEN {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"arm-token\"}"}

static struct err err;

static void plan_resource(struct world *w, const char *resource, struct plan *p)
{
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .action = ACTION_GET, .resource = str_dup(resource)};
	plan_of(w, &r, p);
}

/* Ask as somebody who wants a token for ARM does. */
static bool find(struct world *w, struct subscription *s)
{
	AUTO_PLAN p = {0};
	plan_resource(w, ARM, &p);
	return subscription_find(&w->ctx, &p, s, &err);
}

static void finds(struct world *w, const char *id)
{
	AUTO_SUBSCRIPTION s = {0};
	if (!find(w, &s))
		fail_msg("no answer: %s", err.msg);
	assert_text(s.id, id);
}

TEST(the_setting_needs_no_network)
{
	WORLD(w);
	world_config(&w, IDENTITY "subscription = " ONE "\n");
	world_env(&w, "AZURE_SUBSCRIPTION_ID", TWO);
	finds(&w, ONE);
	assert_int_equal(w.http.calls, 0);
}

TEST(variables_follow_in_their_order_and_only_where_they_are_ids)
{
	WORLD(w);
	world_env(&w, "ARM_SUBSCRIPTION_ID", TWO);
	finds(&w, TWO);
	world_env(&w, "AZURE_SUBSCRIPTION_ID", "by name");
	finds(&w, TWO);
	world_env(&w, "AZURE_SUBSCRIPTION_ID", ONE);
	finds(&w, ONE);
	world_env(&w, "DAYPASS_SUBSCRIPTION", TWO);
	finds(&w, TWO);
	assert_int_equal(w.http.calls, 0);
}

TEST(the_first_enabled_one_of_the_list_is_taken_and_kept_for_a_day)
{
	WORLD(w);
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[" ROW(ONE, "Old", "Disabled") "," ROW(TWO, "Shop", "Enabled") "]}"}, TOKEN, {200, .body = "{\"value\":[" ROW(ONE, "Old", "Enabled") "]}"});
	AUTO_SUBSCRIPTION s = {0};
	assert_true(find(&w, &s));
	assert_text(s.id, TWO);
	assert_text(s.name, "Shop");
	assert_text(s.state, "Enabled");
	assert_text(s.tenant, TENANT);
	assert_text(w.http.asked[1].url, ARM "/subscriptions?api-version=2022-12-01");
	assert_text(w.http.asked[1].bearer, "Bearer arm-token");
	finds(&w, TWO);
	assert_int_equal(w.http.calls, 2);
	pass_ms(&w.clock, 86400 * 1000);
	finds(&w, ONE);
}

TEST(where_none_is_enabled_the_first_is_taken)
{
	WORLD(w);
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[{\"subscriptionId\":\"x\"}," ROW(ONE, "A", "Warned") "," ROW(TWO, "B", "Warned") "]}"});
	finds(&w, ONE);
}

TEST(the_whole_list_has_the_one_of_the_setting_too)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	AUTO_SUBSCRIPTIONS all = {0};
	AUTO_SUBSCRIPTIONS failed = {0};
	world_config(&w, IDENTITY "subscription = f0f0f0f0-0000-4000-8000-000000000003\n");
	SCRIPT(&w, TOKEN, {.fails = true}, {200, .body = "{\"value\":[" ROW(ONE, "Old", "Disabled") "," ROW(TWO, "Shop", "Enabled") "]}"});
	plan_resource(&w, ARM, &p);
	assert_true(subscription_list(&w.ctx, &p, &failed, &err));
	assert_int_equal(failed.count, 1);
	pass_ms(&w.clock, 60 * 1000);
	assert_true(subscription_list(&w.ctx, &p, &all, &err));
	assert_int_equal(all.count, 3);
	assert_int_equal(all.own, 2);
	assert_text(all.rows[1].name, "Shop");
	AUTO_SUBSCRIPTIONS again = {0};
	world_env(&w, "DAYPASS_SUBSCRIPTION", TWO);
	AUTO_PLAN q = {0};
	plan_resource(&w, ARM, &q);
	assert_true(subscription_list(&w.ctx, &q, &again, &err));
	assert_int_equal(again.count, 2);
	assert_int_equal(again.own, 1);
	assert_int_equal(w.http.calls, 3);
}

TEST(that_there_is_none_is_kept_for_minutes)
{
	WORLD(w);
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[]}"}, {200, .body = "{\"value\":[" ROW(ONE, "A", "Enabled") "]}"});
	finds(&w, NULL);
	finds(&w, NULL);
	assert_int_equal(w.http.calls, 2);
	pass_ms(&w.clock, 300 * 1000);
	finds(&w, ONE);
}

TEST(a_failure_is_told_and_kept_for_a_minute)
{
	WORLD(w);
	AUTO_SUBSCRIPTION s = {0};
	SCRIPT(&w, TOKEN, {403, .body = "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"no right\"}}"}, {200, .body = "{\"value\":[" ROW(ONE, "A", "Enabled") "]}"});
	for (int i = 0; i < 2; i++) {
		assert_false(find(&w, &s));
		assert_clean(&err);
		assert_says(err.msg, "no right");
		assert_says(err.hint, "subscription = GUID");
	}
	assert_int_equal(w.http.calls, 2);
	pass_ms(&w.clock, 60 * 1000);
	finds(&w, ONE);
}

TEST(an_answer_that_is_none_is_a_failure)
{
	static const struct answer bad[] = {{200, .body = "<html>"}, {200, .body = "[]", .type = "text/html"}, {302, .location = "https://x"}, {.fails = true}};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		WORLD(w);
		AUTO_SUBSCRIPTION s = {0};
		SCRIPT(&w, TOKEN, bad[i]);
		bool ok = find(&w, &s);
		assert_null(s.id);
		assert_true(!ok || i == 1);
	}
}

TEST(for_another_resource_resource_manager_gets_a_token_of_its_own)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	AUTO_SUBSCRIPTION s = {0};
	plan_resource(&w, "https://vault.azure.net", &p);
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[" ROW(ONE, "A", "Enabled") "]}"});
	assert_true(subscription_find(&w.ctx, &p, &s, &err));
	assert_text(s.id, ONE);
	assert_says(w.http.asked[0].form, "scope=https%3A%2F%2Fmanagement.core.windows.net%2F%2F.default");
}

TEST(where_policy_gives_no_token_for_it_there_is_none_and_nobody_is_asked)
{
	WORLD(w);
	AUTO_PLAN p = {0};
	AUTO_SUBSCRIPTION s = {0};
	world_config(&w, IDENTITY "allow = https://vault.azure.net\n");
	plan_resource(&w, "https://vault.azure.net", &p);
	assert_true(subscription_find(&w.ctx, &p, &s, &err));
	assert_null(s.id);
	assert_int_equal(w.http.calls, 0);
}

TEST(other_clouds_have_their_own_and_strangers_none)
{
	WORLD(w);
	world_config(&w, IDENTITY "cloud = usgov\n");
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[" ROW(ONE, "A", "Enabled") "]}"});
	AUTO_PLAN p = {0};
	AUTO_SUBSCRIPTION s = {0};
	plan_resource(&w, "https://management.core.usgovcloudapi.net/", &p);
	assert_true(subscription_find(&w.ctx, &p, &s, &err));
	assert_text(w.http.asked[1].url, "https://management.usgovcloudapi.net/subscriptions?api-version=2022-12-01");
	world_config(&w, IDENTITY "authority = https://login.private.test\n");
	w.http.calls = 0;
	finds(&w, NULL);
	assert_int_equal(w.http.calls, 0);
}

TEST(every_torn_record_is_none)
{
	WORLD(w);
	SCRIPT(&w, TOKEN, {200, .body = "{\"value\":[" ROW(ONE, "A", "Enabled") "]}"});
	finds(&w, ONE);
	struct fake_record *r = NULL;
	for (size_t i = 0; i < FAKE_RECORDS; i++)
		if (w.store.records[i].used && w.store.records[i].data.len < 200 && memmem(w.store.records[i].data.p, w.store.records[i].data.len, ONE, strlen(ONE)))
			r = &w.store.records[i];
	assert_non_null(r);
	AUTO_BUF whole = buf_new(STORE_RECORD_MAX);
	buf_add(&whole, r->data.p, r->data.len);
	for (size_t len = 0; len < whole.len; len++) {
		AUTO_SUBSCRIPTION s = {0};
		buf_clear(&r->data);
		buf_add(&r->data, whole.p, len);
		assert_false(find(&w, &s)); /* beyond the script nobody answers */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_setting_needs_no_network),
		T(variables_follow_in_their_order_and_only_where_they_are_ids),
		T(the_first_enabled_one_of_the_list_is_taken_and_kept_for_a_day),
		T(where_none_is_enabled_the_first_is_taken),
		T(the_whole_list_has_the_one_of_the_setting_too),
		T(that_there_is_none_is_kept_for_minutes),
		T(a_failure_is_told_and_kept_for_a_minute),
		T(an_answer_that_is_none_is_a_failure),
		T(for_another_resource_resource_manager_gets_a_token_of_its_own),
		T(where_policy_gives_no_token_for_it_there_is_none_and_nobody_is_asked),
		T(other_clouds_have_their_own_and_strangers_none),
		T(every_torn_record_is_none),
	};
	return RUN(tests);
}
