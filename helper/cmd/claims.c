#include "helper/cmd/claims.h"

#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/flow.h"
#include "helper/core/plan.h"

void claims_free(struct claims *c)
{
	identity_free(&c->id);
	token_free(&c->token);
	jwt_free(&c->jwt);
}

static const char *audience_of(const struct identity *id)
{
	const char *own = identity_get(id, KEY_AUDIENCE);
	return own ? own : cloud_by_name(identity_get(id, KEY_CLOUD))->audience;
}

char *claims_resource(const struct identity *id)
{
	char **words = identity_get(id, KEY_ALLOW) ? str_words(identity_get(id, KEY_ALLOW)) : NULL;
	char *first = str_dup(words ? words[0] : RESOURCE_AZURE_REPOS);
	free(words);
	return first;
}

bool claims_source(struct ctx *ctx, struct claims *out, struct err *err)
{
	*out = (struct claims){.token = token_new()};
	if (!cmd_identity(ctx, &out->id, &out->named, err))
		return false;
	enum verdict v = plan_source(ctx, &out->id, &out->source, err);
	if (v == PLAN_NOT_OURS) {
		err_set(err, ERR_SOURCE, NULL, "no source of an external token is present here");
		return err_hint(err, "on a laptop: DAYPASS_SOURCE=az, after `az login`; the sources: daypass config keys");
	}
	return v == PLAN_OURS;
}

static bool get(struct ctx *ctx, const char *audience, struct claims *out, struct err *err)
{
	flow_begin(ctx);
	AUTO_STR resource = claims_resource(&out->id);
	const char *wanted = out->source->yields_access_token ? resource : audience ? audience : audience_of(&out->id);
	if (!flow_assertion(ctx, &out->id, out->source, wanted, &out->token, err))
		return false;
	struct err opaque; /* an access token need not be a JWT, and a secret is none */
	bool any = out->source->yields_access_token || out->source->yields_secret;
	return jwt_read(&out->token.value, "the token", &out->jwt, any ? &opaque : err) || any;
}

bool claims_get(struct ctx *ctx, const char *audience, struct claims *out, struct err *err)
{
	return claims_source(ctx, out, err) && get(ctx, audience, out, err);
}

/* Whoever holds it can exchange it for anything. */
static bool may_leave(const struct claims *c, struct err *err)
{
	const char *name = c->source->name;
	if (c->source->yields_access_token)
		return err_set(err, ERR_SOURCE, "for an access token: daypass token", "source %s gives Entra's own access tokens: there is no assertion", name);
	if (c->source->yields_secret)
		return err_set(err, ERR_SOURCE, "for an access token: daypass token", "source %s presents the client's secret: there is no assertion", name);
	if (!identity_get(&c->id, KEY_ALLOW))
		return true;
	err_set(err, ERR_POLICY, NULL, "%s: identity %s has allow, and who holds its assertion could exchange it for anything", identity_origin(&c->id, KEY_ALLOW), c->id.name);
	return err_hint(err, "for an access token: daypass token; or name another identity: --identity NAME");
}

bool claims_assertion(struct ctx *ctx, const char *audience, struct claims *out, struct err *err)
{
	return claims_source(ctx, out, err) && may_leave(out, err) && get(ctx, audience, out, err);
}
