#include "helper/cmd/configure_block.h"

#include "helper/base/str.h"
#include "helper/cmd/configure.h"

#define OPENING "# >>> daypass configure git"
#define JOINED " (the line before had no end)"
#define MADE " (this file was made for it)"

static const char closing[] = "# <<< daypass configure git <<<";

/* at[0..len) is the line, at[0..whole) the line with its end. */
struct line {
	const char *at;
	size_t len, whole;
};

static bool next_line(const char *text, size_t len, size_t *pos, struct line *out)
{
	if (*pos >= len)
		return false;
	const char *at = text + *pos, *end = memchr(at, '\n', len - *pos);
	*out = (struct line){.at = at, .whole = end ? (size_t)(end - at) + 1 : len - *pos};
	out->len = out->whole - (end != NULL);
	out->len -= end && out->len && at[out->len - 1] == '\r';
	*pos += out->whole;
	return true;
}

static bool line_is(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->at, text, l->len) == 0;
}

/* Without the blanks at both ends. */
static struct line trimmed(struct line l)
{
	while (l.len && (*l.at == ' ' || *l.at == '\t')) {
		l.at++;
		l.len--;
	}
	while (l.len && (l.at[l.len - 1] == ' ' || l.at[l.len - 1] == '\t'))
		l.len--;
	return l;
}

static bool opens(const struct line *l, struct block *b)
{
	b->joined = line_is(l, OPENING JOINED " >>>");
	b->made = line_is(l, OPENING MADE " >>>");
	b->crlf = l->whole - l->len == 2;
	return b->joined || b->made || line_is(l, OPENING " >>>");
}

bool block_find(const char *path, const struct buf *text, struct block *b, struct err *err)
{
	struct line l;
	struct block at;
	bool open = false;
	int number = 0, opened = 0;
	*b = (struct block){.from = text->len, .to = text->len};
	for (size_t pos = 0, start = 0; next_line(text->p, text->len, &pos, &l); start = pos) {
		number++;
		if (opens(&l, &at)) {
			if (open || b->there)
				return err_set(err, ERR_CONFIG, "remove one of the two by hand", "%s:%d: daypass has written here already, at line %d", path, number, opened);
			*b = at;
			b->from = start;
			opened = number;
			open = true;
		} else if (open && line_is(&l, closing)) {
			b->to = pos;
			b->there = true;
			open = false;
		}
	}
	if (open) {
		err_set(err, ERR_CONFIG, NULL, "%s:%d: what daypass wrote here has no end", path, opened);
		return err_hint(err, "put this line where it ends: %s", closing);
	}
	if (!b->there && text->len) {
		const char *last = memrchr(text->p, '\n', text->len);
		b->crlf = last && last > text->p && last[-1] == '\r';
	}
	return true;
}

/* [credential "https://HOST"] and nothing more. */
static bool own_head(const struct line *l)
{
	static const char front[] = "[credential \"https://";
	size_t n = strlen(front);
	if (l->len < n + 3 || memcmp(l->at, front, n) != 0 || memcmp(l->at + l->len - 2, "\"]", 2) != 0)
		return false;
	for (size_t i = n; i < l->len - 2; i++)
		if (!l->at[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789.-*", l->at[i]))
			return false;
	return true;
}

static bool own_value(const char *value, size_t len)
{
	if (len > 2 && value[0] == '"' && value[len - 1] == '"')
		return git_helper_is_ours(value + 1, len - 2);
	return git_helper_is_ours(value, len);
}

enum { OWN_NONE, OWN_EMPTY, OWN_HELPER, OWN_PATH };

static int own_key(struct line l)
{
	static const char helper[] = "helper = ";
	l = trimmed(l);
	if (line_is(&l, "helper ="))
		return OWN_EMPTY;
	if (line_is(&l, "useHttpPath = true"))
		return OWN_PATH;
	size_t n = strlen(helper);
	return l.len > n && memcmp(l.at, helper, n) == 0 && own_value(l.at + n, l.len - n) ? OWN_HELPER : OWN_NONE;
}

/* The block's inside, taken apart: lines of ours (with '\n'), and what others put there, under its section's head. */
struct parts {
	struct buf own, kept;
	struct line head; /* of the section at hand, where it is ours */
	bool head_kept;
	int seen[OWN_PATH + 1];
	bool continued;
};

static void parts_free(struct parts *p)
{
	buf_free(&p->own);
	buf_free(&p->kept);
}

static void add_own(struct parts *p, const struct line *l)
{
	buf_add(&p->own, l->at, l->len);
	buf_addc(&p->own, '\n');
}

static void keep_head(struct parts *p)
{
	if (p->head.at && !p->head_kept)
		buf_add(&p->kept, p->head.at, p->head.whole);
	p->head_kept = true;
}

/* Ours is only what we write, once in each section: a second one is somebody's own. */
static bool is_own(struct parts *p, const struct line *l)
{
	int key = p->head.at && !p->continued ? own_key(*l) : OWN_NONE;
	bool ours = key != OWN_NONE && !p->seen[key];
	p->seen[key] += ours;
	return ours;
}

static void take_line(struct parts *p, const struct line *l)
{
	struct line inner = trimmed(*l);
	if (!p->continued && (inner.len == 0 || opens(l, &(struct block){0}) || line_is(l, closing)))
		return;
	if (!p->continued && own_head(l)) {
		p->head = *l;
		p->head_kept = false;
		memset(p->seen, 0, sizeof p->seen);
		add_own(p, l);
	} else if (is_own(p, l)) {
		add_own(p, l);
	} else {
		if (!p->continued && *inner.at == '[')
			p->head = (struct line){0};
		else
			keep_head(p);
		buf_add(&p->kept, l->at, l->whole);
		p->continued = l->len && l->at[l->len - 1] == '\\';
	}
}

/* Do settings go on behind the block, which belong to the section that the block ends with? */
static bool goes_on(const char *text, size_t len)
{
	struct line l;
	for (size_t pos = 0; next_line(text, len, &pos, &l);) {
		l = trimmed(l);
		if (l.len && *l.at != '#' && *l.at != ';')
			return *l.at != '[';
	}
	return false;
}

static void take_apart(const struct buf *text, const struct block *b, struct parts *p)
{
	struct line l;
	*p = (struct parts){.own = buf_new(text->max), .kept = buf_new(text->max)};
	for (size_t pos = b->from; next_line(text->p, b->to, &pos, &l);)
		take_line(p, &l);
	if (goes_on(text->p + b->to, text->len - b->to))
		keep_head(p);
}

bool block_holds(const struct buf *text, const struct block *b, const char *lines)
{
	CLEANUP(parts_free) struct parts p;
	take_apart(text, b, &p);
	return b->there && str_eq(p.own.p, lines);
}

static void add_line(struct buf *out, const char *line, size_t len, bool crlf)
{
	buf_add(out, line, len);
	buf_adds(out, crlf ? "\r\n" : "\n");
}

void block_put(const struct buf *text, const struct block *b, const char *lines, struct buf *out)
{
	CLEANUP(parts_free) struct parts p;
	struct line l;
	take_apart(text, b, &p);
	buf_add(out, text->p, b->from);
	bool joined = b->there ? b->joined : b->from && text->p[b->from - 1] != '\n';
	if (joined && !b->there)
		add_line(out, "", 0, b->crlf);
	const char *opening = joined ? OPENING JOINED " >>>" : b->made ? OPENING MADE " >>>" : OPENING " >>>";
	add_line(out, opening, strlen(opening), b->crlf);
	for (size_t pos = 0; next_line(lines, strlen(lines), &pos, &l);)
		add_line(out, l.at, l.len, b->crlf);
	add_line(out, closing, strlen(closing), b->crlf);
	buf_add(out, p.kept.p, p.kept.len);
	buf_add(out, text->p + b->to, text->len - b->to);
}

void block_cut(const struct buf *text, const struct block *b, struct buf *out)
{
	CLEANUP(parts_free) struct parts p;
	take_apart(text, b, &p);
	bool last = p.kept.len == 0 && b->to == text->len;
	size_t added = !b->joined || !last ? 0 : b->crlf ? 2 : 1;
	buf_add(out, text->p, b->from - (added <= b->from ? added : 0));
	buf_add(out, p.kept.p, p.kept.len);
	buf_add(out, text->p + b->to, text->len - b->to);
}

/* Lines of ours are shown whole, others' only by their key. */
static void show_line(char sign, const struct line *l, struct buf *out)
{
	bool ours = own_head(l) || own_key(*l) != OWN_NONE || opens(l, &(struct block){0}) || line_is(l, closing);
	AUTO_STR text = str_ndup(l->at, l->len);
	char *equals = strchr(text, '=');
	if (equals && !ours)
		*equals = 0;
	err_clean(text + strspn(text, "\t"));
	buf_addf(out, "%c%s%s\n", sign, ours || equals ? text : "***", equals && !ours ? "= ***" : "");
}

static size_t lines_of(const struct buf *text, struct line **out)
{
	struct line l;
	size_t n = 0;
	for (size_t pos = 0; next_line(text->p, text->len, &pos, &l);)
		n++;
	*out = mem_alloc((n + 1) * sizeof **out);
	n = 0;
	for (size_t pos = 0; next_line(text->p, text->len, &pos, &l);)
		(*out)[n++] = l;
	return n;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

void block_diff(const char *path_from, const struct buf *from, const char *path_to, const struct buf *to, struct buf *out)
{
	AUTO_FREE struct line *a = NULL, *b = NULL;
	size_t n = lines_of(from, &a), m = lines_of(to, &b), head = 0, tail = 0;
	while (head < n && head < m && same(&a[head], &b[head]))
		head++;
	while (tail < n - head && tail < m - head && same(&a[n - 1 - tail], &b[m - 1 - tail]))
		tail++;
	size_t gone = n - head - tail, come = m - head - tail;
	buf_addf(out, "--- %s\n+++ %s\n", path_from ? path_from : "/dev/null", path_to ? path_to : "/dev/null");
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", head + (gone > 0), gone, head + (come > 0), come);
	for (size_t i = 0; i < gone; i++)
		show_line('-', &a[head + i], out);
	for (size_t i = 0; i < come; i++)
		show_line('+', &b[head + i], out);
}
