/* A store in memory, whose Nth call (or every call) can be made to fail. */
#ifndef DAYPASS_TESTS_FAKE_STORE_H
#define DAYPASS_TESTS_FAKE_STORE_H

#include "helper/core/store.h"
#include "tests/unit/check.h"

enum { FAKE_RECORDS = 16, FAKE_LOCK = 77 };

struct fake_record {
	bool used;
	unsigned char id[STORE_ID];
	struct buf data;
	int64_t expires_at;
};

struct fake_store {
	struct store port; /* first */
	struct fake_record records[FAKE_RECORDS];
	uint64_t generation;
	size_t calls, fail_at, puts, locks, unlocks;
	bool fail_all;
	bool busy;	/* another process holds the lock */
	bool no_folder; /* there is nothing to lock in */
	size_t keyring_locks;  /* of the locks, those for the keyring */
	int64_t lock_until_ms; /* how long the last one would have been waited for */
	/* Called inside lock(), as if another process had done it while we waited. */
	void (*while_waiting)(void *user);
	void *user;
};

static inline struct fake_store *fake_of(struct store *s)
{
	return (struct fake_store *)(void *)s;
}

static inline bool trips(struct fake_store *s)
{
	s->calls++;
	return s->fail_all || s->calls == s->fail_at;
}

static inline struct fake_record *fake_find(struct fake_store *s, const unsigned char id[STORE_ID])
{
	for (size_t i = 0; i < FAKE_RECORDS; i++)
		if (s->records[i].used && memcmp(s->records[i].id, id, STORE_ID) == 0)
			return &s->records[i];
	return NULL;
}

static inline bool fake_get(struct store *port, const unsigned char id[STORE_ID], struct buf *out)
{
	struct fake_record *r = trips(fake_of(port)) ? NULL : fake_find(fake_of(port), id);
	return r && buf_add(out, r->data.p, r->data.len);
}

static inline bool fake_put(struct store *port, const unsigned char id[STORE_ID], const struct buf *data, int64_t expires_at, struct store_mark since)
{
	struct fake_store *s = fake_of(port);
	if (trips(s) || since.generation != s->generation)
		return false;
	struct fake_record *r = fake_find(s, id);
	for (size_t i = 0; !r && i < FAKE_RECORDS; i++)
		if (!s->records[i].used)
			r = &s->records[i];
	assert_non_null(r);
	if (r->used)
		buf_free(&r->data);
	*r = (struct fake_record){.used = true, .data = buf_new(STORE_RECORD_MAX), .expires_at = expires_at};
	memcpy(r->id, id, STORE_ID);
	s->puts++;
	return buf_add(&r->data, data->p, data->len);
}

static inline bool fake_erase(struct store *port, const unsigned char id[STORE_ID], bool (*same)(const struct buf *, void *), void *user)
{
	struct fake_store *s = fake_of(port);
	struct fake_record *r = trips(s) ? NULL : fake_find(s, id);
	if (!r || (same && !same(&r->data, user)))
		return false;
	buf_free(&r->data);
	r->used = false;
	s->generation++;
	return true;
}

static inline struct store_mark fake_mark(struct store *port, const unsigned char id[STORE_ID])
{
	struct store_mark m = {.generation = trips(fake_of(port)) ? 0 : fake_of(port)->generation};
	memcpy(m.id, id, STORE_ID);
	return m;
}

static inline bool fake_still(struct store *port, struct store_mark since)
{
	return !trips(fake_of(port)) && since.generation == fake_of(port)->generation;
}

static inline void fake_advance(struct store *port, const unsigned char id[STORE_ID] UNUSED)
{
	fake_of(port)->generation += !trips(fake_of(port));
}

static inline void fake_each(struct store *port, void (*see)(void *user, const unsigned char id[STORE_ID], const struct buf *data), void *user)
{
	struct fake_store *s = fake_of(port);
	for (size_t i = 0; i < FAKE_RECORDS; i++)
		if (s->records[i].used)
			see(user, s->records[i].id, &s->records[i].data);
}

static inline size_t fake_clear(struct store *port)
{
	struct fake_store *s = fake_of(port);
	size_t n = 0;
	for (size_t i = 0; i < FAKE_RECORDS; i++) {
		n += s->records[i].used;
		if (s->records[i].used)
			buf_free(&s->records[i].data);
		s->records[i].used = false;
	}
	s->generation++;
	return n;
}

static inline struct store_state fake_state(struct store *port UNUSED)
{
	return (struct store_state){.path = "/memory", .sealed = true};
}

static inline int fake_lock(struct store *port, enum store_lock what, const unsigned char *id UNUSED, int64_t deadline_ms, bool *possible)
{
	struct fake_store *s = fake_of(port);
	bool fails = trips(s);
	*possible = !s->no_folder && !fails;
	s->locks++;
	s->keyring_locks += what == LOCK_KEYRING;
	s->lock_until_ms = deadline_ms;
	if (s->while_waiting) {
		void (*act)(void *) = s->while_waiting;
		s->while_waiting = NULL;
		act(s->user);
	}
	if (fails || s->no_folder || s->busy) {
		s->locks--;
		return -1;
	}
	return FAKE_LOCK;
}

static inline void fake_unlock(struct store *port, int lock)
{
	if (lock >= 0)
		fake_of(port)->unlocks++;
}

static inline const char *fake_describe(struct store *port UNUSED)
{
	return "in memory";
}

static inline struct fake_store fake_store(void)
{
	return (struct fake_store){.port = {fake_get, fake_put, fake_erase, fake_mark, fake_still, fake_advance, fake_lock, fake_unlock, fake_each,
						  fake_clear, fake_state, fake_describe}, .generation = 7};
}

static inline void fake_store_end(struct fake_store *s)
{
	for (size_t i = 0; i < FAKE_RECORDS; i++)
		if (s->records[i].used)
			buf_free(&s->records[i].data);
	*s = fake_store();
}

#endif
