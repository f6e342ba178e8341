/* daypass configure docker | podman: docker, podman and whoever reads their files ask daypass for Azure's registries. */
#include "helper/cmd/configure_docker.h"

#include "helper/base/log.h"
#include "helper/base/str.h"

enum { SAID_MAX_BYTES = 1024 * 1024 };

static void job_free(struct job *j)
{
	registries_free(&j->registries);
	change_free(&j->file);
	change_free(&j->other);
	note_free(&j->note);
	buf_free(&j->out);
	buf_free(&j->warnings);
}

#define AUTO_JOB CLEANUP(job_free) struct job

/* The file at hand, and what was noted about it. */
static bool open_file(struct job *j, const char *file, struct err *err)
{
	if (file && !*file)
		return err_set(err, ERR_USAGE, NULL, "--file needs the path of a file");
	char *path = file ? str_dup(file) : j->engine->path(j->ctx, err);
	if (!path || !change_read(&j->file, path, err))
		return false;
	if (note_read(j->ctx, j->file.path, &j->note, &j->note_err))
		return true;
	note_free(&j->note);
	j->note = (struct note){0};
	return true;
}

static bool carry_out(struct job *j, struct err *err)
{
	if (j->dry_run) {
		change_show(&j->file, creds_hide, &j->out);
		change_show(&j->other, NULL, &j->out);
		return true;
	}
	/* What is needed to take it back goes first, and who is asked before who asks. */
	if (j->note.file && !note_write(&j->note, err))
		return false;
	return change_carry_out(&j->other, err) && change_carry_out(&j->file, err);
}

static int finish(const struct job *j)
{
	int status = cmd_print(j->ctx, &j->out);
	for (char *p = j->warnings.p, *end; (end = strchr(p, '\n')); p = end + 1)
		log_line("%.*s", (int)(end - p), p);
	return status;
}

static const char *done_word(const struct job *j, const struct change *c)
{
	return !c->wanted ? "nothing to change in" : j->dry_run ? "would write" : "wrote";
}

static void say_done(struct job *j, struct buf *to)
{
	AUTO_BUF names = buf_new(SAID_MAX_BYTES);
	const struct registries *r = &j->registries;
	for (size_t i = 0; i < r->count; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", r->list[i].host);
	bool store = j->all && j->engine == &engine_docker;
	if (j->lines && !r->count && !store)
		say_line(to, "nothing to change in %s", j->file.path);
	else if (j->lines)
		say_line(to, "%s %s: %s asks daypass for %s", done_word(j, &j->file), j->file.path, j->engine->name, store ? "every registry" : names.p);
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].old)
			say_line(to, "  instead of %s for %s", r->list[i].old, r->list[i].host);
	if (j->other.wanted && store)
		say_line(to, "%s %s: daypass asks the helper that docker had for what it does not answer", done_word(j, &j->other), j->other.path);
	if (j->all && !store)
		say_line(to, "%s %s: podman asks daypass for every registry it has no password for", done_word(j, &j->other), j->other.path);
}

static int configure(struct job *j, const char *file, int argc, char **argv)
{
	struct err err = ERR_INIT;
	AUTO_BUF lines = buf_new(SAID_MAX_BYTES);
	if (j->ctx->config->broken)
		return cmd_fail(&j->ctx->config->err);
	if (!registries_name(j->ctx, j->engine->name, argc, argv, &j->registries, &err))
		return cmd_fail(&err);
	j->lines = j->engine == &engine_docker || !j->all || argc;
	if (j->lines && !open_file(j, file, &err))
		return cmd_fail(&err);
	if (j->named && j->file.folders) {
		err_set(&err, ERR_CONFIG, NULL, "%s: its folder does not exist", j->file.path);
		return cmd_fail(&err);
	}
	if (!(j->lines ? job_put_lines(j, &err) : j->engine->put_all(j, &err)))
		return cmd_fail(&err);
	lines = j->out; /* what stays comes behind what is done */
	j->out = buf_new(SAID_MAX_BYTES);
	if (!carry_out(j, &err))
		return cmd_fail(&err);
	say_done(j, &j->out);
	buf_add(&j->out, lines.p, lines.len);
	warn_helper(j->ctx, j->engine->name, &j->warnings);
	return finish(j);
}

static void say_undone(struct job *j, const struct change *c, struct buf *to)
{
	const char *would = j->dry_run ? "would remove" : "removed";
	if (c->wanted && c->goes)
		say_line(to, "%s %s: nothing else was in it", would, c->path);
	else if (c->wanted)
		say_line(to, "%s daypass from %s", would, c->path);
	else if (c == &j->file)
		say_line(to, "nothing to change in %s: daypass has written nothing there", c->path);
}

static int unconfigure(struct job *j, const char *file)
{
	struct err err = ERR_INIT;
	AUTO_BUF lines = buf_new(SAID_MAX_BYTES);
	if (!open_file(j, file, &err))
		return cmd_fail(&err);
	if (!j->note.file && env_get(&j->ctx->env, "HOME")) /* what we replaced must not be taken for what we added */
		return cmd_fail(&j->note_err);
	if (!job_cut_lines(j, &err))
		return cmd_fail(&err);
	lines = j->out;
	j->out = buf_new(SAID_MAX_BYTES);
	if (!carry_out(j, &err))
		return cmd_fail(&err);
	say_undone(j, &j->file, &j->out);
	buf_add(&j->out, lines.p, lines.len);
	say_undone(j, &j->other, &j->out);
	return finish(j);
}

static int run(const struct engine *engine, struct ctx *ctx, bool undo, int argc, char **argv)
{
	AUTO_JOB j = {.ctx = ctx, .engine = engine, .out = buf_new(8 * CHANGE_MAX_BYTES), .warnings = buf_new(SAID_MAX_BYTES)};
	const char *file = cmd_option(&argc, argv, "--file");
	j.all = cmd_flag(&argc, argv, "--all");
	j.dry_run = cmd_flag(&argc, argv, "--dry-run");
	j.named = file != NULL;
	int option = 0;
	while (option < argc && argv[option][0] != '-')
		option++;
	bool useless = j.all && j.named && engine == &engine_podman && !argc;
	if (option < argc || useless || (undo && (argc || j.all)))
		return cmd_usage(undo ? &command_unconfigure : &command_configure, option < argc ? argv[option] : argc ? argv[0] : NULL);
	return undo ? unconfigure(&j, file) : configure(&j, file, argc, argv);
}

static int run_docker(struct ctx *ctx, bool undo, int argc, char **argv)
{
	return run(&engine_docker, ctx, undo, argc, argv);
}

static int run_podman(struct ctx *ctx, bool undo, int argc, char **argv)
{
	return run(&engine_podman, ctx, undo, argc, argv);
}

const struct configure_subject configure_docker = {"docker", run_docker};
const struct configure_subject configure_podman = {"podman", run_podman};
