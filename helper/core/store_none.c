/* The store that keeps nothing: cache = none. */
#include "helper/core/store.h"

static bool no_get(struct store *s UNUSED, const unsigned char id[STORE_ID] UNUSED, struct buf *out UNUSED)
{
	return false;
}

static bool no_put(struct store *s UNUSED, const unsigned char id[STORE_ID] UNUSED, const struct buf *data UNUSED, int64_t expires UNUSED, struct store_mark since UNUSED)
{
	return false;
}

static bool no_erase(struct store *s UNUSED, const unsigned char id[STORE_ID] UNUSED, bool (*same)(const struct buf *, void *) UNUSED, void *user UNUSED)
{
	return false;
}

static struct store_mark no_mark(struct store *s UNUSED, const unsigned char id[STORE_ID] UNUSED)
{
	return (struct store_mark){.generation = 0};
}

static bool no_still(struct store *s UNUSED, struct store_mark since UNUSED)
{
	return true;
}

static void no_advance(struct store *s UNUSED, const unsigned char id[STORE_ID] UNUSED)
{
}

static int no_lock(struct store *s UNUSED, enum store_lock what UNUSED, const unsigned char *id UNUSED, int64_t deadline_ms UNUSED, bool *possible)
{
	*possible = false;
	return -1;
}

static void no_unlock(struct store *s UNUSED, int lock UNUSED)
{
}

static void no_each(struct store *s UNUSED, void (*see)(void *user, const unsigned char id[STORE_ID], const struct buf *data) UNUSED, void *user UNUSED)
{
}

static size_t no_clear(struct store *s UNUSED)
{
	return 0;
}

static struct store_state no_state(struct store *s UNUSED)
{
	return (struct store_state){.none = true};
}

static const char *no_describe(struct store *s UNUSED)
{
	return "none: cache = none";
}

struct store store_none(void)
{
	return (struct store){no_get, no_put, no_erase, no_mark, no_still, no_advance, no_lock, no_unlock, no_each, no_clear, no_state, no_describe};
}
