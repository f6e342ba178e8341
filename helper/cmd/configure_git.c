/* daypass configure git: git asks daypass, and no helper before or beside it, for the hosts that we answer for. */
#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/configure.h"
#include "helper/cmd/configure_block.h"
#include "helper/cmd/configure_others.h"
#include "helper/core/match.h"

enum { FILE_MAX_BYTES = 8 * 1024 * 1024, SAID_MAX_BYTES = 1024 * 1024 };

/* The file at hand: as it is, and as it shall be. */
struct edit {
	enum git_scope scope;
	bool dry_run, exists;
	char *path;
	struct buf old, new, out, warnings;
	struct block block;
};

static void edit_free(struct edit *e)
{
	free(e->path);
	buf_free(&e->old);
	buf_free(&e->new);
	buf_free(&e->out);
	buf_free(&e->warnings);
}

#define AUTO_EDIT CLEANUP(edit_free) struct edit

static bool find_path(const struct ctx *ctx, const char *file, struct edit *e, struct err *err)
{
	if (file && !*file)
		return err_set(err, ERR_USAGE, NULL, "--file needs the path of a file");
	e->path = file ? str_dup(file) : git_scope_path(ctx, e->scope, err);
	return e->path != NULL;
}

/* Exactly one of --global (also where none is written), --system and --file. */
static bool read_options(int *argc, char **argv, struct edit *e, const char **file)
{
	bool global = cmd_flag(argc, argv, "--global"), machine = cmd_flag(argc, argv, "--system");
	*file = cmd_option(argc, argv, "--file");
	e->dry_run = cmd_flag(argc, argv, "--dry-run");
	e->scope = *file ? GIT_FILE : machine ? GIT_SYSTEM : GIT_GLOBAL;
	return *argc == 0 && global + machine + (*file != NULL) <= 1;
}

static bool read_file(struct edit *e, struct err *err)
{
	errno = 0;
	e->exists = file_read(e->path, &e->old, NULL, ERR_CONFIG, err);
	if (!e->exists && errno != ENOENT)
		return false;
	*err = ERR_INIT;
	if (!block_find(e->path, &e->old, &e->block, err))
		return false;
	e->block.made = e->block.made || !e->exists;
	return true;
}

/* One line for people, whatever stands in a path. */
static void say(struct buf *to, const char *text)
{
	AUTO_STR line = str_dup(text);
	err_clean(line);
	log_mask(line);
	buf_addf(to, "%s\n", line);
}

/* A value as git's configuration writes it. */
static void quote(const char *value, struct buf *out)
{
	bool quotes = strpbrk(value, "\\\"#;") != NULL;
	if (quotes)
		buf_addc(out, '"');
	for (const char *p = value; *p; p++)
		buf_addf(out, "%s%c", *p == '\\' || *p == '"' ? "\\" : "", *p);
	if (quotes)
		buf_addc(out, '"');
}

static void render(const struct ctx *ctx, const struct git_hosts *hosts, const char *value, struct buf *out)
{
	for (size_t i = 0; i < hosts->count; i++) {
		buf_addf(out, "[credential \"https://%s\"]\n\thelper =\n\thelper = ", hosts->name[i]);
		quote(value, out);
		buf_addf(out, "\n%s", match_needs_path(ctx->config, hosts->name[i]) ? "\tuseHttpPath = true\n" : "");
	}
}

static void say_other(const struct other *o, const char *before, const char *behind, struct buf *to)
{
	AUTO_BUF line = buf_new(SAID_MAX_BYTES);
	buf_adds(&line, before);
	other_show(o, &line);
	buf_adds(&line, behind);
	say(to, line.p);
}

/* What else in git's configuration has a say for these hosts, before and after our place in it. */
static void report(struct edit *e, const struct others *o)
{
	if (!o->read) {
		AUTO_STR text = str_printf("note: git does not read %s here: link it to ~/.gitconfig, or include it there", e->path);
		say(&e->warnings, text);
	}
	for (size_t i = 0; i < o->count; i++) {
		const struct other *one = &o->list[i];
		if (one->before)
			say_other(one, "  silences ", "", &e->out);
		if (one->after)
			say_other(one, "warning: ", " is read after daypass: git asks it too, and hands it our tokens; remove it, or scope it to other hosts", &e->warnings);
		if (one->mutes)
			say_other(one, "warning: ", " is read after daypass and takes it off git's list: remove this line", &e->warnings);
		if (one->sends)
			say_other(one, "warning: ", " is sent to these hosts too: an Authorization in it is used instead of daypass; remove it, or scope it to other hosts", &e->warnings);
	}
}

static int finish(const struct ctx *ctx, const struct edit *e)
{
	int status = cmd_print(ctx, &e->out);
	for (char *p = e->warnings.p, *end; (end = strchr(p, '\n')); p = end + 1)
		log_line("%.*s", (int)(end - p), p);
	return status;
}

/* Nothing is left in a file that was made for us: then it goes too. */
static bool goes(const struct edit *e)
{
	return e->block.made && e->new.len == 0;
}

/* Write, or show what would be written. A new file of the person's own is readable to nobody else: secrets may follow. */
static bool carry_out(struct edit *e, struct err *err)
{
	if (e->new.over || e->out.over)
		return err_set(err, ERR_CONFIG, NULL, "%s: would become larger than %d bytes", e->path, FILE_MAX_BYTES);
	if (e->dry_run) {
		block_diff(e->exists ? e->path : NULL, &e->old, goes(e) ? NULL : e->path, &e->new, &e->out);
		return true;
	}
	if (goes(e))
		return file_remove(e->path, err);
	return file_replace(e->path, e->new.p, e->new.len, e->scope == GIT_GLOBAL ? 0600 : 0644, err);
}

static void say_done(struct edit *e, bool change, const struct git_hosts *hosts)
{
	AUTO_BUF line = buf_new(SAID_MAX_BYTES);
	buf_addf(&line, "%s %s: git asks daypass for ", !change ? "nothing to change in" : e->dry_run ? "would write" : "wrote", e->path);
	for (size_t i = 0; i < hosts->count; i++)
		buf_addf(&line, "%shttps://%s", i ? ", " : "", hosts->name[i]);
	say(&e->out, line.p);
}

static bool prepare(struct ctx *ctx, struct edit *e, const struct git_hosts *hosts, bool *change, struct err *err)
{
	AUTO_BUF lines = buf_new(FILE_MAX_BYTES);
	AUTO_STR value = git_helper_value(ctx, err);
	if (!value || !read_file(e, err))
		return false;
	render(ctx, hosts, value, &lines);
	*change = !block_holds(&e->old, &e->block, lines.p);
	if (*change)
		block_put(&e->old, &e->block, lines.p, &e->new);
	return true;
}

static int configure(struct ctx *ctx, struct edit *e)
{
	struct err err = ERR_INIT, note = ERR_INIT;
	AUTO_HOSTS hosts = {0};
	AUTO_OTHERS others = {0};
	bool change;
	git_hosts_find(ctx, &hosts);
	if (!hosts.count) {
		err_set(&err, ERR_CONFIG, "daypass config check", "no [match] names a host that daypass answers git for, such as https://dev.azure.com");
		return cmd_fail(&err);
	}
	/* git is asked first: between reading the file and replacing it nobody else should find the time to write. */
	bool looked = others_load(ctx, e->path, e->scope, &others, &note);
	if (!prepare(ctx, e, &hosts, &change, &err) || (change && !carry_out(e, &err)))
		return cmd_fail(&err);
	say_done(e, change, &hosts);
	if (looked) {
		others_judge(&others, &hosts, e->block.there);
		report(e, &others);
	} else {
		AUTO_STR text = str_printf("note: other helpers were not looked for: %s", note.msg);
		say(&e->warnings, text);
	}
	return finish(ctx, e);
}

static int unconfigure(struct ctx *ctx, struct edit *e)
{
	struct err err = ERR_INIT;
	if (!read_file(e, &err))
		return cmd_fail(&err);
	if (e->block.there)
		block_cut(&e->old, &e->block, &e->new);
	if (e->block.there && !carry_out(e, &err))
		return cmd_fail(&err);
	const char *would = e->dry_run ? "would remove" : "removed";
	AUTO_STR text = !e->block.there ? str_printf("nothing to change in %s: daypass has written nothing there", e->path)
			: goes(e)	? str_printf("%s %s: nothing else was in it", would, e->path)
					: str_printf("%s daypass from %s", would, e->path);
	say(&e->out, text);
	return finish(ctx, e);
}

static int run(struct ctx *ctx, bool undo, int argc, char **argv)
{
	struct err err = ERR_INIT;
	AUTO_EDIT e = {.old = buf_new(FILE_MAX_BYTES), .new = buf_new(FILE_MAX_BYTES), .out = buf_new(2 * FILE_MAX_BYTES), .warnings = buf_new(SAID_MAX_BYTES)};
	const char *file;
	if (!read_options(&argc, argv, &e, &file))
		return cmd_usage(undo ? &command_unconfigure : &command_configure, argc ? argv[0] : NULL);
	if (!undo && ctx->config->broken)
		return cmd_fail(&ctx->config->err);
	if (!find_path(ctx, file, &e, &err))
		return cmd_fail(&err);
	return undo ? unconfigure(ctx, &e) : configure(ctx, &e);
}

const struct configure_subject configure_git = {"git", run};
