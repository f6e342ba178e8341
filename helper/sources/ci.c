/* CI systems whose token is a variable (presets.def). In their jobs `auto` ends here: a job never uses the identity of
 * the machine that runs it. */
#include "helper/base/env.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

static const struct preset {
	const char *name, *marker, *token, *audience, *advice;
} presets[] = {
#define PRESET(name, marker, token, audience, advice) {name, marker, token, audience, advice},
#include "helper/sources/presets.def"
#undef PRESET
};

static const struct preset *here(const struct ctx *ctx)
{
	for (size_t i = 0; i < COUNT_OF(presets); i++)
		if (env_get(&ctx->env, presets[i].marker))
			return &presets[i];
	return NULL;
}

/* A family that names its own token variable (ARM_OIDC_TOKEN) goes before the preset's. */
static const char *variable(const struct preset *p, const struct identity *id)
{
	const char *own = identity_get(id, KEY_TOKEN_ENV);
	return own ? own : p->token;
}

static enum source_state ci_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const struct preset *p = here(ctx);
	if (!p)
		return source_say(SOURCE_ABSENT, why, NULL, "not in a job of a CI system that daypass knows");
	if (env_get(&ctx->env, variable(p, id)))
		return SOURCE_PRESENT;
	return source_say(SOURCE_BROKEN, why, p->advice, "this is a job of %s, and %s is not set", p->name, variable(p, id));
}

static bool ci_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	const struct preset *p = here(ctx);
	if (p && p->audience)
		log_trace("%s writes an audience of its own, %s: the federated credential must name it", p->name, p->audience);
	return token_from_variable(ctx, p ? variable(p, id) : "?", out, err);
}

static bool ci_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_TOKEN t = token_new();
	return ci_fetch(ctx, id, NULL, &t, err) && token_print(&t, "the variable", out, evidence, err);
}

const struct source source_ci = {
	.name = "ci",
	.summary = "the job's token variable in GitLab CI, CircleCI, Bitbucket Pipelines, HCP Terraform and others",
	.automatic = AUTO_JOB,
	.detect = ci_detect,
	.fingerprint = ci_fingerprint,
	.fetch = ci_fetch,
};
