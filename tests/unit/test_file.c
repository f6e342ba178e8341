/* Files: read with a cap, replaced atomically. */
#include "helper/base/file.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/unit/tmp.h"

static bool reads(const char *path, size_t max, struct err *err)
{
	AUTO_BUF b = buf_new(max);
	*err = ERR_INIT;
	return file_read(path, &b, NULL, ERR_SOURCE, err);
}

TEST(a_file_is_read_whole_up_to_the_cap)
{
	TMP(t);
	struct err err;
	AUTO_STR path = tmp_path(&t, "f");
	write_text(path, "12345", 0600);
	assert_true(reads(path, 5, &err));
	assert_false(reads(path, 4, &err));
	assert_says(err.msg, path);
	assert_says(err.msg, "larger than 4 bytes");
	assert_int_equal(err.kind, ERR_SOURCE);
}

TEST(a_file_of_several_chunks_is_read_whole)
{
	TMP(t);
	AUTO_STR path = tmp_path(&t, "f");
	static char big[100000];
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)('a' + i % 26);
	write_file(path, big, sizeof big, 0600);
	AUTO_BUF b = buf_new(sizeof big);
	struct stat st;
	struct err err = ERR_INIT;
	assert_true(file_read(path, &b, &st, ERR_SOURCE, &err));
	assert_int_equal(st.st_size, sizeof big);
	assert_memory_equal(b.p, big, sizeof big);
}

TEST(a_link_is_followed_as_projected_volumes_need_it)
{
	TMP(t);
	struct err err;
	AUTO_STR path = tmp_path(&t, "f");
	AUTO_STR link = tmp_path(&t, "l");
	write_text(path, "x", 0600);
	assert_int_equal(symlink("f", link), 0);
	assert_true(reads(link, 10, &err));
}

TEST(a_missing_file_says_so_with_errno)
{
	TMP(t);
	struct err err;
	AUTO_STR path = tmp_path(&t, "absent");
	errno = 0;
	assert_false(reads(path, 10, &err));
	assert_int_equal(errno, ENOENT);
	assert_says(err.msg, "absent: No such file");
}

TEST(a_fifo_does_not_hang_and_a_folder_is_none)
{
	TMP(t);
	struct err err;
	AUTO_STR fifo = tmp_path(&t, "fifo");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(reads(fifo, 10, &err));
	assert_says(err.msg, "not a regular file");
	assert_false(reads(t.path, 10, &err));
	assert_says(err.msg, "is a directory");
	assert_false(reads("/dev/null", 10, &err));
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

TEST(a_new_file_gets_its_mode_whatever_the_umask)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "f");
	mode_t old = umask(0);
	assert_true(file_replace(path, "x", 1, 0640, &err));
	umask(0777);
	AUTO_STR second = tmp_path(&t, "g");
	assert_true(file_replace(second, "x", 1, 0644, &err));
	umask(old);
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(mode_of(second), 0644);
}

TEST(replacing_keeps_the_mode_and_leaves_no_lock)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "f");
	AUTO_STR lock = tmp_path(&t, "f.lock");
	write_text(path, "old and longer", 0604);
	assert_true(file_replace(path, "new", 3, 0600, &err));
	AUTO_STR text = read_text(path);
	assert_text(text, "new");
	assert_int_equal(mode_of(path), 0604);
	assert_int_equal(access(lock, F_OK), -1);
}

TEST(replacing_keeps_a_foreign_owner)
{
	if (geteuid() != 0)
		SKIP("only root can give a file away");
	TMP(t);
	struct err err = ERR_INIT;
	struct stat st;
	AUTO_STR path = tmp_path(&t, "f");
	write_text(path, "old", 0640);
	assert_int_equal(chown(path, 4321, 4322), 0);
	assert_true(file_replace(path, "new", 3, 0600, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 4321);
	assert_int_equal(st.st_gid, 4322);
	assert_int_equal(st.st_mode & 07777, 0640);
}

TEST(replacing_through_a_link_keeps_the_link)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR dir = tmp_path(&t, "dotfiles");
	AUTO_STR real = tmp_path(&t, "dotfiles/gitconfig");
	AUTO_STR link = tmp_path(&t, "link");
	assert_int_equal(mkdir(dir, 0700), 0);
	write_text(real, "old", 0600);
	assert_int_equal(symlink("dotfiles/gitconfig", link), 0);
	assert_true(file_replace(link, "new", 3, 0600, &err));
	AUTO_STR text = read_text(real);
	assert_text(text, "new");
	struct stat st;
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

TEST(a_dangling_link_gets_its_file)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR link = tmp_path(&t, "link");
	AUTO_STR real = tmp_path(&t, "target");
	assert_int_equal(symlink("target", link), 0);
	assert_true(file_replace(link, "x", 1, 0600, &err));
	AUTO_STR text = read_text(real);
	assert_text(text, "x");
}

TEST(a_lock_of_somebody_else_stops_us_and_stays)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "f");
	AUTO_STR lock = tmp_path(&t, "f.lock");
	write_text(path, "old", 0600);
	write_text(lock, "theirs", 0600);
	assert_false(file_replace(path, "new", 3, 0600, &err));
	assert_says(err.msg, "somebody is writing");
	assert_says(err.hint, lock);
	AUTO_STR text = read_text(path);
	assert_text(text, "old");
	assert_int_equal(access(lock, F_OK), 0);
}

static void *unlock_soon(void *path)
{
	usleep(100000);
	unlink(path);
	return NULL;
}

TEST(a_lock_in_two_steps_is_held_between_them)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "f");
	AUTO_STR lock = tmp_path(&t, "f.lock");
	AUTO_STR link = tmp_path(&t, "l");
	AUTO_STR link_lock = tmp_path(&t, "l.lock");
	write_text(path, "old", 0640);
	assert_int_equal(symlink("f", link), 0);
	AUTO_FILE_LOCK l = {.who = "kubectl", .by_link = true, .fd = -1};
	assert_true(file_lock(link, &l, &err));
	assert_int_equal(access(lock, F_OK), 0);
	assert_int_equal(access(link_lock, F_OK), 0);
	AUTO_FILE_LOCK other = {.who = "kubectl", .by_link = true, .fd = -1};
	assert_false(file_lock(link, &other, &err));
	assert_says(err.hint, "if no kubectl is running: rm ");
	assert_says(err.hint, "l.lock");
	file_unlock(&other);
	assert_int_equal(access(link_lock, F_OK), 0);
	assert_true(file_commit(&l, "new", 3, 0600, &err));
	file_unlock(&l);
	assert_int_equal(access(lock, F_OK), -1);
	assert_int_equal(access(link_lock, F_OK), -1);
	AUTO_STR text = read_text(link);
	assert_text(text, "new");
	assert_int_equal(mode_of(path), 0640);
}

TEST(a_lock_is_waited_for)
{
	TMP(t);
	struct err err = ERR_INIT;
	pthread_t thread;
	AUTO_STR path = tmp_path(&t, "f");
	AUTO_STR lock = tmp_path(&t, "f.lock");
	write_text(lock, "theirs", 0600);
	AUTO_FILE_LOCK none = {.who = "kubectl", .wait_ms = 60, .fd = -1};
	assert_false(file_lock(path, &none, &err));
	file_unlock(&none);
	assert_int_equal(access(lock, F_OK), 0);
	assert_int_equal(pthread_create(&thread, NULL, unlock_soon, lock), 0);
	AUTO_FILE_LOCK l = {.who = "kubectl", .wait_ms = 30000, .fd = -1};
	assert_true(file_lock(path, &l, &err));
	pthread_join(thread, NULL);
}

TEST(a_write_that_fails_leaves_the_old_file_and_no_lock)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "folder");
	AUTO_STR inside = tmp_path(&t, "folder/x");
	AUTO_STR lock = tmp_path(&t, "folder.lock");
	assert_int_equal(mkdir(path, 0700), 0);
	write_text(inside, "x", 0600);
	assert_false(file_replace(path, "new", 3, 0600, &err)); /* rename onto a folder */
	assert_says(err.msg, "folder");
	assert_int_equal(access(lock, F_OK), -1);
	assert_int_equal(access(inside, F_OK), 0);
}

TEST(a_missing_folder_is_named)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR path = tmp_path(&t, "no/f");
	assert_false(file_replace(path, "x", 1, 0600, &err));
	assert_says(err.msg, "no/f.lock: No such file");
	assert_false(file_remove(path, &err));
}

TEST(removing_follows_a_link_to_the_file)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR real = tmp_path(&t, "real");
	AUTO_STR link = tmp_path(&t, "link");
	write_text(real, "x", 0600);
	assert_int_equal(symlink("real", link), 0);
	assert_true(file_remove(link, &err));
	assert_int_equal(access(real, F_OK), -1);
}

TEST(who_else_can_write_is_told_by_mode_and_group)
{
	struct stat st = {.st_uid = 1000, .st_gid = 1000, .st_mode = S_IFREG | 0644};
	assert_false(file_others_can_write(&st));
	st.st_mode = S_IFREG | 0664; /* a group of one's own */
	assert_false(file_others_can_write(&st));
	st.st_gid = 100;
	assert_true(file_others_can_write(&st));
	st.st_mode = S_IFREG | 0646;
	assert_true(file_others_can_write(&st));
}

/* In a child, whose descriptors can be closed. */
static int with_std_closed(void)
{
	char byte;
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	file_open_std();
	bool ok = read(0, &byte, 1) < 0 && write(1, "x", 1) < 0 && write(2, "x", 1) < 0;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return ok && next > 2 ? 0 : 1;
}

TEST(closed_standard_descriptors_are_opened_so_that_their_use_fails)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(with_std_closed());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	file_open_std(); /* open ones stay as they are */
	assert_true(fcntl(1, F_GETFD) >= 0);
}

TEST(a_link_to_an_absolute_path_that_dangles_gets_its_file)
{
	TMP(t);
	struct err err = ERR_INIT;
	AUTO_STR link = tmp_path(&t, "link");
	AUTO_STR real = tmp_path(&t, "target");
	assert_int_equal(symlink(real, link), 0);
	assert_true(file_replace(link, "x", 1, 0600, &err));
	AUTO_STR text = read_text(real);
	assert_text(text, "x");
}

TEST(writing_to_a_closed_or_full_place_is_a_failure)
{
	AUTO_CLOSE int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full >= 0)
		assert_false(file_write_fd(full, "x", 1));
	assert_false(file_write_fd(-1, "x", 1));
	assert_true(file_write_fd(-1, "", 0));
	AUTO_BUF b = buf_new(10);
	assert_false(file_read_fd(-1, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_read_whole_up_to_the_cap),
		T(a_file_of_several_chunks_is_read_whole),
		T(a_link_is_followed_as_projected_volumes_need_it),
		T(a_missing_file_says_so_with_errno),
		T(a_fifo_does_not_hang_and_a_folder_is_none),
		T(a_new_file_gets_its_mode_whatever_the_umask),
		T(replacing_keeps_the_mode_and_leaves_no_lock),
		T(replacing_keeps_a_foreign_owner),
		T(replacing_through_a_link_keeps_the_link),
		T(a_dangling_link_gets_its_file),
		T(a_lock_of_somebody_else_stops_us_and_stays),
		T(a_lock_in_two_steps_is_held_between_them),
		T(a_lock_is_waited_for),
		T(a_write_that_fails_leaves_the_old_file_and_no_lock),
		T(a_missing_folder_is_named),
		T(removing_follows_a_link_to_the_file),
		T(who_else_can_write_is_told_by_mode_and_group),
		T(closed_standard_descriptors_are_opened_so_that_their_use_fails),
		T(a_link_to_an_absolute_path_that_dangles_gets_its_file),
		T(writing_to_a_closed_or_full_place_is_a_failure),
	};
	return RUN(tests);
}
