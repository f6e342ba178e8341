/* Single flight with real processes and the real runtime tier: how many ask Entra, and what the others get. */
#include "tests/unit/race.h"

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
