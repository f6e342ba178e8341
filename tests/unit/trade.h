/* One exchange, ready to be tried: a world, its plan, an assertion. */
#ifndef DAYPASS_TESTS_TRADE_H
#define DAYPASS_TESTS_TRADE_H

#include "helper/core/exchange.h"
#include "tests/unit/fake.h"

struct trade {
	struct world w;
	struct plan plan;
	struct token assertion, out;
	struct exchange_failure failure;
	struct err err;
};

static inline void trade_end(struct trade *t)
{
	token_free(&t->assertion);
	token_free(&t->out);
	plan_free(&t->plan);
	world_end(&t->w);
}

static inline void trade_begin(struct trade *t)
{
	*t = (struct trade){.assertion = token_new(), .out = token_new(), .err = ERR_INIT};
	world_begin(&t->w);
	world_plan(&t->w, &t->plan);
	assert_true(secret_set(&t->assertion.value, fake_script.tokens[0], strlen(fake_script.tokens[0])));
}

#define TRADE(t) CLEANUP(trade_end) struct trade t; trade_begin(&t)

static inline bool trade(struct trade *t)
{
	t->err = ERR_INIT;
	return exchange_once(&t->w.ctx, &t->plan, &t->assertion, &t->out, &t->failure, &t->err);
}

#endif
