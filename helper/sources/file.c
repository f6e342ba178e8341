/* A file that somebody keeps fresh: Kubernetes' projected token and whatever else names one. Read on each exchange:
 * the kubelet rotates it at 80 % of its life. Source: azure-workload-identity, "projected service account token". */
#include "helper/base/file.h"

#include "helper/base/str.h"
#include "helper/sources/common.h"

static const char VARIABLE[] = "AZURE_FEDERATED_TOKEN_FILE";

static const char *path_of(const struct ctx *ctx, const struct identity *id)
{
	const char *path = identity_get(id, KEY_TOKEN_FILE);
	return path ? path : env_get(&ctx->env, VARIABLE);
}

static enum source_state file_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	if (path_of(ctx, id))
		return SOURCE_PRESENT;
	return source_say(SOURCE_ABSENT, why, "set token-file = /path, or the variable", "neither token-file nor %s is set", VARIABLE);
}

static bool file_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	const char *path = path_of(ctx, id), *origin = identity_get(id, KEY_TOKEN_FILE) ? identity_origin(id, KEY_TOKEN_FILE) : VARIABLE;
	AUTO_STR what = str_printf("the file %s", path);
	if (!file_read(path, &text, NULL, ERR_SOURCE, err))
		return err_hint(err, "check %s", origin);
	return token_take(text.p, text.len, what, out, err) || (err->hint[0] ? false : err_hint(err, "check %s, and what writes the file", origin));
}

static bool file_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_TOKEN t = token_new();
	return file_fetch(ctx, id, NULL, &t, err) && token_print(&t, path_of(ctx, id), out, evidence, err);
}

const struct source source_file = {
	.name = "file",
	.summary = "a file with the token: token-file, or AZURE_FEDERATED_TOKEN_FILE (Kubernetes)",
	.automatic = AUTO_AMBIENT,
	.detect = file_detect,
	.fingerprint = file_fingerprint,
	.fetch = file_fetch,
};
