#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/keyctl.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/generation.h"
#include "helper/core/runtime_dir.h"
#include "helper/core/store.h"

#define WRAPPING_KEY "daypass:wrap:v1"

enum { STRIPES = 64, FILE_NAME = 65, TRIES = 5, PATIENCE_MS = 1000 /* for the lock of who only writes one file */ };

/* What stands before each record's body and is bound to it: a record that was renamed, copied from another user or
 * cut is not taken. Native byte order: tmpfs does not travel. */
struct head {
	char magic[4];
	uint32_t sealed, uid, length;
	int32_t key;
	unsigned char id[STORE_ID];
};

static struct store_runtime *self(struct store *s)
{
	return (struct store_runtime *)(void *)s;
}

/* The folder, opened once; made only for those who write. */
static int dir(struct store_runtime *s, bool make)
{
	if (s->dir < 0 && (!s->tried || make)) {
		s->dir = runtime_dir_open(s->env, make, s->path, sizeof s->path);
		s->tried = true;
	}
	return s->dir;
}

static void forget_dir(struct store_runtime *s)
{
	if (s->dir >= 0)
		close(s->dir);
	s->dir = -1;
	s->tried = false;
}

static void file_name(char out[FILE_NAME], const unsigned char id[STORE_ID])
{
	str_hex(out, id, STORE_ID);
}

static struct head make_head(const unsigned char id[STORE_ID], bool sealed, int32_t key, size_t length)
{
	struct head h = {.magic = {'D', 'P', 'S', '1'}, .sealed = sealed, .uid = (uint32_t)geteuid(), .length = (uint32_t)length, .key = key};
	memcpy(h.id, id, STORE_ID);
	return h;
}

static bool plain_sum(unsigned char sum[SEAL_HASH], const struct head *h, const void *body, size_t len)
{
	struct seal_hash hash;
	seal_hash_begin(&hash);
	seal_hash_bytes(&hash, h, sizeof *h);
	seal_hash_bytes(&hash, body, len);
	seal_hash_end(&hash, sum);
	return true;
}

static bool open_plain(const struct head *h, const char *body, size_t len, struct buf *out)
{
	unsigned char sum[SEAL_HASH];
	if (len != h->length + (size_t)SEAL_HASH)
		return false;
	plain_sum(sum, h, body + SEAL_HASH, h->length);
	return seal_same(sum, body, SEAL_HASH) && buf_add(out, body + SEAL_HASH, h->length);
}

static bool open_sealed(struct store_runtime *s, const struct head *h, const char *body, size_t len, struct buf *out)
{
	unsigned char key[KEYCTL_KEY];
	enum keyctl_answer a = keyctl_read_id(h->key, key);
	if (a == KEYCTL_DENIED)
		s->kernel = a;
	bool ok = a == KEYCTL_OK && seal_open(out, key, h, sizeof *h, body, len);
	wipe(key, sizeof key);
	return ok;
}

static bool read_record(struct store_runtime *s, const char *name, struct buf *raw)
{
	AUTO_CLOSE int fd = openat(dir(s, false), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	/* 0 links: replaced or erased since it was opened; more than 1: somebody keeps a second name. */
	bool good = S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 && st.st_nlink <= 1;
	return good && file_read_fd(fd, raw);
}

static bool rt_get(struct store *port, const unsigned char id[STORE_ID], struct buf *out)
{
	struct store_runtime *s = self(port);
	char name[FILE_NAME];
	AUTO_BUF raw = buf_new(STORE_RECORD_MAX + sizeof(struct head) + 64);
	file_name(name, id);
	if (dir(s, false) < 0 || !read_record(s, name, &raw) || raw.len < sizeof(struct head))
		return false;
	struct head h;
	memcpy(&h, raw.p, sizeof h);
	struct head want = make_head(id, h.sealed != 0, h.key, h.length);
	if (memcmp(&h, &want, sizeof h) != 0)
		return false;
	const char *body = raw.p + sizeof h;
	size_t len = raw.len - sizeof h;
	if (h.sealed)
		return open_sealed(s, &h, body, len, out);
	return s->seal != STORE_SEAL_ALWAYS && open_plain(&h, body, len, out);
}

static bool seal_record(const struct head *h, const unsigned char *key, const struct buf *data, struct buf *out)
{
	buf_add(out, h, sizeof *h);
	if (h->sealed)
		return seal_close(out, key, h, sizeof *h, data->p, data->len);
	unsigned char sum[SEAL_HASH];
	plain_sum(sum, h, data->p, data->len);
	return buf_add(out, sum, sizeof sum) && buf_add(out, data->p, data->len);
}

/* The wrapping key, made where there is none. Under the generation lock: two makers would overwrite each other's. */
static bool wrapping_key(struct store_runtime *s, unsigned char key[KEYCTL_KEY], int32_t *id)
{
	if (s->kernel != KEYCTL_OK)
		return false;
	s->kernel = keyctl_find(WRAPPING_KEY, key, id);
	if (s->kernel == KEYCTL_ABSENT) {
		seal_random(key, KEYCTL_KEY);
		s->kernel = keyctl_add(WRAPPING_KEY, key, id);
		if (s->kernel == KEYCTL_OK)
			s->kernel = keyctl_read_id(*id, key); /* a key that cannot be read back is none */
	}
	return s->kernel == KEYCTL_OK;
}

static bool encode(struct store_runtime *s, const unsigned char id[STORE_ID], const struct buf *data, struct buf *out)
{
	unsigned char key[KEYCTL_KEY] = {0};
	int32_t key_id = 0;
	bool sealed = wrapping_key(s, key, &key_id);
	if (!sealed && s->seal == STORE_SEAL_ALWAYS) {
		log_note("cache: the kernel keyring is not available and hot = sealed: nothing is kept");
		return false;
	}
	struct head h = make_head(id, sealed, key_id, data->len);
	bool ok = seal_record(&h, key, data, out);
	wipe(key, sizeof key);
	return ok;
}

static bool write_record(int at, const char *name, const struct buf *raw, int64_t expires_at)
{
	unsigned char random[8];
	char hex[17], temp[32];
	seal_random(random, sizeof random);
	str_hex(hex, random, sizeof random);
	snprintf(temp, sizeof temp, "t.%s", hex);
	AUTO_CLOSE int fd = openat(at, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = expires_at}};
	if (fd >= 0 && file_write_fd(fd, raw->p, raw->len) && futimens(fd, times) == 0 && renameat(at, temp, at, name) == 0)
		return true;
	log_trace("cache: not kept: %s", strerror(errno));
	if (fd >= 0)
		unlinkat(at, temp, 0);
	return false;
}

/* flock until the deadline; it has no time-out of its own, so ask again with growing pauses. */
static bool take_lock(struct store_runtime *s, int fd, int64_t deadline_ms)
{
	int64_t pause = 2;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || s->clock->mono_ms(s->clock) >= deadline_ms)
			return false;
		s->clock->sleep_ms(s->clock, pause);
		pause = pause < 25 ? pause + 3 : 25;
	}
	return true;
}

/* Who writes or erases holds this file's lock for the moment it takes (generation.h). */
static int generation_open(struct store_runtime *s)
{
	int fd = -1;
	for (int i = 0; fd < 0 && i < 2; i++) {
		fd = dir(s, true) < 0 ? -1 : openat(s->dir, "generation", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			forget_dir(s); /* somebody cleaned it away: once more, in a new one */
	}
	if (fd >= 0 && take_lock(s, fd, s->clock->mono_ms(s->clock) + PATIENCE_MS))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct store_mark rt_mark(struct store *port, const unsigned char id[STORE_ID])
{
	AUTO_CLOSE int fd = generation_open(self(port));
	struct store_mark m = {.generation = fd >= 0 ? generation_read(self(port)->dir, fd, id) : 0};
	memcpy(m.id, id, STORE_ID);
	return m;
}

static bool rt_still(struct store *port, struct store_mark since)
{
	AUTO_CLOSE int fd = generation_open(self(port));
	return fd >= 0 && generation_same(self(port)->dir, fd, &since);
}

static void rt_advance(struct store *port, const unsigned char id[STORE_ID])
{
	AUTO_CLOSE int fd = generation_open(self(port));
	if (fd >= 0)
		generation_next(self(port)->dir, id);
}

static bool rt_put(struct store *port, const unsigned char id[STORE_ID], const struct buf *data, int64_t expires_at, struct store_mark since)
{
	struct store_runtime *s = self(port);
	char name[FILE_NAME];
	AUTO_BUF raw = buf_new(STORE_RECORD_MAX + sizeof(struct head) + 64);
	AUTO_CLOSE int fd = generation_open(s);
	if (fd < 0 || !generation_same(s->dir, fd, &since) || !encode(s, id, data, &raw))
		return false;
	file_name(name, id);
	runtime_dir_clean(s->dir, s->clock->wall(s->clock));
	return write_record(s->dir, name, &raw, expires_at);
}

static bool rt_erase(struct store *port, const unsigned char id[STORE_ID], bool (*same)(const struct buf *, void *), void *user)
{
	struct store_runtime *s = self(port);
	if (dir(s, false) < 0)
		return false;
	AUTO_CLOSE int fd = generation_open(s);
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	if (fd < 0 || !rt_get(port, id, &data) || (same && !same(&data, user)))
		return false;
	char name[FILE_NAME];
	file_name(name, id);
	generation_next(s->dir, id); /* a full tmpfs must not keep the record */
	return unlinkat(s->dir, name, 0) == 0;
}

static void rt_each(struct store *port, void (*see)(void *user, const unsigned char id[STORE_ID], const struct buf *data), void *user)
{
	int again = dir(self(port), false) < 0 ? -1 : openat(self(port)->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		unsigned char id[STORE_ID];
		AUTO_BUF data = buf_new(STORE_RECORD_MAX);
		if (runtime_dir_is_record(e->d_name) && str_from_hex(e->d_name, id, STORE_ID) && rt_get(port, id, &data))
			see(user, id, &data);
	}
	if (d)
		closedir(d);
}

struct clearing {
	struct store_runtime *s;
	size_t count;
};

/* One folder, whoever of our versions made it. It is cleared even where somebody sits on its lock. */
static void clear_folder(int at, void *user)
{
	struct clearing *c = user;
	AUTO_CLOSE int fd = openat(at, "generation", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		take_lock(c->s, fd, c->s->clock->mono_ms(c->s->clock) + PATIENCE_MS);
	generation_next_all(fd);
	int again = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		bool record = runtime_dir_is_record(e->d_name);
		if ((record || runtime_dir_is_debris(e->d_name)) && unlinkat(at, e->d_name, 0) == 0)
			c->count += record;
	}
	if (d)
		closedir(d);
}

static size_t rt_clear(struct store *port)
{
	struct clearing c = {.s = self(port)};
	keyctl_revoke(WRAPPING_KEY);
	runtime_dir_each(c.s->env, clear_folder, &c);
	return c.count;
}

static struct store_state rt_state(struct store *port)
{
	struct store_runtime *s = self(port);
	unsigned char key[KEYCTL_KEY];
	int32_t id;
	AUTO_CLOSE int fd = generation_open(s);
	bool sealed = fd >= 0 && wrapping_key(s, key, &id);
	wipe(key, sizeof key);
	return (struct store_state){.path = fd >= 0 ? s->path : NULL, .sealed = sealed, .kernel = s->kernel};
}

/* Is the file that we locked still the one that others will lock? Somebody may have cleaned the folder. */
static bool still_there(struct store_runtime *s, int fd, const char *name)
{
	struct stat mine, theirs;
	AUTO_STR path = str_printf("%s/%s", s->path, name);
	return fstat(fd, &mine) == 0 && lstat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev;
}

static int rt_lock(struct store *port, enum store_lock what, const unsigned char *id, int64_t deadline_ms, bool *possible)
{
	struct store_runtime *s = self(port);
	char name[32] = "lock.keyring";
	if (what != LOCK_KEYRING)
		snprintf(name, sizeof name, "lock.%s%02u", what == LOCK_TRADE ? "trade." : what == LOCK_HOP ? "hop." : "", (unsigned)id[0] % STRIPES);
	*possible = false;
	for (int i = 0; i < TRIES; i++) {
		int fd = dir(s, true) < 0 ? -1 : openat(s->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 && !take_lock(s, fd, deadline_ms)) {
			*possible = true;
			close(fd);
			return -1;
		}
		if (fd >= 0 && still_there(s, fd, name)) {
			*possible = true;
			return fd;
		}
		if (fd >= 0)
			close(fd);
		forget_dir(s);
	}
	return -1;
}

static void any_unlock(struct store *port UNUSED, int lock)
{
	if (lock >= 0)
		close(lock);
}

static const char *rt_describe(struct store *port)
{
	struct store_runtime *s = self(port);
	if (dir(s, false) < 0)
		return "nothing kept yet, or no tmpfs folder of our own";
	snprintf(s->text, sizeof s->text, "%s, in %s", s->kernel != KEYCTL_OK ? "plain" : "sealed", s->path);
	return s->text;
}

void store_runtime_init(struct store_runtime *s, const struct env *env, struct clock *clock, enum store_seal seal)
{
	*s = (struct store_runtime){.env = env, .clock = clock, .seal = seal, .dir = -1};
	s->port = (struct store){rt_get, rt_put, rt_erase, rt_mark, rt_still, rt_advance, rt_lock, any_unlock, rt_each, rt_clear, rt_state, rt_describe};
}

void store_runtime_end(struct store_runtime *s)
{
	forget_dir(s);
}
