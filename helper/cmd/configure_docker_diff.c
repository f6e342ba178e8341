#include "helper/cmd/configure_docker_diff.h"

#include <stdint.h>

#include "helper/base/err.h"
#include "helper/base/str.h"

/* at[i] is where line i begins, at[count] the end of the last. */
struct lines {
	const char **at;
	size_t count;
};

#define AUTO_LINES CLEANUP(lines_free) struct lines

static void lines_free(struct lines *l)
{
	free(l->at);
}

static struct lines lines_of(const struct buf *text)
{
	size_t n = 1;
	for (size_t i = 0; i < text->len; i++)
		n += text->p[i] == '\n';
	struct lines l = {.at = mem_alloc((n + 1) * sizeof *l.at)};
	for (const char *p = text->p, *end = p + text->len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		l.at[l.count++] = p;
		p = stop ? stop + 1 : end;
	}
	l.at[l.count] = text->p + text->len;
	return l;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	size_t n = (size_t)(a->at[i + 1] - a->at[i]);
	return (size_t)(b->at[k + 1] - b->at[k]) == n && memcmp(a->at[i], b->at[k], n) == 0;
}

static void show(char sign, const struct lines *l, size_t from, size_t to, struct buf *out)
{
	for (size_t i = from; i < to; i++) {
		size_t n = (size_t)(l->at[i + 1] - l->at[i]);
		while (n && (l->at[i][n - 1] == '\n' || l->at[i][n - 1] == '\r'))
			n--;
		AUTO_STR text = str_ndup(l->at[i], n);
		err_clean(text + strspn(text, "\t"));
		buf_addf(out, "%c%s\n", sign, text);
	}
}

/* Lines [from, a_to) of the one became lines [from, b_to) of the other. */
struct middle {
	const struct lines *a, *b;
	size_t from, a_to, b_to;
};

/* How many lines the two have in common behind each pair of places; NULL where that is too much to find out. */
static uint16_t *common_lines(const struct middle *m)
{
	enum { CELLS_MAX = 1 << 20 };
	size_t n = m->a_to - m->from, w = m->b_to - m->from + 1;
	if ((n + 1) * w > CELLS_MAX || n > UINT16_MAX)
		return NULL;
	uint16_t *length = mem_alloc((n + 1) * w * sizeof *length);
	for (size_t i = n + 1; i-- > 0;) {
		for (size_t k = w; k-- > 0;) {
			uint16_t *cell = &length[i * w + k];
			if (i == n || k == w - 1)
				*cell = 0;
			else if (same(m->a, m->from + i, m->b, m->from + k))
				*cell = (uint16_t)(cell[w + 1] + 1);
			else
				*cell = cell[w] > cell[1] ? cell[w] : cell[1];
		}
	}
	return length;
}

static void show_middle(const struct middle *m, struct buf *out)
{
	AUTO_FREE uint16_t *length = common_lines(m);
	size_t i = m->from, k = m->from, w = m->b_to - m->from + 1;
	while (length && (i < m->a_to || k < m->b_to)) {
		const uint16_t *cell = &length[(i - m->from) * w + (k - m->from)];
		if (i < m->a_to && k < m->b_to && same(m->a, i, m->b, k)) {
			show(' ', m->a, i, i + 1, out);
			i++;
			k++;
		} else if (i < m->a_to && (k == m->b_to || cell[w] >= cell[1])) {
			show('-', m->a, i, i + 1, out);
			i++;
		} else {
			show('+', m->b, k, k + 1, out);
			k++;
		}
	}
	show('-', m->a, i, m->a_to, out);
	show('+', m->b, k, m->b_to, out);
}

void diff_add(const struct buf *from, const struct buf *to, size_t context, struct buf *out)
{
	AUTO_LINES a = lines_of(from), b = lines_of(to);
	size_t head = 0, tail = 0;
	while (head < a.count && head < b.count && same(&a, head, &b, head))
		head++;
	while (tail < a.count - head && tail < b.count - head && same(&a, a.count - 1 - tail, &b, b.count - 1 - tail))
		tail++;
	struct middle m = {.a = &a, .b = &b, .from = head, .a_to = a.count - tail, .b_to = b.count - tail};
	size_t before = head < context ? head : context, behind = tail < context ? tail : context;
	size_t first = head - before, n = m.a_to + behind - first, k = m.b_to + behind - first;
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", first + (n > 0), n, first + (k > 0), k);
	show(' ', &a, first, head, out);
	show_middle(&m, out);
	show(' ', &a, m.a_to, m.a_to + behind, out);
}
