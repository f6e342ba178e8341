/* Whether the keyring is asked at all, what is remembered of it, and how long anybody waits (design section 8). */
#include "tests/unit/desk.h"

static const enum keyring_answer bad[] = {KEYRING_NO_BUS, KEYRING_ABSENT, KEYRING_LOCKED, KEYRING_HUNG, KEYRING_BROKEN, KEYRING_NO_LIBRARY};

TEST(a_keyring_that_is_there_is_asked)
{
	DESK(d);
	assert_true(keyring_allowed(&d.w.ctx));
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_int_equal(put_since(&d, NULL), KEYRING_OK);
	assert_int_equal(look(&d), KEYRING_OK);
	assert_asked(&d, 3);
}

static void is_off(struct desk *d)
{
	assert_false(keyring_allowed(&d->w.ctx));
	assert_int_equal(ask(d), KEYRING_OFF);
	assert_int_equal(put_since(d, NULL), KEYRING_OFF);
	assert_int_equal(look(d), KEYRING_OFF);
	assert_asked(d, 0);
	assert_int_equal(d->w.store.calls, 0);
}

TEST(it_is_not_asked_where_a_setting_says_off)
{
	DESK(d);
	world_config(&d.w, "[daypass]\nkeyring = off\n" IDENTITY);
	is_off(&d);
	world_config(&d.w, IDENTITY);
	world_env(&d.w, "DAYPASS_KEYRING", "off");
	is_off(&d);
}

TEST(it_is_not_asked_where_there_is_none)
{
	DESK(d);
	d.w.ctx.keyring = NULL;
	is_off(&d);
}

TEST(any_word_but_a_no_in_CI_means_a_job)
{
	static const char *const yes[] = {"true", "1", "yes", "on", "TRUE", "woodpecker"}, *const no[] = {"false", "0", "no", "off", "False", "", NULL};
	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		DESK(d);
		world_env(&d.w, "CI", yes[i]);
		is_off(&d);
	}
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		DESK(d);
		world_env(&d.w, "CI", no[i]);
		assert_true(keyring_allowed(&d.w.ctx));
		assert_int_equal(ask(&d), KEYRING_OK);
	}
}

/* What tells each source of jobs that it is in one. */
static const struct {
	const struct source *source;
	const char *variable, *value;
} jobs[] = {
	{&source_github_actions, "GITHUB_ACTIONS", "true"},
	{&source_azure_pipelines, "TF_BUILD", "True"},
	{&source_azure_pipelines, "SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/x"},
	{&source_buildkite, "BUILDKITE", "true"},
#define PRESET(name, marker, token, audience, advice) {&source_ci, marker, "1"},
#include "helper/sources/presets.def"
#undef PRESET
};

TEST(it_is_not_asked_in_a_job_of_any_source_even_without_CI)
{
	for (size_t i = 0; i < COUNT_OF(jobs); i++) {
		DESK(d);
		world_env(&d.w, jobs[i].variable, jobs[i].value);
		is_off(&d);
	}
}

TEST(every_source_of_jobs_is_among_those_tried_here)
{
	for (const struct source *const *s = all_sources; *s; s++) {
		bool tried = (*s)->automatic != AUTO_JOB;
		for (size_t i = 0; i < COUNT_OF(jobs); i++)
			tried = tried || jobs[i].source == *s;
		if (!tried)
			fail_msg("no row for %s", (*s)->name);
	}
}

TEST(a_source_that_is_there_outside_of_jobs_does_not_keep_it_away)
{
	DESK(d);
	world_env(&d.w, "DAYPASS_ID_TOKEN", fake_script.tokens[0]);
	world_env(&d.w, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere");
	assert_true(keyring_allowed(&d.w.ctx));
}

TEST(what_only_deletes_goes_there_although_a_setting_says_off_but_never_from_a_job)
{
	DESK(d);
	struct keyring_call call = {.op = KEYRING_REMOVE, .schema = "org.example", .despite_off = true};
	world_env(&d.w, "DAYPASS_KEYRING", "off");
	assert_int_equal(ask_for(&d, &call, NULL), KEYRING_OK);
	assert_asked(&d, 1);
	world_env(&d.w, "CI", "true");
	assert_int_equal(ask_for(&d, &call, NULL), KEYRING_OFF);
	assert_asked(&d, 1);
}

TEST(where_no_bus_is_named_nobody_is_asked_and_nothing_remembered)
{
	static const char *const none[] = {NULL, "autolaunch:", "unix:path=/x;autolaunch:"};
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		DESK(d);
		world_env(&d.w, "DBUS_SESSION_BUS_ADDRESS", none[i]);
		assert_int_equal(ask(&d), KEYRING_NO_BUS);
		assert_int_equal(look(&d), KEYRING_NO_BUS);
		assert_asked(&d, 0);
		assert_int_equal(d.w.store.calls, 0);
	}
}

TEST(what_is_wrong_with_it_is_remembered_for_a_minute_and_then_asked_again)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		DESK(d);
		d.ring.answer = bad[i];
		assert_int_equal(ask(&d), bad[i]);
		d.ring.answer = KEYRING_OK;
		d.w.clock.up += 59;
		assert_int_equal(ask(&d), bad[i]);
		assert_int_equal(put_since(&d, NULL), bad[i]);
		assert_asked(&d, 1);
		assert_int_equal(d.w.store.keyring_locks, 1); /* whoever remembers does not even wait */
		d.w.clock.up += 1;
		assert_int_equal(ask(&d), KEYRING_OK);
		assert_asked(&d, 2);
	}
}

TEST(the_minute_is_one_of_the_time_since_boot)
{
	DESK(d);
	d.ring.answer = KEYRING_LOCKED;
	ask(&d);
	d.w.clock.now += 100000;
	assert_int_equal(ask(&d), KEYRING_LOCKED);
	d.w.clock.now -= 200000;
	assert_int_equal(ask(&d), KEYRING_LOCKED);
	assert_asked(&d, 1);
	d.w.clock.up = 3; /* another boot, whose clock has not come so far */
	ask(&d);
	assert_asked(&d, 2);
}

TEST(a_good_answer_is_not_written_down)
{
	DESK(d);
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_int_equal(put_since(&d, NULL), KEYRING_OK);
	assert_int_equal(d.w.store.puts, 0);
}

TEST(what_is_remembered_of_one_bus_is_not_said_of_another)
{
	static const char *const names[] = {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		DESK(d);
		d.ring.answer = KEYRING_LOCKED;
		ask(&d);
		d.ring.answer = KEYRING_OK;
		AUTO_STR before = str_dup(env_get(&d.w.ctx.env, names[i]));
		world_env(&d.w, names[i], OTHER_BUS);
		assert_int_equal(ask(&d), KEYRING_OK);
		assert_asked(&d, 2);
		world_env(&d.w, names[i], before);
		assert_int_equal(ask(&d), KEYRING_LOCKED);
		assert_asked(&d, 2);
	}
}

/* The one record that the store holds. */
static struct buf *memory(struct desk *d)
{
	for (size_t i = 0; i < FAKE_RECORDS; i++)
		if (d->w.store.records[i].used)
			return &d->w.store.records[i].data;
	fail_msg("nothing is remembered");
	return NULL;
}

TEST(a_memory_that_is_cut_longer_or_of_another_kind_is_none)
{
	DESK(d);
	d.ring.answer = KEYRING_LOCKED;
	ask(&d);
	AUTO_BUF whole = buf_new(100);
	buf_add(&whole, memory(&d)->p, memory(&d)->len);
	for (size_t n = 0; n < whole.len; n++) {
		memory(&d)->len = n;
		ask(&d);
		assert_asked(&d, n + 2);
	}
	assert_true(buf_addc(memory(&d), 0));
	ask(&d);
	assert_asked(&d, whole.len + 2);
	memory(&d)->p[0] ^= 1; /* the format */
	ask(&d);
	assert_asked(&d, whole.len + 3);
	memory(&d)->p[5] ^= 1; /* an answer that does not exist */
	ask(&d);
	assert_asked(&d, whole.len + 4);
}

TEST(looking_looks_anew_and_sets_the_memory_right)
{
	DESK(d);
	d.ring.answer = KEYRING_LOCKED;
	ask(&d);
	d.ring.answer = KEYRING_OK;
	assert_int_equal(look(&d), KEYRING_OK);
	assert_asked(&d, 2);
	assert_int_equal(ask(&d), KEYRING_OK);
	assert_asked(&d, 3);
	d.ring.answer = KEYRING_ABSENT;
	assert_int_equal(look(&d), KEYRING_ABSENT);
	assert_int_equal(ask(&d), KEYRING_ABSENT);
	assert_asked(&d, 4);
	assert_int_equal(look(&d), KEYRING_ABSENT);
	assert_asked(&d, 5);
}

TEST(looking_tells_the_program_behind_it_within_the_room_given)
{
	DESK(d);
	char program[8] = "before", large[64];
	assert_int_equal(keyring_look(&d.w.ctx, large, sizeof large), KEYRING_OK);
	assert_text(large, "fake-keyring");
	assert_int_equal(keyring_look(&d.w.ctx, program, sizeof program), KEYRING_OK);
	assert_text(program, "fake-ke");
	d.ring.program = NULL;
	assert_int_equal(keyring_look(&d.w.ctx, program, sizeof program), KEYRING_OK);
	assert_text(program, "");
	d.ring.answer = KEYRING_HUNG;
	assert_int_equal(keyring_look(&d.w.ctx, large, sizeof large), KEYRING_HUNG);
	assert_text(large, "");
}

TEST(tokens_with_more_than_thirty_minutes_left_are_for_it_and_others_where_a_setting_says_always)
{
	DESK(d);
	assert_true(keyring_takes(&d.w.ctx, 1801));
	assert_false(keyring_takes(&d.w.ctx, 1800));
	assert_false(keyring_takes(&d.w.ctx, -5));
	world_env(&d.w, "DAYPASS_KEYRING", "always");
	assert_true(keyring_takes(&d.w.ctx, 1800));
	assert_true(keyring_takes(&d.w.ctx, 60));
	assert_true(keyring_allowed(&d.w.ctx));
}

TEST(each_answer_has_words_and_each_trouble_that_a_person_can_mend_has_advice)
{
	for (int a = KEYRING_OK; a <= KEYRING_NO_LIBRARY; a++) {
		const char *says = keyring_says((enum keyring_answer)a), *advice = keyring_advice((enum keyring_answer)a);
		assert_non_null(says);
		assert_false(str_has_control(says));
		assert_int_equal(advice != NULL, a >= KEYRING_ABSENT);
		for (int b = KEYRING_OK; b < a; b++)
			assert_string_not_equal(says, keyring_says((enum keyring_answer)b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_keyring_that_is_there_is_asked),
		T(it_is_not_asked_where_a_setting_says_off),
		T(it_is_not_asked_where_there_is_none),
		T(any_word_but_a_no_in_CI_means_a_job),
		T(it_is_not_asked_in_a_job_of_any_source_even_without_CI),
		T(every_source_of_jobs_is_among_those_tried_here),
		T(a_source_that_is_there_outside_of_jobs_does_not_keep_it_away),
		T(what_only_deletes_goes_there_although_a_setting_says_off_but_never_from_a_job),
		T(where_no_bus_is_named_nobody_is_asked_and_nothing_remembered),
		T(what_is_wrong_with_it_is_remembered_for_a_minute_and_then_asked_again),
		T(the_minute_is_one_of_the_time_since_boot),
		T(a_good_answer_is_not_written_down),
		T(what_is_remembered_of_one_bus_is_not_said_of_another),
		T(a_memory_that_is_cut_longer_or_of_another_kind_is_none),
		T(looking_looks_anew_and_sets_the_memory_right),
		T(looking_tells_the_program_behind_it_within_the_room_given),
		T(tokens_with_more_than_thirty_minutes_left_are_for_it_and_others_where_a_setting_says_always),
		T(each_answer_has_words_and_each_trouble_that_a_person_can_mend_has_advice),
	};
	return RUN(tests);
}
