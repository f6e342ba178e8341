/* A program that prints the token: named in a configuration file of ours or root's, by absolute path, without shell. */
#include <errno.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

enum { TIMEOUT_MS = 30000, SPOKEN_MAX = 4096 };

static enum source_state command_detect(const struct ctx *ctx UNUSED, const struct identity *id, struct err *why)
{
	if (identity_get(id, KEY_COMMAND) && id->command_ok)
		return SOURCE_PRESENT;
	return source_say(SOURCE_ABSENT, why, "add to the identity: command = /path/to/program and its arguments", "no command is configured");
}

/* Somebody else's program, or one that others can change, would be run with our rights. */
static bool program_ok(const char *path, struct stat *st, struct err *err)
{
	if (stat(path, st) < 0)
		return err_set(err, ERR_SOURCE, "correct the identity's `command` setting", "%s: %s", path, strerror(errno));
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || file_others_can_write(st)) {
		err_set(err, ERR_SOURCE, NULL, "%s is not run: others can change it (owner %u, mode %03o)", path, (unsigned)st->st_uid, (unsigned)st->st_mode & 0777u);
		return err_hint(err, "it must belong to you or root: chmod go-w %s", path);
	}
	return true;
}

/* argv and the file's identity: another program, or the same one changed, is another caller. */
static bool command_fingerprint(const struct ctx *ctx UNUSED, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	const char *command = identity_get(id, KEY_COMMAND);
	char **words = str_words(command);
	struct stat st;
	bool ok = words && program_ok(words[0], &st, err);
	if (ok)
		buf_addf(out, "%s\n%llu %llu %lld %lld.%09ld", command, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	free(words);
	return ok;
}

/* Plain text, or what Google's and AWS's helpers print: {"id_token":...} with "success", or {"token":...}. */
static bool take_output(const struct buf *text, const char *program, struct token *out, struct err *err)
{
	AUTO_STR what = str_printf("the output of %s", program);
	return token_from_text(text->p, text->len, what, NULL, out, err);
}

static bool run(const struct ctx *ctx, char **words, const char *audience, struct token *out, struct err *err)
{
	struct stat st;
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_BUF spoken = buf_new(SPOKEN_MAX);
	AUTO_STR aud = str_printf("DAYPASS_AUDIENCE=%s", audience);
	const char *const more[] = {aud, NULL};
	int64_t left = ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock);
	struct proc_run r = {.argv = (const char *const *)words, .more_env = more, .timeout_ms = left < TIMEOUT_MS ? left : TIMEOUT_MS, .out = &text, .err = &spoken};
	if (!program_ok(words[0], &st, err) || !ctx->proc->run(ctx->proc, &r, err))
		return false;
	buf_trim(&spoken);
	log_mask(spoken.p);
	if (r.status == 0)
		return take_output(&text, words[0], out, err);
	return err_set(err, ERR_SOURCE, "run it by hand to see more", "%s ended with status %d%s%.300s", words[0], r.status, spoken.len ? ": " : "", spoken.p);
}

static bool command_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	char **words = str_words(identity_get(id, KEY_COMMAND));
	bool ok = words && run(ctx, words, audience, out, err);
	free(words);
	return ok;
}

const struct source source_command = {
	.name = "command",
	.summary = "a program that prints the token; it gets DAYPASS_AUDIENCE",
	.automatic = AUTO_NEVER,
	.detect = command_detect,
	.fingerprint = command_fingerprint,
	.fetch = command_fetch,
};
