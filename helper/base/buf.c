#include "helper/base/buf.h"

#include <stdarg.h>
#include <stdint.h>

static char empty[1];

void auto_free(void *pp)
{
	free(*(void **)pp);
}

void auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

static void die_no_memory(void)
{
	static const char line[] = "daypass: out of memory\n";
	if (write(2, line, sizeof line - 1) < 0)
		_exit(1);
	abort();
}

void *mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		die_no_memory();
	return p;
}

void *mem_realloc_wipe(void *old, size_t old_len, size_t n)
{
	void *p = mem_alloc(n);
	if (old_len)
		memcpy(p, old, old_len < n ? old_len : n);
	if (old) {
		wipe(old, old_len);
		free(old);
	}
	return p;
}

struct buf buf_new(size_t max)
{
	return (struct buf){.p = empty, .max = max};
}

void buf_free(struct buf *b)
{
	if (b->p && b->p != empty) {
		wipe(b->p, b->cap);
		free(b->p);
	}
	*b = buf_new(b->max);
}

void buf_clear(struct buf *b)
{
	if (b->cap)
		wipe(b->p, b->cap);
	b->len = 0;
	b->over = false;
}

static bool buf_room(struct buf *b, size_t more)
{
	if (b->over || more > b->max || b->len > b->max - more) {
		b->over = true;
		return false;
	}
	size_t need = b->len + more + 1;
	if (need <= b->cap)
		return true;
	size_t cap = b->cap ? b->cap * 2 : 256;
	if (cap < need)
		cap = need;
	char *old = b->cap ? b->p : NULL;
	b->p = mem_realloc_wipe(old, b->cap, cap);
	b->cap = cap;
	return true;
}

bool buf_add(struct buf *b, const void *data, size_t len)
{
	if (!buf_room(b, len))
		return false;
	if (len)
		memcpy(b->p + b->len, data, len);
	b->len += len;
	b->p[b->len] = 0;
	return true;
}

bool buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	bool ok = n >= 0 && buf_room(b, (size_t)n);
	if (ok) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return ok;
}

static bool is_edge(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void buf_trim(struct buf *b)
{
	size_t from = 0, to = b->len;
	if (to >= 3 && memcmp(b->p, "\xEF\xBB\xBF", 3) == 0)
		from = 3;
	while (from < to && is_edge(b->p[from]))
		from++;
	while (to > from && is_edge(b->p[to - 1]))
		to--;
	if (to - from >= 2 && b->p[from] == '"' && b->p[to - 1] == '"') {
		from++;
		to--;
	}
	if (from == 0 && to == b->len)
		return;
	size_t len = to - from;
	memmove(b->p, b->p + from, len);
	wipe(b->p + len, b->len - len);
	b->len = len;
}

char *buf_take(struct buf *b)
{
	char *p = b->cap ? b->p : mem_alloc(1);
	p[b->len] = 0;
	*b = buf_new(b->max);
	return p;
}

struct secret secret_new(size_t max)
{
	return (struct secret){.b = buf_new(max)};
}

void secret_free(struct secret *s)
{
	buf_free(&s->b);
}

bool secret_set(struct secret *s, const char *data, size_t len)
{
	buf_clear(&s->b);
	return buf_add(&s->b, data, len);
}

const char *secret_reveal(const struct secret *s)
{
	return s->b.p ? s->b.p : empty;
}

size_t secret_len(const struct secret *s)
{
	return s->b.len;
}

struct buf *secret_buf(struct secret *s)
{
	return &s->b;
}
