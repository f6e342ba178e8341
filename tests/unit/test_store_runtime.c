/* The runtime tier: one file a record on tmpfs, and who may read it. */
#include "tests/unit/runtime.h"

#include <errno.h>
#include <sys/wait.h>

#include "helper/core/runtime_dir.h"

TEST(what_is_put_is_got_and_what_is_not_is_a_miss)
{
	RUNTIME(r);
	assert_kept(&r, 1, NULL);
	assert_true(runtime_put(&r, 1, "one"));
	assert_true(runtime_put(&r, 2, "two"));
	assert_kept(&r, 1, "one");
	assert_kept(&r, 2, "two");
	assert_true(runtime_put(&r, 1, "one again"));
	assert_kept(&r, 1, "one again");
	assert_kept(&r, 3, NULL);
}

TEST(another_process_reads_it_too)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	struct store_runtime other;
	store_runtime_init(&other, &r.env, &r.clock, STORE_SEAL_AUTO);
	unsigned char id[STORE_ID];
	AUTO_BUF out = buf_new(100);
	make_id(id, 1);
	assert_true(other.port.get(&other.port, id, &out));
	store_runtime_end(&other);
	assert_text(out.p, "one");
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

TEST(records_are_closed_to_others_whatever_the_umask)
{
	RUNTIME(r);
	mode_t old = umask(0);
	bool ok = runtime_put(&r, 1, "one");
	umask(old);
	assert_true(ok);
	AUTO_STR file = runtime_file(&r, 1);
	assert_int_equal(mode_of(file), 0600);
}

TEST(only_a_writer_makes_the_folder)
{
	RUNTIME(r);
	char path[4096];
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	int fd = runtime_dir_open(&r.env, false, path, sizeof path);
	if (fd >= 0)
		close(fd); /* the caller's own, elsewhere */
	assert_int_equal(access(top, F_OK), -1);
	fd = runtime_dir_open(&r.env, true, path, sizeof path);
	assert_true(fd >= 0);
	close(fd);
	assert_text(path, r.folder);
	assert_int_equal(mode_of(r.folder), 0700);
	assert_int_equal(mode_of(top), 0700);
}

TEST(a_record_under_another_name_is_a_miss)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	assert_true(runtime_put(&r, 2, "two"));
	AUTO_STR one = runtime_file(&r, 1);
	AUTO_STR two = runtime_file(&r, 2);
	assert_int_equal(rename(one, two), 0);
	assert_kept(&r, 2, NULL);
}

TEST(a_record_cut_at_any_length_is_a_miss)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "a token that is long enough"));
	AUTO_STR file = runtime_file(&r, 1);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	for (off_t n = st.st_size - 1; n >= 0; n--) {
		assert_int_equal(truncate(file, n), 0);
		assert_kept(&r, 1, NULL);
	}
}

TEST(any_changed_byte_is_a_miss)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "a token"));
	AUTO_STR file = runtime_file(&r, 1);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	AUTO_CLOSE int fd = open(file, O_RDWR | O_CLOEXEC);
	for (off_t i = 0; i < st.st_size; i++) {
		unsigned char byte, changed;
		assert_int_equal(pread(fd, &byte, 1, i), 1);
		for (int bit = 0; bit < 8; bit++) {
			changed = (unsigned char)(byte ^ (1u << bit));
			assert_int_equal(pwrite(fd, &changed, 1, i), 1);
			AUTO_STR got = runtime_get(&r, 1);
			assert_null(got);
		}
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	assert_kept(&r, 1, "a token");
}

TEST(bytes_behind_a_record_make_it_a_miss)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	AUTO_STR file = runtime_file(&r, 1);
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_kept(&r, 1, NULL);
}

TEST(links_and_open_modes_are_not_trusted)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	AUTO_STR file = runtime_file(&r, 1);
	AUTO_STR aside = tmp_path(&r.tmp, "aside");
	assert_int_equal(chmod(file, 0640), 0);
	assert_kept(&r, 1, NULL);
	assert_int_equal(chmod(file, 0604), 0);
	assert_kept(&r, 1, NULL);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(link(file, aside), 0); /* somebody keeps a second name */
	assert_kept(&r, 1, NULL);
	assert_int_equal(unlink(aside), 0);
	assert_kept(&r, 1, "one");
	assert_int_equal(rename(file, aside), 0);
	assert_int_equal(symlink(aside, file), 0);
	assert_kept(&r, 1, NULL);
}

TEST(a_fifo_or_folder_in_place_of_a_record_is_a_miss_and_does_not_hang)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 2, "makes the folder"));
	AUTO_STR file = runtime_file(&r, 1);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_kept(&r, 1, NULL);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_kept(&r, 1, NULL);
}

TEST(a_record_of_another_user_is_a_miss)
{
	if (geteuid() != 0)
		SKIP("only root can give a file away");
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	AUTO_STR file = runtime_file(&r, 1);
	assert_int_equal(chown(file, 4321, 4321), 0);
	assert_kept(&r, 1, NULL);
}

static bool folder_taken(struct runtime *r)
{
	char path[4096] = "";
	int fd = runtime_dir_open(&r->env, false, path, sizeof path);
	if (fd >= 0)
		close(fd);
	return fd >= 0 && str_eq(path, r->folder);
}

/* Otherwise an older record in a later place would answer for a newer one that was erased. */
TEST(a_runtime_folder_that_is_still_empty_is_preferred_to_others)
{
	RUNTIME(r);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	char path[4096];
	assert_int_equal(runtime_dir_open(&r.env, false, path, sizeof path), -1);
	int fd = runtime_dir_open(&r.env, true, path, sizeof path);
	assert_true(fd >= 0);
	close(fd);
	assert_text(path, r.folder);
}

TEST(no_folder_is_made_where_others_may_enter_the_one_above)
{
	RUNTIME(r);
	char path[4096];
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	assert_int_equal(chmod(r.tmp.path, 0755), 0);
	int fd = runtime_dir_open(&r.env, false, path, sizeof path);
	assert_false(fd >= 0 && str_eq(path, r.folder));
	if (fd >= 0)
		close(fd);
	assert_int_equal(access(top, F_OK), -1);
}

TEST(a_folder_that_others_may_enter_is_not_taken)
{
	RUNTIME(r);
	static const mode_t open_modes[] = {0750, 0705, 0711, 0770};
	assert_true(folder_taken(&r));
	for (size_t i = 0; i < COUNT_OF(open_modes); i++) {
		assert_int_equal(chmod(r.folder, open_modes[i]), 0);
		assert_false(folder_taken(&r));
	}
	assert_int_equal(chmod(r.folder, 0700), 0);
	assert_true(folder_taken(&r));
}

TEST(a_folder_that_is_a_link_is_not_taken)
{
	RUNTIME(r);
	AUTO_STR aside = tmp_path(&r.tmp, "aside");
	assert_int_equal(rename(r.folder, aside), 0);
	assert_int_equal(symlink(aside, r.folder), 0);
	assert_false(folder_taken(&r));
}

TEST(a_folder_of_another_user_is_not_taken)
{
	if (geteuid() != 0)
		SKIP("only root can give a folder away");
	RUNTIME(r);
	assert_int_equal(chown(r.folder, 4321, 4321), 0);
	assert_false(folder_taken(&r));
}

TEST(a_relative_runtime_folder_is_not_taken)
{
	RUNTIME(r);
	str_set(&r.vars[0], "XDG_RUNTIME_DIR=.");
	assert_false(folder_taken(&r));
}

static char one_text[] = "one", two_text[] = "two";

static bool same_text(const struct buf *data, void *user)
{
	return strcmp(data->p, user) == 0;
}

TEST(an_erase_compares_deletes_and_stops_slow_writers)
{
	RUNTIME(r);
	struct store *s = &r.store.port;
	unsigned char id[STORE_ID];
	make_id(id, 1);
	struct store_mark before = s->mark(s, id);
	assert_true(runtime_put(&r, 1, "one"));
	assert_false(s->erase(s, id, same_text, two_text));
	assert_kept(&r, 1, "one");
	assert_true(s->still(s, before));
	assert_true(s->erase(s, id, same_text, one_text));
	assert_kept(&r, 1, NULL);
	assert_false(s->still(s, before));
	AUTO_BUF data = buf_new(100);
	buf_adds(&data, "one");
	assert_false(s->put(s, id, &data, r.clock.wall(&r.clock) + 60, before));
	assert_kept(&r, 1, NULL);
	assert_true(runtime_put(&r, 1, "new"));
	assert_false(s->erase(s, id, same_text, one_text));
}

TEST(two_kinds_of_store_that_keep_nothing_say_so)
{
	struct store none = store_none();
	unsigned char id[STORE_ID] = {0};
	bool possible = true;
	AUTO_BUF b = buf_new(10);
	assert_false(none.get(&none, id, &b));
	assert_false(none.put(&none, id, &b, 0, none.mark(&none, id)));
	assert_false(none.erase(&none, id, same_text, one_text));
	assert_int_equal(none.lock(&none, LOCK_TOKEN, id, 0, &possible), -1);
	assert_false(possible);
	none.unlock(&none, -1);
	assert_says(none.describe(&none), "none");
}

TEST(a_plain_record_is_a_miss_where_only_sealed_ones_count)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	r.store.seal = STORE_SEAL_ALWAYS;
	assert_kept(&r, 1, NULL);
	assert_false(runtime_put(&r, 2, "two")); /* and none is written, the keyring being denied */
	r.store.seal = STORE_SEAL_AUTO;
	assert_kept(&r, 2, NULL);
	assert_says(r.store.port.describe(&r.store.port), "plain, in ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_put_is_got_and_what_is_not_is_a_miss),
		T(another_process_reads_it_too),
		T(records_are_closed_to_others_whatever_the_umask),
		T(only_a_writer_makes_the_folder),
		T(a_record_under_another_name_is_a_miss),
		T(a_record_cut_at_any_length_is_a_miss),
		T(any_changed_byte_is_a_miss),
		T(bytes_behind_a_record_make_it_a_miss),
		T(links_and_open_modes_are_not_trusted),
		T(a_fifo_or_folder_in_place_of_a_record_is_a_miss_and_does_not_hang),
		T(a_record_of_another_user_is_a_miss),
		T(a_runtime_folder_that_is_still_empty_is_preferred_to_others),
		T(no_folder_is_made_where_others_may_enter_the_one_above),
		T(a_folder_that_others_may_enter_is_not_taken),
		T(a_folder_that_is_a_link_is_not_taken),
		T(a_folder_of_another_user_is_not_taken),
		T(a_relative_runtime_folder_is_not_taken),
		T(an_erase_compares_deletes_and_stops_slow_writers),
		T(two_kinds_of_store_that_keep_nothing_say_so),
		T(a_plain_record_is_a_miss_where_only_sealed_ones_count),
	};
	return RUN(tests);
}
