/* One trade at a registry, ready to be tried: a world, its plan, Entra's token. */
#ifndef DAYPASS_TESTS_STALL_H
#define DAYPASS_TESTS_STALL_H

#include "helper/core/step_acr.h"
#include "tests/unit/docker.h"

#define LIFE (3 * 3600)
#define DATE "Mon, 23 Nov 2026 10:00:00 GMT" /* NOW */
#define DATE_LATER "Mon, 23 Nov 2026 12:00:00 GMT"

struct stall {
	struct world w;
	struct plan plan;
	struct token entra, out;
	struct exchange_failure failure;
	struct err err;
	char *body;
};

static inline void stall_end(struct stall *s)
{
	token_free(&s->entra);
	token_free(&s->out);
	plan_free(&s->plan);
	world_end(&s->w);
	free(s->body);
}

static inline void stall_begin(struct stall *s, const char *host)
{
	*s = (struct stall){.entra = token_new(), .out = token_new(), .err = ERR_INIT};
	world_begin(&s->w);
	world_plan_registry(&s->w, host, &s->plan);
	assert_true(secret_set(&s->entra.value, "at-1", 4));
}

#define STALL_AT(s, host) CLEANUP(stall_end) struct stall s; stall_begin(&s, host)
#define STALL(s) STALL_AT(s, REGISTRY)

static inline bool trade_for(struct stall *s, struct answer a)
{
	world_script(&s->w, &a, 1);
	s->err = ERR_INIT;
	return step_acr(&s->w.ctx, &s->plan, &s->entra, &s->out, &s->failure, &s->err);
}

/* A good answer with such a token. */
static inline struct answer gives(struct stall *s, const char *aud, int64_t iat, int64_t exp)
{
	AUTO_STR token = refresh_token("rt-1", aud, iat, exp);
	free(s->body);
	s->body = exchange_body(token);
	return (struct answer){200, .body = s->body, .date = DATE};
}

static inline void accepts(struct stall *s, struct answer a)
{
	if (!trade_for(s, a))
		fail_msg("refused: %s", s->err.msg);
	assert_true(str_starts(secret_reveal(&s->out.value), "eyJ"));
}

static inline void refuses(struct stall *s, struct answer a, enum err_kind kind, enum exchange_cure cure)
{
	if (trade_for(s, a))
		fail_msg("accepted: HTTP %ld %s", a.status, a.body ? a.body : "");
	assert_clean(&s->err);
	assert_int_equal(s->w.http.calls, 1); /* nobody else is asked */
	if (s->err.kind != kind || s->failure.cure != cure)
		fail_msg("kind %d instead of %d, cure %d instead of %d: %s", (int)s->err.kind, (int)kind, (int)s->failure.cure, (int)cure, s->err.msg);
}

/* The token of these claims, as it stands in an answer. */
static inline struct answer of_claims(struct stall *s, const char *claims)
{
	AUTO_STR token = make_jwt(claims);
	free(s->body);
	s->body = exchange_body(token);
	return (struct answer){200, .body = s->body, .date = DATE};
}

#endif
