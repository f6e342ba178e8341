#include "helper/base/yaml_edit.h"

#include "helper/base/json.h"
#include "helper/base/str.h"

void yaml_edits_free(struct yaml_edits *e)
{
	for (size_t i = 0; i < e->count; i++)
		str_wipe_free(e->list[i].text);
	for (size_t i = 0; i < e->want_count; i++)
		str_wipe_free(e->wants[i].json);
	free(e->list);
	free(e->wants);
	*e = (struct yaml_edits){.text = e->text, .root = e->root};
}

/* Room for one more, where the count is a power of two. */
static void *grown(void *list, size_t count, size_t size)
{
	return count & (count - 1) ? list : mem_realloc_wipe(list, count * size, (count ? 2 * count : 1) * size);
}

void yaml_edit_bytes(struct yaml_edits *e, size_t from, size_t to, char *text)
{
	e->list = grown(e->list, e->count, sizeof *e->list);
	e->list[e->count] = (struct yaml_edit){from, to, text, e->count};
	e->count++;
}

void yaml_edit_want(struct yaml_edits *e, const struct yaml *at, enum yaml_where where, char *json)
{
	e->wants = grown(e->wants, e->want_count, sizeof *e->wants);
	e->wants[e->want_count] = (struct yaml_want){at, where, json, e->want_count};
	e->want_count++;
}

size_t yaml_line_start(const struct buf *text, size_t at)
{
	while (at && text->p[at - 1] != '\n')
		at--;
	return at;
}

size_t yaml_line_end(const struct buf *text, size_t at)
{
	while (at < text->len && text->p[at] != '\n')
		at++;
	return at && text->p[at] == '\n' && text->p[at - 1] == '\r' ? at - 1 : at;
}

size_t yaml_line(const struct buf *text, size_t at)
{
	size_t line = 1;
	for (size_t i = 0; i < at && i < text->len; i++)
		line += text->p[i] == '\n';
	return line;
}

/* --- what a tree means --- */

/* Walks a tree in the order of the text, as the wants are sorted. */
struct meaning {
	const struct yaml_edits *e; /* NULL: the tree as it is */
	size_t next;
	struct buf *out;
};

static const struct yaml_want *wanted(struct meaning *m, const struct yaml *y, enum yaml_where where)
{
	if (!m->e || m->next >= m->e->want_count || m->e->wants[m->next].at != y || m->e->wants[m->next].where != where)
		return NULL;
	return &m->e->wants[m->next++];
}

static void say(struct meaning *m, const struct yaml *y);

static void say_items(struct meaning *m, const struct yaml *y)
{
	bool map = y->kind == YAML_MAP;
	buf_addc(m->out, map ? '{' : '[');
	for (size_t i = 0; i < y->count; i++) {
		if (i)
			buf_addc(m->out, map && i % 2 ? ':' : ',');
		say(m, &y->items[i]);
	}
	buf_addc(m->out, map ? '}' : ']');
}

static void say(struct meaning *m, const struct yaml *y)
{
	const struct yaml_want *w;
	while ((w = wanted(m, y, YAML_BEFORE)))
		buf_adds(m->out, w->json);
	if ((w = wanted(m, y, YAML_INSTEAD)))
		buf_adds(m->out, w->json);
	else if (y->kind != YAML_TEXT)
		say_items(m, y);
	else if (yaml_str(y))
		json_quote(m->out, y->text);
	else
		buf_adds(m->out, y->text);
	while ((w = wanted(m, y, YAML_BEHIND)))
		buf_adds(m->out, w->json);
}

void yaml_json(const struct yaml *y, struct buf *out)
{
	struct meaning m = {.out = out};
	say(&m, y);
}

/* --- comments --- */

struct gaps {
	const struct buf *text;
	size_t at;
	struct buf *out;
};

static void look_into_gap(struct gaps *g, size_t to)
{
	while (g->at < to) {
		const char *sign = memchr(g->text->p + g->at, '#', to - g->at);
		if (!sign)
			break;
		size_t from = (size_t)(sign - g->text->p), end = yaml_line_end(g->text, from);
		buf_add(g->out, sign, end - from);
		buf_addc(g->out, '\n');
		g->at = end;
	}
	g->at = g->at < to ? to : g->at;
}

static void look_around(struct gaps *g, const struct yaml *y)
{
	for (size_t i = 0; i < y->count; i++)
		look_around(g, &y->items[i]);
	if (y->kind != YAML_TEXT || y->from < g->at)
		return;
	look_into_gap(g, y->from);
	g->at = y->to;
}

void yaml_comments(const struct buf *text, const struct yaml *within, size_t from, size_t to, struct buf *out)
{
	struct gaps g = {.text = text, .at = from, .out = out};
	look_around(&g, within);
	look_into_gap(&g, to);
}

/* --- the new text --- */

static int by_place(const void *a, const void *b)
{
	const struct yaml_edit *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int by_node(const void *a, const void *b)
{
	const struct yaml_want *x = a, *y = b;
	if (x->at->from != y->at->from)
		return x->at->from < y->at->from ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

bool yaml_edits_bytes(struct yaml_edits *e, struct buf *out)
{
	size_t at = 0;
	if (e->count)
		qsort(e->list, e->count, sizeof *e->list, by_place);
	for (size_t i = 0; i < e->count; i++) {
		const struct yaml_edit *x = &e->list[i];
		if (x->from < at || x->to < x->from || x->to > e->text->len)
			return false;
		buf_add(out, e->text->p + at, x->from - at);
		buf_adds(out, x->text);
		at = x->to;
	}
	buf_add(out, e->text->p + at, e->text->len - at);
	return !out->over;
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return !a->over && !b->over && a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

bool yaml_edits_apply(struct yaml_edits *e, struct buf *out, struct err *err)
{
	size_t room = 8 * (e->text->len + out->max);
	AUTO_BUF want = buf_new(room), got = buf_new(room), before = buf_new(room), after = buf_new(room);
	AUTO_YAML now = {0};
	if (e->want_count)
		qsort(e->wants, e->want_count, sizeof *e->wants, by_node);
	if (!yaml_edits_bytes(e, out))
		return err_set(err, ERR_CONFIG, NULL, "the text is laid out in a way that daypass does not edit");
	if (!yaml_tree_read("the text as it would become", out, &now, err))
		return false;
	struct meaning m = {.e = e, .out = &want};
	say(&m, e->root);
	yaml_json(&now, &got);
	if (m.next != e->want_count || !equal(&want, &got))
		return err_set(err, ERR_CONFIG, NULL, "the text is laid out in a way that daypass does not edit: it would come to mean something else");
	yaml_comments(e->text, e->root, 0, e->text->len, &before);
	yaml_comments(out, &now, 0, out->len, &after);
	return equal(&before, &after) || err_set(err, ERR_CONFIG, NULL, "the text is laid out in a way that daypass does not edit: a comment would be lost");
}
