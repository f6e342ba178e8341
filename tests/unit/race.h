/* Processes that want the same token at the same moment, with the real runtime tier between them. */
#ifndef DAYPASS_TESTS_RACE_H
#define DAYPASS_TESTS_RACE_H

#include <sys/wait.h>

#include "tests/unit/fake.h"
#include "tests/unit/runtime.h"

enum { PROCESSES = 16 };

/* What the processes share: a pipe into which each exchange writes a byte, and one that holds them at the start. */
struct race {
	struct runtime runtime;
	struct world w;
	struct plan plan, other; /* other, where it is one: every second process's */
	int started;
	int asked[2], gate[2], told[2];
	const struct answer *answer, *trade; /* Entra's, and every registry's */
	char bytes[4 * PROCESSES]; /* what was asked, a letter each: x Entra, r a registry */
};

static struct race *race;

static inline bool counted_perform(struct http *http UNUSED, const struct http_request *q, struct http_response *r, struct err *err)
{
	bool trade = str_ends(q->url, "/oauth2/exchange");
	const struct answer *a = trade ? race->trade : race->answer;
	if (write(race->asked[1], trade ? "r" : "x", 1) != 1)
		return err_set(err, ERR_INTERNAL, NULL, "cannot count");
	struct clock c = clock_real();
	c.sleep_ms(&c, a->takes_ms); /* makes the others wait; nothing is proven by how long */
	if (a->fails)
		return err_set(err, ERR_NETWORK, "their hint", "nobody answers process %d", (int)getpid());
	r->status = a->status;
	snprintf(r->content_type, sizeof r->content_type, "application/json");
	return secret_set(&r->body, a->body, strlen(a->body));
}

static inline void race_end(struct race *r)
{
	if (r->runtime.folder) {
		plan_free(&r->plan);
		plan_free(&r->other);
		world_end(&r->w);
	}
	int *const pipes[] = {r->asked, r->gate, r->told};
	for (size_t i = 0; i < COUNT_OF(pipes); i++)
		for (int k = 0; k < 2; k++)
			if (pipes[i][k] > 0)
				close(pipes[i][k]);
	runtime_end(&r->runtime);
}

static inline bool race_begin(struct race *r)
{
	*r = (struct race){.gate = {0}};
	race = r;
	if (!runtime_begin(&r->runtime))
		return false;
	assert_true(pipe(r->asked) == 0 && pipe(r->gate) == 0 && pipe(r->told) == 0);
	world_begin(&r->w);
	r->w.http.port.perform = counted_perform;
	r->w.ctx.store = &r->runtime.store.port;
	r->w.ctx.clock = &r->runtime.clock;
	world_plan(&r->w, &r->plan);
	return true;
}

#define RACE(r) \
	CLEANUP(race_end) struct race r; \
	if (!race_begin(&r)) { \
		race_end(&r); \
		SKIP("no tmpfs that this user can write to"); \
	} \
	(void)0

static struct {
	bool ok;
	char text[2048];
} verdict;

/* A process of its own: as if daypass had been started. */
static inline pid_t start(struct race *r)
{
	pid_t pid = fork();
	const struct plan *plan = r->other.source && r->started++ % 2 ? &r->other : &r->plan;
	if (pid != 0)
		return pid;
	char go;
	struct flow_result got = {.token = token_new()};
	struct err err = ERR_INIT;
	close(r->gate[1]);
	if (read(r->gate[0], &go, 1) != 0) /* until the parent closes its end */
		_exit(1);
	store_runtime_init(&r->runtime.store, &r->runtime.env, &r->runtime.clock, STORE_SEAL_AUTO);
	r->runtime.store.kernel = KEYCTL_DENIED;
	flow_begin(&r->w.ctx);
	r->w.ctx.deadline_ms += 600000;
	verdict.ok = flow_token(&r->w.ctx, plan, &got, &err);
	snprintf(verdict.text, sizeof verdict.text, "%s", verdict.ok ? secret_reveal(&got.token.value) : err.msg);
	_exit(write(r->told[1], &verdict, sizeof verdict) == sizeof verdict ? 0 : 1);
}

/* All at once; returns how many asked. Each told ok and the same text. */
static inline int run_race(struct race *r, bool ok, const char *text)
{
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start(r);
	close(r->gate[1]);
	r->gate[1] = -1;
	char first[sizeof verdict.text] = "";
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(read(r->told[0], &verdict, sizeof verdict), sizeof verdict);
		if (i == 0)
			snprintf(first, sizeof first, "%s", verdict.text);
		assert_int_equal(verdict.ok, ok);
		assert_says(verdict.text, text);
		assert_text(verdict.text, first);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	close(r->asked[1]);
	r->asked[1] = -1;
	ssize_t n = read(r->asked[0], r->bytes, sizeof r->bytes - 1);
	assert_true(n >= 0);
	r->bytes[n] = 0;
	return (int)n;
}

#endif
