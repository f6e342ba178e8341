/* A world with a keyring on its bus, and calls to it. */
#ifndef DAYPASS_TESTS_DESK_H
#define DAYPASS_TESTS_DESK_H

#include "helper/core/store_keyring.h"
#include "tests/unit/fake_keyring.h"

struct desk {
	struct world w;
	struct fake_keyring ring;
};

static inline void desk_end(struct desk *d)
{
	fake_keyring_end(&d->ring);
	world_end(&d->w);
}

static inline void desk_begin(struct desk *d)
{
	world_begin(&d->w);
	world_keyring(&d->w, &d->ring);
}

#define DESK(d) CLEANUP(desk_end) struct desk d; desk_begin(&d)

static inline enum keyring_answer ask_for(struct desk *d, struct keyring_call *call, const struct store_mark *since)
{
	enum keyring_answer a = keyring_ask(&d->w.ctx, call, since);
	keyring_list_free(&call->found);
	return a;
}

static inline enum keyring_answer ask(struct desk *d)
{
	return ask_for(d, &(struct keyring_call){.op = KEYRING_FIND, .schema = "org.example"}, NULL);
}

/* A put of its own kind: what it needs, and a mark. */
static inline enum keyring_answer put_since(struct desk *d, const struct store_mark *since)
{
	AUTO_SECRET value = secret_new(16);
	assert_true(secret_set(&value, "value", 5));
	struct keyring_call call = {.op = KEYRING_PUT, .schema = "org.example", .attrs = {{"a", "b"}}, .label = "label", .value = &value};
	return ask_for(d, &call, since);
}

static inline enum keyring_answer look(struct desk *d)
{
	char program[64];
	return keyring_look(&d->w.ctx, program, sizeof program);
}

/* Asked so often by now, and every lock given back. */
#define assert_asked(d, times) \
	do { \
		assert_int_equal((d)->ring.calls, times); \
		assert_int_equal((d)->w.store.locks, (d)->w.store.unlocks); \
	} while (0)

#endif
