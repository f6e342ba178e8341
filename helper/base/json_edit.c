#include "helper/base/json_edit.h"

#include "helper/base/json.h"
#include "helper/base/str.h"

static const char mark[] = "\xEF\xBB\xBF";

struct scan {
	const char *text;
	size_t at, len;
	struct json_fault *fault;
};

static bool wrong(struct scan *s, const char *what)
{
	*s->fault = (struct json_fault){s->at, what};
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next byte that is no blank; NUL at the end, which is wrong in every place. */
static char peek(struct scan *s)
{
	while (s->at < s->len && is_space(s->text[s->at]))
		s->at++;
	return s->at < s->len ? s->text[s->at] : 0;
}

/* Something else was expected here: say what people do to such files. */
static bool unexpected(struct scan *s, const char *what)
{
	char c = peek(s);
	if (s->at >= s->len)
		return wrong(s, "the file ends too early");
	return wrong(s, c == '/' || c == '#' ? "a comment, which JSON does not have" : what);
}

static bool take_escape(struct scan *s)
{
	size_t left = s->len - s->at;
	if (left < 2 || !s->text[s->at + 1] || !strchr("\"\\/bfnrtu", s->text[s->at + 1]))
		return wrong(s, "an escape that JSON does not have");
	if (s->text[s->at + 1] != 'u') {
		s->at += 2;
		return true;
	}
	for (size_t i = 2; i < 6; i++)
		if (i >= left || !s->text[s->at + i] || !strchr("0123456789abcdefABCDEF", s->text[s->at + i]))
			return wrong(s, "an escape that JSON does not have");
	s->at += 6;
	return true;
}

static bool take_string(struct scan *s)
{
	size_t begun = s->at++;
	while (s->at < s->len && s->text[s->at] != '"') {
		unsigned char c = (unsigned char)s->text[s->at];
		if (c < 0x20) {
			bool line = c == '\n' || c == '\r';
			s->at = line ? begun : s->at;
			return wrong(s, line ? "a string without an end" : "a control character in a string");
		}
		if (c != '\\')
			s->at++;
		else if (!take_escape(s))
			return false;
	}
	if (s->at < s->len) {
		s->at++;
		return true;
	}
	s->at = begun;
	return wrong(s, "a string without an end");
}

static size_t digits(struct scan *s)
{
	size_t begun = s->at;
	while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
		s->at++;
	return s->at - begun;
}

static bool take_char(struct scan *s, const char *any)
{
	bool there = s->at < s->len && s->text[s->at] && strchr(any, s->text[s->at]);
	s->at += there;
	return there;
}

static bool take_number(struct scan *s)
{
	size_t begun = s->at;
	take_char(s, "-");
	bool zero = s->at < s->len && s->text[s->at] == '0';
	size_t whole = digits(s);
	bool ok = whole && (!zero || whole == 1);
	if (ok && take_char(s, "."))
		ok = digits(s) > 0;
	if (ok && take_char(s, "eE")) {
		take_char(s, "+-");
		ok = digits(s) > 0;
	}
	s->at = ok ? s->at : begun;
	return ok || wrong(s, "a number that JSON does not have");
}

static bool take_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t n = strlen(words[i]);
		if (s->len - s->at < n || memcmp(s->text + s->at, words[i], n) != 0)
			continue;
		s->at += n;
		return true;
	}
	return unexpected(s, "no JSON value");
}

static bool take_value(struct scan *s, int depth);

static bool take_name(struct scan *s)
{
	char c = peek(s);
	if (c != '"')
		return unexpected(s, c == '}' ? "a comma with nothing behind it" : "a name in double quotes is missing");
	if (!take_string(s))
		return false;
	if (peek(s) != ':')
		return unexpected(s, "a colon is missing");
	s->at++;
	return true;
}

/* Members or elements; the opening mark is taken. */
static bool take_inside(struct scan *s, char close, int depth)
{
	if (peek(s) == close) {
		s->at++;
		return true;
	}
	for (;;) {
		if (close == '}' && !take_name(s))
			return false;
		if (close == ']' && peek(s) == ']')
			return wrong(s, "a comma with nothing behind it");
		if (!take_value(s, depth))
			return false;
		char c = peek(s);
		if (c != ',' && c != close)
			return unexpected(s, "a comma is missing");
		s->at++;
		if (c == close)
			return true;
	}
}

static bool take_value(struct scan *s, int depth)
{
	enum { DEEPEST = 128 };
	char c = peek(s);
	if (c == '"')
		return take_string(s);
	if (c == '-' || (c >= '0' && c <= '9'))
		return take_number(s);
	if (c != '{' && c != '[')
		return take_word(s);
	if (depth >= DEEPEST)
		return wrong(s, "too many values inside each other");
	s->at++;
	return take_inside(s, c == '{' ? '}' : ']', depth + 1);
}

static size_t mark_len(const char *text, size_t len)
{
	size_t n = strlen(mark);
	return len >= n && memcmp(text, mark, n) == 0 ? n : 0;
}

bool json_is_blank(const char *text, size_t len)
{
	struct scan s = {.text = text, .at = mark_len(text, len), .len = len};
	peek(&s);
	return s.at == len;
}

bool json_locate(const char *text, size_t len, struct json_span *value, struct json_fault *fault)
{
	struct scan s = {.text = text, .at = mark_len(text, len), .len = len, .fault = fault};
	peek(&s);
	value->from = s.at;
	if (!take_value(&s, 0))
		return false;
	value->to = s.at;
	peek(&s);
	return s.at == len || unexpected(&s, "text behind the end");
}

bool json_next_member(const char *text, struct json_span object, size_t *at, struct json_member *out)
{
	struct json_fault fault;
	struct scan s = {.text = text, .at = *at ? *at : object.from + 1, .len = object.to, .fault = &fault};
	if (peek(&s) == ',')
		s.at++;
	if (peek(&s) != '"')
		return false;
	out->name.from = s.at;
	if (!take_string(&s))
		return false;
	out->name.to = s.at;
	if (peek(&s) != ':')
		return false;
	s.at++;
	peek(&s);
	out->value.from = s.at;
	if (!take_value(&s, 0))
		return false;
	out->value.to = *at = s.at;
	return true;
}

char *json_decode(const char *text, struct json_span value)
{
	const char *p = text + value.from;
	size_t len = value.to - value.from;
	if (*p != '"')
		return NULL;
	if (!memchr(p, '\\', len))
		return str_ndup(p + 1, len - 2);
	AUTO_JSON j = json_parse(p, len);
	const char *plain = json_raw_text(j);
	return plain ? str_dup(plain) : NULL;
}

bool json_is_spaced(const char *text, struct json_span object)
{
	return is_space(text[object.from + 1]);
}

/* How the members of an object are laid out: what stands in front of each, and between name and value. */
struct layout {
	struct buf gap, colon;
};

#define AUTO_LAYOUT CLEANUP(layout_free) struct layout

static void layout_free(struct layout *l)
{
	buf_free(&l->gap);
	buf_free(&l->colon);
}

static bool last_member(const char *text, struct json_span object, struct json_member *m)
{
	bool any = false;
	for (size_t at = 0; json_next_member(text, object, &at, m);)
		any = true;
	return any;
}

static void find_colon(const char *text, const struct json_member *m, struct buf *out)
{
	size_t len = m->value.from - m->name.to;
	bool plain = m->name.to < m->value.from && !memchr(text + m->name.to, '\n', len);
	buf_add(out, plain ? text + m->name.to : ": ", plain ? len : 2);
}

/* The last line end in front of a member, and what follows it; in a text of one line, a blank where colons have one. */
static void find_gap(const char *text, const struct json_member *m, struct layout *out)
{
	size_t from = m->name.from, line = 0;
	while (is_space(text[from - 1]) && !line)
		line = text[--from] == '\n' ? from : 0;
	if (line && text[line - 1] == '\r')
		line--;
	if (line)
		buf_add(&out->gap, text + line, m->name.from - line);
	else if (out->colon.p[out->colon.len - 1] != ':')
		buf_addc(&out->gap, ' ');
}

/* From the object's last member; an empty one takes its colon from the first member of all. */
static struct layout layout_of(const struct buf *text, struct json_span object, struct json_member *last, bool *any)
{
	struct layout l = {.gap = buf_new(text->len), .colon = buf_new(text->len + 2)};
	struct json_member m;
	struct json_span root;
	struct json_fault fault;
	*any = last_member(text->p, object, last);
	if (*any) {
		find_colon(text->p, last, &l.colon);
		find_gap(text->p, last, &l);
	} else if (json_locate(text->p, text->len, &root, &fault) && json_next_member(text->p, root, &(size_t){0}, &m)) {
		find_colon(text->p, &m, &l.colon);
	} else {
		buf_adds(&l.colon, ": ");
	}
	return l;
}

static void add_pair(struct buf *out, const char *name, const struct buf *colon, const char *value)
{
	json_quote(out, name);
	buf_add(out, colon->p, colon->len);
	json_quote(out, value);
}

/* Everything up to where a new member begins, the comma and the gap in front of it too. */
static size_t begin_member(const struct buf *text, struct json_span object, const struct json_member *last, const struct layout *l, struct buf *out)
{
	size_t at = last ? last->value.to : object.from + 1;
	buf_add(out, text->p, at);
	if (last) {
		buf_addc(out, ',');
		buf_add(out, l->gap.p, l->gap.len);
	}
	return at;
}

void json_insert(const struct buf *text, struct json_span object, const char *name, const char *value, struct buf *out)
{
	bool any;
	struct json_member last;
	AUTO_LAYOUT l = layout_of(text, object, &last, &any);
	size_t at = begin_member(text, object, any ? &last : NULL, &l, out);
	add_pair(out, name, &l.colon, value);
	buf_add(out, text->p + at, text->len - at);
}

void json_insert_object(const struct buf *text, struct json_span root, const char *name, const char *inner, const char *value, struct buf *out)
{
	bool any;
	struct json_member last;
	AUTO_LAYOUT l = layout_of(text, root, &last, &any);
	size_t at = begin_member(text, root, any ? &last : NULL, &l, out);
	const char *line = memchr(l.gap.p, '\n', l.gap.len);
	json_quote(out, name);
	buf_add(out, l.colon.p, l.colon.len);
	buf_addc(out, '{');
	buf_adds(out, line ? l.gap.p : " ");
	if (line)
		buf_adds(out, line[1] ? line + 1 : "\t");
	add_pair(out, inner, &l.colon, value);
	buf_adds(out, line ? l.gap.p : " ");
	buf_addc(out, '}');
	buf_add(out, text->p + at, text->len - at);
}

void json_cut(const struct buf *text, struct json_span object, const struct json_member *m, struct buf *out)
{
	size_t from = object.from + 1, to = m->value.to;
	bool first = true;
	struct json_member other;
	for (size_t at = 0; json_next_member(text->p, object, &at, &other);) {
		if (other.name.from < m->name.from) {
			from = other.value.to;
			first = false;
		} else if (first && other.name.from > m->name.from) {
			from = m->name.from;
			to = other.name.from;
			break;
		}
	}
	buf_add(out, text->p, from);
	buf_add(out, text->p + to, text->len - to);
}

void json_replace(const struct buf *text, struct json_span value, const char *with, struct buf *out)
{
	buf_add(out, text->p, value.from);
	json_quote(out, with);
	buf_add(out, text->p + value.to, text->len - value.to);
}

void json_place(const char *text, size_t at, size_t *line, size_t *column)
{
	size_t begun = mark_len(text, at);
	*line = 1;
	for (size_t i = begun; i < at; i++) {
		*line += text[i] == '\n';
		begun = text[i] == '\n' ? i + 1 : begun;
	}
	*column = at - begun + 1;
}
