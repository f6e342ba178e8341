#include "helper/cmd/configure_docker_diff.h"

#include <stdbool.h>
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
	enum { CELLS_MAX = 1 << 24 };
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

/* The way from the one to the other, a sign for each line: ' ', '-' or '+'. */
static void find_way(const struct middle *m, struct buf *way)
{
	AUTO_FREE uint16_t *length = common_lines(m);
	size_t i = m->from, k = m->from, w = m->b_to - m->from + 1;
	while (length && (i < m->a_to || k < m->b_to)) {
		const uint16_t *cell = &length[(i - m->from) * w + (k - m->from)];
		bool both = i < m->a_to && k < m->b_to && same(m->a, i, m->b, k);
		bool goes = !both && i < m->a_to && (k == m->b_to || cell[w] >= cell[1]);
		buf_addc(way, both ? ' ' : goes ? '-' : '+');
		i += both || goes;
		k += both || !goes;
	}
	for (; i < m->a_to; i++)
		buf_addc(way, '-');
	for (; k < m->b_to; k++)
		buf_addc(way, '+');
}

/* Signs [from, to) of the way, which begin at lines i and k, as one hunk. */
static void show_hunk(const struct middle *m, const struct buf *way, size_t from, size_t to, const size_t at[2], struct buf *out)
{
	size_t i = at[0], k = at[1], n = 0, l = 0;
	for (size_t s = from; s < to; s++) {
		n += way->p[s] != '+';
		l += way->p[s] != '-';
	}
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", i + (n > 0), n, k + (l > 0), l);
	for (size_t s = from; s < to; s++) {
		bool new = way->p[s] == '+';
		show(way->p[s], new ? m->b : m->a, new ? k : i, (new ? k : i) + 1, out);
		i += !new;
		k += way->p[s] != '-';
	}
}

/* How many lines from here on are equal? */
static size_t equal_run(const struct buf *way, size_t at)
{
	return strspn(way->p + at, " ");
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
	AUTO_BUF way = buf_new(a.count + b.count + 1);
	for (size_t i = 0; i < before; i++)
		buf_addc(&way, ' ');
	find_way(&m, &way);
	for (size_t i = 0; i < behind; i++)
		buf_addc(&way, ' ');
	size_t at[2] = {head - before, head - before}, begun = 0;
	for (size_t s = before; context && s < way.len; s++) {
		size_t run = equal_run(&way, s);
		if (run <= 2 * context || s + run >= way.len) {
			s += run;
			continue;
		}
		show_hunk(&m, &way, begun, s + context, at, out);
		for (size_t i = begun; i < s + run - context; i++) {
			at[0] += way.p[i] != '+';
			at[1] += way.p[i] != '-';
		}
		begun = s + run - context;
		s += run;
	}
	show_hunk(&m, &way, begun, way.len, at, out);
}
