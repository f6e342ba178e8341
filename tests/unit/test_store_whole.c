/* The runtime tier as a whole: showing each record, how it is, and clearing it all. Clearing looks into every folder
 * that may be ours and revokes the wrapping key: it is tried only where neither is the caller's (apart.h). */
#include <errno.h>
#include <sys/file.h>

#include "tests/unit/apart.h"
#include "tests/unit/refuse.h"

static bool apart;

static int enter(void **state UNUSED)
{
	apart = apart_enter_folders();
	return 0;
}

#define APART(r) \
	if (!apart) \
		SKIP("no namespaces for folders and a keyring of our own"); \
	RUNTIME(r); \
	r.store.kernel = KEYCTL_OK

static size_t clear(struct runtime *r)
{
	return r->store.port.clear(&r->store.port);
}

/* --- each ---------------------------------------------------------------------------------------------------------- */

struct seen {
	unsigned count, ids; /* bit n: of id n */
	struct buf texts;
};

static void see(void *user, const unsigned char id[STORE_ID], const struct buf *data)
{
	struct seen *s = user;
	unsigned char want[STORE_ID];
	make_id(want, id[0]);
	assert_memory_equal(id, want, STORE_ID);
	s->count++;
	s->ids |= 1u << id[0];
	buf_addf(&s->texts, "%u=%s ", id[0], data->p);
}

TEST(each_record_that_can_be_read_is_shown_once_with_its_id)
{
	RUNTIME(r);
	struct seen s = {.texts = buf_new(1000)};
	r.store.port.each(&r.store.port, see, &s);
	assert_int_equal(s.count, 0);
	for (unsigned i = 1; i <= 4; i++) {
		AUTO_STR text = str_printf("text-%u", i);
		assert_true(runtime_put(&r, i, text));
	}
	AUTO_STR torn = runtime_file(&r, 2);
	AUTO_STR swapped = runtime_file(&r, 3);
	AUTO_STR from = runtime_file(&r, 4);
	AUTO_STR stranger = str_printf("%s/README", r.folder);
	assert_int_equal(truncate(torn, 50), 0);
	assert_int_equal(rename(from, swapped), 0);
	write_text(stranger, "x", 0600);
	r.store.port.each(&r.store.port, see, &s);
	assert_int_equal(s.count, 1);
	assert_text(s.texts.p, "1=text-1 ");
	buf_free(&s.texts);
}

TEST(where_there_is_no_folder_there_is_nothing_to_show)
{
	APART(r);
	struct seen s = {.texts = buf_new(1000)};
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	r.store.port.each(&r.store.port, see, &s);
	assert_int_equal(s.count, 0);
	assert_int_equal(access(top, F_OK), -1);
}

/* --- state --------------------------------------------------------------------------------------------------------- */

TEST(its_state_tells_folder_and_seal)
{
	APART(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top); /* it is made */
	struct store_state st = r.store.port.state(&r.store.port);
	assert_text(st.path, r.folder);
	assert_true(st.sealed);
	assert_false(st.none);
	assert_int_equal(st.kernel, KEYCTL_OK);
}

static bool tells(struct runtime *r, enum keyctl_answer why)
{
	struct store_state st = r->store.port.state(&r->store.port);
	return st.path && !st.sealed && st.kernel == why;
}

static bool is_denied(void *r) { return tells(r, KEYCTL_DENIED); }
static bool is_full(void *r) { return tells(r, KEYCTL_FULL); }

TEST(its_state_tells_why_records_are_plain)
{
	static const struct {
		int error;
		bool (*told)(void *);
	} rows[] = {{EPERM, is_denied}, {ENOSYS, is_denied}, {EACCES, is_denied}, {EDQUOT, is_full}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		RUNTIME(r);
		r.store.kernel = KEYCTL_OK;
		int status = where_refused(SYS_keyctl, SYS_add_key, rows[i].error, rows[i].told, &r);
		if (status == REFUSAL_MISSING) {
			runtime_end(&r);
			SKIP("no system call filter");
		}
		assert_int_equal(status, 0);
	}
}

static bool still_full(void *user)
{
	return runtime_put(user, 1, "x") && is_full(user) && is_full(user);
}

TEST(its_state_tells_the_same_reason_again)
{
	RUNTIME(r);
	r.store.kernel = KEYCTL_OK;
	int status = where_refused(SYS_keyctl, SYS_add_key, EDQUOT, still_full, &r);
	if (status == REFUSAL_MISSING)
		SKIP("no system call filter");
	assert_int_equal(status, 0);
}

static bool has_no_folder(void *user)
{
	struct runtime *r = user;
	struct store_state st = r->store.port.state(&r->store.port);
	return !st.path && !st.sealed && !st.none;
}

TEST(its_state_tells_that_there_is_no_folder)
{
	RUNTIME(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	int status = where_refused(SYS_openat, SYS_openat, EACCES, has_no_folder, &r);
	if (status == REFUSAL_MISSING)
		SKIP("no system call filter");
	assert_int_equal(status, 0);
}

TEST(a_store_that_keeps_nothing_says_so_and_shows_and_clears_nothing)
{
	struct store none = store_none();
	unsigned char id[STORE_ID] = {0};
	none.each(&none, see, NULL);
	none.advance(&none, id);
	assert_int_equal(none.clear(&none), 0);
	assert_true(none.state(&none).none);
	assert_null(none.state(&none).path);
	assert_true(none.still(&none, none.mark(&none, id)));
}

/* --- clear --------------------------------------------------------------------------------------------------------- */

TEST(clearing_deletes_every_record_and_counts_them)
{
	APART(r);
	for (unsigned i = 1; i <= 5; i++)
		assert_true(runtime_put(&r, i, "x"));
	assert_int_equal(clear(&r), 5);
	for (unsigned i = 1; i <= 5; i++)
		assert_kept(&r, i, NULL);
	assert_int_equal(clear(&r), 0);
	assert_true(runtime_put(&r, 1, "after"));
	assert_kept(&r, 1, "after");
}

/* A folder with a record of each kind of name in it; the caller frees its path. */
static char *furnished(const char *parent, const char *name)
{
	char *folder = str_printf("%s/%s", parent, name);
	assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
	AUTO_STR record = str_printf("%s/%064d", folder, 7);
	write_text(record, "whatever", 0600);
	return folder;
}

static bool has_record(const char *folder)
{
	AUTO_STR record = str_printf("%s/%064d", folder, 7);
	return access(record, F_OK) == 0;
}

TEST(clearing_goes_through_older_and_newer_versions_too)
{
	static const char *const names[] = {"v0", "v1", "v2", "v10", "v999"};
	APART(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		free(furnished(top, names[i]));
	assert_int_equal(clear(&r), COUNT_OF(names));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR folder = str_printf("%s/%s", top, names[i]);
		assert_false(has_record(folder));
	}
}

TEST(clearing_goes_through_every_place_that_may_be_ours)
{
	APART(r);
	AUTO_STR shared = str_printf("/dev/shm/daypass-%u", (unsigned)geteuid());
	AUTO_STR run = str_printf("/run/user/%u", (unsigned)geteuid());
	AUTO_STR run_top = str_printf("%s/daypass", run);
	bool also_run = mkdir(run, 0700) == 0 && mkdir(run_top, 0700) == 0;
	assert_int_equal(mkdir(shared, 0700), 0);
	AUTO_STR one = furnished(shared, "v1");
	AUTO_STR two = furnished(shared, "v2");
	AUTO_STR three = also_run ? furnished(run_top, "v1") : NULL;
	assert_true(runtime_put(&r, 1, "x"));
	size_t count = clear(&r);
	bool left = has_record(one) || has_record(two) || (three && has_record(three));
	tmp_empty(shared);
	if (also_run)
		tmp_empty(run);
	assert_false(left);
	assert_int_equal(count, also_run ? 4 : 3);
}

TEST(clearing_leaves_locks_and_what_is_not_ours)
{
	static const char *const stay[] = {"lock.07", "lock.keyring", "generation", "README", "t", "g", "g.short", "G.0"};
	static const char *const go[] = {"t.0123456789abcdef", "t."};
	APART(r);
	assert_true(runtime_put(&r, 1, "x"));
	for (size_t i = 0; i < COUNT_OF(stay); i++) {
		AUTO_STR path = str_printf("%s/%s", r.folder, stay[i]);
		write_text(path, "x", 0600);
	}
	for (size_t i = 0; i < COUNT_OF(go); i++) {
		AUTO_STR path = str_printf("%s/%s", r.folder, go[i]);
		write_text(path, "x", 0600);
	}
	AUTO_STR lookalike = str_printf("%s/%064d", r.folder, 0);
	lookalike[strlen(lookalike) - 1] = 'X';
	write_text(lookalike, "x", 0600);
	assert_int_equal(clear(&r), 1);
	assert_int_equal(access(lookalike, F_OK), 0);
	for (size_t i = 0; i < COUNT_OF(stay); i++) {
		AUTO_STR path = str_printf("%s/%s", r.folder, stay[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
	for (size_t i = 0; i < COUNT_OF(go); i++) {
		AUTO_STR path = str_printf("%s/%s", r.folder, go[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
}

TEST(clearing_does_not_enter_what_is_no_version_of_ours)
{
	static const char *const names[] = {"v", "vx", "v1x", "w1", "1", "v-1", "v1.old"};
	APART(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	AUTO_STR aside = furnished(r.tmp.path, "aside");
	AUTO_STR link = str_printf("%s/v5", top);
	AUTO_STR open_to_all = furnished(top, "v6");
	assert_int_equal(symlink(aside, link), 0);
	assert_int_equal(chmod(open_to_all, 0755), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		free(furnished(top, names[i]));
	assert_int_equal(clear(&r), 0);
	assert_true(has_record(aside) && has_record(open_to_all));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR folder = str_printf("%s/%s", top, names[i]);
		assert_true(has_record(folder));
	}
}

TEST(no_writer_that_began_before_brings_anything_back)
{
	APART(r);
	struct store *s = &r.store.port;
	AUTO_BUF data = buf_new(10);
	unsigned char ids[3][STORE_ID];
	struct store_mark before[3];
	buf_adds(&data, "late");
	for (unsigned i = 0; i < 3; i++)
		make_id(ids[i], i);
	s->advance(s, ids[2]);
	for (unsigned i = 0; i < 3; i++)
		before[i] = s->mark(s, ids[i]);
	assert_true(runtime_put(&r, 1, "x"));
	assert_int_equal(clear(&r), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(s->still(s, before[i]));
		assert_false(s->put(s, ids[i], &data, r.clock.wall(&r.clock) + 60, before[i]));
		assert_kept(&r, i, NULL);
	}
}

/* A clock that only passes while somebody sleeps. */
static int64_t ticks;

static int64_t ticks_now(struct clock *c UNUSED)
{
	return ticks;
}

static void ticks_pass(struct clock *c UNUSED, int64_t ms)
{
	ticks += ms;
	assert_true(ticks < 1000000);
}

TEST(clearing_does_not_wait_long_for_who_sits_on_the_lock)
{
	APART(r);
	assert_true(runtime_put(&r, 1, "x"));
	struct store_mark before = r.store.port.mark(&r.store.port, (unsigned char[STORE_ID]){7});
	AUTO_STR path = str_printf("%s/generation", r.folder);
	AUTO_CLOSE int held = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(held, LOCK_EX), 0);
	r.clock.mono_ms = ticks_now;
	r.clock.sleep_ms = ticks_pass;
	int64_t begin = ticks;
	assert_int_equal(clear(&r), 1);
	assert_true(ticks - begin >= 500 && ticks - begin < 3000);
	assert_int_equal(flock(held, LOCK_UN), 0);
	assert_false(r.store.port.still(&r.store.port, before));
}

TEST(clearing_where_there_is_nothing_makes_nothing)
{
	APART(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	assert_int_equal(clear(&r), 0);
	assert_int_equal(access(top, F_OK), -1);
}

/* --- the wrapping key ---------------------------------------------------------------------------------------------- */

/* The key that a record was sealed with. */
static int32_t key_of(struct runtime *r, unsigned n)
{
	AUTO_STR file = runtime_file(r, n);
	AUTO_BUF raw = buf_new(10000);
	struct err err;
	int32_t id;
	assert_true(file_read(file, &raw, NULL, ERR_INTERNAL, &err));
	memcpy(&id, raw.p + 16, sizeof id);
	return id;
}

TEST(a_record_copied_before_cannot_be_opened_after_and_the_next_one_has_a_new_key)
{
	APART(r);
	assert_true(runtime_put(&r, 1, "a-secret-token"));
	int32_t old = key_of(&r, 1);
	AUTO_STR file = runtime_file(&r, 1);
	AUTO_STR copy = tmp_path(&r.tmp, "copy");
	AUTO_BUF raw = buf_new(10000);
	struct err err;
	assert_true(file_read(file, &raw, NULL, ERR_INTERNAL, &err));
	write_file(copy, raw.p, raw.len, 0600);
	assert_int_equal(clear(&r), 1);
	assert_int_equal(rename(copy, file), 0);
	assert_kept(&r, 1, NULL);
	assert_true(runtime_put(&r, 2, "new"));
	assert_says(r.store.port.describe(&r.store.port), "sealed, in ");
	assert_int_not_equal(key_of(&r, 2), old);
	assert_kept(&r, 2, "new");
	assert_kept(&r, 1, NULL); /* nor with the new key */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_record_that_can_be_read_is_shown_once_with_its_id),
		T(where_there_is_no_folder_there_is_nothing_to_show),
		T(its_state_tells_folder_and_seal),
		T(its_state_tells_why_records_are_plain),
		T(its_state_tells_the_same_reason_again),
		T(its_state_tells_that_there_is_no_folder),
		T(a_store_that_keeps_nothing_says_so_and_shows_and_clears_nothing),
		T(clearing_deletes_every_record_and_counts_them),
		T(clearing_goes_through_older_and_newer_versions_too),
		T(clearing_goes_through_every_place_that_may_be_ours),
		T(clearing_leaves_locks_and_what_is_not_ours),
		T(clearing_does_not_enter_what_is_no_version_of_ours),
		T(no_writer_that_began_before_brings_anything_back),
		T(clearing_does_not_wait_long_for_who_sits_on_the_lock),
		T(clearing_where_there_is_nothing_makes_nothing),
		T(a_record_copied_before_cannot_be_opened_after_and_the_next_one_has_a_new_key),
	};
	return cmocka_run_group_tests(tests, enter, NULL);
}
