/* A chain: the assertion is the token that another identity of the configuration gets from Entra for the exchange. A managed
 * identity so becomes an app registration, in its own tenant or, where the app is multi-tenant, in another. Source: entra,
 * "Configure an application to trust a managed identity". The hop has a place of its own in the cache. */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/flow.h"
#include "helper/core/plan.h"
#include "helper/sources/common.h"

static const char NAME[] = "identity", EXAMPLE[] = "via = NAME, and [identity NAME] with source = managed-identity";

/* The identity that it goes by, and where that one's token comes from. Two hops are the most: a longer way is a mistake. */
static enum source_state find(const struct ctx *ctx, const struct identity *id, struct identity *hop, const struct source **s, struct err *err)
{
	const char *via = identity_get(id, KEY_VIA), *origin = identity_origin(id, KEY_VIA);
	if (!via)
		return source_say(SOURCE_ABSENT, err, EXAMPLE, "via is not set");
	if (!identity_section(ctx, via, hop))
		return source_say(SOURCE_BROKEN, err, "add the section, or correct the name", "%s: there is no [identity %s] to go by", origin, via);
	if (str_eq(identity_get(hop, KEY_SOURCE), NAME))
		return source_say(SOURCE_BROKEN, err, "name an identity that has a source of its own", "%s: identity %s goes by another one itself", origin, via);
	enum verdict v = plan_source(ctx, hop, s, err);
	if (v == PLAN_NOT_OURS)
		return source_say(SOURCE_BROKEN, err, EXAMPLE, "%s: identity %s has no source of a token here", origin, via);
	if (v != PLAN_OURS)
		err_wrap(err, "%s: identity %s", origin, via);
	return v == PLAN_OURS ? SOURCE_PRESENT : SOURCE_BROKEN;
}

static enum source_state chain_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	AUTO_IDENTITY hop = {0};
	const struct source *s;
	return find(ctx, id, &hop, &s, why);
}

static bool chain_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	static const enum key keys[] = {KEY_TENANT, KEY_CLIENT_ID, KEY_CLOUD, KEY_AUTHORITY};
	AUTO_IDENTITY hop = {0};
	const struct source *s;
	if (find(ctx, id, &hop, &s, err) != SOURCE_PRESENT)
		return false;
	buf_addf(out, "%s\n", s->name);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		buf_addf(out, "%s\n", identity_get(&hop, keys[i]) ? identity_get(&hop, keys[i]) : "");
	return s->fingerprint(ctx, &hop, out, evidence, err);
}

static bool chain_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	struct ctx own = *ctx; /* borrows all */
	AUTO_PLAN p = {.hop = true};
	AUTO_RESULT t = {.token = token_new()};
	if (find(ctx, id, &p.id, &p.source, err) != SOURCE_PRESENT)
		return false;
	AUTO_STR because = str_printf("identity %s goes by it", id->name);
	if (plan_complete(&own, audience, because, &p, err) != PLAN_OURS || !flow_token(&own, &p, &t, err))
		return err_wrap(err, "identity %s, which %s goes by", p.id.name, id->name);
	AUTO_STR what = str_printf("the token of identity %s", p.id.name);
	return token_take(secret_reveal(&t.token.value), secret_len(&t.token.value), what, out, err);
}

const struct source source_identity = {
	.name = NAME,
	.summary = "another identity of the configuration, the one that via names: its token is this one's assertion",
	.automatic = AUTO_NEVER,
	.detect = chain_detect,
	.fingerprint = chain_fingerprint,
	.fetch = chain_fetch,
};
