#include "helper/base/yaml.h"

#include <yaml.h>

#include "helper/base/lazy.h"
#include "helper/base/str.h"

#define YAML_API(X) X(parser_initialize) X(parser_delete) X(parser_set_encoding) X(parser_set_input_string) X(parser_parse) X(event_delete)

#define FIELD(name) __typeof__(&yaml_##name) name;
#define NAME(name) "yaml_" #name,
static struct {
	YAML_API(FIELD)
} api;
static const char *const names[] = {YAML_API(NAME)};
static const struct lazy_lib libyaml = {"libyaml-0.so.2", "libyaml-0-2", "to read a kubeconfig", names, COUNT_OF(names)};
LAZY_NOTE(yaml, "[{\"soname\":[\"libyaml-0.so.2\"],\"feature\":\"kubeconfig\",\"description\":\"Finds places in a kubeconfig\",\"priority\":\"suggested\"}]");

enum { DEEPEST = 64 };

/* One reading. chars and bytes are the same place: libyaml counts characters. */
struct reader {
	const char *name;
	const struct buf *text;
	size_t chars, bytes;
	yaml_parser_t parser;
	struct err *err;
};

static bool wrong_at(const struct reader *r, size_t line, size_t column, const char *what)
{
	return err_set(r->err, ERR_CONFIG, NULL, "%s:%zu:%zu: %s", r->name, line + 1, column + 1, what);
}

static bool wrong(const struct reader *r, const yaml_mark_t *at, const char *what)
{
	return wrong_at(r, at->line, at->column, what);
}

static size_t byte_of(struct reader *r, size_t index)
{
	const char *p = r->text->p;
	for (; r->chars < index && r->bytes < r->text->len; r->chars++)
		do
			r->bytes++;
		while ((p[r->bytes] & 0xC0) == 0x80);
	for (; r->chars > index; r->chars--)
		do
			r->bytes--;
		while ((p[r->bytes] & 0xC0) == 0x80);
	return r->bytes;
}

static bool next_event(struct reader *r, yaml_event_t *e)
{
	const yaml_parser_t *p = &r->parser;
	if (api.parser_parse(&r->parser, e))
		return true;
	const char *what = p->problem ? p->problem : "it cannot be read as YAML";
	if (p->error != YAML_READER_ERROR)
		return wrong(r, &p->problem_mark, what);
	return wrong_at(r, p->mark.line, p->mark.column, what);
}

static struct yaml *add_item(struct yaml *to)
{
	size_t n = to->count;
	if (!(n & (n - 1))) /* full: 0, or a power of two */
		to->items = mem_realloc_wipe(to->items, n * sizeof *to->items, (n ? 2 * n : 1) * sizeof *to->items);
	struct yaml *item = &to->items[to->count++];
	*item = (struct yaml){0};
	return item;
}

/* The blanks and line ends behind a block of text do not belong to its place. */
static size_t trimmed(const struct buf *text, size_t from, size_t to)
{
	while (to > from + 1 && strchr(" \t\r\n", text->p[to - 1]))
		to--;
	return to;
}

static bool take_text(struct reader *r, const yaml_event_t *e, struct yaml *out)
{
	static const char styles[] = {[YAML_SINGLE_QUOTED_SCALAR_STYLE] = '\'', [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = '"',
				      [YAML_LITERAL_SCALAR_STYLE] = '|', [YAML_FOLDED_SCALAR_STYLE] = '>'};
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length, style = e->data.scalar.style;
	if (e->data.scalar.anchor || e->data.scalar.tag)
		return wrong(r, &e->start_mark, "an anchor or a tag: daypass does not edit a file with such");
	if (memchr(value, 0, len))
		return wrong(r, &e->start_mark, "a NUL character");
	out->kind = YAML_TEXT;
	out->text = str_ndup(value, len);
	out->style = style < COUNT_OF(styles) ? styles[style] : 0;
	if (out->style == '|' || out->style == '>')
		out->to = trimmed(r->text, out->from, out->to);
	return true;
}

static bool take_node(struct reader *r, yaml_event_t *e, int depth, struct yaml *out);

/* What stands in a list or map, until its end. */
static bool take_items(struct reader *r, yaml_event_type_t end, int depth, struct yaml *out)
{
	for (;;) {
		yaml_event_t e;
		if (!next_event(r, &e))
			return false;
		bool done = e.type == end;
		if (done && out->flow)
			out->to = byte_of(r, e.end_mark.index);
		else if (done)
			out->to = yaml_end(out);
		bool ok = done || take_node(r, &e, depth, add_item(out));
		api.event_delete(&e);
		if (done || !ok)
			return ok;
	}
}

static bool take_node(struct reader *r, yaml_event_t *e, int depth, struct yaml *out)
{
	out->from = byte_of(r, e->start_mark.index);
	out->to = byte_of(r, e->end_mark.index);
	if (e->type == YAML_SCALAR_EVENT)
		return take_text(r, e, out);
	if (e->type == YAML_ALIAS_EVENT)
		return wrong(r, &e->start_mark, "an alias: daypass does not edit a file with such");
	bool map = e->type == YAML_MAPPING_START_EVENT;
	if (map ? e->data.mapping_start.anchor || e->data.mapping_start.tag : e->data.sequence_start.anchor || e->data.sequence_start.tag)
		return wrong(r, &e->start_mark, "an anchor or a tag: daypass does not edit a file with such");
	if (depth >= DEEPEST)
		return wrong(r, &e->start_mark, "too many values inside each other");
	out->kind = map ? YAML_MAP : YAML_LIST;
	out->flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	return take_items(r, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, depth + 1, out);
}

static bool take_stream(struct reader *r, struct yaml *root)
{
	yaml_event_type_t type;
	int documents = 0;
	bool ok;
	do {
		yaml_event_t e;
		if (!next_event(r, &e))
			return false;
		type = e.type;
		ok = true;
		if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			ok = wrong(r, &e.start_mark, "a second document: a program that reads this file sees only the first");
		else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT || type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
			ok = take_node(r, &e, 0, root);
		api.event_delete(&e);
	} while (ok && type != YAML_STREAM_END_EVENT);
	return ok;
}

/* Bytes that readers of YAML see differently. */
static bool text_ok(const struct reader *r)
{
	const unsigned char *p = (const unsigned char *)r->text->p;
	size_t line = 0;
	for (size_t i = 0; i < r->text->len; i++) {
		bool next_line = p[i] == 0xC2 && p[i + 1] == 0x85;
		bool separator = p[i] == 0xE2 && p[i + 1] == 0x80 && (p[i + 2] == 0xA8 || p[i + 2] == 0xA9);
		line += p[i] == '\n';
		if (!p[i])
			return wrong_at(r, line, 0, "a NUL byte");
		if (next_line || separator || (p[i] == '\r' && p[i + 1] != '\n'))
			return wrong_at(r, line, 0, "a line end that is neither LF nor CRLF");
	}
	return true;
}

bool yaml_tree_read(const char *name, const struct buf *text, struct yaml *root, struct err *err)
{
	struct reader r = {.name = name, .text = text, .err = err};
	*root = (struct yaml){.text = str_dup("")};
	if (!text_ok(&r) || (!api.parser_parse && !lazy_load(&libyaml, (void **)&api, err)))
		return false;
	size_t mark = str_starts(text->p, "\xEF\xBB\xBF") ? 3 : 0;
	if (!api.parser_initialize(&r.parser))
		return err_set(err, ERR_INTERNAL, NULL, "%s: libyaml has no memory", name);
	str_set(&root->text, NULL);
	r.bytes = mark;
	api.parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	api.parser_set_input_string(&r.parser, (const unsigned char *)text->p + mark, text->len - mark);
	bool ok = take_stream(&r, root);
	api.parser_delete(&r.parser);
	if (ok && root->kind == YAML_TEXT && !root->text)
		root->text = str_dup("");
	return ok;
}

void yaml_tree_free(struct yaml *root)
{
	for (size_t i = 0; i < root->count; i++)
		yaml_tree_free(&root->items[i]);
	str_wipe_free(root->text);
	free(root->items);
	*root = (struct yaml){0};
}

const struct yaml *yaml_name(const struct yaml *y, const char *name)
{
	for (size_t i = 0; y && y->kind == YAML_MAP && i + 1 < y->count; i += 2)
		if (str_eq(y->items[i].text, name))
			return &y->items[i];
	return NULL;
}

const struct yaml *yaml_get(const struct yaml *y, const char *name, bool *twice)
{
	const struct yaml *first = yaml_name(y, name);
	for (const struct yaml *k = first; twice && k && k + 2 < y->items + y->count; k += 2)
		if (str_eq(k[2].text, name))
			*twice = true;
	return first ? first + 1 : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What some reader of YAML 1.1 or 1.2 takes for a number or a time. */
static bool maybe_number(const char *text)
{
	const char *p = text + (*text == '+' || *text == '-');
	if (!is_digit(*p) && !(*p == '.' && is_digit(p[1])))
		return false;
	if (*p == '0' && p[1] && strchr("xXoObB", p[1]))
		return !p[2 + strspn(p + 2, "0123456789abcdefABCDEF_")];
	p += strspn(p, "0123456789_.:");
	if ((*p == 'e' || *p == 'E') && (is_digit(p[1]) || (p[1] && strchr("+-", p[1]) && is_digit(p[2]))))
		return !p[2 + strspn(p + 2, "0123456789")];
	return !p[strspn(p, "0123456789-:.+TtZz \t")] && !str_is_guid(text);
}

static bool maybe_typed(const char *text)
{
	static const char *const words[] = {"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=", ".inf", "-.inf", "+.inf", ".nan"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (str_ieq(text, words[i]))
			return true;
	return maybe_number(text);
}

const char *yaml_str(const struct yaml *y)
{
	if (!y || y->kind != YAML_TEXT || (!y->style && maybe_typed(y->text)))
		return NULL;
	return y->text;
}

bool yaml_is_null(const struct yaml *y)
{
	return !y || (y->kind == YAML_TEXT && !y->style && (!*y->text || str_eq(y->text, "~") || str_ieq(y->text, "null")));
}

bool yaml_plain_ok(const char *text)
{
	size_t n = strlen(text);
	bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
	bool option = text[0] == '-' && (text[1] == '-' || (text[1] >= 'a' && text[1] <= 'z'));
	if (!letter && !option && *text != '/')
		return false;
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+=")] || text[n - 1] == ':')
		return false;
	return !maybe_typed(text) && strncmp(text, "---", 3) != 0;
}

size_t yaml_end(const struct yaml *y)
{
	if (y->kind == YAML_TEXT || y->flow || !y->count)
		return y->to;
	size_t last = yaml_end(&y->items[y->count - 1]), name = y->items[y->count - (y->kind == YAML_MAP ? 2 : 1)].to;
	return last > name ? last : name;
}
