/* AWS's outbound identity federation: STS signs a token that says which role or user we are, to whoever has its keys.
 * Source: docs.aws.amazon.com, IAM, "Federating AWS identities to external services". Asked only by name: the keys of a
 * machine are not there for whatever runs on it. */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/config_check.h"
#include "helper/sources/aws.h"

/* Stays NULL where the instance itself will say it. */
static bool find_region(const struct ctx *ctx, const struct identity *id, enum aws_place place, char **out, struct err *err)
{
	static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
	const char *value = identity_get(id, KEY_REGION), *name = identity_origin(id, KEY_REGION);
	for (size_t i = 0; !value && i < COUNT_OF(names); i++)
		value = env_get(&ctx->env, name = names[i]);
	if (!value && place == AWS_IMDS)
		return true;
	if (!value)
		return err_set(err, ERR_SOURCE, "set AWS_REGION, or in the identity: region = eu-west-1", "neither the setting region nor AWS_REGION says which region's STS to ask");
	if (is_region(value))
		return err_set(err, ERR_SOURCE, "set AWS_REGION, or in the identity: region = eu-west-1", "%s: '%.60s': %s", name, value, is_region(value));
	*out = str_dup(value);
	return true;
}

static enum source_state aws_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	enum aws_place place;
	AUTO_STR region = NULL;
	return aws_place(ctx, id, &place, why) && find_region(ctx, id, place, &region, why) ? SOURCE_PRESENT : SOURCE_BROKEN;
}

static bool aws_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	enum aws_place place;
	AUTO_STR region = NULL;
	if (!aws_place(ctx, id, &place, err) || !find_region(ctx, id, place, &region, err))
		return false;
	return buf_addf(out, "%d\n%s\n", (int)place, region ? region : "") && aws_place_print(ctx, id, place, out, evidence, err);
}

static bool aws_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	enum aws_place place;
	AUTO_STR region = NULL;
	AUTO_AWS_KEYS keys = aws_keys_new();
	if (!aws_place(ctx, id, &place, err) || !find_region(ctx, id, place, &region, err) || !aws_keys_get(ctx, id, place, &region, &keys, err))
		return false;
	log_trace("aws: keys of %s, STS in %s", keys.from, region);
	return aws_sts_identity_token(ctx, region, &keys, audience, out, err);
}

const struct source source_aws = {
	.name = "aws",
	.summary = "an AWS role or user, by STS (outbound identity federation): keys in variables, of a pod, container or EC2 instance; only by this name",
	.automatic = AUTO_NEVER,
	.detect = aws_detect,
	.fingerprint = aws_fingerprint,
	.fetch = aws_fetch,
};
