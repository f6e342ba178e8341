#include "helper/cmd/configure_docker_fallback.h"

#include "helper/base/str.h"

#define OPENING "# >>> daypass configure docker --all"
#define MADE " (this file was made for it)"
#define JOINED " (the line before had no end)"
#define CLOSING "# <<< daypass configure docker --all <<<"
#define HEAD "[daypass]"

static const char setting[] = "fallback = ";

static bool read_config(const struct ctx *ctx, struct change *c, struct err *err)
{
	char *path = config_user_path(&ctx->env);
	return path ? change_read(c, path, err) : err_set(err, ERR_CONFIG, "set HOME", "HOME is not set, so daypass's configuration cannot be found");
}

/* [at, to) is the line with its end, len what it says, without blanks around it. */
struct line {
	size_t at, to;
	const char *text;
	size_t len;
};

static bool next_line(const struct buf *b, struct line *l)
{
	if (l->to >= b->len)
		return false;
	const char *begun = b->p + l->to, *end = memchr(begun, '\n', b->len - l->to);
	l->at = l->to;
	l->to = end ? (size_t)(end - b->p) + 1 : b->len;
	if (l->at == 0 && b->len >= 3 && memcmp(b->p, "\xEF\xBB\xBF", 3) == 0)
		begun += 3;
	const char *stop = b->p + l->to;
	while (begun < stop && strchr(" \t\r\n", *begun))
		begun++;
	while (stop > begun && strchr(" \t\r\n", stop[-1]))
		stop--;
	l->text = begun;
	l->len = (size_t)(stop - begun);
	return true;
}

static bool says(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->text, text, l->len) == 0;
}

static bool begins(const struct line *l, const char *text)
{
	return l->len >= strlen(text) && memcmp(l->text, text, strlen(text)) == 0;
}

static bool is_head(const struct line *l)
{
	const char *end = memchr(l->text, ']', l->len);
	if (!end || *l->text != '[')
		return false;
	AUTO_STR inner = str_ndup(l->text + 1, (size_t)(end - l->text - 1));
	const char *name = inner + strspn(inner, " \t");
	size_t n = strcspn(name, " \t");
	return n == strlen("daypass") && memcmp(name, "daypass", n) == 0;
}

/* Behind the line [daypass], where there is one; else at the front, and the head comes too. */
static size_t find_place(const struct buf *text, bool *head)
{
	*head = false;
	for (struct line l = {0}; next_line(text, &l);)
		if (is_head(&l))
			return l.to;
	*head = true;
	return text->len >= 3 && memcmp(text->p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

static void add_block(const struct change *c, const char *name, struct buf *out)
{
	bool head;
	size_t place = find_place(&c->old, &head);
	const char *line = memchr(c->old.p, '\n', c->old.len);
	const char *end = line && line > c->old.p && line[-1] == '\r' ? "\r\n" : "\n";
	buf_add(out, c->old.p, place);
	bool joined = !head && out->p[place - 1] != '\n';
	if (joined)
		buf_adds(out, end);
	buf_addf(out, OPENING "%s >>>%s", joined ? JOINED : c->exists ? "" : MADE, end);
	if (head)
		buf_addf(out, HEAD "%s", end);
	buf_addf(out, "%s%s%s" CLOSING "%s", setting, name, end, end);
	for (int i = 0; i < c->folders; i++) /* so many folders were made for the file */
		buf_adds(out, end);
	buf_add(out, c->old.p + place, c->old.len - place);
}

bool fallback_put(const struct ctx *ctx, const char *name, struct change *c, struct err *err)
{
	const struct section *global = config_section(ctx->config, SECTION_GLOBAL, "");
	const struct setting *set = global ? &global->set[KEY_FALLBACK] : NULL;
	if (!read_config(ctx, c, err))
		return false;
	if (set && str_eq(set->value, name))
		return true;
	AUTO_STR own = str_printf("%s:", c->path);
	if (set && set->value && str_starts(set->origin, own)) {
		err_set(err, ERR_CONFIG, NULL, "%s: fallback = %s, but docker keeps its passwords with %s", set->origin, set->value, name);
		return err_hint(err, "make it fallback = %s, or remove the line", name);
	}
	add_block(c, name, &c->new);
	c->wanted = true;
	return true;
}

struct block {
	bool there, made, joined, head, goes_on;
	size_t from, to;
	char *name;
};

static bool find_block(const struct change *c, struct block *b, struct err *err)
{
	bool inside = false;
	*b = (struct block){0};
	for (struct line l = {0}; next_line(&c->old, &l);) {
		if (begins(&l, OPENING) && !b->there && !inside) {
			b->from = (size_t)(l.text - c->old.p);
			b->made = says(&l, OPENING MADE " >>>");
			b->joined = says(&l, OPENING JOINED " >>>");
			inside = true;
		} else if (inside && says(&l, CLOSING)) {
			b->to = l.to;
			b->there = true;
			inside = false;
		} else if (inside && says(&l, HEAD)) {
			b->head = true;
		} else if (inside && begins(&l, setting) && !b->name) {
			b->name = str_ndup(l.text + strlen(setting), l.len - strlen(setting));
		} else if (inside) {
			return err_set(err, ERR_CONFIG, "remove these lines by hand", "%s: somebody changed what daypass wrote between `" OPENING " >>>` and `" CLOSING "`", c->path);
		} else if (b->there && !b->goes_on && l.len && *l.text != '#' && *l.text != ';') {
			b->goes_on = *l.text != '[';
			break;
		}
	}
	return !inside || err_set(err, ERR_CONFIG, "put this line where it ends: " CLOSING, "%s: what daypass wrote here has no end", c->path);
}

/* Only line ends, one for each folder? */
static bool only_ends(const struct buf *b, int *count)
{
	*count = 0;
	for (size_t i = 0; i < b->len; i++) {
		if (b->p[i] != '\n')
			return false;
		++*count;
	}
	return true;
}

bool fallback_cut(const struct ctx *ctx, struct change *c, char **name, struct err *err)
{
	struct block b;
	*name = NULL;
	if (str_eq(env_get(&ctx->env, "DAYPASS_CONFIG"), "/dev/null")) /* none, on purpose */
		return true;
	if (!read_config(ctx, c, err))
		return false;
	bool ok = find_block(c, &b, err);
	*name = b.name;
	if (!ok || !b.there)
		return ok;
	size_t from = b.from;
	if (b.joined && b.to == c->old.len && from > 1)
		from -= c->old.p[from - 2] == '\r' ? 2 : 1;
	buf_add(&c->new, c->old.p, from);
	if (b.head && b.goes_on) /* settings that came later stand in the section that we opened */
		buf_adds(&c->new, HEAD "\n");
	buf_add(&c->new, c->old.p + b.to, c->old.len - b.to);
	c->wanted = true;
	c->goes = b.made && only_ends(&c->new, &c->folders);
	return true;
}
