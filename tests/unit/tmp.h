/* A folder of the test's own, on tmpfs where there is one, removed with all that is in it. */
#ifndef DAYPASS_TESTS_TMP_H
#define DAYPASS_TESTS_TMP_H

#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "helper/base/buf.h"
#include "helper/base/file.h"
#include "tests/unit/check.h"

struct tmp {
	char path[256];
	bool memory; /* it is on tmpfs: the runtime tier takes it */
};

static inline int tmp_remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static inline void tmp_empty(const char *path)
{
	nftw(path, tmp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void tmp_end(struct tmp *t)
{
	if (*t->path)
		tmp_empty(t->path);
	*t->path = 0;
}

static inline void tmp_begin(struct tmp *t)
{
	const char *const bases[] = {getenv("DAYPASS_TEST_DIR"), "/dev/shm", getenv("TMPDIR"), "/tmp"};
	for (size_t i = 0; i < COUNT_OF(bases); i++) {
		struct statfs fs;
		snprintf(t->path, sizeof t->path, "%s/daypass-unit-XXXXXX", bases[i] ? bases[i] : "/nowhere");
		if (bases[i] && mkdtemp(t->path)) {
			t->memory = statfs(t->path, &fs) == 0 && (unsigned long)fs.f_type == TMPFS_MAGIC;
			return;
		}
	}
	*t->path = 0;
	fail_msg("no folder to test in");
}

#define TMP(t) CLEANUP(tmp_end) struct tmp t = {0}; tmp_begin(&t)

/* "FOLDER/name"; the caller frees it. */
static inline char *tmp_path(const struct tmp *t, const char *name)
{
	return str_printf("%s/%s", t->path, name);
}

static inline void write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(file_write_fd(fd, data, len));
	assert_int_equal(fchmod(fd, mode), 0);
}

static inline void write_text(const char *path, const char *text, mode_t mode)
{
	write_file(path, text, strlen(text), mode);
}

static inline char *read_text(const char *path)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	struct err err = ERR_INIT;
	return file_read(path, &b, NULL, ERR_INTERNAL, &err) ? buf_take(&b) : NULL;
}

#endif
