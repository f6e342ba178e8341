/* The concurrency proof of the cache: what its parts share. Real processes go through the real flow, cache and runtime
 * store; only Entra and the source are fakes. All that happens is noted in a ledger in shared memory, and each answer
 * is held against it. */
#ifndef DAYPASS_TESTS_SOAK_H
#define DAYPASS_TESTS_SOAK_H

#include <stdatomic.h>
#include <sys/types.h>

#include "helper/core/cache.h"
#include "tests/unit/fake.h"
#include "tests/unit/runtime.h"

/* Places where a text can lie: the keys that the flow serves; keys whose tokens are due for a refresh in the eyes of who
 * has a fast clock; ids under which values are put by hand. */
enum { KEYS = 64, AGING = 16, VALUES = 64, FIRST_VALUE = KEYS + AGING, PLACES = FIRST_VALUE + VALUES };
enum { LIMIT_S = 300, MISSING = 77 }; /* a process that takes longer hangs; a part that cannot run here */

/* --- ledger.c ---------------------------------------------------------------------------------------------------- */
typedef _Atomic uint64_t counter;

/* Ticks are moments, in the order of one shared counter. Those of a place are the latest ones, of what succeeded only. */
struct place {
	counter exchanges, refreshes, erased;
	counter newest;	 /* the last serial number */
	counter erasing; /* how many are at it */
	counter erase_began, erase_ended, put_began;
};

/* A token or value: when it was asked for, when it came to be (its writer's mark lies between the two), and when its put
 * had returned, 0: unknown. */
struct minted {
	unsigned place;
	uint64_t asked;
	counter tick, kept, erased;
};

/* What must not happen: a store or an erase without effect; an erased text that is there again; half a text; another's
 * text; a request without an answer. */
enum wrong { LOST, BACK, TORN, MIXED, SILENT, WRONGS };

struct ledger {
	uint64_t salt, capacity;
	counter ticks, serials, wrong[WRONGS];
	counter seen, stores, erases, late, waits, steps;
	struct place places[PLACES];
	struct minted minted[];
};

struct ledger *ledger_new(uint64_t salt, uint64_t capacity);
void ledger_free(struct ledger *l);
uint64_t ledger_tick(struct ledger *l);
void ledger_raise(counter *c, uint64_t to);
/* A new serial number for a place. */
uint64_t ledger_mint(struct ledger *l, unsigned place, uint64_t asked);
/* The text of a serial number: it names its place and itself, and every byte of it can be checked. */
void ledger_text(const struct ledger *l, unsigned place, uint64_t serial, struct buf *out);
/* Whose text is this? Its serial number; 0, with a note, where it is not a whole one of this place that was minted. */
uint64_t ledger_read(struct ledger *l, unsigned place, const char *text, size_t len);
void ledger_wrong(struct ledger *l, enum wrong kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
uint64_t ledger_wrongs(const struct ledger *l);
/* ": 0 lost, 0 brought back, ..." and the line's end. */
void ledger_print_end(const struct ledger *l, int64_t since_ms);
uint64_t mix64(uint64_t n);

/* --- client.c: one daypass process, and how many start ------------------------------------------------------------- */
struct fast_clock {
	struct clock port; /* first */
	int64_t ahead;	   /* seconds that its wall clock is fast */
	int tell;	   /* a byte goes there before the first sleep; -1: none */
	counter *sleeps;
};

/* A writer that has its mark and has not written yet. */
struct writer {
	unsigned place, steps;
	uint64_t serial;
	struct store_mark mark;
};

struct client {
	struct world w;
	struct runtime runtime;
	struct fast_clock clock;
	struct plan plans[FIRST_VALUE];
	struct ledger *l;
	bool sealed, few; /* few: all at the same few places */
	uint64_t seed, random;
	uint64_t asked; /* when the request that is served now began */
	int inside, go; /* who is in its exchange tells so, and waits there; -1: goes on at once */
	uint64_t last[PLACES], gone[PLACES]; /* what this process got last, and what it erased last */
	struct writer writer;
};

/* False where there is no tmpfs, and says so. */
bool client_begin(struct client *c, struct ledger *l, uint64_t seed, bool sealed);
void client_end(struct client *c);
/* As if just started. */
void client_fresh(struct client *c);
/* fork; the child dies with its parent, and after LIMIT_S. Same seed and number, same choices. */
pid_t client_fork(struct client *c, unsigned number);
/* Did that child end well? */
bool client_reap(pid_t pid);
unsigned pick(struct client *c, unsigned below);
struct cache_key client_key(struct client *c, unsigned key);
void value_id(unsigned char id[STORE_ID], unsigned place);
/* One request. The serial number of its token, 0 where it went wrong; cached may be NULL. */
uint64_t client_get(struct client *c, unsigned key, bool *cached);
/* A value that was put by hand; 0 also for a miss. */
uint64_t value_get(struct client *c, unsigned place, bool *miss);
bool value_put(struct client *c, unsigned place, uint64_t serial, struct store_mark since);
/* How many records can be read; notes it where one of the files cannot. */
unsigned client_records(struct client *c);
bool is_half_written(const char *name);

/* --- the parts: 0, 1 where something was wrong, or MISSING ----------------------------------------------------------- */
struct size {
	unsigned processes, operations, replaced, kills, cleanings;
};

int mix_plain(const struct size *s, uint64_t seed);
int mix_sealed(const struct size *s, uint64_t seed);
int replace_part(const struct size *s, uint64_t seed);
int kill_part(const struct size *s, uint64_t seed);
int clean_part(const struct size *s, uint64_t seed);
/* One random operation, held against the ledger. */
void mix_step(struct client *c);
void mix_look(struct client *c, unsigned place);
void mix_store(struct client *c, unsigned place);

#endif
