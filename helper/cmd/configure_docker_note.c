#include "helper/cmd/configure_docker_note.h"

#include "helper/base/str.h"

void note_free(struct note *n)
{
	change_free(&n->change);
	free(n->file);
}

static char *note_path(const struct ctx *ctx)
{
	const char *base = env_get(&ctx->env, "XDG_STATE_HOME"), *home = env_get(&ctx->env, "HOME");
	if (base && *base == '/')
		return str_printf("%s/daypass/configure", base);
	return home ? str_printf("%s/.local/state/daypass/configure", home) : NULL;
}

bool note_read(const struct ctx *ctx, const char *file, struct note *n, struct err *err)
{
	char *path = note_path(ctx), *real = realpath(file, NULL);
	*n = (struct note){.file = real ? real : str_dup(file)};
	if (!path)
		return err_set(err, ERR_CONFIG, "set HOME", "HOME is not set, so what daypass replaced cannot be noted");
	if (!change_read(&n->change, path, err))
		return false;
	buf_add(&n->change.new, n->change.old.p, n->change.old.len);
	return true;
}

/* One line, taken apart in place. */
struct fact {
	const char *file, *what, *name;
};

static bool take_fact(char **p, struct fact *f)
{
	char *line = *p, *end = strchr(line, '\n');
	if (!end)
		return false;
	*end = 0;
	*p = end + 1;
	char *what = strchr(line, '\t'), *name = what ? strchr(what + 1, '\t') : NULL;
	*f = (struct fact){.file = line, .what = "", .name = ""};
	if (name) {
		*what = *name = 0;
		f->what = what + 1;
		f->name = name + 1;
	}
	return true;
}

char *note_get(const struct note *n, const char *what)
{
	AUTO_STR begin = str_printf("%s\t%s\t", n->file, what);
	size_t len = strlen(begin);
	const char *p = n->change.new.p, *end;
	for (; (end = strchr(p, '\n')); p = end + 1)
		if (strncmp(p, begin, len) == 0)
			return str_ndup(p + len, (size_t)(end - p) - len);
	return NULL;
}

bool note_elsewhere(const struct note *n, const char *what)
{
	AUTO_STR text = str_dup(n->change.new.p);
	struct fact f;
	for (char *p = text; take_fact(&p, &f);)
		if (!str_eq(f.file, n->file) && str_eq(f.what, what))
			return true;
	return false;
}

/* Is this line about one of those? */
static bool is_about(const struct note *n, const struct fact *f, const struct note_fact *facts, size_t count)
{
	if (!str_eq(f->file, n->file))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!facts[i].what || str_eq(f->what, facts[i].what))
			return true;
	return false;
}

bool note_set_all(struct note *n, const struct note_fact *facts, size_t count, struct err *err)
{
	AUTO_STR text = str_dup(n->change.new.p);
	struct fact f;
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any = any || facts[i].name;
	if (any && strpbrk(n->file, "\t\n"))
		return err_set(err, ERR_CONFIG, NULL, "%s: a path with a tab or a line end cannot be noted", n->file);
	buf_clear(&n->change.new);
	for (char *p = text; take_fact(&p, &f);)
		if (*f.what && !is_about(n, &f, facts, count))
			buf_addf(&n->change.new, "%s\t%s\t%s\n", f.file, f.what, f.name);
	for (size_t i = 0; i < count; i++)
		if (facts[i].name)
			buf_addf(&n->change.new, "%s\t%s\t%s\n", n->file, facts[i].what, facts[i].name);
	return true;
}

bool note_set(struct note *n, const char *what, const char *name, struct err *err)
{
	const struct note_fact f = {what, name};
	return note_set_all(n, &f, 1, err);
}

bool note_write(struct note *n, struct err *err)
{
	struct change *c = &n->change;
	c->wanted = !str_eq(c->old.p, c->new.p);
	c->goes = c->new.len == 0;
	if (c->goes)
		c->folders = 1; /* ours, whoever made it */
	return change_carry_out(c, err);
}
