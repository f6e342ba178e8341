#include "helper/core/subscription.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/answer.h"
#include "helper/core/flow.h"
#include "helper/core/policy.h"
#include "helper/core/record.h"

enum { FOUND_S = 86400, NONE_S = 300, FAILED_S = 60, PATIENCE_MS = 4000, TEXTS = 4, RECORD_MAX = 8192 };

/* What was found out, kept: a head, then TEXTS texts with their NULs: of the subscription, or of the failure. */
enum answer_kind { ANSWER_FOUND, ANSWER_NONE, ANSWER_FAILED };

struct kept_head {
	uint32_t format, kind;
	int64_t boot_at;
};

void subscription_free(struct subscription *s)
{
	free(s->id);
	free(s->name);
	free(s->tenant);
	free(s->state);
	*s = (struct subscription){0};
}

bool subscription_is_arm(const struct cloud *cloud, const char *resource)
{
	return cloud && (resource_same(resource, cloud->resource) || resource_same(resource, cloud->arm));
}

static bool from_setting(const struct ctx *ctx, const struct identity *id, struct subscription *out)
{
	static const char *const peers[] = {"AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"};
	const char *value = identity_get(id, KEY_SUBSCRIPTION);
	for (size_t i = 0; !value && i < COUNT_OF(peers); i++) {
		value = env_get(&ctx->env, peers[i]);
		value = str_is_guid(value) ? value : NULL;
	}
	if (value)
		*out = (struct subscription){.id = str_dup(value), .name = str_dup(value), .state = str_dup("Enabled")};
	return value != NULL;
}

/* --- kept --- */

static void id_of(const struct cache_key *key, unsigned char id[STORE_ID])
{
	struct seal_hash h;
	seal_hash_begin(&h);
	seal_hash_field(&h, RECORD_FORMAT);
	seal_hash_field(&h, "subscription");
	seal_hash_bytes(&h, key->token, STORE_ID);
	seal_hash_end(&h, id);
}

static void keep(const struct ctx *ctx, const unsigned char id[STORE_ID], enum answer_kind kind, const char *const texts[TEXTS], struct store_mark since)
{
	static const int64_t lives[] = {[ANSWER_FOUND] = FOUND_S, [ANSWER_NONE] = NONE_S, [ANSWER_FAILED] = FAILED_S};
	struct kept_head head = {.format = RECORD_SUBSCRIPTION, .kind = kind, .boot_at = ctx->clock->boot(ctx->clock)};
	AUTO_BUF data = buf_new(RECORD_MAX);
	buf_add(&data, &head, sizeof head);
	for (int i = 0; i < TEXTS; i++)
		buf_add(&data, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1);
	if (!data.over)
		ctx->store->put(ctx->store, id, &data, ctx->clock->wall(ctx->clock) + lives[kind], since);
}

/* The head, and where the texts begin; false for anything but a whole record of ours. */
static bool decode(const struct buf *data, struct kept_head *head, const char *texts[TEXTS])
{
	if (data->len < sizeof *head)
		return false;
	memcpy(head, data->p, sizeof *head);
	const char *at = data->p + sizeof *head, *end = data->p + data->len;
	for (int i = 0; i < TEXTS; i++) {
		texts[i] = at;
		const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
		if (!nul)
			return false;
		at = nul + 1;
	}
	return head->format == RECORD_SUBSCRIPTION && head->kind <= ANSWER_FAILED && at == end;
}

static bool still_good(const struct ctx *ctx, const struct kept_head *head)
{
	int64_t age = ctx->clock->boot(ctx->clock) - head->boot_at;
	return age >= 0 && age < (head->kind == ANSWER_FOUND ? FOUND_S : head->kind == ANSWER_NONE ? NONE_S : FAILED_S);
}

/* True where something is kept; *ok then is the answer's own. */
static bool kept(const struct ctx *ctx, const unsigned char id[STORE_ID], struct subscription *out, bool *ok, struct err *err)
{
	struct kept_head head;
	const char *texts[TEXTS];
	AUTO_BUF data = buf_new(RECORD_MAX);
	if (!ctx->store->get(ctx->store, id, &data) || !decode(&data, &head, texts) || !still_good(ctx, &head))
		return false;
	*ok = head.kind != ANSWER_FAILED;
	if (head.kind == ANSWER_FAILED)
		err_set(err, ERR_NETWORK, *texts[1] ? texts[1] : NULL, "%s", texts[0]);
	if (head.kind == ANSWER_FOUND)
		*out = (struct subscription){str_dup(texts[0]), str_dup(texts[1]), str_dup(texts[2]), str_dup(texts[3])};
	return true;
}

/* --- asked --- */

/* The first that is enabled, as az chooses; else the first. NULL: the list is empty, or is none. */
static const struct json *choose(const struct json *list)
{
	const struct json *first = NULL, *s;
	for (int i = 0; (s = json_at(list, i)) != NULL; i++) {
		if (!str_is_guid(json_str(s, "subscriptionId")))
			continue;
		if (str_eq(json_str(s, "state"), "Enabled"))
			return s;
		first = first ? first : s;
	}
	return first;
}

static bool read_answer(const struct http_response *r, const char *arm, struct subscription *out, struct err *err)
{
	AUTO_JSON j = NULL;
	if (!answer_json(r, arm, &j, err))
		return false;
	if (r->status != 200) {
		const char *why = json_str(json_get(j, "error"), "message");
		return err_set(err, ERR_NETWORK, "name it yourself: subscription = GUID in daypass's configuration, or AZURE_SUBSCRIPTION_ID", "%s does not list the subscriptions (HTTP %ld)%s%.300s", arm, r->status,
			       why ? ": " : "", why ? why : "");
	}
	const struct json *s = choose(json_get(j, "value"));
	if (!s)
		return true;
	const char *id = json_str(s, "subscriptionId"), *name = json_str(s, "displayName"), *tenant = json_str(s, "tenantId"), *state = json_str(s, "state");
	*out = (struct subscription){str_dup(id), str_dup(name ? name : id), str_dup(tenant), str_dup(state ? state : "Enabled")};
	return true;
}

static bool ask(struct ctx *ctx, const char *arm, const struct token *token, struct subscription *out, struct err *err)
{
	AUTO_STR url = str_printf("%s/subscriptions?api-version=2022-12-01", arm);
	AUTO_RESPONSE r = http_response_new();
	int64_t soon = ctx->clock->mono_ms(ctx->clock) + PATIENCE_MS;
	struct http_request q = {.method = "GET", .url = url, .bearer_word = "Bearer", .bearer = &token->value, .headers = {"Accept: application/json"},
				 .deadline_ms = soon < ctx->deadline_ms ? soon : ctx->deadline_ms};
	return (ctx->http->perform(ctx->http, &q, &r, err) && read_answer(&r, arm, out, err)) || err_wrap(err, "listing the subscriptions");
}

/* One process at a time asks; the others find what it kept. */
static bool ask_once(struct ctx *ctx, const char *arm, const struct flow_result *t, struct subscription *out, struct err *err)
{
	unsigned char id[STORE_ID];
	bool possible, ok;
	id_of(&t->key, id);
	if (kept(ctx, id, out, &ok, err))
		return ok;
	int lock = ctx->store->lock(ctx->store, LOCK_TOKEN, id, ctx->deadline_ms, &possible);
	if (lock < 0 || !kept(ctx, id, out, &ok, err)) {
		struct store_mark since = ctx->store->mark(ctx->store, id);
		ok = ask(ctx, arm, &t->token, out, err);
		const char *const found[TEXTS] = {out->id, out->name, out->tenant, out->state}, *const failed[TEXTS] = {err->msg, err->hint};
		keep(ctx, id, !ok ? ANSWER_FAILED : out->id ? ANSWER_FOUND : ANSWER_NONE, ok ? found : failed, since);
	}
	ctx->store->unlock(ctx->store, lock);
	return ok;
}

bool subscription_find(struct ctx *ctx, const struct plan *p, struct subscription *out, struct err *err)
{
	*out = (struct subscription){0};
	const struct cloud *cloud = identity_cloud(&p->id);
	if (from_setting(ctx, &p->id, out) || !cloud)
		return true;
	struct err refused;
	AUTO_PLAN own = {0};
	AUTO_RESULT t = {.token = token_new()};
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .resource = str_dup(cloud->resource)};
	bool same = subscription_is_arm(cloud, p->resource);
	if (!same && policy_plan(ctx, &r, &own, &refused) != PLAN_OURS)
		return true;
	return flow_token(ctx, same ? p : &own, &t, err) && ask_once(ctx, cloud->arm, &t, out, err);
}
