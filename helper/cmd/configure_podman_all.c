/* daypass configure podman --all: containers' list of global helpers, as a drop-in file of ours, since podman, skopeo and
 * buildah do not know credsStore. The last file that has the list gives the whole of it. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_docker.h"

static const char key[] = "credential-helpers", name[] = "50-daypass.conf";
static const char head[] = "# made by `daypass configure podman --all`; `daypass unconfigure podman` removes it\n";

/* The list that counts so far: as text between brackets, and where it stands. */
struct helpers {
	struct buf list;
	char *origin; /* FILE:LINE; NULL: nobody has a list */
	bool ours;    /* daypass is in it */
};

#define AUTO_HELPERS CLEANUP(helpers_free) struct helpers

static void helpers_free(struct helpers *h)
{
	buf_free(&h->list);
	free(h->origin);
}

static const char *skip_blanks(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n");
		if (*p != '#')
			return p;
		p += strcspn(p, "\n");
	}
}

/* ["one", 'two'] with plain names, over any number of lines; false for anything else. */
static bool read_list(const char *p, struct helpers *h)
{
	p = skip_blanks(p);
	if (*p++ != '[')
		return false;
	buf_clear(&h->list);
	h->ours = false;
	for (p = skip_blanks(p); *p != ']'; p = skip_blanks(p)) {
		char quote = *p;
		size_t n = strspn(p + (quote != 0), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
		if ((quote != '"' && quote != '\'') || p[1 + n] != quote)
			return false;
		AUTO_STR one = str_ndup(p + 1, n);
		h->ours = h->ours || str_eq(one, "daypass");
		buf_addf(&h->list, "%s\"%s\"", h->list.len ? ", " : "", one);
		p = skip_blanks(p + n + 2);
		if (*p == ',')
			p++;
		else if (*p != ']')
			return false;
	}
	return true;
}

/* What stands behind "credential-helpers =" in this line; NULL where it is another line. */
static const char *list_in(const char *line)
{
	line += strspn(line, " \t");
	bool quoted = *line == '"' || *line == '\'';
	line += quoted;
	if (!str_starts(line, key))
		return NULL;
	line += strlen(key) + quoted;
	line += strspn(line, " \t");
	return *line == '=' ? line + 1 : NULL;
}

/* Only above the first table: below it the key would be another. */
static bool read_text(const char *path, const struct buf *text, struct helpers *h, struct err *err)
{
	int number = 1;
	for (const char *line = text->p; line && *line; number++) {
		const char *value = list_in(line), *next = strchr(line, '\n');
		if (line[strspn(line, " \t")] == '[')
			return true;
		if (value && !read_list(value, h))
			return err_set(err, ERR_CONFIG, "write it as a list of names in double quotes", "%s:%d: %s is not understood", path, number, key);
		if (value) {
			free(h->origin);
			h->origin = str_printf("%s:%d", path, number);
			return true;
		}
		line = next ? next + 1 : NULL;
	}
	return true;
}

static bool read_one(const char *path, struct helpers *h, struct err *err)
{
	AUTO_BUF text = buf_new(CHANGE_MAX_BYTES);
	errno = 0;
	if (!file_read(path, &text, NULL, ERR_CONFIG, err)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
		*err = ERR_INIT;
		return true;
	}
	return read_text(path, &text, h, err);
}

static int is_conf(const struct dirent *d)
{
	return str_ends(d->d_name, ".conf");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A folder's files in podman's order; ours is left out. later gets where one behind ours has a list. */
static bool read_folder(const char *folder, bool is_ours, struct helpers *h, char **later, struct err *err)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_conf, by_bytes);
	bool ok = true;
	for (int i = 0; i < n; i++) {
		AUTO_STR path = str_printf("%s/%s", folder, list[i]->d_name);
		AUTO_STR before = h->origin ? str_dup(h->origin) : NULL;
		bool own = is_ours && str_eq(list[i]->d_name, name);
		ok = ok && (own || read_one(path, h, err));
		if (ok && is_ours && strcmp(list[i]->d_name, name) > 0 && h->origin && !str_eq(before, h->origin))
			str_set(later, h->origin);
		free(list[i]);
	}
	free(list);
	return ok;
}

/* As podman finds it: a person's own registries.conf stands in for the machine's, drop-ins included. */
static bool read_all(const struct ctx *ctx, const char *home, struct helpers *h, char **later, struct err *err)
{
	AUTO_STR own = str_printf("%s/.config/containers/registries.conf", home);
	AUTO_STR folder = str_printf("%s.d", own);
	const char *named = env_get(&ctx->env, "CONTAINERS_REGISTRIES_CONF");
	bool personal = !named && access(own, F_OK) == 0;
	if (!read_one(named ? named : personal ? own : "/etc/containers/registries.conf", h, err))
		return false;
	if (!personal && !read_folder("/etc/containers/registries.conf.d", false, h, later, err))
		return false;
	return read_folder(folder, true, h, later, err);
}

static const char *find_home(const struct ctx *ctx, struct err *err)
{
	const char *home = env_get(&ctx->env, "HOME");
	if (!home)
		err_set(err, ERR_CONFIG, "set HOME", "HOME is not set, so podman's folder ~/.config/containers cannot be found");
	return home;
}

static bool open_drop_in(struct job *j, const char *home, struct err *err)
{
	return change_read(&j->other, str_printf("%s/.config/containers/registries.conf.d/%s", home, name), err);
}

bool podman_put_all(struct job *j, struct err *err)
{
	AUTO_HELPERS h = {.list = buf_new(CHANGE_MAX_BYTES)};
	AUTO_STR later = NULL;
	const char *home = find_home(j->ctx, err);
	struct change *c = &j->other;
	if (!home || !open_drop_in(j, home, err) || !read_all(j->ctx, home, &h, &later, err))
		return false;
	if (h.ours)
		return true;
	if (later) {
		err_set(err, ERR_CONFIG, NULL, "%s is read after %s and gives the whole list of helpers", later, name);
		return err_hint(err, "add \"daypass\" to that list yourself");
	}
	buf_addf(&c->new, "%s%s = [%s, \"daypass\"]\n", head, key, h.list.len ? h.list.p : "\"containers-auth.json\"");
	int folders = c->folders;
	if (c->exists) /* as many as when it was made */
		for (size_t i = c->old.len; i > 1 && c->old.p[i - 1] == '\n' && c->old.p[i - 2] == '\n'; i--)
			folders++;
	for (int i = 0; i < folders; i++)
		buf_addc(&c->new, '\n');
	c->wanted = !str_eq(c->old.p, c->new.p);
	return true;
}

bool podman_cut_all(struct job *j, struct err *err)
{
	struct change *c = &j->other;
	const char *home = j->named ? NULL : env_get(&j->ctx->env, "HOME");
	if (!home)
		return true;
	if (!open_drop_in(j, home, err) || !c->exists)
		return !err->kind;
	const char *line = str_starts(c->old.p, head) ? c->old.p + strlen(head) : "";
	const char *end = list_in(line) ? strchr(line, '\n') : NULL;
	size_t ends = end ? strspn(end, "\n") : 0;
	if (!end || end[ends])
		return err_set(err, ERR_CONFIG, "take \"daypass\" out of it by hand, or remove the file", "%s: somebody changed this file of daypass", c->path);
	c->wanted = c->goes = true;
	c->folders = (int)ends - 1;
	return true;
}
