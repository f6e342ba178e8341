#include "helper/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "helper/base/str.h"

enum { DEPTH_MAX = 64 };

static bool remove_below(int parent, const char *name, int depth)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	int fd = depth < DEPTH_MAX ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			remove_below(dirfd(d), e->d_name, depth + 1);
	closedir(d);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool tree_remove(int parent, const char *name)
{
	return remove_below(parent, name, 0);
}
