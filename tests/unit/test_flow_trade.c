/* Two steps to a registry's own token: Entra's is kept and used for every registry, the trade is each one's own. */
#include "tests/unit/docker.h"
#include "tests/unit/ride.h"

#define OTHER "fabrikam.azurecr.io"
#define LIFE (3 * 3600)
#define DENIED "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}"

enum { BODIES = 8 };

/* A ride to registries, with the bodies of their answers. */
struct tour {
	struct ride r;
	char *bodies[BODIES];
	size_t count;
};

static void tour_end(struct tour *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->bodies[i]);
	ride_end(&t->r);
}

/* From now on the requests are about that registry. */
static void go_to(struct tour *t, const char *host)
{
	plan_free(&t->r.plan);
	world_plan_registry(&t->r.w, host, &t->r.plan);
}

static void tour_begin(struct tour *t)
{
	*t = (struct tour){0};
	ride_begin(&t->r);
	go_to(t, REGISTRY);
}

#define TOUR(t) CLEANUP(tour_end) struct tour t; tour_begin(&t)

static struct answer traded_until(struct tour *t, const char *name, const char *host, int64_t from, int64_t until)
{
	AUTO_STR token = refresh_token(name, host, from, until);
	assert_true(t->count < BODIES);
	t->bodies[t->count] = exchange_body(token);
	return (struct answer){200, .body = t->bodies[t->count++]};
}

/* A registry's answer, three hours good from now. */
static struct answer traded(struct tour *t, const char *name, const char *host)
{
	return traded_until(t, name, host, t->r.w.clock.now, t->r.w.clock.now + LIFE);
}

/* The token of that name is served. */
static void brings(struct tour *t, const char *name, bool cached)
{
	if (!ride(&t->r))
		fail_msg("%s", t->r.err.msg);
	AUTO_BUF claims = buf_new(TOKEN_MAX);
	const char *token = strchr(secret_reveal(&t->r.got.token.value), '.') + 1;
	assert_true(seal_b64url_decode(&claims, token, strcspn(token, ".")));
	AUTO_STR id = str_printf("\"jti\":\"%s\"", name);
	assert_says(claims.p, id);
	assert_int_equal(t->r.got.cached, cached);
	assert_int_equal(t->r.w.store.locks, t->r.w.store.unlocks);
}

static void asked_for(struct tour *t, size_t call, const char *url)
{
	assert_text(t->r.w.http.asked[call].url, url);
}

#define ENTRA_URL "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token"

TEST(a_cold_request_asks_entra_once_and_the_registry_once)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "rt-1", REGISTRY));
	brings(&t, "rt-1", false);
	assert_int_equal(t.r.w.http.calls, 2);
	asked_for(&t, 0, ENTRA_URL);
	assert_says(t.r.w.http.asked[0].form, "&scope=https%3A%2F%2Fcontainerregistry.azure.net%2F.default&");
	asked_for(&t, 1, "https://" REGISTRY "/oauth2/exchange");
	assert_says(t.r.w.http.asked[1].form, "&access_token=at-1");
	assert_int_equal(t.r.w.http.asked[0].deadline_ms, t.r.w.http.asked[1].deadline_ms);
	brings(&t, "rt-1", true);
	assert_int_equal(t.r.w.http.calls, 2);
}

TEST(entras_token_serves_a_second_registry)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "rt-1", REGISTRY), traded(&t, "rt-2", OTHER));
	brings(&t, "rt-1", false);
	go_to(&t, OTHER);
	brings(&t, "rt-2", false);
	assert_int_equal(t.r.w.http.calls, 3);
	asked_for(&t, 2, "https://" OTHER "/oauth2/exchange");
	assert_says(t.r.w.http.asked[2].form, "service=" OTHER "&");
	brings(&t, "rt-2", true);
	go_to(&t, REGISTRY);
	brings(&t, "rt-1", true);
}

TEST(a_regional_endpoint_has_a_token_of_its_own)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "rt-1", REGISTRY), traded(&t, "rt-2", REGISTRY));
	brings(&t, "rt-1", false);
	go_to(&t, "contoso.eastus.geo.azurecr.io");
	brings(&t, "rt-2", false);
	assert_int_equal(t.r.w.http.calls, 3);
}

TEST(a_refusal_of_entras_reaches_no_registry)
{
	TOUR(t);
	SCRIPT(&t.r.w, {400, .body = REFUSAL(700213)});
	fails(&t.r, ERR_REFUSED);
	assert_false(t.r.err.denied); /* our own trust is broken: never "not found" */
	assert_int_equal(t.r.w.http.calls, 1);
	go_to(&t, OTHER);
	fails(&t.r, ERR_REFUSED);
	assert_int_equal(t.r.w.http.calls, 1); /* it was told already, for every registry */
}

TEST(a_registrys_refusal_is_remembered_for_that_registry_alone)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {401, .body = DENIED}, traded(&t, "rt-2", OTHER), traded(&t, "rt-3", REGISTRY));
	fails(&t.r, ERR_REFUSED);
	assert_true(t.r.err.denied);
	for (int layer = 0; layer < 20; layer++) {
		fails(&t.r, ERR_REFUSED);
		assert_true(t.r.err.denied); /* who hears of it from the record must answer alike */
		assert_says(t.r.err.msg, REGISTRY " refused identity default");
		assert_says(t.r.err.hint, "az role assignment create");
	}
	assert_int_equal(t.r.w.http.calls, 2);
	go_to(&t, OTHER);
	brings(&t, "rt-2", false);
	go_to(&t, REGISTRY);
	pass_ms(&t.r.w.clock, 6000);
	brings(&t, "rt-3", false); /* somebody gave us the role meanwhile */
	assert_int_equal(t.r.w.http.calls, 4);
}

TEST(a_refusal_is_not_tried_again_and_keeps_nothing)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {403, .body = DENIED}, traded(&t, "rt-2", REGISTRY));
	fails(&t.r, ERR_REFUSED);
	assert_int_equal(t.r.w.http.calls, 2);
	assert_int_equal(cache_get(&t.r.w.ctx, &t.r.got.key, &t.r.got.token), CACHE_MISS);
}

TEST(a_throttle_counts_for_that_registry_alone)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {429, .body = "{}", .retry_after = "90"}, traded(&t, "rt-2", OTHER), traded(&t, "rt-1", REGISTRY));
	fails(&t.r, ERR_THROTTLED);
	assert_says(t.r.err.hint, "retry in 90 s");
	assert_false(t.r.err.denied);
	assert_int_equal(t.r.w.clock.slept, 0);
	go_to(&t, OTHER);
	brings(&t, "rt-2", false);
	go_to(&t, REGISTRY);
	pass_ms(&t.r.w.clock, 60000);
	fails(&t.r, ERR_THROTTLED);
	assert_says(t.r.err.hint, "retry in 30 s");
	assert_int_equal(t.r.w.http.calls, 3);
	pass_ms(&t.r.w.clock, 31000);
	brings(&t, "rt-1", false);
}

TEST(a_short_throttle_of_a_registry_is_waited_for)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {429, .body = "{}", .retry_after = "3"}, traded(&t, "rt-1", REGISTRY));
	brings(&t, "rt-1", false);
	assert_int_equal(t.r.w.clock.slept, 3000);
	assert_int_equal(t.r.w.http.calls, 3);
}

TEST(entras_throttle_is_told_for_each_registry_and_asked_once)
{
	TOUR(t);
	SCRIPT(&t.r.w, {429, .body = "{}", .retry_after = "90"});
	fails(&t.r, ERR_THROTTLED);
	go_to(&t, OTHER);
	fails(&t.r, ERR_THROTTLED);
	pass_ms(&t.r.w.clock, 30000);
	fails(&t.r, ERR_THROTTLED);
	assert_says(t.r.err.hint, "retry in 60 s");
	assert_int_equal(t.r.w.http.calls, 1);
}

TEST(a_registrys_passing_problem_is_tried_again_once_with_the_same_token_of_entras)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {503, .body = "{}"}, traded(&t, "rt-1", REGISTRY));
	brings(&t, "rt-1", false);
	assert_int_equal(t.r.w.clock.slept, 500);
	assert_text(t.r.w.http.asked[1].form, t.r.w.http.asked[2].form);
}

TEST(a_registrys_problem_that_stays_is_told_after_two_requests)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, {.fails = true}, {.fails = true}, traded(&t, "rt-1", REGISTRY));
	fails(&t.r, ERR_NETWORK);
	assert_int_equal(t.r.w.http.calls, 3);
	fails(&t.r, ERR_NETWORK);
	assert_int_equal(t.r.w.http.calls, 3); /* others that waited hear the same */
	pass_ms(&t.r.w.clock, 3000);
	brings(&t, "rt-1", false);
	assert_int_equal(t.r.w.http.calls, 4);
}

TEST(an_unusable_answer_keeps_nothing_and_asks_nobody_else)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "rt-1", OTHER), traded(&t, "rt-2", REGISTRY));
	fails(&t.r, ERR_NETWORK);
	assert_int_equal(t.r.w.http.calls, 2);
	assert_int_equal(cache_get(&t.r.w.ctx, &t.r.got.key, &t.r.got.token), CACHE_MISS);
	pass_ms(&t.r.w.clock, 3000);
	brings(&t, "rt-2", false);
	assert_int_equal(t.r.w.http.calls, 3);
}

TEST(at_half_its_life_a_token_is_renewed_and_who_comes_meanwhile_gets_the_old_one)
{
	TOUR(t);
	struct answer old = traded(&t, "old", REGISTRY), again = traded_until(&t, "new", REGISTRY, NOW + 5500, NOW + 5500 + LIFE);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, old, {200, .body = TOKEN("at-2", 3599)}, again);
	brings(&t, "old", false);
	pass_ms(&t.r.w.clock, (LIFE / 2 - 1) * 1000ll);
	brings(&t, "old", true);
	assert_int_equal(t.r.w.http.calls, 2);
	pass_ms(&t.r.w.clock, 101000);
	t.r.w.store.busy = true;
	brings(&t, "old", true);
	t.r.w.store.busy = false;
	assert_int_equal(t.r.w.http.calls, 2);
	brings(&t, "new", false);
	brings(&t, "new", true);
	assert_int_equal(t.r.w.http.calls, 4);
}

TEST(a_failing_renewal_serves_the_old_token)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "old", REGISTRY), {200, .body = TOKEN("at-2", 3599)}, {401, .body = DENIED});
	brings(&t, "old", false);
	pass_ms(&t.r.w.clock, (LIFE / 2 + 1) * 1000ll);
	brings(&t, "old", true);
	brings(&t, "old", true);
	assert_int_equal(t.r.w.http.calls, 4);
}

TEST(a_source_of_access_tokens_is_traded_without_entra)
{
	TOUR(t);
	world_config(&t.r.w, "[identity default]\nsource = fake-access\n");
	fake_script.access = true;
	go_to(&t, REGISTRY);
	SCRIPT(&t.r.w, traded(&t, "rt-1", REGISTRY));
	brings(&t, "rt-1", false);
	assert_int_equal(t.r.w.http.calls, 1);
	asked_for(&t, 0, "https://" REGISTRY "/oauth2/exchange");
}

TEST(git_and_docker_do_not_share_a_token)
{
	TOUR(t);
	SCRIPT(&t.r.w, {200, .body = TOKEN("at-1", 3599)}, traded(&t, "rt-1", REGISTRY), {200, .body = TOKEN("at-git", 3599)});
	brings(&t, "rt-1", false);
	plan_free(&t.r.plan);
	world_plan(&t.r.w, &t.r.plan);
	serves(&t.r, "at-git", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_cold_request_asks_entra_once_and_the_registry_once),
		T(entras_token_serves_a_second_registry),
		T(a_regional_endpoint_has_a_token_of_its_own),
		T(a_refusal_of_entras_reaches_no_registry),
		T(a_registrys_refusal_is_remembered_for_that_registry_alone),
		T(a_refusal_is_not_tried_again_and_keeps_nothing),
		T(a_throttle_counts_for_that_registry_alone),
		T(a_short_throttle_of_a_registry_is_waited_for),
		T(entras_throttle_is_told_for_each_registry_and_asked_once),
		T(a_registrys_passing_problem_is_tried_again_once_with_the_same_token_of_entras),
		T(a_registrys_problem_that_stays_is_told_after_two_requests),
		T(an_unusable_answer_keeps_nothing_and_asks_nobody_else),
		T(at_half_its_life_a_token_is_renewed_and_who_comes_meanwhile_gets_the_old_one),
		T(a_failing_renewal_serves_the_old_token),
		T(a_source_of_access_tokens_is_traded_without_entra),
		T(git_and_docker_do_not_share_a_token),
	};
	return RUN(tests);
}
