/* A variable with the token, for everything that hands tokens out this way. */
#include "helper/base/env.h"

#include "helper/base/str.h"
#include "helper/sources/common.h"

static const char *name_of(const struct identity *id)
{
	const char *name = identity_get(id, KEY_TOKEN_ENV);
	return name ? name : "DAYPASS_ID_TOKEN";
}

/* Under `auto`, only where a family of variables gave the identity and names its token too (ARM_OIDC_TOKEN), or where
 * the variable is ours. */
static enum source_state env_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *name = name_of(id);
	if (env_get(&ctx->env, name))
		return SOURCE_PRESENT;
	return source_say(SOURCE_ABSENT, why, "export it, or name another with token-env", "the variable %s is not set", name);
}

static bool env_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	return token_from_variable(ctx, name_of(id), out, err);
}

static bool env_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_TOKEN t = token_new();
	return env_fetch(ctx, id, NULL, &t, err) && token_print(&t, "the variable", out, evidence, err);
}

const struct source source_env = {
	.name = "env",
	.summary = "a variable with the token: the one that token-env names, else DAYPASS_ID_TOKEN",
	.automatic = AUTO_AMBIENT,
	.detect = env_detect,
	.fingerprint = env_fingerprint,
	.fetch = env_fetch,
};
