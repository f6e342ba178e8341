/* Single flight with real processes and the real runtime tier: how many ask Entra, and what the others get. */
#include <sys/wait.h>

#include "tests/unit/fake.h"
#include "tests/unit/runtime.h"

enum { PROCESSES = 16 };

/* What the processes share: a pipe into which each exchange writes a byte, and one that holds them at the start. */
struct race {
	struct runtime runtime;
	struct world w;
	struct plan plan;
	int asked[2], gate[2], told[2];
	const struct answer *answer;
};

static struct race *race;

static bool counted_perform(struct http *http UNUSED, const struct http_request *q UNUSED, struct http_response *r, struct err *err)
{
	if (write(race->asked[1], "x", 1) != 1)
		return err_set(err, ERR_INTERNAL, NULL, "cannot count");
	struct clock c = clock_real();
	c.sleep_ms(&c, race->answer->takes_ms); /* makes the others wait; nothing is proven by how long */
	if (race->answer->fails)
		return err_set(err, ERR_NETWORK, "their hint", "nobody answers process %d", (int)getpid());
	r->status = race->answer->status;
	snprintf(r->content_type, sizeof r->content_type, "application/json");
	return secret_set(&r->body, race->answer->body, strlen(race->answer->body));
}

static void race_end(struct race *r)
{
	if (r->runtime.folder) {
		plan_free(&r->plan);
		world_end(&r->w);
	}
	int *const pipes[] = {r->asked, r->gate, r->told};
	for (size_t i = 0; i < COUNT_OF(pipes); i++)
		for (int k = 0; k < 2; k++)
			if (pipes[i][k] > 0)
				close(pipes[i][k]);
	runtime_end(&r->runtime);
}

static bool race_begin(struct race *r)
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
static pid_t start(struct race *r)
{
	pid_t pid = fork();
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
	verdict.ok = flow_token(&r->w.ctx, &r->plan, &got, &err);
	snprintf(verdict.text, sizeof verdict.text, "%s", verdict.ok ? secret_reveal(&got.token.value) : err.msg);
	_exit(write(r->told[1], &verdict, sizeof verdict) == sizeof verdict ? 0 : 1);
}

/* All at once; returns how many asked. Each told ok and the same text. */
static int run_race(struct race *r, bool ok, const char *text)
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
	char bytes[2 * PROCESSES];
	close(r->asked[1]);
	r->asked[1] = -1;
	ssize_t n = read(r->asked[0], bytes, sizeof bytes);
	return (int)n;
}

TEST(sixteen_cold_processes_make_one_exchange_and_all_get_its_token)
{
	RACE(r);
	r.answer = &(const struct answer){200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"the-token\"}", .takes_ms = 50};
	assert_int_equal(run_race(&r, true, "the-token"), 1);
}

TEST(sixteen_cold_processes_hear_the_same_refusal_of_one_exchange)
{
	RACE(r);
	r.answer = &(const struct answer){400, .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700213: x\",\"error_codes\":[700213]}", .takes_ms = 50};
	assert_int_equal(run_race(&r, false, "presented subject"), 1);
}

TEST(where_nobody_answers_the_waiting_ones_do_not_ask_again)
{
	RACE(r);
	r.answer = &(const struct answer){.fails = true, .takes_ms = 50};
	assert_int_equal(run_race(&r, false, "nobody answers"), 2); /* the holder's two tries; all tell its process id */
}

TEST(a_holder_that_is_killed_has_one_successor)
{
	RACE(r);
	r.answer = &(const struct answer){200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"the-token\"}", .takes_ms = 600000};
	pid_t holder = start(&r);
	close(r.gate[1]);
	char byte;
	assert_int_equal(read(r.asked[0], &byte, 1), 1); /* it is in its exchange now */
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	r.answer = &(const struct answer){200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"the-token\"}"};
	close(r.gate[0]);
	assert_int_equal(pipe(r.gate), 0);
	assert_int_equal(run_race(&r, true, "the-token"), 1);
}

static bool cleaned_perform(struct http *http, const struct http_request *q, struct http_response *r, struct err *err)
{
	AUTO_STR top = tmp_path(&race->runtime.tmp, "daypass");
	tmp_empty(top);
	return counted_perform(http, q, r, err);
}

TEST(a_folder_that_is_cleaned_during_the_exchange_costs_no_answer)
{
	RACE(r);
	r.w.http.port.perform = cleaned_perform;
	r.answer = &(const struct answer){200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"the-token\"}"};
	struct flow_result got = {.token = token_new()};
	struct err err = ERR_INIT;
	for (int i = 0; i < 3; i++) {
		flow_begin(&r.w.ctx);
		assert_true(flow_token(&r.w.ctx, &r.plan, &got, &err));
		assert_text(secret_reveal(&got.token.value), "the-token");
		flow_result_free(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sixteen_cold_processes_make_one_exchange_and_all_get_its_token),
		T(sixteen_cold_processes_hear_the_same_refusal_of_one_exchange),
		T(where_nobody_answers_the_waiting_ones_do_not_ask_again),
		T(a_holder_that_is_killed_has_one_successor),
		T(a_folder_that_is_cleaned_during_the_exchange_costs_no_answer),
	};
	return RUN(tests);
}
