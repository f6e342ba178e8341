#include "helper/cmd/configure_others.h"

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/base/url.h"

enum { SETTINGS_MAX = 8 * 1024 * 1024, GIT_MS = 10000 };

void others_free(struct others *o)
{
	buf_free(&o->text);
	free(o->list);
	o->list = NULL;
}

static bool run_git(const struct ctx *ctx, struct buf *out, struct err *err)
{
	const char *const argv[] = {"git", "--no-pager", "config", "--list", "--show-scope", "--show-origin", "--null", NULL};
	AUTO_BUF said = buf_new(8192);
	struct proc_run run = {.argv = argv, .timeout_ms = GIT_MS, .out = out, .err = &said};
	if (!ctx->proc->run(ctx->proc, &run, err))
		return false;
	if (run.status == 0)
		return true;
	if (run.status == 129)
		return err_set(err, ERR_SOURCE, NULL, "git is older than 2.26 and cannot say where a setting stands");
	buf_trim(&said);
	const char *last = strrchr(said.p, '\n');
	return err_set(err, ERR_SOURCE, NULL, "git cannot read its configuration: %s", last ? last + 1 : said.p);
}

/* The path of "file:PATH"; NULL for "command line:" and the like. */
static const char *origin_file(const char *origin)
{
	return str_starts(origin, "file:") ? origin + strlen("file:") : NULL;
}

/* A file that was named may be one of git's own: then its place in the order is known though it is empty. */
static enum git_scope real_scope(const struct ctx *ctx, const char *path, enum git_scope scope)
{
	struct err err;
	if (scope != GIT_FILE)
		return scope;
	AUTO_STR global = git_scope_path(ctx, GIT_GLOBAL, &err);
	AUTO_STR xdg = git_scope_path(ctx, GIT_XDG, &err);
	AUTO_STR machine = git_scope_path(ctx, GIT_SYSTEM, &err);
	return file_same(path, global) ? GIT_GLOBAL : file_same(path, xdg) ? GIT_XDG : file_same(path, machine) ? GIT_SYSTEM : GIT_FILE;
}

/* Does a setting of git's scope stand before the end of our file's scope? */
static bool scope_before(const char *scope, enum git_scope ours)
{
	return (ours != GIT_FILE && str_eq(scope, "system")) || (ours == GIT_GLOBAL && str_eq(scope, "global"));
}

static bool matters(struct other *e)
{
	e->header = str_starts(e->key, "http.") && str_ends(e->key, ".extraheader");
	return e->header || (str_starts(e->key, "credential.") && str_ends(e->key, ".helper"));
}

static char *next_text(char **p, const char *end)
{
	char *text = *p;
	size_t n = strlen(text); /* a buf ends with NUL, beyond end too */
	*p = text + n + (text + n < end);
	return text;
}

/* "KEY\nVALUE", or KEY alone. */
static void split_setting(char *text, struct other *e)
{
	char *value = strchr(text, '\n');
	if (value)
		*value++ = 0;
	e->key = text;
	e->value = value ? value : "";
}

bool others_load(const struct ctx *ctx, const char *path, enum git_scope scope, struct others *out, struct err *err)
{
	*out = (struct others){.text = buf_new(SETTINGS_MAX), .path = path};
	if (!run_git(ctx, &out->text, err))
		return false;
	scope = real_scope(ctx, path, scope);
	out->read = scope != GIT_FILE;
	size_t room = 1;
	for (size_t i = 0; i < out->text.len; i++)
		room += out->text.p[i] == 0;
	out->list = mem_alloc(room * sizeof *out->list);
	for (char *p = out->text.p, *end = p + out->text.len; p < end;) {
		struct other e = {.scope = next_text(&p, end)};
		e.origin = next_text(&p, end);
		split_setting(next_text(&p, end), &e);
		bool here = scope_before(e.scope, scope) || file_same(origin_file(e.origin), path);
		if (matters(&e))
			out->list[out->count++] = e;
		out->here = here ? out->count : out->here;
		out->read = out->read || here;
	}
	return true;
}

/* "SUB" of "credential.SUB.helper", owned; NULL in "credential.helper". */
static char *subsection(const char *key)
{
	const char *from = strchr(key, '.'), *to = strrchr(key, '.');
	return from && to > from ? str_ndup(from + 1, (size_t)(to - from - 1)) : NULL;
}

enum cover { COVERS_NONE, COVERS_SOME, COVERS_ALL };

/* Is a scope as git writes it ("https://HOST/PATH", "user@HOST", "https://", "/PATH") about a host of ours? */
static enum cover covers(const char *key, const char *host)
{
	AUTO_STR sub = subsection(key);
	if (!sub)
		return COVERS_ALL;
	char *rest = sub, *sep = strstr(sub, "://");
	if (!sep && str_starts(key, "http."))
		return COVERS_NONE;
	if (sep) {
		*sep = 0;
		rest = sep + 3;
	}
	if (sep && *sub && !str_ieq(sub, "https"))
		return COVERS_NONE;
	size_t n = strcspn(rest, "/");
	bool part = rest[n] && rest[n + 1];
	rest[n] = 0;
	char *at = strrchr(rest, '@');
	char *name = at ? at + 1 : rest;
	str_lower(name);
	if (str_ends(name, ":443"))
		name[strlen(name) - 4] = 0;
	if (*name && !url_host_match(name, host))
		return url_host_match(host, name) ? COVERS_SOME : COVERS_NONE;
	return part || at ? COVERS_SOME : COVERS_ALL;
}

static bool is_daypass(const struct other *e)
{
	return git_helper_is_ours(e->value, strlen(e->value));
}

/* Our own lines, where the block stands already: the empty helper of a host of ours and ourselves right behind it. */
static bool own_pair(const struct other *e, const char *path, const struct git_hosts *hosts)
{
	if (*e->value || !is_daypass(&e[1]) || !str_eq(e->key, e[1].key))
		return false;
	if (!file_same(origin_file(e->origin), path) || !str_eq(e->origin, e[1].origin))
		return false;
	for (size_t h = 0; h < hosts->count; h++) {
		AUTO_STR key = str_printf("credential.https://%s.helper", hosts->name[h]);
		if (str_eq(key, e->key))
			return true;
	}
	return false;
}

/* Where our lines stand, or will stand, among the others. */
static size_t find_place(struct others *o, const struct git_hosts *hosts)
{
	size_t first = o->count;
	for (size_t i = 0; i + 1 < o->count; i++) {
		if (!own_pair(&o->list[i], o->path, hosts))
			continue;
		o->list[i].ours = o->list[i + 1].ours = true;
		first = i < first ? i : first;
	}
	return first < o->count ? first : o->here;
}

/* An empty value takes back those before it. For headers git goes by the better match, and the longer key is better. */
static void take_back(struct others *o, const struct other *by, bool *active)
{
	for (size_t i = 0; &o->list[i] < by; i++)
		if (o->list[i].header == by->header && (!by->header || strlen(by->key) >= strlen(o->list[i].key)))
			active[i] = false;
}

/* What our empty helper line takes back. */
static void silence(struct others *o, size_t place, bool *active)
{
	for (size_t i = 0; i < place; i++) {
		if (!active[i] || o->list[i].header)
			continue;
		o->list[i].before = !is_daypass(&o->list[i]);
		active[i] = false;
	}
}

static void judge_host(struct others *o, const char *host, size_t place, bool *active)
{
	struct other *muting = NULL;
	memset(active, 0, o->count * sizeof *active);
	for (size_t i = 0; i < o->count; i++) {
		struct other *e = &o->list[i];
		enum cover cover = e->ours ? COVERS_NONE : covers(e->key, host);
		if (i == place)
			silence(o, place, active);
		if (cover == COVERS_NONE)
			continue;
		active[i] = *e->value != 0;
		if (!active[i] && cover == COVERS_ALL)
			take_back(o, e, active);
		if (!e->header && i >= place && (!active[i] || is_daypass(e)))
			muting = active[i] ? NULL : e;
	}
	if (place == o->count)
		silence(o, place, active);
	if (muting)
		muting->mutes = true;
	for (size_t i = 0; i < o->count; i++) {
		struct other *e = &o->list[i];
		e->sends = e->sends || (active[i] && e->header);
		e->after = e->after || (active[i] && !e->header && !is_daypass(e));
	}
}

void others_judge(struct others *o, const struct git_hosts *hosts, bool has_block)
{
	size_t place = has_block ? find_place(o, hosts) : o->here;
	AUTO_FREE bool *active = mem_alloc(o->count * sizeof *active);
	for (size_t h = 0; h < hosts->count; h++)
		judge_host(o, hosts->name[h], place, active);
}

/* A helper's name or program; what follows it, and shell text, may hold a password. */
static void show_helper(const char *value, struct buf *out)
{
	const char *word = value + (*value == '!');
	size_t n = strcspn(word, " \t");
	if (strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+~") < n)
		buf_adds(out, "(a shell command)");
	else
		buf_addf(out, "%.*s%s", (int)(n + (size_t)(word - value)), value, word[n] ? " ..." : "");
}

void other_show(const struct other *e, struct buf *out)
{
	AUTO_STR sub = subsection(e->key);
	buf_adds(out, e->header ? "http" : "credential");
	if (sub) {
		buf_addc(out, '.');
		url_mask(out, sub);
	}
	buf_adds(out, e->header ? ".extraheader" : ".helper");
	if (!e->header) {
		buf_adds(out, *e->value ? " = " : " =");
		show_helper(e->value, out);
	}
	buf_addf(out, " (%s)", str_starts(e->origin, "command line") ? "command line" : e->origin);
}
