#include "helper/core/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "helper/base/buf.h"
#include "helper/base/str.h"

enum { RECORDS_MAX = 1024, BYTES_MAX = 4 * 1024 * 1024, GRACE_S = 600, TEMP_S = 3600 };

static bool ours(int fd, bool private)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (!private || (st.st_mode & 077) == 0);
}

bool runtime_dir_is_memory(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && ((unsigned long)fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == RAMFS_MAGIC);
}

bool runtime_dir_is_ours(int fd)
{
	struct stat st;
	return ours(fd, false) && fstat(fd, &st) == 0 && !(st.st_mode & 022);
}

/* A folder below another, not through a link, ours alone; made where it is missing. */
static int step(int parent, const char *name)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);
	if (fd < 0 && errno == ENOENT && (mkdirat(parent, name, 0700) == 0 || errno == EEXIST))
		fd = openat(parent, name, flags);
	if (fd >= 0 && !ours(fd, true)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* For readers: what is there already, by one open. Its parents need no look: nobody else can make a folder that we
 * own, and what lies in it is bound to its name. */
static int existing(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && ours(fd, true) && runtime_dir_is_memory(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* /dev/shm is everybody's: there only what is ours below it counts. */
static bool usable(int root, bool shared)
{
	return root >= 0 && runtime_dir_is_memory(root) && (shared || ours(root, true)) && faccessat(root, ".", W_OK | X_OK, AT_EACCESS) == 0;
}

/* The first place that can be used is the one, whether our folder is there yet or not: else an older record in a later
 * place would answer for a newer one that was erased. -2: this place cannot be used. */
static int try_place(const char *base, const char *name, const char *path, bool make)
{
	int fd = existing(path);
	if (fd >= 0)
		return fd;
	AUTO_CLOSE int root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!usable(root, str_starts(name, "daypass-")))
		return -2;
	if (!make)
		return -1;
	AUTO_CLOSE int top = step(root, name);
	fd = top < 0 ? -1 : step(top, "v1");
	return fd < 0 ? -2 : fd; /* full, or somebody else's: the next place may do */
}

enum { PLACES = 3 };

/* The candidates, best first: a base that must be there, and the name of our folder in it. */
struct places {
	char run_user[64], shm_name[64];
	const char *at[PLACES][2];
};

static void list_places(const struct env *env, struct places *p)
{
	unsigned uid = (unsigned)geteuid();
	const char *own = env_get(env, "XDG_RUNTIME_DIR");
	snprintf(p->run_user, sizeof p->run_user, "/run/user/%u", uid);
	snprintf(p->shm_name, sizeof p->shm_name, "daypass-%u", uid);
	const char *const rows[PLACES][2] = {{own && *own == '/' ? own : NULL, "daypass"}, {p->run_user, "daypass"}, {"/dev/shm", p->shm_name}};
	memcpy(p->at, rows, sizeof rows);
}

int runtime_dir_open(const struct env *env, bool make, char *path, size_t size)
{
	struct places p;
	list_places(env, &p);
	for (size_t i = 0; i < PLACES; i++) {
		if (!p.at[i][0])
			continue;
		snprintf(path, size, "%s/%s/v1", p.at[i][0], p.at[i][1]);
		int fd = try_place(p.at[i][0], p.at[i][1], path, make);
		if (fd != -2)
			return fd;
	}
	return -1;
}

static bool is_version(const char *name)
{
	size_t n = name[0] == 'v' ? strspn(name + 1, "0123456789") : 0;
	return n && !name[1 + n];
}

static void each_version(const char *top, void (*see)(int dir, void *user), void *user)
{
	DIR *d = opendir(top);
	for (struct dirent *e; d && (e = readdir(d));) {
		AUTO_STR path = str_printf("%s/%s", top, e->d_name);
		AUTO_CLOSE int fd = is_version(e->d_name) ? existing(path) : -1;
		if (fd >= 0)
			see(fd, user);
	}
	if (d)
		closedir(d);
}

void runtime_dir_each(const struct env *env, void (*see)(int dir, void *user), void *user)
{
	struct places p;
	list_places(env, &p);
	for (size_t i = 0; i < PLACES; i++) {
		AUTO_STR top = p.at[i][0] ? str_printf("%s/%s", p.at[i][0], p.at[i][1]) : NULL;
		if (top)
			each_version(top, see, user);
	}
}

struct entry {
	char name[65];
	int64_t expires, size;
};

static int by_expiry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return (x->expires > y->expires) - (x->expires < y->expires);
}

bool runtime_dir_is_record(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

/* What is being written is "t." and more, the mark of an erased id "g." and the id; locks and the rest stay. */
bool runtime_dir_is_debris(const char *name)
{
	return str_starts(name, "t.") || (str_starts(name, "g.") && runtime_dir_is_record(name + 2));
}

static size_t scan(int dir, DIR *d, int64_t now, struct entry *list, size_t max)
{
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		bool temp = runtime_dir_is_debris(e->d_name), record = runtime_dir_is_record(e->d_name);
		if ((!temp && !record) || fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		bool old = temp ? st.st_ctime < now - TEMP_S : st.st_mtime < now - GRACE_S;
		if (old || (record && n == max)) {
			unlinkat(dir, e->d_name, 0);
		} else if (record) {
			memcpy(list[n].name, e->d_name, sizeof list[n].name);
			list[n].expires = st.st_mtime;
			list[n++].size = st.st_size;
		}
	}
	return n;
}

void runtime_dir_clean(int dir, int64_t now)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	if (!d) {
		if (again >= 0)
			close(again);
		return;
	}
	size_t max = RECORDS_MAX * 2;
	struct entry *list = mem_alloc(max * sizeof *list);
	size_t n = scan(dir, d, now, list, max);
	closedir(d);
	int64_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += list[i].size;
	qsort(list, n, sizeof *list, by_expiry);
	for (size_t i = 0; i < n && (n - i >= RECORDS_MAX || bytes > BYTES_MAX); i++) {
		unlinkat(dir, list[i].name, 0);
		bytes -= list[i].size;
	}
	free(list);
}
