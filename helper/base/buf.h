/* Growing byte buffers, capped at birth and wiped on every release; and secrets, opened in one place only. */
#ifndef DAYPASS_BUF_H
#define DAYPASS_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* p is never NULL and always NUL-terminated at p[len]. An append beyond max sets `over` and is dropped whole. */
struct buf {
	char *p;
	size_t len, cap, max;
	bool over;
};

/* A value that must not be logged or printed except by the protocol that asks for it. */
struct secret {
	struct buf b;
};

#define AUTO_BUF CLEANUP(buf_free) struct buf
#define AUTO_SECRET CLEANUP(secret_free) struct secret

/* An empty buffer that will never hold more than max bytes. Allocates nothing. */
struct buf buf_new(size_t max);
/* Wipe and release; the buffer stays usable, empty, with its old cap. */
void buf_free(struct buf *b);
/* Wipe and empty, keeping the memory. */
void buf_clear(struct buf *b);
/* Append; false (and b->over set) where that would pass the cap. Out of memory aborts. */
bool buf_add(struct buf *b, const void *data, size_t len);
bool buf_adds(struct buf *b, const char *s);
bool buf_addc(struct buf *b, char c);
bool buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drop blanks, line ends, one pair of double quotes and a UTF-8 byte order mark around the content. */
void buf_trim(struct buf *b);
/* Hand the memory to the caller, who frees it with str_wipe_free; the buffer is empty afterwards. */
char *buf_take(struct buf *b);

struct secret secret_new(size_t max);
void secret_free(struct secret *s);
/* Copy len bytes in, replacing (and wiping) what was there; false beyond the cap. */
bool secret_set(struct secret *s, const char *data, size_t len);
/* The only way to the bytes: every use is found by its name. Valid until the secret changes. */
const char *secret_reveal(const struct secret *s);
size_t secret_len(const struct secret *s);
/* The buffer to read into (network, file); what is in it is secret from then on. */
struct buf *secret_buf(struct secret *s);

/* Overwrite memory in a way the compiler may not drop. */
void wipe(void *p, size_t len);

/* Allocate or abort with one line: out of memory has no better answer here. */
void *mem_alloc(size_t n);
void *mem_realloc_wipe(void *old, size_t old_len, size_t n);

#endif
