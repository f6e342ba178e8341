/* Single flight for registries: a process that trades holds one lock and needs another for Entra's token. */
#include "tests/unit/docker.h"
#include "tests/unit/race.h"

#define REGIONAL "contoso.eastus.geo.azurecr.io"
#define ENTRA_SAYS {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}", .takes_ms = 50}

/* The registry's answer: made out to the whole of it, so that its regional endpoint's is good too. */
static char *traded(struct race *r)
{
	int64_t now = r->runtime.clock.wall(&r->runtime.clock);
	AUTO_STR token = refresh_token("rt-1", REGISTRY, now, now + 10800);
	return exchange_body(token);
}

static void about(struct race *r, const char *host)
{
	plan_free(&r->plan);
	world_plan_registry(&r->w, host, &r->plan);
}

TEST(sixteen_cold_processes_ask_entra_once_and_the_registry_once)
{
	RACE(r);
	AUTO_STR body = traded(&r);
	about(&r, REGISTRY);
	r.answer = &(const struct answer)ENTRA_SAYS;
	r.trade = &(const struct answer){200, .body = body, .takes_ms = 50};
	run_race(&r, true, "eyJ");
	assert_text(r.bytes, "xr");
}

TEST(processes_for_two_registries_share_one_exchange_with_entra)
{
	RACE(r);
	AUTO_STR body = traded(&r);
	about(&r, REGISTRY);
	world_plan_registry(&r.w, REGIONAL, &r.other);
	r.answer = &(const struct answer)ENTRA_SAYS;
	r.trade = &(const struct answer){200, .body = body, .takes_ms = 50};
	run_race(&r, true, "eyJ");
	assert_text(r.bytes, "xrr");
}

TEST(sixteen_cold_processes_hear_the_registrys_one_refusal)
{
	RACE(r);
	about(&r, REGISTRY);
	r.answer = &(const struct answer)ENTRA_SAYS;
	r.trade = &(const struct answer){401, .body = "{\"errors\":[{\"message\":\"authentication required\"}]}", .takes_ms = 50};
	run_race(&r, false, REGISTRY " refused identity default");
	assert_text(r.bytes, "xr");
}

TEST(git_and_docker_at_once_hold_each_other_up_nowhere)
{
	RACE(r);
	AUTO_STR body = traded(&r);
	world_plan_registry(&r.w, REGISTRY, &r.other);
	/* One text for both: the registry's token as if it were git's too. */
	AUTO_STR token = str_ndup(body + strlen("{\"refresh_token\":\""), strlen(body) - strlen("{\"refresh_token\":\"\"}"));
	AUTO_STR entra = str_printf("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"%s\"}", token);
	r.answer = &(const struct answer){200, .body = entra, .takes_ms = 50};
	r.trade = &(const struct answer){200, .body = body, .takes_ms = 50};
	assert_int_equal(run_race(&r, true, "eyJ"), 3);
	assert_non_null(strchr(r.bytes, 'r'));
}

/* Is this registry's lock on the stripe of the lock of Entra's token? */
static bool collides(struct race *r)
{
	struct cache_key trade, entra;
	struct plan p = r->plan; /* borrows all */
	struct err err = ERR_INIT;
	assert_true(cache_key_make(&r->w.ctx, &p, &trade, &err));
	p.registry = NULL;
	assert_true(cache_key_make(&r->w.ctx, &p, &entra, &err));
	return trade.token[0] % 64 == entra.token[0] % 64;
}

TEST(a_trade_does_not_wait_for_itself_where_both_locks_fall_on_one_stripe)
{
	RACE(r);
	char host[64];
	int i = 0;
	do {
		snprintf(host, sizeof host, "contoso%d.azurecr.io", i++);
		about(&r, host);
	} while (!collides(&r) && i < 10000);
	assert_true(collides(&r));
	int64_t now = r.runtime.clock.wall(&r.runtime.clock);
	AUTO_STR token = refresh_token("rt-1", host, now, now + 10800);
	AUTO_STR body = exchange_body(token);
	struct flow_result got = {.token = token_new()};
	struct err err = ERR_INIT;
	r.answer = &(const struct answer){200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"};
	r.trade = &(const struct answer){200, .body = body};
	flow_begin(&r.w.ctx);
	assert_true(flow_token(&r.w.ctx, &r.plan, &got, &err));
	assert_text(secret_reveal(&got.token.value), token);
	flow_result_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sixteen_cold_processes_ask_entra_once_and_the_registry_once),
		T(processes_for_two_registries_share_one_exchange_with_entra),
		T(sixteen_cold_processes_hear_the_registrys_one_refusal),
		T(git_and_docker_at_once_hold_each_other_up_nowhere),
		T(a_trade_does_not_wait_for_itself_where_both_locks_fall_on_one_stripe),
	};
	return RUN(tests);
}
