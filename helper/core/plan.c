#include "helper/core/plan.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/ctx.h"

void plan_free(struct plan *p)
{
	identity_free(&p->id);
	free(p->resource);
	free(p->scope);
	free(p->claims);
	free(p->authority);
	free(p->audience);
	free(p->organization);
	free(p->registry);
	free(p->why);
	*p = (struct plan){0};
}

static const char *asked_name(const struct ctx *ctx)
{
	return ctx->identity ? ctx->identity : env_get(&ctx->env, config_keys[KEY_IDENTITY].env);
}

bool plan_no_such_identity(const char *name, const char *origin, struct err *err)
{
	err_set(err, ERR_CONFIG, NULL, "%s: there is no [identity %s]", origin, name);
	return err_hint(err, "add the section, or correct the name: daypass config check");
}

bool plan_identity(const struct ctx *ctx, enum request_kind kind, const char *name, struct identity *out, struct err *err)
{
	const char *asked = asked_name(ctx);
	const char *wanted = asked ? asked : name ? name : "default";
	if (identity_named(ctx, wanted, out, err))
		return true;
	if (err->kind)
		return false;
	if (asked)
		return plan_no_such_identity(asked, ctx->identity ? "--identity" : config_keys[KEY_IDENTITY].env, err);
	if (name)
		return false;
	return identity_from_env(ctx, kind == REQUEST_GIT ? identity_gcm : NULL, out, err);
}

static bool broken(const struct source *s, struct err *err)
{
	if (!err->kind)
		err_set(err, ERR_SOURCE, NULL, "source %s is not complete", s->name);
	return err_wrap(err, "source %s", s->name);
}

static enum verdict source_auto(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err)
{
	for (int pass = AUTO_JOB; pass <= AUTO_AMBIENT; pass++) {
		for (const struct source *const *s = ctx->sources; *s; s++) {
			if ((int)(*s)->automatic != pass)
				continue;
			*err = ERR_INIT;
			enum source_state state = (*s)->detect(ctx, id, err);
			log_trace("source %s: %s", (*s)->name, state == SOURCE_PRESENT ? "present" : err->msg);
			if (state == SOURCE_ABSENT)
				continue;
			*out = *s;
			if (state == SOURCE_PRESENT)
				return PLAN_OURS;
			broken(*s, err);
			return PLAN_FAIL;
		}
	}
	*err = ERR_INIT;
	return PLAN_NOT_OURS;
}

/* Is there anything at all that an identity from the environment could use? */
static bool any_source(const struct ctx *ctx)
{
	struct identity nobody = {0};
	struct err ignored;
	const struct source *s;
	return env_get(&ctx->env, config_keys[KEY_SOURCE].env) || source_auto(ctx, &nobody, &s, &ignored) != PLAN_NOT_OURS;
}

enum verdict plan_source(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err)
{
	const char *name = identity_get(id, KEY_SOURCE);
	*err = ERR_INIT;
	if (str_eq(name, "auto"))
		return source_auto(ctx, id, out, err);
	const struct source *s = source_by_name(ctx->sources, name);
	if (!s) {
		source_unknown(ctx->sources, name, identity_origin(id, KEY_SOURCE), err);
		return PLAN_FAIL;
	}
	*out = s;
	if (s->detect(ctx, id, err) == SOURCE_PRESENT)
		return PLAN_OURS;
	broken(s, err);
	return PLAN_FAIL;
}

static void note_secret_ignored(const struct ctx *ctx, const struct source *s)
{
	if (!env_get(&ctx->env, "AZURE_CLIENT_SECRET") || s->yields_secret)
		return;
	if (s->yields_access_token || s->own_credential)
		log_note("AZURE_CLIENT_SECRET is set and not used: source %s goes first", s->name);
	else
		log_note("AZURE_CLIENT_SECRET is set and not used: a federated source is present");
}

enum verdict plan_not_ours(struct plan *p, const char *why)
{
	str_set(&p->why, why);
	return PLAN_NOT_OURS;
}

static void explain(struct plan *p, const char *because)
{
	p->why = str_printf("identity %s (%s), source %s (%s), because %s", p->id.name, p->id.origin, p->source->name, identity_origin(&p->id, KEY_SOURCE), because);
	log_trace("plan: %s", p->why);
}

static enum verdict no_source(struct plan *p, struct err *err)
{
	if (p->id.from_env) /* a stray AZURE_TENANT_ID and AZURE_CLIENT_ID on a laptop name nobody */
		return plan_not_ours(p, "the environment names an identity, but there is no source of an external token");
	err_set(err, ERR_SOURCE, NULL, "identity %s (%s): no source of an external token is present here", p->id.name, p->id.origin);
	err_hint(err, "on a laptop: source = az, after `az login`; elsewhere: daypass whoami");
	return PLAN_FAIL;
}

enum verdict plan_complete(const struct ctx *ctx, const char *resource, const char *because, struct plan *p, struct err *err)
{
	enum verdict v = plan_source(ctx, &p->id, &p->source, err);
	if (v == PLAN_NOT_OURS)
		return no_source(p, err);
	if (v != PLAN_OURS)
		return v;
	note_secret_ignored(ctx, p->source);
	p->resource = str_dup(resource);
	p->scope = str_printf("%s/.default", resource);
	if (!p->source->yields_access_token && !identity_authority(&p->id, &p->authority, &p->audience, err))
		return PLAN_FAIL;
	explain(p, because);
	return PLAN_OURS;
}

/* The identity, with the tenant over it that a request for a resource names. */
static bool identity_for(const struct ctx *ctx, const struct request *r, const char *name, struct identity *out, struct err *err)
{
	return plan_identity(ctx, r->kind, name, out, err) && (!r->tenant || config_set(out->set, KEY_TENANT, r->tenant, "the tenant asked for", err));
}

static enum verdict unclear(const struct request *r, struct err *err)
{
	err_set(err, ERR_POLICY, "daypass configure git", "git did not say which repository of %s it means, and several identities are configured for that host", r->host);
	return PLAN_UNCLEAR;
}

enum verdict plan_by_match(const struct ctx *ctx, const struct match *m, const struct request *r, const char *resource,
			     struct plan *p, struct err *err)
{
	if (m->result == MATCH_NONE)
		return plan_not_ours(p, r->kind == REQUEST_GIT ? "there are [match] sections for git, and none covers it" : "there are [match] sections for registries, and none covers it");
	if (m->result == MATCH_UNCLEAR)
		return unclear(r, err);
	const struct section *s = m->section;
	const char *name = s->set[KEY_IDENTITY].value ? s->set[KEY_IDENTITY].value : config_keys[KEY_IDENTITY].def;
	const char *soft = env_get(&ctx->env, config_keys[KEY_ON_FAILURE].env);
	p->named = true;
	p->exact = m->literal;
	p->soft = str_eq(soft ? soft : s->set[KEY_ON_FAILURE].value, "soft");
	if (!identity_for(ctx, r, name, &p->id, err)) {
		if (!err->kind)
			plan_no_such_identity(name, s->set[KEY_IDENTITY].origin ? s->set[KEY_IDENTITY].origin : s->origin, err);
		return PLAN_FAIL;
	}
	AUTO_STR because = str_printf("[match %s] (%s) covers it", s->name, s->origin);
	const char *other = s->set[KEY_REGISTRY_AUDIENCE].value;
	return plan_complete(ctx, other && r->kind == REQUEST_DOCKER ? other : resource, because, p, err);
}

enum verdict plan_without_match(const struct ctx *ctx, const struct request *r, const char *resource, struct plan *p, struct err *err)
{
	if (!identity_for(ctx, r, NULL, &p->id, err)) {
		if (err->kind && (!p->id.from_env || any_source(ctx)))
			return PLAN_FAIL;
		*err = ERR_INIT; /* stray variables of others, however wrong, name nobody */
		return plan_not_ours(p, "neither a configuration nor the environment names an identity");
	}
	return plan_complete(ctx, resource, r->host ? "no [match] is about such hosts and this one is known" : "it was asked for", p, err);
}
