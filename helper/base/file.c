#include "helper/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>

#include "helper/base/str.h"

bool file_read_fd(int fd, struct buf *out)
{
	char chunk[4096];
	bool ok = true;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = false;
		if (n <= 0)
			break;
		if (!buf_add(out, chunk, (size_t)n)) {
			errno = EFBIG;
			ok = false;
			break;
		}
	}
	wipe(chunk, sizeof chunk);
	return ok;
}

bool file_write_fd(int fd, const void *data, size_t len)
{
	const char *p = data;
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool file_read(const char *path, struct buf *out, struct stat *st, enum err_kind kind, struct err *err)
{
	struct stat own;
	st = st ? st : &own;
	/* O_NONBLOCK: opening a FIFO that nobody writes to must not hang. */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, st) < 0) {
		int why = errno;
		err_set(err, kind, NULL, "%s: %s", path, strerror(why));
		errno = why;
		return false;
	}
	if (S_ISDIR(st->st_mode))
		return err_set(err, kind, NULL, "%s: is a directory", path);
	if (!S_ISREG(st->st_mode))
		return err_set(err, kind, NULL, "%s: is not a regular file", path);
	if (file_read_fd(fd, out))
		return true;
	if (errno == EFBIG)
		return err_set(err, kind, NULL, "%s: is larger than %zu bytes", path, out->max);
	return err_set(err, kind, NULL, "%s: %s", path, strerror(errno));
}

/* The file itself behind links; for a path whose last part does not exist yet, the path. NULL on a broken parent. */
static char *real_target(const char *path)
{
	char *real = realpath(path, NULL);
	if (real)
		return real;
	char link[PATH_MAX];
	ssize_t n = readlink(path, link, sizeof link - 1);
	if (n <= 0)
		return str_dup(path);
	link[n] = 0;
	if (link[0] == '/')
		return str_dup(link);
	const char *slash = strrchr(path, '/');
	return str_printf("%.*s%s", slash ? (int)(slash - path + 1) : 0, path, link);
}

static bool held_by_others(const char *path, const char *lock, const char *who, struct err *err)
{
	err_set(err, ERR_CONFIG, NULL, "%s: somebody is writing this file (%s exists)", path, lock);
	return err_hint(err, "if no %s is running: rm %s", who, lock);
}

/* Create a lock that is not there. Who holds it may be done in a moment. */
static int take_lock(const char *path, const char *lock, const struct file_lock *l, struct err *err)
{
	enum { AGAIN_MS = 20 };
	for (int waited = 0;; waited += AGAIN_MS) {
		int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			err_set(err, ERR_CONFIG, NULL, "%s: %s", lock, strerror(errno));
		else if (waited >= l->wait_ms)
			held_by_others(path, lock, l->who, err);
		if (errno != EEXIST || waited >= l->wait_ms)
			return -1;
		poll(NULL, 0, AGAIN_MS);
	}
}

void file_unlock(struct file_lock *l)
{
	if (l->lock)
		unlink(l->lock);
	if (l->link_lock)
		unlink(l->link_lock);
	auto_close(&l->fd);
	free(l->target);
	free(l->lock);
	free(l->link_lock);
	*l = (struct file_lock){.fd = -1};
}

bool file_lock(const char *path, struct file_lock *l, struct err *err)
{
	struct stat st;
	l->fd = -1;
	l->target = real_target(path);
	if (l->by_link && lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		AUTO_STR lock = str_printf("%s.lock", path);
		AUTO_CLOSE int fd = take_lock(path, lock, l, err);
		if (fd < 0)
			return false;
		str_set(&l->link_lock, lock);
	}
	AUTO_STR lock = str_printf("%s.lock", l->target);
	l->fd = take_lock(path, lock, l, err);
	if (l->fd >= 0)
		str_set(&l->lock, lock);
	return l->fd >= 0;
}

bool file_commit(struct file_lock *l, const void *data, size_t len, mode_t new_mode, struct err *err)
{
	struct stat st;
	bool exists = stat(l->target, &st) == 0;
	/* Owner first: chown clears set-id bits. Failing to keep a foreign owner is failing. */
	bool foreign = exists && (st.st_uid != geteuid() || st.st_gid != getegid());
	if ((foreign && fchown(l->fd, st.st_uid, st.st_gid) < 0) || fchmod(l->fd, exists ? st.st_mode & 07777 : new_mode) < 0)
		return err_set(err, ERR_CONFIG, NULL, "%s: cannot keep owner and mode: %s", l->target, strerror(errno));
	if (!file_write_fd(l->fd, data, len) || fsync(l->fd) < 0 || rename(l->lock, l->target) < 0)
		return err_set(err, ERR_CONFIG, NULL, "%s: %s", l->target, strerror(errno));
	str_set(&l->lock, NULL);
	return true;
}

bool file_replace(const char *path, const void *data, size_t len, mode_t new_mode, struct err *err)
{
	AUTO_FILE_LOCK l = {.who = "git, docker or daypass", .fd = -1};
	return file_lock(path, &l, err) && file_commit(&l, data, len, new_mode, err);
}

bool file_same(const char *a, const char *b)
{
	struct stat x, y;
	if (str_eq(a, b))
		return true;
	return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool file_remove(const char *path, struct err *err)
{
	AUTO_STR target = real_target(path);
	if (unlink(target) == 0)
		return true;
	return err_set(err, ERR_CONFIG, NULL, "%s: %s", target, strerror(errno));
}

bool file_others_can_write(const struct stat *st)
{
	bool own_group = st->st_gid == (gid_t)st->st_uid; /* user-private groups, as Debian and Fedora make them */
	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !own_group);
}

void file_open_std(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
			_exit(1);
}
