/* Changes of yaml_edit.h to texts and lists of texts. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/yaml_layout.h"

enum { LIST_MAX = 256 };

bool yaml_edit_text(struct yaml_edits *e, const struct yaml *node, const char *value, struct err *err)
{
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	if (node->kind != YAML_TEXT || node->style == '|' || node->style == '>')
		return yaml_odd(e, node->from, "a value that daypass would change is no text on one line", err);
	struct yaml_layout l = yaml_layout_of(e, false, node->style);
	if (node->from == node->to)
		buf_addc(&out, ' ');
	yaml_put_text(&out, value, l.quote);
	yaml_edit_bytes(e, node->from, node->to, buf_take(&out));
	yaml_edit_want(e, node, YAML_INSTEAD, yaml_quoted(value));
	return true;
}

static bool cut_block(struct yaml_edits *e, const struct yaml *item, struct err *err)
{
	const char *p = e->text->p;
	size_t start, end = item->to;
	if (!yaml_find_dash(e, item, &start, err))
		return false;
	while (p[end] == ' ' || p[end] == '\t')
		end++;
	if (p[end] == '#') { /* the comment stays, alone */
		size_t column = start;
		while (p[column] == ' ')
			column++;
		yaml_edit_bytes(e, column, end, str_dup(""));
		return true;
	}
	if (!start || end != yaml_line_end(e->text, end))
		return yaml_odd(e, item->from, "an entry of a list that does not stand on a line of its own", err);
	yaml_edit_bytes(e, yaml_line_end(e->text, start - 1), end, str_dup(""));
	return true;
}

static bool add_block(struct yaml_edits *e, const struct yaml *list, size_t before, const char *value, struct err *err)
{
	bool behind = before == list->count;
	const struct yaml *item = &list->items[behind ? before - 1 : before];
	struct yaml_layout l = yaml_layout_of(e, false, item->style);
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	size_t start;
	if (!yaml_find_dash(e, item, &start, err))
		return false;
	buf_adds(&out, behind ? l.eol : "");
	buf_add(&out, e->text->p + start, item->from - start);
	yaml_put_text(&out, value, l.quote);
	buf_adds(&out, behind ? "" : l.eol);
	size_t at = behind ? yaml_line_end(e->text, item->to) : start;
	yaml_edit_bytes(e, at, at, buf_take(&out));
	return true;
}

static bool add_flow(struct yaml_edits *e, const struct yaml *list, size_t before, const char *value)
{
	const struct yaml *item = &list->items[before ? before - 1 : 0];
	struct yaml_layout l = yaml_layout_of(e, true, item->style);
	AUTO_STR gap = list->count > 1 ? yaml_separator(e, list->items[0].to, list->items[1].from) : str_dup(", ");
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	buf_adds(&out, before ? gap : "");
	yaml_put_text(&out, value, l.quote);
	buf_adds(&out, before ? "" : gap);
	size_t at = before ? item->to : item->from;
	yaml_edit_bytes(e, at, at, buf_take(&out));
	return true;
}

static void cut_flow(struct yaml_edits *e, const struct yaml *list, size_t from, size_t to)
{
	const struct yaml *i = list->items;
	if (from)
		yaml_edit_bytes(e, i[from - 1].to, i[to - 1].to, str_dup(""));
	else
		yaml_edit_bytes(e, i[0].from, to < list->count ? i[to].from : i[to - 1].to, str_dup(""));
}

/* Entries [a, a_to) become the texts [b, b_to): as many as there are on both sides change their text, the rest comes or
 * goes. */
static bool edit_run(struct yaml_edits *e, const struct yaml *list, const size_t run[4], char *const *now, struct err *err)
{
	size_t a = run[0], b = run[2];
	for (; a < run[1] && b < run[3]; a++, b++) {
		const struct yaml *item = &list->items[a];
		if (!yaml_edit_text(e, item, now[b], err))
			return false;
		str_wipe_free(e->wants[--e->want_count].json); /* the whole list's meaning is said at once */
	}
	if (list->flow && a < run[1])
		cut_flow(e, list, a, run[1]);
	for (; !list->flow && a < run[1]; a++)
		if (!cut_block(e, &list->items[a], err))
			return false;
	for (; b < run[3]; b++)
		if (!(list->flow ? add_flow(e, list, a, now[b]) : add_block(e, list, a, now[b], err)))
			return false;
	return true;
}

/* How many texts the two have in common behind each pair of places. */
static unsigned short *common(const struct yaml *list, char *const *now, size_t count)
{
	size_t n = list->count, w = count + 1;
	unsigned short *length = mem_alloc((n + 1) * w * sizeof *length);
	for (size_t i = n + 1; i-- > 0;) {
		for (size_t k = w; k-- > 0;) {
			unsigned short *cell = &length[i * w + k];
			if (i == n || k == count)
				*cell = 0;
			else if (str_eq(list->items[i].text, now[k]))
				*cell = (unsigned short)(cell[w + 1] + 1);
			else
				*cell = cell[w] > cell[1] ? cell[w] : cell[1];
		}
	}
	return length;
}

bool yaml_edit_list(struct yaml_edits *e, const struct yaml *list, char *const *now, size_t count, struct err *err)
{
	if (list->kind != YAML_LIST || !list->count || !count || list->count > LIST_MAX || count > LIST_MAX)
		return yaml_odd(e, list->from, "a list that daypass would change is none, or too long", err);
	for (size_t i = 0; i < list->count; i++)
		if (!yaml_str(&list->items[i]) || strchr("|>", list->items[i].style ? list->items[i].style : '"'))
			return yaml_odd(e, list->items[i].from, "an entry of a list is no text on one line", err);
	AUTO_FREE unsigned short *length = common(list, now, count);
	AUTO_BUF want = buf_new(VALUE_MAX_BYTES);
	size_t w = count + 1, run[4] = {0};
	while (run[1] < list->count || run[3] < count) {
		const unsigned short *cell = &length[run[1] * w + run[3]];
		bool both = run[1] < list->count && run[3] < count;
		if (both && str_eq(list->items[run[1]].text, now[run[3]])) {
			if (!edit_run(e, list, run, now, err))
				return false;
			run[0] = ++run[1];
			run[2] = ++run[3];
		} else if (run[3] == count || (both && cell[w] >= cell[1])) {
			run[1]++;
		} else {
			run[3]++;
		}
	}
	if (!edit_run(e, list, run, now, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		buf_addc(&want, i ? ',' : '[');
		json_quote(&want, now[i]);
	}
	buf_addc(&want, ']');
	yaml_edit_want(e, list, YAML_INSTEAD, buf_take(&want));
	return true;
}
