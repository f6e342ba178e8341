/* A slow writer learns that what it writes about was erased meanwhile, and nobody else does (core/generation.h). */
#include "helper/core/generation.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "helper/core/runtime_dir.h"
#include "tests/unit/runtime.h"

static bool is_mark(const char *name) { return str_starts(name, "g."); }

static struct store_mark mark(struct runtime *r, unsigned n)
{
	unsigned char id[STORE_ID];
	make_id(id, n);
	return r->store.port.mark(&r->store.port, id);
}

static bool still(struct runtime *r, struct store_mark since)
{
	return r->store.port.still(&r->store.port, since);
}

static void advance(struct runtime *r, unsigned n)
{
	unsigned char id[STORE_ID];
	make_id(id, n);
	r->store.port.advance(&r->store.port, id);
}

static bool always(const struct buf *data UNUSED, void *user UNUSED)
{
	return true;
}

static bool erase(struct runtime *r, unsigned n)
{
	unsigned char id[STORE_ID];
	make_id(id, n);
	return r->store.port.erase(&r->store.port, id, always, NULL);
}

static bool put_since(struct runtime *r, unsigned n, struct store_mark since)
{
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(100);
	buf_adds(&data, "late");
	make_id(id, n);
	return r->store.port.put(&r->store.port, id, &data, r->clock.wall(&r->clock) + 3600, since);
}

TEST(a_mark_holds_until_its_id_is_erased)
{
	RUNTIME(r);
	struct store_mark before = mark(&r, 1);
	assert_true(still(&r, before));
	assert_true(runtime_put(&r, 1, "one"));
	assert_true(still(&r, before)); /* a put is no erase */
	assert_true(erase(&r, 1));
	assert_false(still(&r, before));
	assert_false(put_since(&r, 1, before));
	assert_kept(&r, 1, NULL);
	assert_true(put_since(&r, 1, mark(&r, 1)));
	assert_kept(&r, 1, "late");
}

TEST(an_erase_stops_no_writer_about_another_id)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	assert_true(runtime_put(&r, 2, "two"));
	struct store_mark two = mark(&r, 2), three = mark(&r, 3);
	assert_true(erase(&r, 1));
	assert_true(still(&r, two) && still(&r, three));
	assert_true(put_since(&r, 2, two));
	assert_true(put_since(&r, 3, three));
	assert_kept(&r, 2, "late");
	assert_kept(&r, 3, "late");
}

/* A failure record is written about the token's mark: it is the mark that counts, not where it goes. */
TEST(it_is_the_marks_id_that_counts_and_not_the_records)
{
	RUNTIME(r);
	struct store_mark one = mark(&r, 1);
	advance(&r, 1);
	assert_false(put_since(&r, 2, one));
	struct store_mark two = mark(&r, 2);
	advance(&r, 3);
	assert_true(put_since(&r, 3, two));
}

TEST(an_erase_that_erased_nothing_stops_nobody)
{
	RUNTIME(r);
	struct store_mark before = mark(&r, 1);
	assert_false(erase(&r, 1));
	assert_true(still(&r, before));
	assert_int_equal(runtime_count(&r, is_mark), 0);
}

TEST(what_was_erased_elsewhere_stops_its_writers_too)
{
	RUNTIME(r);
	struct store_mark one = mark(&r, 1), two = mark(&r, 2);
	advance(&r, 1);
	assert_false(put_since(&r, 1, one));
	assert_true(put_since(&r, 2, two));
}

TEST(each_erase_counts)
{
	RUNTIME(r);
	struct store_mark marks[5];
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		marks[i] = mark(&r, 1);
		for (size_t k = 0; k < i; k++)
			assert_false(still(&r, marks[k]));
		assert_true(still(&r, marks[i]));
		advance(&r, 1);
	}
	assert_int_equal(runtime_count(&r, is_mark), 1);
}

TEST(another_process_sees_the_same_counters)
{
	RUNTIME(r);
	struct store_mark before = mark(&r, 1);
	CLEANUP(store_runtime_end) struct store_runtime other;
	store_runtime_init(&other, &r.env, &r.clock, STORE_SEAL_AUTO);
	other.kernel = KEYCTL_DENIED;
	assert_true(other.port.still(&other.port, before));
	other.port.advance(&other.port, before.id);
	assert_false(still(&r, before));
	assert_true(other.port.mark(&other.port, before.id).generation == mark(&r, 1).generation);
}

TEST(a_folder_deleted_under_our_feet_stops_nobody)
{
	RUNTIME(r);
	struct store_mark fresh = mark(&r, 1);
	advance(&r, 2);
	advance(&r, 2);
	struct store_mark counted = mark(&r, 2);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	assert_true(still(&r, fresh));
	assert_true(put_since(&r, 1, fresh));
	assert_true(put_since(&r, 2, counted));
	assert_kept(&r, 1, "late");
	assert_kept(&r, 2, "late");
}

static void clean(struct runtime *r, int64_t after_s)
{
	AUTO_CLOSE int dir = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	runtime_dir_clean(dir, r->clock.wall(&r->clock) + after_s);
}

TEST(the_file_of_an_erased_id_is_cleaned_away_after_an_hour)
{
	RUNTIME(r);
	struct store_mark before = mark(&r, 1);
	advance(&r, 1);
	advance(&r, 2);
	clean(&r, 3590);
	assert_int_equal(runtime_count(&r, is_mark), 2);
	assert_false(still(&r, before));
	clean(&r, 3700);
	assert_int_equal(runtime_count(&r, is_mark), 0);
	assert_true(put_since(&r, 1, mark(&r, 1)));
}

TEST(a_write_cleans_and_leaves_young_marks)
{
	RUNTIME(r);
	struct store_mark before = mark(&r, 1);
	advance(&r, 1);
	assert_true(runtime_put(&r, 2, "two"));
	assert_int_equal(runtime_count(&r, is_mark), 1);
	assert_false(still(&r, before));
}

/* Of the folder's own counter, as clear() does it. */
static void advance_all(struct runtime *r)
{
	AUTO_STR path = str_printf("%s/generation", r->folder);
	AUTO_CLOSE int all = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(generation_next_all(all));
}

TEST(what_is_cleared_as_a_whole_stops_the_writers_of_every_id)
{
	RUNTIME(r);
	struct store_mark one = mark(&r, 1), two = mark(&r, 2);
	advance(&r, 3);
	struct store_mark three = mark(&r, 3);
	advance_all(&r);
	assert_false(still(&r, one) || still(&r, two) || still(&r, three));
	assert_false(put_since(&r, 1, one));
	assert_true(put_since(&r, 1, mark(&r, 1)));
	struct store_mark again = mark(&r, 1);
	advance_all(&r);
	assert_false(still(&r, again));
}

TEST(after_a_clear_a_mark_that_was_cleaned_away_stops_rather_than_lets_through)
{
	RUNTIME(r);
	advance_all(&r);
	advance(&r, 1);
	struct store_mark counted = mark(&r, 1);
	clean(&r, 3700);
	assert_false(still(&r, counted));
}

TEST(both_counters_are_in_one_number_and_0_means_that_nothing_was_erased)
{
	RUNTIME(r);
	unsigned char id[STORE_ID];
	make_id(id, 1);
	AUTO_CLOSE int dir = open(r.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int all = openat(dir, "generation", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(generation_read(dir, all, id) == 0);
	assert_true(generation_next(dir, id));
	assert_true(generation_next(dir, id));
	assert_true(generation_read(dir, all, id) == 2);
	assert_true(generation_next_all(all));
	assert_true(generation_read(dir, all, id) == (1ull << 32 | 2));
	assert_true(generation_read(dir, -1, id) == 2);
	assert_true(generation_read(-1, all, id) == 1ull << 32);
}

TEST(counters_that_are_cut_or_cannot_be_written_do_not_count)
{
	RUNTIME(r);
	unsigned char id[STORE_ID];
	char name[80] = "g.";
	make_id(id, 1);
	str_hex(name + 2, id, STORE_ID);
	AUTO_CLOSE int dir = open(r.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(generation_next(dir, id));
	AUTO_STR path = str_printf("%s/%s", r.folder, name);
	assert_int_equal(truncate(path, 7), 0);
	assert_true(generation_read(dir, -1, id) == 0);
	assert_false(generation_next_all(-1));
	AUTO_CLOSE int reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_false(generation_next_all(reader));
	assert_false(generation_next(-1, id));
}

TEST(the_file_of_an_id_is_ours_alone_and_no_link_is_followed)
{
	RUNTIME(r);
	unsigned char id[STORE_ID];
	char name[80] = "g.";
	struct stat st;
	make_id(id, 1);
	str_hex(name + 2, id, STORE_ID);
	AUTO_STR path = str_printf("%s/%s", r.folder, name);
	AUTO_STR target = tmp_path(&r.tmp, "target");
	mode_t old = umask(0);
	advance(&r, 1);
	umask(old);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	advance(&r, 1);
	assert_int_equal(access(target, F_OK), -1);
}

static bool erases_one(void *user)
{
	struct rlimit none = {0, 0};
	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &none) == 0 && erase(user, 1);
}

TEST(where_nothing_can_be_written_an_erase_still_deletes)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(erases_one(&r) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_kept(&r, 1, NULL);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_mark_holds_until_its_id_is_erased),
		T(an_erase_stops_no_writer_about_another_id),
		T(it_is_the_marks_id_that_counts_and_not_the_records),
		T(an_erase_that_erased_nothing_stops_nobody),
		T(what_was_erased_elsewhere_stops_its_writers_too),
		T(each_erase_counts),
		T(another_process_sees_the_same_counters),
		T(a_folder_deleted_under_our_feet_stops_nobody),
		T(the_file_of_an_erased_id_is_cleaned_away_after_an_hour),
		T(a_write_cleans_and_leaves_young_marks),
		T(what_is_cleared_as_a_whole_stops_the_writers_of_every_id),
		T(after_a_clear_a_mark_that_was_cleaned_away_stops_rather_than_lets_through),
		T(both_counters_are_in_one_number_and_0_means_that_nothing_was_erased),
		T(counters_that_are_cut_or_cannot_be_written_do_not_count),
		T(the_file_of_an_id_is_ours_alone_and_no_link_is_followed),
		T(where_nothing_can_be_written_an_erase_still_deletes),
	};
	return RUN(tests);
}
