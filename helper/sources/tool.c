#include "helper/sources/tool.h"

#include <sys/stat.h>

#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/program.h"
#include "helper/base/str.h"

enum { TIMEOUT_MS = 15000, SPOKEN_MAX = 8192, SHORTEST_S = 300, TOOL_WORDS = 16 };

enum source_state tool_absent(const struct tool *t, const char *path, struct err *why)
{
	return source_say(SOURCE_BROKEN, why, t->login, "%s is not logged in here: there is no %s", t->product, path);
}

bool tool_print_file(const char *path, struct buf *out)
{
	struct stat st;
	return stat(path, &st) == 0 && buf_addf(out, "%s\n%llu %lld.%09ld\n", path, (unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* azd writes what it has to say as JSON: {"message":...} by its newer versions, {"data":{"message":...}} by older ones. */
static void add_line(struct buf *to, const char *line, size_t len)
{
	AUTO_JSON j = *line == '{' ? json_parse(line, len) : NULL;
	const char *message = json_raw_text(json_get(j, "message")), *console = json_raw_text(json_get(json_get(j, "data"), "message"));
	if (message)
		buf_addf(to, "ERROR: %s\n", message);
	else if (console)
		buf_addf(to, "%s\n", console);
	else
		buf_addf(to, "%.*s\n", (int)len, line);
}

/* The first line of what it wrote about an error, without its advice to log in again in other words. */
static char *complaint(const struct buf *spoken)
{
	AUTO_BUF plain = buf_new(2 * SPOKEN_MAX);
	for (const char *line = spoken->p; *line;) {
		size_t len = strcspn(line, "\r\n");
		add_line(&plain, line, len);
		line += len + strspn(line + len, "\r\n");
	}
	const char *text = strstr(plain.p, "ERROR: ");
	text = text ? text + strlen("ERROR: ") : plain.p;
	text += strspn(text, " \r\n");
	char *first = str_ndup(text, strcspn(text, "\r\n"));
	log_mask(first);
	return first;
}

static bool failed(const struct tool *t, const struct buf *spoken, int status, struct err *err)
{
	if (status == 127) {
		err_set(err, ERR_SOURCE, NULL, "%s is not on PATH", t->name);
		return err_hint(err, "install %s, or choose another source", t->product);
	}
	AUTO_STR first = complaint(spoken);
	return err_set(err, ERR_SOURCE, t->login, "%s gave no token (exit status %d): %.400s", t->name, status, first);
}

/* PATH may lead to ourselves under the tool's name (daypass shim), through a script in front of us too: then the one behind
 * us is meant. err tells where there is none. */
static char *real_one(const struct ctx *ctx, const struct tool *t, struct err *err)
{
	char *path = program_behind(&ctx->env, t->name);
	AUTO_STR first = path ? NULL : proc_find(&ctx->env, t->name, false);
	if (path || !first)
		return path ? path : str_dup(t->name);
	err_set(err, ERR_SOURCE, NULL, "%s on PATH leads to daypass itself, and there is no other behind it", first);
	err_hint(err, "install %s, or choose another source", t->product);
	return NULL;
}

bool tool_run(const struct ctx *ctx, const struct tool *t, const char *const *args, const char *const *more, struct buf *text, struct err *err)
{
	AUTO_BUF spoken = buf_new(SPOKEN_MAX);
	int64_t left = ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock);
	AUTO_STR path = real_one(ctx, t, err);
	AUTO_STR depth = path ? program_depth(&ctx->env, path, err) : NULL;
	if (!depth)
		return false;
	const char *argv[TOOL_WORDS] = {path}, *vars[TOOL_WORDS] = {depth, SHIM_PASS "=1"};
	for (size_t i = 1; args[i - 1] && i < TOOL_WORDS - 1; i++)
		argv[i] = args[i - 1];
	for (size_t i = 0; more[i] && i < TOOL_WORDS - 3; i++)
		vars[i + 2] = more[i];
	struct proc_run r = {.argv = argv, .more_env = vars, .timeout_ms = left < TIMEOUT_MS ? left : TIMEOUT_MS, .out = text, .err = &spoken};
	if (!ctx->proc->run(ctx->proc, &r, err))
		return err_hint(err, "install %s, or choose another source", t->product);
	return r.status == 0 || failed(t, spoken.len ? &spoken : text, r.status, err);
}

bool tool_take(const struct ctx *ctx, const struct tool *t, const char *value, int64_t expires, struct token *out, struct err *err)
{
	int64_t now = ctx->clock->wall(ctx->clock);
	if (!value || !str_is_token(value, strlen(value)) || !secret_set(&out->value, value, strlen(value)))
		return err_set(err, ERR_SOURCE, t->upgrade, "%s printed no token that daypass understands", t->name);
	out->issued_at = now;
	out->expires_at = expires > now ? expires : now + SHORTEST_S;
	return true;
}
