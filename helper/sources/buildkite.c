/* Buildkite: its agent asks for the job's token. Source: buildkite.com/docs/agent, "buildkite-agent oidc". */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

enum { TIMEOUT_MS = 30000, SPOKEN_MAX = 4096 };

static const char AGENT[] = "buildkite-agent", ACCESS[] = "BUILDKITE_AGENT_ACCESS_TOKEN", JOB[] = "BUILDKITE_JOB_ID", OWN_CLAIM[] = "BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM";

/* The subject that Buildkite writes by itself has the commit in it: no federated credential could name that. The agent has a
 * variable of its own for it, which it reads itself. */
static const char *claim_of(const struct ctx *ctx, const struct identity *id)
{
	return id->set[KEY_SUBJECT_CLAIM].value || !env_get(&ctx->env, OWN_CLAIM) ? identity_get(id, KEY_SUBJECT_CLAIM) : NULL;
}

static enum source_state buildkite_detect(const struct ctx *ctx, const struct identity *id UNUSED, struct err *why)
{
	if (!env_get(&ctx->env, "BUILDKITE"))
		return source_say(SOURCE_ABSENT, why, NULL, "not in a Buildkite job");
	if (!env_get(&ctx->env, ACCESS) || !env_get(&ctx->env, JOB))
		return source_say(SOURCE_BROKEN, why, "pass it on: with docker, propagate-environment and mount-buildkite-agent", "this is a Buildkite job, and %s is not set", env_get(&ctx->env, JOB) ? ACCESS : JOB);
	AUTO_STR path = proc_find(&ctx->env, AGENT, true);
	if (path)
		return SOURCE_PRESENT;
	return source_say(SOURCE_BROKEN, why, "put it there: with docker, mount-buildkite-agent; or name the token that an earlier step asked for: source = env", "this is a Buildkite job, and there is no %s on PATH (in a folder that only its owner may change)", AGENT);
}

static bool buildkite_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	const char *claim = claim_of(ctx, id);
	if (buildkite_detect(ctx, id, err) != SOURCE_PRESENT)
		return false;
	hash_print(out, env_get(&ctx->env, ACCESS), env_get(&ctx->env, JOB));
	return buf_addf(out, "\n%s", claim ? claim : env_get(&ctx->env, OWN_CLAIM));
}

static bool buildkite_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_BUF spoken = buf_new(SPOKEN_MAX);
	const char *claim = claim_of(ctx, id);
	if (buildkite_detect(ctx, id, err) != SOURCE_PRESENT)
		return false;
	AUTO_STR path = proc_find(&ctx->env, AGENT, true);
	const char *argv[] = {path, "oidc", "request-token", "--audience", audience, claim ? "--subject-claim" : NULL, claim, NULL};
	int64_t left = ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock);
	struct proc_run r = {.argv = argv, .timeout_ms = left < TIMEOUT_MS ? left : TIMEOUT_MS, .out = &text, .err = &spoken};
	if (!ctx->proc->run(ctx->proc, &r, err))
		return false;
	buf_trim(&spoken);
	log_mask(spoken.p);
	if (r.status == 0)
		return token_take(text.p, text.len, "the output of buildkite-agent", out, err);
	return err_set(err, ERR_SOURCE, "run it by hand: buildkite-agent oidc request-token", "%s ended with status %d%s%.300s", AGENT, r.status, spoken.len ? ": " : "", spoken.p);
}

const struct source source_buildkite = {
	.name = "buildkite",
	.summary = "the job's own OIDC token in Buildkite, by its agent",
	.automatic = AUTO_JOB,
	.detect = buildkite_detect,
	.fingerprint = buildkite_fingerprint,
	.fetch = buildkite_fetch,
};
