/* Where records are kept, as a port: the runtime tier (store_runtime.c) now, the Secret Service beside it later. */
#ifndef DAYPASS_STORE_H
#define DAYPASS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/clock.h"
#include "helper/base/env.h"

enum { STORE_ID = 32, STORE_RECORD_MAX = 96 * 1024 };

/* No call prints, prompts or fails a request: what cannot be read is a miss, what cannot be written is not kept. */
struct store {
	/* The record's bytes, appended to out; false for a miss (absent, torn, swapped, foreign, not decryptable). */
	bool (*get)(struct store *, const unsigned char id[STORE_ID], struct buf *out);
	/* Keep a record until expires_at (seconds since 1970), unless something was erased since `generation` was read. */
	bool (*put)(struct store *, const unsigned char id[STORE_ID], const struct buf *data, int64_t expires_at, uint64_t generation);
	/* Delete the record where same() says so of its content; no writer that began before can bring it back. */
	bool (*erase)(struct store *, const unsigned char id[STORE_ID], bool (*same)(const struct buf *, void *), void *user);
	uint64_t (*generation)(struct store *);
	/* One process at a time for this id, until unlock or the end of the process. Waits until clock.mono_ms is
	 * deadline_ms (0: does not wait). -1 where the lock is held by another or cannot be had; *possible says which:
	 * false means that there is no folder to lock in. */
	int (*lock)(struct store *, const unsigned char id[STORE_ID], int64_t deadline_ms, bool *possible);
	void (*unlock)(struct store *, int lock);
	/* "sealed, in /run/user/1000/daypass/v1" for people; borrowed. */
	const char *(*describe)(struct store *);
};

enum store_seal { STORE_SEAL_AUTO, STORE_SEAL_ALWAYS };

struct store_runtime {
	struct store port; /* first: the port's functions cast back */
	const struct env *env;
	struct clock *clock;
	enum store_seal seal;
	int dir;	 /* -1 until first used or where nothing is trustworthy */
	bool tried;
	bool denied;	 /* the kernel keyring refused us: records are plain */
	char path[4096], text[4200];
};

/* One file a record on tmpfs, sealed with a key from the kernel keyring where there is one (design section 8). */
void store_runtime_init(struct store_runtime *s, const struct env *env, struct clock *clock, enum store_seal seal);
void store_runtime_end(struct store_runtime *s);
/* Keeps nothing: cache = none. */
struct store store_none(void);

#endif
