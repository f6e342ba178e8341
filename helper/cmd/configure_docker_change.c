#include "helper/cmd/configure_docker_change.h"

#include <errno.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_docker_diff.h"

void change_free(struct change *c)
{
	free(c->path);
	buf_free(&c->old);
	buf_free(&c->new);
}

/* The folder of a path; NULL where it is the working directory or the root. */
static char *parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash > path ? str_ndup(path, (size_t)(slash - path)) : NULL;
}

static int missing_folders(const char *path)
{
	struct stat st;
	AUTO_STR folder = parent(path);
	if (!folder || stat(folder, &st) == 0 || errno != ENOENT)
		return 0;
	return 1 + missing_folders(folder);
}

bool change_read(struct change *c, char *path, struct err *err)
{
	*c = (struct change){.path = path, .old = buf_new(CHANGE_MAX_BYTES), .new = buf_new(CHANGE_MAX_BYTES)};
	errno = 0;
	c->exists = file_read(path, &c->old, NULL, ERR_CONFIG, err);
	if (!c->exists && errno != ENOENT)
		return false;
	*err = ERR_INIT;
	c->folders = c->exists ? 0 : missing_folders(path);
	return true;
}

static bool make_folders(const char *path, int count, struct err *err)
{
	AUTO_STR folder = parent(path);
	if (!count || !folder)
		return true;
	if (!make_folders(folder, count - 1, err))
		return false;
	if (mkdir(folder, 0700) == 0 || errno == EEXIST)
		return true;
	return err_set(err, ERR_CONFIG, NULL, "%s: cannot be made: %s", folder, strerror(errno));
}

/* Those that hold something else by now stay. */
static void remove_folders(const char *path, int count)
{
	AUTO_STR folder = parent(path);
	if (count && folder && rmdir(folder) == 0)
		remove_folders(folder, count - 1);
}

/* docker and podman take no lock: what they wrote since we read must not be lost. */
static bool still_the_same(const struct change *c, struct err *err)
{
	AUTO_BUF now = buf_new(CHANGE_MAX_BYTES);
	struct err why;
	bool exists = file_read(c->path, &now, NULL, ERR_CONFIG, &why);
	if (exists == c->exists && now.len == c->old.len && memcmp(now.p, c->old.p, now.len) == 0)
		return true;
	return err_set(err, ERR_CONFIG, "run the same command again", "%s: somebody else has just changed this file", c->path);
}

bool change_carry_out(const struct change *c, struct err *err)
{
	if (!c->wanted)
		return true;
	if (c->new.over)
		return err_set(err, ERR_CONFIG, NULL, "%s: would become larger than %d bytes", c->path, CHANGE_MAX_BYTES);
	if (!still_the_same(c, err))
		return false;
	if (!c->goes)
		return make_folders(c->path, c->folders, err) && file_replace(c->path, c->new.p, c->new.len, 0600, err);
	if (!file_remove(c->path, err))
		return false;
	remove_folders(c->path, c->folders);
	return true;
}

void change_show(const struct change *c, void (*hide)(const struct buf *, struct buf *), struct buf *out)
{
	AUTO_BUF old = buf_new(4 * CHANGE_MAX_BYTES), new = buf_new(4 * CHANGE_MAX_BYTES);
	if (!c->wanted)
		return;
	if (hide)
		hide(&c->old, &old);
	if (hide && !c->goes)
		hide(&c->new, &new);
	buf_addf(out, "--- %s\n+++ %s\n", c->exists ? c->path : "/dev/null", c->goes ? "/dev/null" : c->path);
	diff_add(hide ? &old : &c->old, hide || c->goes ? &new : &c->new, hide ? 3 : 0, out);
}
