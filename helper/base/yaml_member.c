/* Changes of yaml_edit.h to the members of maps, and to lists of maps. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/yaml_layout.h"

bool yaml_edit_append(struct yaml_edits *e, const struct yaml *list, const char *json, struct err *err)
{
	AUTO_YAML v = {0};
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES), want = buf_new(VALUE_MAX_BYTES);
	if (!yaml_value_of(json, &v, err))
		return false;
	const struct yaml *last = &list->items[list->count - 1];
	struct yaml_layout l = yaml_layout_of(e, list->flow, 0);
	size_t at = last->to, start = 0;
	if (list->flow) {
		buf_adds(&out, ", ");
		yaml_put_flow(&out, &v, &l);
	} else {
		if (!yaml_find_dash(e, last, &start, err))
			return false;
		at = yaml_line_end(e->text, yaml_end(last));
		buf_adds(&out, l.eol);
		buf_add(&out, e->text->p + start, last->from - start - 1);
		yaml_put_block(&out, &v, &l, last->from - start - 2, true);
	}
	yaml_edit_bytes(e, at, at, buf_take(&out));
	AUTO_STR meaning = yaml_meaning_of(&v);
	buf_addf(&want, ",%s", meaning);
	yaml_edit_want(e, last, YAML_BEHIND, buf_take(&want));
	return true;
}

/* name: value, at a column. */
static void put_member(struct buf *out, const char *name, const struct yaml *v, const struct yaml_layout *l, size_t column)
{
	yaml_put_text(out, name, l->quote);
	buf_addc(out, ':');
	if (l->flow) {
		buf_addc(out, ' ');
		yaml_put_flow(out, v, l);
	} else {
		yaml_put_block(out, v, l, column, false);
	}
}

/* The blanks in front of a name that stands first on its line. */
static bool find_column(const struct yaml_edits *e, const struct yaml *name, size_t *column, struct err *err)
{
	size_t start = yaml_line_start(e->text, name->from);
	*column = name->from - start;
	return yaml_only(e->text, start, name->from, " ") || yaml_odd(e, name->from, "a name that does not stand first on its line", err);
}

/* A member that says nothing: what stands behind its colon is replaced. */
static bool fill(struct yaml_edits *e, const struct yaml *map, const struct yaml *name, const struct yaml *v, struct err *err)
{
	const struct yaml *old = name + 1;
	struct yaml_layout l = yaml_layout_of(e, map->flow, name->style);
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	size_t colon = name->to, column = 0, to = old->to > colon ? old->to : colon;
	while (e->text->p[colon] == ' ')
		colon++;
	if (e->text->p[colon] != ':' || !yaml_only(e->text, colon + 1, old->from, " ") || (!map->flow && !find_column(e, name, &column, err)))
		return yaml_odd(e, name->from, "a value that does not stand behind its name", err);
	if (map->flow) {
		buf_addc(&out, ' ');
		yaml_put_flow(&out, v, &l);
	} else {
		yaml_put_block(&out, v, &l, column, false);
	}
	yaml_edit_bytes(e, colon + 1, to > colon ? to : colon + 1, buf_take(&out));
	yaml_edit_want(e, old, YAML_INSTEAD, yaml_meaning_of(v));
	return true;
}

bool yaml_edit_put(struct yaml_edits *e, const struct yaml *map, const char *before, const char *name, const char *json, struct err *err)
{
	AUTO_YAML v = {0};
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES), want = buf_new(VALUE_MAX_BYTES);
	const struct yaml *there = yaml_name(map, name), *k = yaml_name(map, before);
	size_t column = 0;
	if (!yaml_value_of(json, &v, err))
		return false;
	if (there && (yaml_is_null(there + 1) || (there[1].kind == YAML_LIST && !there[1].count)))
		return fill(e, map, there, &v, err);
	if (there || !k || (!map->flow && !find_column(e, k, &column, err)))
		return yaml_odd(e, map->from, "a member that daypass would add has no place", err);
	struct yaml_layout l = yaml_layout_of(e, map->flow, k->style);
	put_member(&out, name, &v, &l, column);
	if (map->flow) {
		AUTO_STR gap = k > map->items ? yaml_separator(e, k[-1].to, k->from) : map->count > 2 ? yaml_separator(e, k[1].to, k[2].from) : str_dup(", ");
		buf_adds(&out, gap);
	} else {
		buf_adds(&out, l.eol);
		yaml_put_blanks(&out, column);
	}
	yaml_edit_bytes(e, k->from, k->from, buf_take(&out));
	AUTO_STR meaning = yaml_meaning_of(&v);
	json_quote(&want, name);
	buf_addf(&want, ":%s,", meaning);
	yaml_edit_want(e, k, YAML_BEFORE, buf_take(&want));
	return true;
}

/* The comments inside a member, each on a line of its own. */
static void keep_comments(const struct yaml_edits *e, const struct yaml *name, size_t column, struct buf *out)
{
	struct yaml_layout l = yaml_layout_of(e, false, 0);
	AUTO_BUF found = buf_new(e->text->max);
	yaml_comments(e->text, name + 1, name->to, yaml_end(name + 1), &found);
	for (const char *p = found.p, *end; (end = strchr(p, '\n')); p = end + 1) {
		buf_add(out, p, (size_t)(end - p));
		buf_adds(out, l.eol);
		yaml_put_blanks(out, column);
	}
}

bool yaml_edit_swap(struct yaml_edits *e, const struct yaml *map, const char *old, const char *name, const char *json, struct err *err)
{
	AUTO_YAML v = {0};
	AUTO_BUF out = buf_new(VALUE_MAX_BYTES);
	const struct yaml *k = yaml_name(map, old);
	size_t column = 0;
	if (!yaml_value_of(json, &v, err))
		return false;
	if (!k || k[1].kind != YAML_MAP || !k[1].count || yaml_name(map, name) || (!map->flow && !find_column(e, k, &column, err)))
		return yaml_odd(e, map->from, "a member that daypass would replace is not laid out plainly", err);
	struct yaml_layout l = yaml_layout_of(e, map->flow, k->style);
	size_t inner = k[1].from - yaml_line_start(e->text, k[1].from);
	l.step = !k[1].flow && inner > column ? inner - column : 2;
	if (!map->flow)
		keep_comments(e, k, column, &out);
	put_member(&out, name, &v, &l, column);
	yaml_edit_bytes(e, k->from, yaml_end(&k[1]), buf_take(&out));
	yaml_edit_want(e, k, YAML_INSTEAD, yaml_quoted(name));
	yaml_edit_want(e, &k[1], YAML_INSTEAD, yaml_meaning_of(&v));
	return true;
}
