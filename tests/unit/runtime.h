/* The real runtime tier in a folder of the test's own. Its records are plain, so that no test reaches for the caller's
 * kernel keyring; test_store_sealed.c brings a keyring of its own. */
#ifndef DAYPASS_TESTS_RUNTIME_H
#define DAYPASS_TESTS_RUNTIME_H

#include <dirent.h>

#include "helper/core/store.h"
#include "tests/unit/tmp.h"

struct runtime {
	struct tmp tmp;
	char *vars[2];
	struct env env;
	struct clock clock;
	struct store_runtime store;
	char *folder; /* where its records lie */
};

static inline void runtime_end(struct runtime *r)
{
	if (r->folder)
		store_runtime_end(&r->store);
	free(r->vars[0]);
	free(r->folder);
	tmp_end(&r->tmp);
}

/* False where no tmpfs is at hand: elsewhere the product would use its own folder. */
static inline bool runtime_begin(struct runtime *r)
{
	*r = (struct runtime){.clock = clock_real()};
	tmp_begin(&r->tmp);
	if (!r->tmp.memory)
		return false;
	r->vars[0] = str_printf("XDG_RUNTIME_DIR=%s", r->tmp.path);
	r->env = (struct env){r->vars};
	store_runtime_init(&r->store, &r->env, &r->clock, STORE_SEAL_AUTO);
	r->store.kernel = KEYCTL_DENIED;
	r->folder = tmp_path(&r->tmp, "daypass/v1");
	/* It must be there: otherwise a read would go on to the product's own folders, which may hold the caller's records. */
	AUTO_STR top = tmp_path(&r->tmp, "daypass");
	assert_int_equal(mkdir(top, 0700), 0);
	assert_int_equal(mkdir(r->folder, 0700), 0);
	return true;
}

#define RUNTIME(r) \
	CLEANUP(runtime_end) struct runtime r; \
	if (!runtime_begin(&r)) { \
		runtime_end(&r); \
		SKIP("no tmpfs that this user can write to"); \
	} \
	(void)0

static inline void make_id(unsigned char id[STORE_ID], unsigned n)
{
	memset(id, 0, STORE_ID);
	id[0] = (unsigned char)n;
	id[1] = (unsigned char)(n >> 8);
	id[31] = 0x5a;
}

static inline bool runtime_put(struct runtime *r, unsigned n, const char *text)
{
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	struct store *s = &r->store.port;
	make_id(id, n);
	buf_adds(&data, text);
	return s->put(s, id, &data, r->clock.wall(&r->clock) + 3600, s->mark(s, id));
}

/* The record's text, or NULL for a miss; the caller frees it. */
static inline char *runtime_get(struct runtime *r, unsigned n)
{
	unsigned char id[STORE_ID];
	AUTO_BUF out = buf_new(STORE_RECORD_MAX);
	make_id(id, n);
	return r->store.port.get(&r->store.port, id, &out) ? buf_take(&out) : NULL;
}

static inline char *runtime_file(struct runtime *r, unsigned n)
{
	unsigned char id[STORE_ID];
	char hex[2 * STORE_ID + 1];
	make_id(id, n);
	str_hex(hex, id, STORE_ID);
	return str_printf("%s/%s", r->folder, hex);
}

#define assert_kept(r, n, wanted) \
	do { \
		AUTO_STR kept_ = runtime_get(r, n); \
		assert_text(kept_, wanted); \
	} while (0)

/* How many names in the folder begin so. */
static inline int runtime_count(struct runtime *r, bool (*is)(const char *name))
{
	int n = 0;
	DIR *d = opendir(r->folder);
	for (struct dirent *e; d && (e = readdir(d));)
		n += is(e->d_name);
	if (d)
		closedir(d);
	return n;
}

#endif
