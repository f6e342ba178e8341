/* A program that prints the token: named in a configuration file of ours or root's, by absolute path, without shell. */
#include "helper/base/str.h"
#include "helper/sources/configured.h"

static enum source_state command_detect(const struct ctx *ctx UNUSED, const struct identity *id, struct err *why)
{
	if (configured(id, KEY_COMMAND))
		return SOURCE_PRESENT;
	return source_say(SOURCE_ABSENT, why, "add to the identity: command = /path/to/program and its arguments", "no command is configured");
}

static bool command_fingerprint(const struct ctx *ctx UNUSED, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	return configured_print(id, KEY_COMMAND, out, err);
}

/* Plain text, or what Google's and AWS's helpers print: {"id_token":...} with "success", or {"token":...}. */
static bool take_output(const struct buf *text, const char *program, struct token *out, struct err *err)
{
	AUTO_STR what = str_printf("the output of %s", program);
	return token_from_text(text->p, text->len, what, NULL, out, err);
}

static bool command_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_STR aud = str_printf("DAYPASS_AUDIENCE=%s", audience);
	const char *const more[] = {aud, NULL};
	if (!configured_run(ctx, id, KEY_COMMAND, more, &text, err))
		return false;
	char **words = str_words(configured(id, KEY_COMMAND));
	bool ok = take_output(&text, words[0], out, err);
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
