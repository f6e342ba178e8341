/* The runtime tier's housekeeping: locks, cleaning, and a folder that goes away under our feet. */
#include "tests/unit/runtime.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "helper/core/runtime_dir.h"

static bool is_record(const char *name) { return strlen(name) == 64; }
static bool is_temp(const char *name) { return str_starts(name, "t."); }
static bool is_lock(const char *name) { return str_starts(name, "lock."); }

static int lock_of(struct runtime *r, struct store_runtime *s, unsigned n, int64_t wait_ms, bool *possible)
{
	unsigned char id[STORE_ID];
	make_id(id, n);
	return s->port.lock(&s->port, LOCK_TOKEN, id, wait_ms ? r->clock.mono_ms(&r->clock) + wait_ms : 0, possible);
}

static void second_store(struct runtime *r, struct store_runtime *s)
{
	store_runtime_init(s, &r->env, &r->clock, STORE_SEAL_AUTO);
	s->kernel = KEYCTL_DENIED;
}

#define SECOND(r, s) CLEANUP(store_runtime_end) struct store_runtime s; second_store(&r, &s)

TEST(a_lock_is_held_by_one_and_given_back)
{
	RUNTIME(r);
	SECOND(r, other);
	bool possible = false;
	int mine = lock_of(&r, &r.store, 1, 1000, &possible);
	assert_true(mine >= 0 && possible);
	assert_int_equal(lock_of(&r, &other, 1, 0, &possible), -1);
	assert_true(possible);
	r.store.port.unlock(&r.store.port, mine);
	int theirs = lock_of(&r, &other, 1, 0, &possible);
	assert_true(theirs >= 0);
	other.port.unlock(&other.port, theirs);
	other.port.unlock(&other.port, -1);
}

TEST(waiting_for_a_lock_ends_at_the_deadline)
{
	RUNTIME(r);
	SECOND(r, other);
	bool possible = false;
	int mine = lock_of(&r, &r.store, 1, 1000, &possible);
	int64_t start = r.clock.mono_ms(&r.clock);
	assert_int_equal(lock_of(&r, &other, 1, 60, &possible), -1);
	assert_true(possible);
	assert_true(r.clock.mono_ms(&r.clock) - start >= 60);
	r.store.port.unlock(&r.store.port, mine);
}

TEST(other_keys_have_other_locks_and_there_are_64_at_most)
{
	RUNTIME(r);
	bool possible;
	for (unsigned i = 0; i < 256; i++) {
		int lock = lock_of(&r, &r.store, i, 0, &possible);
		assert_true(lock >= 0);
		r.store.port.unlock(&r.store.port, lock);
	}
	assert_int_equal(runtime_count(&r, is_lock), 64);
	int one = lock_of(&r, &r.store, 1, 0, &possible), two = lock_of(&r, &r.store, 2, 0, &possible);
	assert_true(one >= 0 && two >= 0);
	r.store.port.unlock(&r.store.port, one);
	r.store.port.unlock(&r.store.port, two);
}

TEST(the_keyring_has_a_lock_of_its_own)
{
	RUNTIME(r);
	SECOND(r, other);
	bool possible = false;
	int keyring = r.store.port.lock(&r.store.port, LOCK_KEYRING, NULL, 0, &possible);
	assert_true(keyring >= 0 && possible);
	assert_int_equal(other.port.lock(&other.port, LOCK_KEYRING, NULL, r.clock.mono_ms(&r.clock) + 30, &possible), -1);
	assert_true(possible);
	for (unsigned i = 0; i < 64; i++) {
		int lock = lock_of(&r, &other, i, 0, &possible);
		assert_true(lock >= 0);
		other.port.unlock(&other.port, lock);
	}
	r.store.port.unlock(&r.store.port, keyring);
	int theirs = other.port.lock(&other.port, LOCK_KEYRING, NULL, 0, &possible);
	assert_true(theirs >= 0);
	other.port.unlock(&other.port, theirs);
}

TEST(a_lock_ends_with_its_process)
{
	RUNTIME(r);
	bool possible;
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int lock = lock_of(&r, &r.store, 1, 1000, &possible);
		ssize_t n = write(ready[1], &lock, sizeof lock);
		pause();
		_exit(n == sizeof lock ? 0 : 1);
	}
	int theirs = -1;
	assert_int_equal(read(ready[0], &theirs, sizeof theirs), sizeof theirs);
	assert_true(theirs >= 0);
	assert_int_equal(lock_of(&r, &r.store, 1, 0, &possible), -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	int mine = lock_of(&r, &r.store, 1, 0, &possible);
	assert_true(mine >= 0);
	r.store.port.unlock(&r.store.port, mine);
	close(ready[0]);
	close(ready[1]);
}

TEST(a_folder_deleted_under_our_feet_is_made_anew_for_the_lock)
{
	RUNTIME(r);
	bool possible;
	int first = lock_of(&r, &r.store, 1, 0, &possible);
	r.store.port.unlock(&r.store.port, first);
	AUTO_STR top = tmp_path(&r.tmp, "daypass");
	tmp_empty(top);
	int again = lock_of(&r, &r.store, 1, 0, &possible);
	assert_true(again >= 0);
	SECOND(r, other);
	assert_int_equal(lock_of(&r, &other, 1, 0, &possible), -1); /* both mean the same file */
	r.store.port.unlock(&r.store.port, again);
	assert_true(runtime_put(&r, 1, "after"));
	assert_kept(&r, 1, "after");
}

/* While the first waits for a lock, its folder is cleaned and the lock taken anew by another. */
TEST(a_lock_file_that_was_removed_is_not_taken_for_the_lock)
{
	RUNTIME(r);
	bool possible;
	int held = lock_of(&r, &r.store, 1, 0, &possible);
	AUTO_STR file = str_printf("%s/lock.01", r.folder);
	assert_int_equal(unlink(file), 0);
	SECOND(r, other);
	int theirs = lock_of(&r, &other, 1, 0, &possible);
	assert_true(theirs >= 0); /* a new file: the old one is nobody's any more */
	SECOND(r, third);
	assert_int_equal(lock_of(&r, &third, 1, 0, &possible), -1);
	r.store.port.unlock(&r.store.port, held);
	assert_int_equal(lock_of(&r, &third, 1, 0, &possible), -1);
	other.port.unlock(&other.port, theirs);
}

TEST(a_lock_that_is_a_link_is_not_followed)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 9, "makes the folder"));
	AUTO_STR file = str_printf("%s/lock.01", r.folder);
	AUTO_STR target = tmp_path(&r.tmp, "target");
	bool possible = true;
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(lock_of(&r, &r.store, 1, 0, &possible), -1);
	assert_int_equal(access(target, F_OK), -1);
}

static void age(struct runtime *r, unsigned n, int64_t expired_s)
{
	AUTO_STR file = runtime_file(r, n);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = r->clock.wall(&r->clock) - expired_s}};
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

TEST(what_expired_ten_minutes_ago_is_cleaned_on_a_write_and_not_on_a_read)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "old"));
	assert_true(runtime_put(&r, 2, "just over"));
	age(&r, 1, 700);
	age(&r, 2, 500);
	assert_kept(&r, 1, "old");
	assert_int_equal(runtime_count(&r, is_record), 2);
	assert_true(runtime_put(&r, 3, "new"));
	assert_kept(&r, 1, NULL);
	assert_kept(&r, 2, "just over");
	assert_kept(&r, 3, "new");
}

TEST(the_oldest_go_beyond_1024_records)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 0, "first"));
	age(&r, 0, -10); /* ends first */
	for (unsigned i = 1; i < 1030; i++)
		assert_true(runtime_put(&r, i, "x"));
	assert_int_equal(runtime_count(&r, is_record), 1024);
	assert_kept(&r, 0, NULL);
	assert_kept(&r, 1029, "x");
}

TEST(the_oldest_go_beyond_four_mebibytes)
{
	RUNTIME(r);
	AUTO_BUF big = buf_new(STORE_RECORD_MAX);
	for (size_t i = 0; i < 90000; i++)
		buf_addc(&big, 'b');
	for (unsigned i = 0; i < 60; i++) {
		assert_true(runtime_put(&r, i, big.p));
		age(&r, i, -3600 - (int64_t)i);
	}
	int records = runtime_count(&r, is_record);
	assert_true(records * 90000ll <= 4ll * 1024 * 1024 + 2 * 90000);
	assert_true(records > 40);
	assert_kept(&r, 0, NULL);
	assert_kept(&r, 59, big.p);
}

TEST(names_of_others_and_young_temporary_files_stay)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	AUTO_STR note = str_printf("%s/README", r.folder);
	AUTO_STR temp = str_printf("%s/t.0123456789abcdef", r.folder);
	AUTO_STR lookalike = str_printf("%s/%064d", r.folder, 0);
	lookalike[strlen(lookalike) - 1] = 'X';
	write_text(note, "x", 0600);
	write_text(temp, "x", 0600);
	write_text(lookalike, "x", 0600);
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	utimensat(AT_FDCWD, note, times, 0);
	utimensat(AT_FDCWD, lookalike, times, 0);
	assert_true(runtime_put(&r, 2, "two"));
	assert_int_equal(access(note, F_OK), 0);
	assert_int_equal(access(lookalike, F_OK), 0);
	assert_int_equal(runtime_count(&r, is_temp), 1);
}

TEST(torn_temporary_files_of_an_hour_ago_are_cleaned)
{
	RUNTIME(r);
	assert_true(runtime_put(&r, 1, "one"));
	AUTO_STR temp = str_printf("%s/t.0123456789abcdef", r.folder);
	write_text(temp, "x", 0600);
	int dir = open(r.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	runtime_dir_clean(dir, r.clock.wall(&r.clock) + 3590);
	assert_int_equal(runtime_count(&r, is_temp), 1);
	runtime_dir_clean(dir, r.clock.wall(&r.clock) + 3700); /* an hour and more behind its change time */
	close(dir);
	assert_int_equal(runtime_count(&r, is_temp), 0);
}

static int open_descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool always(const struct buf *data UNUSED, void *user UNUSED)
{
	return true;
}

TEST(no_descriptor_stays_open_behind_a_call)
{
	RUNTIME(r);
	unsigned char id[STORE_ID];
	bool possible;
	make_id(id, 1);
	assert_true(runtime_put(&r, 1, "x"));
	int before = open_descriptors();
	for (int i = 0; i < 5; i++) {
		assert_true(runtime_put(&r, 1, "x"));
		assert_kept(&r, 1, "x");
		assert_kept(&r, 2, NULL);
		r.store.port.unlock(&r.store.port, lock_of(&r, &r.store, 1, 0, &possible));
		assert_true(r.store.port.erase(&r.store.port, id, always, NULL));
		assert_false(r.store.port.erase(&r.store.port, id, always, NULL));
	}
	assert_int_equal(open_descriptors(), before);
	store_runtime_end(&r.store);
	assert_int_equal(open_descriptors(), before - 1);
}

TEST(a_record_of_the_greatest_size_is_kept)
{
	RUNTIME(r);
	AUTO_BUF big = buf_new(STORE_RECORD_MAX);
	for (size_t i = 0; i < STORE_RECORD_MAX; i++)
		buf_addc(&big, 'b');
	assert_true(runtime_put(&r, 1, big.p));
	assert_kept(&r, 1, big.p);
}

/* A folder of ours on a disk; false where each that can be written to is in memory. */
static bool disk_folder(char path[64])
{
	static const char *const bases[] = {"/var/tmp", "/tmp"};
	for (size_t i = 0; i < COUNT_OF(bases); i++) {
		struct statfs fs;
		snprintf(path, 64, "%s/daypass-unit-XXXXXX", bases[i]);
		if (statfs(bases[i], &fs) == 0 && (unsigned long)fs.f_type != TMPFS_MAGIC && mkdtemp(path))
			return true;
	}
	return false;
}

TEST(a_folder_that_is_not_in_memory_is_not_taken)
{
	char disk[64], path[4096] = "";
	if (!disk_folder(disk))
		SKIP("no folder on a disk that this user can write to");
	AUTO_STR top = str_printf("%s/daypass", disk);
	AUTO_STR folder = str_printf("%s/daypass/v1", disk);
	AUTO_STR var = str_printf("XDG_RUNTIME_DIR=%s", disk);
	char *vars[] = {var, NULL};
	struct env env = {vars};
	bool made = mkdir(top, 0700) == 0 && mkdir(folder, 0700) == 0;
	int there = runtime_dir_open(&env, false, path, sizeof path);
	bool taken = there >= 0 && str_eq(path, folder);
	bool emptied = rmdir(folder) == 0 && rmdir(top) == 0;
	int absent = runtime_dir_open(&env, false, path, sizeof path);
	taken = taken || str_eq(path, folder);
	tmp_empty(disk);
	if (there >= 0)
		close(there); /* the caller's own, elsewhere */
	if (absent >= 0)
		close(absent);
	assert_true(made && emptied);
	assert_false(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_lock_is_held_by_one_and_given_back),
		T(waiting_for_a_lock_ends_at_the_deadline),
		T(other_keys_have_other_locks_and_there_are_64_at_most),
		T(the_keyring_has_a_lock_of_its_own),
		T(a_lock_ends_with_its_process),
		T(a_folder_deleted_under_our_feet_is_made_anew_for_the_lock),
		T(a_lock_file_that_was_removed_is_not_taken_for_the_lock),
		T(a_lock_that_is_a_link_is_not_followed),
		T(what_expired_ten_minutes_ago_is_cleaned_on_a_write_and_not_on_a_read),
		T(the_oldest_go_beyond_1024_records),
		T(the_oldest_go_beyond_four_mebibytes),
		T(names_of_others_and_young_temporary_files_stay),
		T(torn_temporary_files_of_an_hour_ago_are_cleaned),
		T(no_descriptor_stays_open_behind_a_call),
		T(a_record_of_the_greatest_size_is_kept),
		T(a_folder_that_is_not_in_memory_is_not_taken),
	};
	return RUN(tests);
}
