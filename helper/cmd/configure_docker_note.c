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
	AUTO_STR text = str_dup(n->change.new.p);
	struct fact f;
	for (char *p = text; take_fact(&p, &f);)
		if (str_eq(f.file, n->file) && str_eq(f.what, what))
			return str_dup(f.name);
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

bool note_set(struct note *n, const char *what, const char *name, struct err *err)
{
	AUTO_STR text = str_dup(n->change.new.p);
	struct fact f;
	if (name && strpbrk(n->file, "\t\n"))
		return err_set(err, ERR_CONFIG, NULL, "%s: a path with a tab or a line end cannot be noted", n->file);
	buf_clear(&n->change.new);
	for (char *p = text; take_fact(&p, &f);)
		if (*f.what && !(str_eq(f.file, n->file) && (!what || str_eq(f.what, what))))
			buf_addf(&n->change.new, "%s\t%s\t%s\n", f.file, f.what, f.name);
	if (name)
		buf_addf(&n->change.new, "%s\t%s\t%s\n", n->file, what, name);
	return true;
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
