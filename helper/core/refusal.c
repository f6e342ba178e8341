#include "helper/core/refusal.h"

#include "helper/base/seal.h"
#include "helper/core/jwt.h"
#include "helper/core/record.h"

enum { KEEP_S = 86400, AUDIENCES = 8, CLAIM_MAX = 2048 };

/* Part of the record's name: another layout has another. */
#define KIND "last refusal 1"

/* What a credential is compared with, and what tells GitHub's two forms of a subject apart. */
static const char *const kept[] = {"iss", "sub", "job_workflow_ref", "repository", "repository_id", "repository_owner_id"};

static void record_id(unsigned char id[STORE_ID])
{
	struct seal_hash h;
	seal_hash_begin(&h);
	seal_hash_field(&h, RECORD_FORMAT);
	seal_hash_field(&h, KIND);
	seal_hash_end(&h, id);
}

static bool fits(const char *text)
{
	return text && strlen(text) <= CLAIM_MAX;
}

static void add_claims(const struct json *claims, struct buf *out)
{
	const struct json *aud = json_get(claims, "aud");
	const char *one = json_raw_text(aud);
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const char *value = json_raw_text(json_get(claims, kept[i]));
		if (fits(value))
			json_pair(out, kept[i], value, false);
	}
	buf_adds(out, "\"aud\": [");
	if (fits(one))
		json_quote(out, one);
	for (int i = 0; i < AUDIENCES && json_at(aud, i); i++) {
		const char *value = json_raw_text(json_at(aud, i));
		buf_adds(out, i ? ", " : "");
		json_quote(out, fits(value) ? value : "");
	}
	buf_addc(out, ']');
}

void refusal_keep(const struct ctx *ctx, const struct plan *p, const struct token *assertion, const struct exchange_failure *f)
{
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	int64_t now = ctx->clock->wall(ctx->clock);
	if (!f->code)
		return;
	AUTO_JSON claims = p->source->yields_secret ? NULL : jwt_claims(&assertion->value);
	buf_addf(&data, "{\"code\": %lld, \"at\": %lld, ", (long long)f->code, (long long)now);
	json_pair(&data, "correlation", f->correlation, false);
	json_pair(&data, "identity", p->id.name, false);
	json_pair(&data, "client", identity_get(&p->id, KEY_CLIENT_ID), false);
	json_pair(&data, "tenant", identity_get(&p->id, KEY_TENANT), false);
	json_pair(&data, "authority", p->authority, false);
	json_pair(&data, "source", p->source->name, false);
	buf_adds(&data, "\"claims\": {");
	if (claims)
		add_claims(claims, &data);
	buf_adds(&data, "}}");
	record_id(id);
	if (!data.over)
		ctx->store->put(ctx->store, id, &data, now + KEEP_S, ctx->store->mark(ctx->store, id));
}

struct json *refusal_last(const struct ctx *ctx)
{
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	record_id(id);
	return ctx->store->get(ctx->store, id, &data) ? json_parse(data.p, data.len) : NULL;
}
