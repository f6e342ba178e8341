/* Where records are kept, as a port: the runtime tier (store_runtime.c). What outlives a boot is in the keyring
 * (store_keyring.h); cache.h joins the two. */
#ifndef DAYPASS_STORE_H
#define DAYPASS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/clock.h"
#include "helper/base/env.h"
#include "helper/base/keyctl.h"

enum { STORE_ID = 32, STORE_RECORD_MAX = 96 * 1024 };

/* When something about an id began: its writer learns by it whether that id was erased meanwhile. */
struct store_mark {
	unsigned char id[STORE_ID];
	uint64_t generation;
};

/* What is locked. A trade (an access token for a registry's) needs the access token first, and that, in a chain, the token
 * which is its assertion (a hop): who holds a lock may take one further down, never one beside or above it. LOCK_NONE: of
 * no kind, there is nothing to take. */
enum store_lock { LOCK_TRADE, LOCK_TOKEN, LOCK_HOP, LOCK_KEYRING, LOCK_NONE };

/* How the tier is, for people. */
struct store_state {
	const char *path;   /* borrowed; NULL where there is no folder to trust */
	bool none;	    /* cache = none */
	bool sealed;
	enum keyctl_answer kernel; /* why not, where records are not sealed */
};

/* No call prints, prompts or fails a request: what cannot be read is a miss, what cannot be written is not kept. */
struct store {
	/* The record's bytes, appended to out; false for a miss (absent, torn, swapped, foreign, not decryptable). */
	bool (*get)(struct store *, const unsigned char id[STORE_ID], struct buf *out);
	/* Keep a record until expires_at (seconds since 1970), unless something was erased under the mark's id since. */
	bool (*put)(struct store *, const unsigned char id[STORE_ID], const struct buf *data, int64_t expires_at, struct store_mark since);
	/* Delete the record where same() says so of its content (NULL: whatever it is); no writer that began before can
	 * bring it back. */
	bool (*erase)(struct store *, const unsigned char id[STORE_ID], bool (*same)(const struct buf *, void *), void *user);
	struct store_mark (*mark)(struct store *, const unsigned char id[STORE_ID]);
	/* Was nothing erased under the mark's id since? */
	bool (*still)(struct store *, struct store_mark since);
	/* Let no writer about this id that began before write: something of it was erased elsewhere. */
	void (*advance)(struct store *, const unsigned char id[STORE_ID]);
	/* One process at a time for this id (LOCK_KEYRING: for all, id may be NULL), until unlock or the end of the process.
	 * Waits until clock.mono_ms is deadline_ms (0: does not wait). -1 where the lock is held by another or cannot be
	 * had; *possible says which: false means that there is no folder to lock in. */
	int (*lock)(struct store *, enum store_lock what, const unsigned char *id, int64_t deadline_ms, bool *possible);
	void (*unlock)(struct store *, int lock);
	/* Show every record that can be read, in no order. */
	void (*each)(struct store *, void (*see)(void *user, const unsigned char id[STORE_ID], const struct buf *data), void *user);
	/* Make everything unreadable (the wrapping key is revoked), then delete it: in all folders and of all format
	 * versions that were ever ours. No writer that began before can bring anything back. How many records went. */
	size_t (*clear)(struct store *);
	/* Look whether it could keep something; makes its folder and wrapping key where they are missing. */
	struct store_state (*state)(struct store *);
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
	enum keyctl_answer kernel; /* what the kernel keyring refused us with, and records are plain; KEYCTL_OK: not so far */
	char path[4096], text[4200];
};

/* One file a record on tmpfs, sealed with a key from the kernel keyring where there is one (design section 8). */
void store_runtime_init(struct store_runtime *s, const struct env *env, struct clock *clock, enum store_seal seal);
void store_runtime_end(struct store_runtime *s);
/* Keeps nothing: cache = none. */
struct store store_none(void);

#endif
