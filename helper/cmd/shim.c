/* daypass shim: a private folder with the names az and azd, to be put in front of PATH; never a folder of others' programs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "helper/base/program.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"

static const char *const names[] = {"az", "azd"};

static char *default_folder(const struct ctx *ctx)
{
	const char *base = env_get(&ctx->env, "XDG_DATA_HOME"), *home = env_get(&ctx->env, "HOME");
	if (base && *base == '/')
		return str_printf("%s/daypass/shim", base);
	return home ? str_printf("%s/.local/share/daypass/shim", home) : NULL;
}

static bool folder_of(const struct ctx *ctx, const char *given, char **out, struct err *err)
{
	*out = given ? str_dup(given) : default_folder(ctx);
	if (!*out)
		return err_set(err, ERR_USAGE, "daypass shim install /ABSOLUTE/FOLDER", "HOME is not set: name the folder");
	if (**out != '/' || str_has_control(*out) || strpbrk(*out, ":'"))
		return err_set(err, ERR_USAGE, "daypass shim install /ABSOLUTE/FOLDER", "%s: the folder goes into PATH: it must be an absolute path without ':', quotes and control characters", *out);
	return true;
}

static bool make_folders(const char *path)
{
	AUTO_STR upper = str_dup(path);
	for (char *p = strchr(upper + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (mkdir(upper, 0755) < 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* A link of ours: to this program, or to any that is called daypass (an older place of it, which may be gone). */
static bool is_our_link(int dir, const char *name)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(dir, name, to, sizeof to - 1);
	to[n > 0 ? n : 0] = 0;
	return program_is_own(to) || str_ends(to, "/daypass");
}

static bool is_name(const char *name)
{
	return str_eq(name, names[0]) || str_eq(name, names[1]);
}

/* The first entry that is not ours; owned; NULL where there is none. */
static char *stranger_in(int dir)
{
	char *found = NULL;
	const struct dirent *e;
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	while (!found && list && (e = readdir(list)) != NULL)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, "..") && !(is_name(e->d_name) && is_our_link(dir, e->d_name)))
			found = str_dup(e->d_name);
	if (list)
		closedir(list);
	return found;
}

/* A folder that holds our links and nothing else, and that nobody else may write to: -1 else. */
static int open_folder(const char *path, struct err *err)
{
	struct stat st;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_STR stranger = dir < 0 ? NULL : stranger_in(dir);
	if (dir < 0)
		err_set(err, ERR_CONFIG, NULL, "%s: %s", path, strerror(errno));
	else if (fstat(dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022))
		err_set(err, ERR_POLICY, "without a folder: daypass shim install", "%s: others may write to this folder, or it is not yours", path);
	else if (stranger)
		err_set(err, ERR_POLICY, "name an empty folder, or none: daypass shim install", "%s holds other things than our links (%s): az and azd are not put among other programs", path, stranger);
	else
		return dir;
	if (dir >= 0)
		close(dir);
	return -1;
}

static bool link_one(int dir, const char *name, const char *to, struct err *err)
{
	AUTO_STR temp = str_printf(".%s.new", name);
	unlinkat(dir, temp, 0);
	if (symlinkat(to, dir, temp) == 0 && renameat(dir, temp, dir, name) == 0)
		return true;
	int why = errno;
	unlinkat(dir, temp, 0);
	return err_set(err, ERR_CONFIG, NULL, "%s: the link cannot be made: %s", name, strerror(why));
}

static bool on_path(const struct ctx *ctx, const char *folder)
{
	const char *rest = env_get(&ctx->env, "PATH");
	size_t len = strlen(folder);
	while (rest && *rest) {
		size_t n = strcspn(rest, ":");
		if (n == len && strncmp(rest, folder, len) == 0)
			return true;
		rest += n + (rest[n] == ':');
	}
	return false;
}

static int install(const struct ctx *ctx, const char *folder, struct buf *out)
{
	struct err err = ERR_INIT;
	AUTO_STR own = program_own_path();
	if (!own)
		return err_set(&err, ERR_CONFIG, NULL, "the path of this program cannot be found out"), cmd_fail(&err);
	if (!make_folders(folder))
		return err_set(&err, ERR_CONFIG, NULL, "%s: cannot be made: %s", folder, strerror(errno)), cmd_fail(&err);
	AUTO_CLOSE int dir = open_folder(folder, &err);
	for (size_t i = 0; dir >= 0 && i < COUNT_OF(names); i++) {
		if (!link_one(dir, names[i], own, &err))
			return cmd_fail(&err);
		buf_addf(out, "%s/%s -> %s\n", folder, names[i], own);
	}
	if (dir < 0)
		return cmd_fail(&err);
	if (on_path(ctx, folder))
		buf_adds(out, "it is on PATH; who finds what: daypass shim check\n");
	else
		buf_addf(out, "put it in front of PATH, as the last change of it in ~/.profile or your shell's own file:\n  export PATH='%s':\"$PATH\"\n", folder);
	return cmd_print(ctx, out);
}

static int remove_links(const struct ctx *ctx, const char *folder, struct buf *out)
{
	AUTO_CLOSE int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < COUNT_OF(names); i++)
		if (is_our_link(dir, names[i]) && unlinkat(dir, names[i], 0) == 0)
			buf_addf(out, "%s/%s is gone\n", folder, names[i]);
	if (!out->len)
		buf_addf(out, "%s: there are no links of ours\n", folder);
	else if (rmdir(folder) == 0)
		buf_addf(out, "%s too; take it out of PATH\n", folder);
	return cmd_print(ctx, out);
}

/* --- check --- */

/* How a program is looked for: with our PATH (NULL: none is set) and that behind it, from that folder. */
struct view {
	const char *who, *more, *cwd;
	bool no_path;
};

/* The first of that name in a PATH, as a shell would find it; owned. */
static char *find_in(const char *path, const char *cwd, const char *name)
{
	struct stat st;
	for (const char *rest = path; rest;) {
		size_t n = strcspn(rest, ":");
		char *found = *rest == '/' ? str_printf("%.*s/%s", (int)n, rest, name) : str_printf("%s%s%.*s/%s", cwd, n ? "/" : "", (int)n, rest, name);
		if (stat(found, &st) == 0 && S_ISREG(st.st_mode) && access(found, X_OK) == 0)
			return found;
		free(found);
		rest = rest[n] ? rest + n + 1 : NULL;
	}
	return NULL;
}

/* Returns whether this view finds us. */
static bool show_view(const struct ctx *ctx, const struct view *v, const char *name, struct buf *out)
{
	const char *path = v->no_path ? NULL : env_get(&ctx->env, "PATH");
	AUTO_STR all = path && *v->more ? str_printf("%s:%s", path, v->more) : str_dup(path ? path : v->more);
	AUTO_STR found = find_in(all, v->cwd, name);
	bool own = program_is_own(found);
	buf_addf(out, "  %-22s %s%s\n", v->who, found ? found : "none", own ? " (daypass)" : "");
	return own;
}

static int check(const struct ctx *ctx, struct buf *out)
{
	static const struct view views[] = {{"this PATH", "", ".", false}, {"sh -c, in /bin", "", "/bin", false}, {"C++, with PATH alone", "/usr/bin:/usr/local/bin", "/bin", false}, {".NET, without a PATH", "/usr/bin:/usr/local/bin", "/bin", true}};
	bool ours = true;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR behind = program_behind(&ctx->env, names[i]);
		buf_addf(out, "%s\n", names[i]);
		for (size_t k = 0; k < COUNT_OF(views); k++)
			ours &= show_view(ctx, &views[k], names[i], out) || views[k].no_path;
		buf_addf(out, "  %-22s %s\n", "behind ours", behind ? behind : "none");
	}
	int status = cmd_print(ctx, out);
	struct err err;
	if (status || ours)
		return status;
	err_set(&err, ERR_CONFIG, "daypass shim install, and its folder in front of PATH", "not everybody finds daypass under these names");
	return cmd_fail(&err);
}

static int shim(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	AUTO_STR folder = NULL;
	AUTO_BUF out = buf_new(64 * 1024);
	bool make = argc && str_eq(argv[0], "install"), unmake = argc && str_eq(argv[0], "remove");
	if (argc == 1 && str_eq(argv[0], "check"))
		return check(ctx, &out);
	if (!(make || unmake) || argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return cmd_usage(&command_shim, argc ? argv[argc - 1] : NULL);
	if (!folder_of(ctx, argc > 1 ? argv[1] : NULL, &folder, &err))
		return cmd_fail(&err);
	return make ? install(ctx, folder, &out) : remove_links(ctx, folder, &out);
}

const struct command command_shim = {"shim", "shim install [FOLDER] | check | remove [FOLDER]", "put daypass in the place of az and azd, for this user alone", shim};
