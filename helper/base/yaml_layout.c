#include "helper/base/yaml_layout.h"

#include "helper/base/json.h"
#include "helper/base/str.h"

bool yaml_odd(const struct yaml_edits *e, size_t at, const char *what, struct err *err)
{
	return err_set(err, ERR_CONFIG, NULL, "line %zu: %s", yaml_line(e->text, at), what);
}

struct yaml_layout yaml_layout_of(const struct yaml_edits *e, bool flow, char quote)
{
	const char *line = memchr(e->text->p, '\n', e->text->len);
	bool crlf = line && line > e->text->p && line[-1] == '\r';
	bool json = e->root->flow; /* the file is JSON, perhaps, and must stay so */
	return (struct yaml_layout){.flow = flow, .quote = json ? '"' : quote == '"' || quote == '\'' ? quote : 0, .eol = crlf ? "\r\n" : "\n", .step = 2};
}

void yaml_put_blanks(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_addc(out, ' ');
}

void yaml_put_text(struct buf *out, const char *text, char quote)
{
	if (!quote && yaml_plain_ok(text)) {
		buf_adds(out, text);
	} else if (quote == '\'' && !str_has_control(text)) {
		buf_addc(out, '\'');
		for (const char *p = text; *p; p++)
			buf_addf(out, *p == '\'' ? "''" : "%c", *p);
		buf_addc(out, '\'');
	} else {
		json_quote(out, text);
	}
}

static void put_scalar(struct buf *out, const struct yaml *v, const struct yaml_layout *l)
{
	if (v->style)
		yaml_put_text(out, v->text, l->quote);
	else
		buf_adds(out, v->text); /* true, null: JSON's own words */
}

void yaml_put_flow(struct buf *out, const struct yaml *v, const struct yaml_layout *l)
{
	bool map = v->kind == YAML_MAP;
	if (v->kind == YAML_TEXT) {
		put_scalar(out, v, l);
		return;
	}
	buf_addc(out, map ? '{' : '[');
	for (size_t i = 0; i < v->count; i++) {
		if (i)
			buf_adds(out, map && i % 2 ? ": " : ", ");
		yaml_put_flow(out, &v->items[i], l);
	}
	buf_addc(out, map ? '}' : ']');
}

void yaml_put_block(struct buf *out, const struct yaml *v, const struct yaml_layout *l, size_t column, bool in_list)
{
	size_t step = v->kind == YAML_MAP ? 2 : 1, deeper = column + (step == 1 ? 0 : in_list ? 2 : l->step);
	if (v->kind == YAML_TEXT || !v->count) {
		buf_addc(out, ' ');
		yaml_put_flow(out, v, l);
		return;
	}
	for (size_t i = 0; i < v->count; i += step) {
		bool same_line = in_list && !i && step == 2;
		if (!same_line) {
			buf_adds(out, l->eol);
			yaml_put_blanks(out, deeper);
		}
		buf_adds(out, step == 1 ? "-" : same_line ? " " : "");
		if (step == 2) {
			put_scalar(out, &v->items[i], l);
			buf_addc(out, ':');
		}
		yaml_put_block(out, &v->items[i + step - 1], l, deeper, step == 1);
	}
}

bool yaml_value_of(const char *json, struct yaml *v, struct err *err)
{
	AUTO_BUF text = buf_new(VALUE_MAX_BYTES);
	buf_adds(&text, json);
	return !text.over && yaml_tree_read("a value", &text, v, err);
}

char *yaml_meaning_of(const struct yaml *v)
{
	AUTO_BUF out = buf_new(2 * VALUE_MAX_BYTES);
	yaml_json(v, &out);
	return buf_take(&out);
}

char *yaml_quoted(const char *text)
{
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	json_quote(&out, text);
	return buf_take(&out);
}

bool yaml_only(const struct buf *text, size_t from, size_t to, const char *set)
{
	for (size_t i = from; i < to; i++)
		if (!strchr(set, text->p[i]))
			return false;
	return true;
}

bool yaml_find_dash(const struct yaml_edits *e, const struct yaml *item, size_t *start, struct err *err)
{
	const char *p = e->text->p;
	*start = yaml_line_start(e->text, item->from);
	size_t dash = *start;
	while (p[dash] == ' ')
		dash++;
	if (p[dash] != '-' || dash + 1 >= item->from || !yaml_only(e->text, dash + 1, item->from, " "))
		return yaml_odd(e, item->from, "an entry of a list that does not stand on a line of its own", err);
	return true;
}

char *yaml_separator(const struct yaml_edits *e, size_t from, size_t to)
{
	size_t commas = 0;
	for (size_t i = from; i < to; i++)
		commas += e->text->p[i] == ',';
	return from < to && commas == 1 && yaml_only(e->text, from, to, ", \t\r\n") ? str_ndup(e->text->p + from, to - from) : str_dup(", ");
}
