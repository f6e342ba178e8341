/* One source on the bench: what it detects, prints and fetches in a world of the test's making. */
#ifndef DAYPASS_TESTS_BENCH_H
#define DAYPASS_TESTS_BENCH_H

#include "tests/unit/fake.h"

/* A world with an identity of some settings, and what the source said last. */
struct bench {
	struct world w;
	struct identity id;
	struct token got;
	struct buf print, evidence;
	struct err err;
};

static inline void bench_end(struct bench *b)
{
	identity_free(&b->id);
	token_free(&b->got);
	buf_free(&b->print);
	buf_free(&b->evidence);
	world_end(&b->w);
}

static inline void bench_begin(struct bench *b)
{
	*b = (struct bench){.got = token_new(), .print = buf_new(4096), .evidence = buf_new(STORE_ID), .err = ERR_INIT};
	world_begin(&b->w);
	assert_true(identity_named(&b->w.ctx, "default", &b->id, &b->err));
}

#define BENCH(b) CLEANUP(bench_end) struct bench b; bench_begin(&b)

static inline enum source_state detect(struct bench *b, const struct source *s)
{
	b->err = ERR_INIT;
	return s->detect(&b->w.ctx, &b->id, &b->err);
}

static inline void broken(struct bench *b, const struct source *s, const char *msg, const char *hint)
{
	assert_int_equal(detect(b, s), SOURCE_BROKEN);
	assert_clean(&b->err);
	assert_says(b->err.msg, msg);
	assert_says(b->err.hint, hint);
}

static inline bool fetch(struct bench *b, const struct source *s)
{
	b->err = ERR_INIT;
	return s->fetch(&b->w.ctx, &b->id, "api://AzureADTokenExchange", &b->got, &b->err);
}

static inline const char *print(struct bench *b, const struct source *s)
{
	buf_clear(&b->print);
	buf_clear(&b->evidence);
	b->err = ERR_INIT;
	return s->fingerprint(&b->w.ctx, &b->id, &b->print, &b->evidence, &b->err) ? b->print.p : NULL;
}

static inline void setting(struct bench *b, enum key key, const char *value)
{
	assert_true(config_set(b->id.set, key, value, "/f:1", &b->err));
}

#endif
