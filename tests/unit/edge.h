/* Bytes that end where the memory ends: to read one beyond them is a crash, in every build. */
#ifndef DAYPASS_TESTS_EDGE_H
#define DAYPASS_TESTS_EDGE_H

#include <sys/mman.h>

#include "helper/base/buf.h"
#include "tests/unit/check.h"

struct edge {
	char *room, *end; /* all of it; the first byte that may not be touched */
	size_t size;
};

static inline void edge_end(struct edge *e)
{
	munmap(e->room, e->size + 4096);
}

/* For as many bytes as that. */
static inline void edge_begin(struct edge *e, size_t most)
{
	e->size = (most + 4095) / 4096 * 4096;
	e->room = mmap(NULL, e->size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(e->room != MAP_FAILED);
	e->end = e->room + e->size;
	assert_int_equal(mprotect(e->end, 4096, PROT_NONE), 0);
}

#define EDGE(e, most) CLEANUP(edge_end) struct edge e; edge_begin(&e, most)

/* A buffer of these bytes, without the NUL that others have behind them. Nothing to free. */
static inline struct buf edge_buf(struct edge *e, const char *data, size_t len)
{
	assert_true(len <= e->size);
	memcpy(e->end - len, data, len);
	return (struct buf){.p = e->end - len, .len = len, .cap = 0, .max = len};
}

#endif
