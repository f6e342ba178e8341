/* daypass whoami: the external token of this place, who Entra says we are, and which settings led there. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/claims.h"
#include "helper/cmd/cmd.h"
#include "helper/core/flow.h"
#include "helper/core/plan.h"

/* What Entra made of it; tried only where tenant and client id are known. */
struct verified {
	bool tried, ok;
	struct jwt jwt;
	int64_t expires_at;
	struct err err;
};

static void ask_entra(struct ctx *ctx, const struct claims *c, struct verified *v)
{
	struct request r = {.kind = REQUEST_RESOURCE, .resource = claims_resource(&c->id)};
	AUTO_PLAN p = {0};
	AUTO_RESULT t = {.token = token_new()};
	struct err opaque;
	v->tried = c->named;
	v->ok = c->named && plan_without_match(ctx, &r, r.resource, &p, &v->err) == PLAN_OURS && flow_token(ctx, &p, &t, &v->err);
	if (v->ok) {
		jwt_read(&t.token.value, "the access token", &v->jwt, &opaque);
		v->expires_at = t.token.expires_at;
	}
	request_free(&r);
}

static void line(struct buf *out, const char *label, const char *value)
{
	if (value)
		buf_addf(out, "  %-10s %s\n", label, value);
}

static void times(const struct ctx *ctx, struct buf *out, const char *label, int64_t exp)
{
	int64_t left = exp - ctx->clock->wall(ctx->clock);
	char when[24], span[32];
	clock_text(when, exp);
	clock_span(span, left < 0 ? -left : left);
	if (exp)
		buf_addf(out, "  %-10s %s (%s %s)\n", label, when, left < 0 ? "ended before" : "good for", span);
}

static void text_token(const struct ctx *ctx, const struct claims *c, struct buf *out)
{
	buf_addf(out, "%s, from source %s (%s)\n", c->source->own_credential ? "the client's own credential" : "external token", c->source->name, identity_origin(&c->id, KEY_SOURCE));
	line(out, "issuer", c->jwt.iss);
	line(out, "subject", c->jwt.sub);
	line(out, "audience", c->jwt.aud);
	if (c->jwt.aud_count > 1)
		line(out, "", "and others: Entra wants exactly one");
	times(ctx, out, "lifetime", c->jwt.exp);
}

static void text_identity(const struct claims *c, struct buf *out)
{
	static const enum key keys[] = {KEY_TENANT, KEY_CLIENT_ID, KEY_CLOUD, KEY_AUTHORITY, KEY_AUDIENCE, KEY_VIA};
	buf_addf(out, "identity %s (%s)\n", c->id.name, c->id.origin);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (identity_get(&c->id, keys[i]) && c->id.set[keys[i]].value)
			buf_addf(out, "  %-10s %s (%s)\n", config_keys[keys[i]].name, identity_get(&c->id, keys[i]), identity_origin(&c->id, keys[i]));
}

static void text_entra(const struct ctx *ctx, const struct claims *c, const struct verified *v, struct buf *out)
{
	if (!v->tried) {
		buf_adds(out, "Entra was not asked: set tenant and client id (AZURE_TENANT_ID, AZURE_CLIENT_ID)\nbefore that, make the trust: daypass fic print\n");
		return;
	}
	if (!v->ok)
		return;
	if (c->source->yields_access_token)
		buf_addf(out, "Entra said to %s: you are\n", c->source->name);
	else
		buf_adds(out, "Entra accepts it: you are\n");
	line(out, "app", v->jwt.appid);
	line(out, "object", v->jwt.oid);
	line(out, "tenant", v->jwt.tid);
	times(ctx, out, "lifetime", v->expires_at);
}

static void json_out(const struct claims *c, struct verified *v, struct buf *out)
{
	buf_adds(out, "{\"source\": {");
	json_pair(out, "name", c->source->name, false);
	json_pair(out, "origin", identity_origin(&c->id, KEY_SOURCE), true);
	buf_adds(out, "}, \"external\": {");
	json_pair(out, "iss", c->jwt.iss, false);
	json_pair(out, "sub", c->jwt.sub, false);
	json_pair(out, "aud", c->jwt.aud, false);
	buf_addf(out, "\"exp\": %lld}, \"identity\": {", (long long)c->jwt.exp);
	json_pair(out, "name", c->id.name, false);
	json_pair(out, "origin", c->id.origin, false);
	json_pair(out, "tenant", identity_get(&c->id, KEY_TENANT), false);
	json_pair(out, "client_id", identity_get(&c->id, KEY_CLIENT_ID), true);
	buf_adds(out, "}, \"entra\": ");
	if (v->ok) {
		buf_adds(out, "{\"accepted\": true, ");
		json_pair(out, "appid", v->jwt.appid, false);
		json_pair(out, "oid", v->jwt.oid, false);
		json_pair(out, "tid", v->jwt.tid, false);
		buf_addf(out, "\"expires_at\": %lld}", (long long)v->expires_at);
	} else if (v->tried) {
		log_mask(v->err.msg); /* stderr is masked as it is written; this goes to stdout */
		buf_adds(out, "{\"accepted\": false, ");
		json_pair(out, "error", v->err.msg, false);
		json_pair(out, "detail", v->err.detail, false);
		json_pair(out, "hint", v->err.hint, true);
		buf_addc(out, '}');
	} else {
		buf_adds(out, "null");
	}
	buf_adds(out, "}\n");
}

static int whoami(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	struct verified v = {.err = ERR_INIT};
	AUTO_CLAIMS c = {0};
	AUTO_BUF out = buf_new(64 * 1024);
	bool json = argc == 1 && str_eq(argv[0], "--json");
	if (argc > (json ? 1 : 0))
		return cmd_usage(&command_whoami, argv[0]);
	if (!claims_get(ctx, NULL, &c, &err))
		return cmd_fail(&err);
	ask_entra(ctx, &c, &v);
	if (json) {
		json_out(&c, &v, &out);
	} else {
		text_token(ctx, &c, &out);
		text_identity(&c, &out);
		text_entra(ctx, &c, &v, &out);
	}
	jwt_free(&v.jwt);
	int status = cmd_print(ctx, &out);
	return v.tried && !v.ok ? cmd_fail(&v.err) : status;
}

const struct command command_whoami = {"whoami", "whoami [--json]", "who this place is to Entra, and what led there", whoami};
