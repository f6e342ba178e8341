#include "helper/core/grant.h"

#include "helper/base/str.h"
#include "helper/core/jwt.h"
#include "helper/core/token_text.h"

struct grant grant_new(void)
{
	return (struct grant){.result = {.token = token_new()}};
}

void grant_free(struct grant *g)
{
	plan_free(&g->plan);
	flow_result_free(&g->result);
	free(g->tenant);
	g->tenant = NULL;
}

void grant_begin(struct ctx *ctx, int64_t limit_ms)
{
	flow_begin(ctx);
	int64_t end = ctx->clock->mono_ms(ctx->clock) + limit_ms;
	if (limit_ms && end < ctx->deadline_ms)
		ctx->deadline_ms = end;
}

static char *tenant_in(const struct token *t)
{
	AUTO_JWT jwt = {0};
	struct err opaque;
	return t && jwt_read(&t->value, "the access token", &jwt, &opaque) ? str_dup(jwt.tid) : NULL;
}

char *grant_tenant(const struct plan *p, const struct token *t)
{
	const char *set = identity_get(&p->id, KEY_TENANT);
	char *own = str_is_guid(set) ? NULL : tenant_in(t); /* a parser only where a domain was configured, or nothing */
	return own ? own : str_dup(set);
}

/* Managed identities have one tenant, and say nothing where another is asked for. */
static bool of_that_tenant(const struct request *r, const struct grant *g, struct err *err)
{
	AUTO_STR is = r->tenant && g->plan.source->yields_access_token ? tenant_in(&g->result.token) : NULL;
	if (!is || !str_is_guid(r->tenant) || str_ieq(is, r->tenant))
		return true;
	return err_set(err, ERR_POLICY, "ask without a tenant, or name another identity: --identity NAME", "source %s gives tokens of tenant %s, and one of %s was asked for", g->plan.source->name, is, r->tenant);
}

enum verdict grant_get(struct ctx *ctx, const struct request *r, int64_t limit_ms, struct grant *g, struct err *err)
{
	enum verdict v = policy_plan(ctx, r, &g->plan, err);
	if (v != PLAN_OURS)
		return v;
	grant_begin(ctx, limit_ms);
	if (!flow_token(ctx, &g->plan, &g->result, err) || !of_that_tenant(r, g, err) || !token_text_ok(&g->result.token, err))
		return PLAN_FAIL;
	g->tenant = grant_tenant(&g->plan, &g->result.token);
	return PLAN_OURS;
}
