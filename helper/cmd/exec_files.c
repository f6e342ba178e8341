/* What `daypass exec` lays down for its command: a folder on tmpfs, which goes with the server. Nothing of ours in it is a
 * secret; the copy of docker's configuration may hold the person's own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/base/tree.h"
#include "helper/cmd/exec.h"
#include "helper/core/runtime_dir.h"

/* While it is being made it has another name: only what is locked may have the one that is looked at. */
static const char READY[] = "exec.", BEGUN[] = "begun.", LOCK[] = "lock";
enum { PATH_SIZE = 4096, BEGUN_S = 3600 };

/* Is nobody there any more who would remove it? Its lock is free then. */
static bool is_left(int parent, const char *name)
{
	struct stat st;
	if (str_starts(name, BEGUN))
		return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ctime < time(NULL) - BEGUN_S;
	AUTO_STR path = str_printf("%s/%s", name, LOCK);
	AUTO_CLOSE int fd = openat(parent, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void clean(int parent)
{
	int again = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	for (struct dirent *e; d && (e = readdir(d));)
		if ((str_starts(e->d_name, READY) || str_starts(e->d_name, BEGUN)) && is_left(parent, e->d_name))
			tree_remove(parent, e->d_name);
	if (d)
		closedir(d);
}

static bool make(struct exec *x, int parent, const char *path)
{
	unsigned char random[8];
	char hex[2 * sizeof random + 1];
	seal_random(random, sizeof random);
	str_hex(hex, random, sizeof random);
	AUTO_STR begun = str_printf("%s%s", BEGUN, hex);
	AUTO_STR ready = str_printf("%s%s", READY, hex);
	AUTO_STR lock = str_printf("%s/%s", begun, LOCK);
	if (mkdirat(parent, begun, 0700) < 0)
		return false;
	x->lock = openat(parent, lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (x->lock < 0 || flock(x->lock, LOCK_EX | LOCK_NB) < 0 || renameat(parent, begun, parent, ready) < 0) {
		tree_remove(parent, begun);
		return false;
	}
	x->folder = str_printf("%s/%s", path, ready);
	return true;
}

void exec_folder_make(struct exec *x)
{
	char path[PATH_SIZE];
	AUTO_CLOSE int records = runtime_dir_open(&x->ctx->env, true, path, sizeof path);
	char *slash = strrchr(path, '/');
	AUTO_CLOSE int parent = records >= 0 ? openat(records, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (records >= 0 && slash)
		*slash = 0;
	if (parent >= 0)
		clean(parent);
	if (parent < 0 || !make(x, parent, path))
		buf_adds(&x->says, "exec: there is no folder on tmpfs for files of this run: az and docker do not ask daypass; mount one at $XDG_RUNTIME_DIR or /dev/shm\n");
}

void exec_folder_remove(const struct exec *x)
{
	if (x->folder)
		tree_remove(AT_FDCWD, x->folder);
}

char *exec_subfolder(const struct exec *x, const char *name)
{
	char *path = x->folder ? str_printf("%s/%s", x->folder, name) : NULL;
	if (!path || mkdir(path, 0700) == 0)
		return path;
	free(path);
	return NULL;
}

bool exec_write(const char *folder, const char *name, const struct buf *text)
{
	AUTO_STR path = str_printf("%s/%s", folder, name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd >= 0 && !text->over && file_write_fd(fd, text->p, text->len);
}
