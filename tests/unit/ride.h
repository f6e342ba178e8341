/* One request after another through the flow, as processes that share a cache. */
#ifndef DAYPASS_TESTS_RIDE_H
#define DAYPASS_TESTS_RIDE_H

#include "helper/core/cache.h"
#include "tests/unit/fake.h"

#define TOKEN(name, life) "{\"token_type\":\"Bearer\",\"expires_in\":" #life ",\"access_token\":\"" name "\"}"
#define REFUSAL(code) "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS" #code ": Text.\",\"error_codes\":[" #code "]}"

struct ride {
	struct world w;
	struct plan plan;
	struct flow_result got;
	struct err err;
};

static inline void ride_end(struct ride *r)
{
	flow_result_free(&r->got);
	plan_free(&r->plan);
	world_end(&r->w);
}

static inline void ride_begin(struct ride *r)
{
	*r = (struct ride){.got = {.token = token_new()}, .err = ERR_INIT};
	world_begin(&r->w);
	world_plan(&r->w, &r->plan);
}

#define RIDE(r) CLEANUP(ride_end) struct ride r; ride_begin(&r)

/* One whole request, as a new process makes it. */
static inline bool ride(struct ride *r)
{
	flow_result_free(&r->got);
	r->err = ERR_INIT;
	flow_begin(&r->w.ctx);
	return flow_token(&r->w.ctx, &r->plan, &r->got, &r->err);
}

static inline void serves(struct ride *r, const char *token, bool cached)
{
	if (!ride(r))
		fail_msg("%s", r->err.msg);
	assert_text(secret_reveal(&r->got.token.value), token);
	assert_int_equal(r->got.cached, cached);
	assert_int_equal(r->w.store.locks, r->w.store.unlocks);
}

static inline void fails(struct ride *r, enum err_kind kind)
{
	assert_false(ride(r));
	assert_clean(&r->err);
	assert_int_equal(r->err.kind, kind);
	assert_int_equal(r->w.store.locks, r->w.store.unlocks);
}

#endif
