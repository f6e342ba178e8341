/* A caller, what it keeps, and both tiers to keep it in. */
#ifndef DAYPASS_TESTS_SHELF_H
#define DAYPASS_TESTS_SHELF_H

#include "helper/core/cache.h"
#include "helper/core/record.h"
#include "tests/unit/fake_keyring.h"

struct shelf {
	struct world w;
	struct fake_keyring ring;
	struct plan plan;
	struct cache_key key;
	struct token got;
	struct err err;
};

static inline void shelf_end(struct shelf *s)
{
	token_free(&s->got);
	plan_free(&s->plan);
	fake_keyring_end(&s->ring);
	world_end(&s->w);
}

/* Whoever the world's configuration and environment make of us now. */
static inline void shelf_caller(struct shelf *s)
{
	plan_free(&s->plan);
	s->plan = (struct plan){0};
	world_plan(&s->w, &s->plan);
	if (!cache_key_make(&s->w.ctx, &s->plan, &s->key, &s->err))
		fail_msg("no key: %s", s->err.msg);
}

static inline void shelf_begin(struct shelf *s)
{
	*s = (struct shelf){.got = token_new(), .err = ERR_INIT};
	world_begin(&s->w);
	world_keyring(&s->w, &s->ring);
	shelf_caller(s);
}

#define SHELF(s) CLEANUP(shelf_end) struct shelf s; shelf_begin(&s)

static inline struct store_mark shelf_mark(struct shelf *s)
{
	return s->w.ctx.store->mark(s->w.ctx.store, s->key.token);
}

/* Keep a token of that life, issued now, by a writer that began at that mark. */
static inline void keep_since(struct shelf *s, const char *value, int64_t life, struct store_mark since)
{
	AUTO_TOKEN t = token_new();
	assert_true(secret_set(&t.value, value, strlen(value)));
	t.issued_at = s->w.clock.now;
	t.expires_at = t.issued_at + life;
	cache_put(&s->w.ctx, &s->key, &s->plan, &t, since);
}

static inline void keep(struct shelf *s, const char *value, int64_t life)
{
	keep_since(s, value, life, shelf_mark(s));
}

static inline enum cache_answer get(struct shelf *s)
{
	return cache_get(&s->w.ctx, &s->key, &s->got);
}

static inline enum cache_answer find(struct shelf *s)
{
	return cache_find(&s->w.ctx, &s->key, &s->got);
}

static inline bool erase(struct shelf *s, const char *value)
{
	int64_t issued_at;
	AUTO_SECRET same = secret_new(TOKEN_MAX);
	assert_true(secret_set(&same, value, strlen(value)));
	return cache_erase(&s->w.ctx, &s->key, &same, &issued_at);
}

/* The runtime tier has lost all it had. */
static inline void lose_runtime(struct shelf *s)
{
	s->w.store.port.clear(&s->w.store.port);
}

/* Another process, for a request of its own. */
static inline void next_process(struct shelf *s)
{
	s->ring.port.spent_ms = 0;
	s->w.ctx.deadline_ms = s->w.clock.ms + 20000;
}

/* The machine was restarted: the tmpfs is empty and the time since boot begins anew. */
static inline void reboot(struct shelf *s)
{
	lose_runtime(s);
	s->w.clock.boots++;
	s->w.clock.up = 20;
	next_process(s);
}

/* All clocks move on, as they do in life. */
static inline void later(struct shelf *s, int64_t seconds)
{
	pass_ms(&s->w.clock, seconds * 1000);
	next_process(s);
}

/* The only item in the keyring. */
static inline struct keyring_item *only_item(struct shelf *s)
{
	assert_int_equal(s->ring.count, 1);
	return &s->ring.items[0].is;
}

#define assert_found(s, token) \
	do { \
		assert_int_equal(find(s), CACHE_FRESH); \
		assert_text(secret_reveal(&(s)->got.value), token); \
	} while (0)

#endif
