#include "helper/core/subscription.h"

#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/answer.h"
#include "helper/core/flow.h"
#include "helper/core/policy.h"
#include "helper/core/record.h"

enum { FOUND_S = 86400, NONE_S = 300, FAILED_S = 60, PATIENCE_MS = 4000, TEXTS = 4, ROWS_MAX = 256 };

/* What was found out, kept: a head, then rows of TEXTS texts with their NULs: of subscriptions, or one of a failure. */
struct kept_head {
	uint32_t format;
	int32_t rows; /* -1: a failure */
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

void subscriptions_free(struct subscriptions *l)
{
	for (int i = 0; i < l->count; i++)
		subscription_free(&l->rows[i]);
	free(l->rows);
	*l = (struct subscriptions){.own = -1};
}

static void add(struct subscriptions *l, const char *const texts[TEXTS])
{
	l->rows = mem_realloc_wipe(l->rows, (size_t)l->count * sizeof *l->rows, ((size_t)l->count + 1) * sizeof *l->rows);
	l->rows[l->count++] = (struct subscription){str_dup(texts[0]), str_dup(texts[1]), str_dup(texts[2]), str_dup(texts[3])};
}

const char *subscription_arm(const struct ctx *ctx)
{
	struct err ignored;
	AUTO_IDENTITY id = {0};
	const struct cloud *cloud = plan_identity(ctx, REQUEST_RESOURCE, NULL, &id, &ignored) ? identity_cloud(&id) : NULL;
	return (cloud ? cloud : cloud_by_name("public"))->resource;
}

bool subscription_is_arm(const struct cloud *cloud, const char *resource)
{
	return cloud && (resource_same(resource, cloud->resource) || resource_same(resource, cloud->arm));
}

static const char *setting(const struct ctx *ctx, const struct identity *id)
{
	static const char *const peers[] = {"AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"};
	const char *value = identity_get(id, KEY_SUBSCRIPTION);
	for (size_t i = 0; !value && i < COUNT_OF(peers); i++) {
		value = env_get(&ctx->env, peers[i]);
		value = str_is_guid(value) ? value : NULL;
	}
	return value;
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

static void keep(const struct ctx *ctx, const unsigned char id[STORE_ID], const struct subscriptions *l, const struct err *err, struct store_mark since)
{
	struct kept_head head = {.format = RECORD_SUBSCRIPTION, .rows = err ? -1 : l->count, .boot_at = ctx->clock->boot(ctx->clock)};
	int64_t life = err ? FAILED_S : l->count ? FOUND_S : NONE_S;
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	buf_add(&data, &head, sizeof head);
	for (int i = 0; i < (err ? 1 : l->count); i++) {
		const struct subscription *s = &l->rows[i];
		const char *const texts[TEXTS] = {err ? err->msg : s->id, err ? err->hint : s->name, err ? NULL : s->tenant, err ? NULL : s->state};
		for (int k = 0; k < TEXTS; k++)
			buf_add(&data, texts[k] ? texts[k] : "", texts[k] ? strlen(texts[k]) + 1 : 1);
	}
	if (!data.over)
		ctx->store->put(ctx->store, id, &data, ctx->clock->wall(ctx->clock) + life, since);
}

/* The next row of texts; false at the end, or where it is no whole row. */
static bool next_row(const char **at, const char *end, const char *texts[TEXTS])
{
	for (int i = 0; i < TEXTS; i++) {
		const char *nul = *at < end ? memchr(*at, 0, (size_t)(end - *at)) : NULL;
		if (!nul)
			return false;
		texts[i] = *at;
		*at = nul + 1;
	}
	return true;
}

static bool still_good(const struct ctx *ctx, const struct kept_head *head)
{
	int64_t age = ctx->clock->boot(ctx->clock) - head->boot_at;
	return head->format == RECORD_SUBSCRIPTION && age >= 0 && age < (head->rows < 0 ? FAILED_S : head->rows ? FOUND_S : NONE_S);
}

/* True where something is kept; *ok then is the answer's own. */
static bool kept(const struct ctx *ctx, const unsigned char id[STORE_ID], struct subscriptions *out, bool *ok, struct err *err)
{
	struct kept_head head;
	const char *texts[TEXTS];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	if (!ctx->store->get(ctx->store, id, &data) || data.len < sizeof head)
		return false;
	memcpy(&head, data.p, sizeof head);
	const char *at = data.p + sizeof head, *end = data.p + data.len;
	if (!still_good(ctx, &head))
		return false;
	*ok = head.rows >= 0;
	if (head.rows < 0)
		return next_row(&at, end, texts) && (err_set(err, ERR_NETWORK, *texts[1] ? texts[1] : NULL, "%s", texts[0]) || true);
	while (next_row(&at, end, texts))
		add(out, texts);
	return at == end && out->count == head.rows;
}

/* --- asked --- */

static bool read_answer(const struct http_response *r, const char *arm, struct subscriptions *out, struct err *err)
{
	AUTO_JSON j = NULL;
	if (!answer_json(r, arm, &j, err))
		return false;
	if (r->status != 200) {
		const char *why = json_str(json_get(j, "error"), "message");
		return err_set(err, ERR_NETWORK, "name it yourself: subscription = GUID in daypass's configuration, or AZURE_SUBSCRIPTION_ID", "%s does not list the subscriptions (HTTP %ld)%s%.300s", arm, r->status,
			       why ? ": " : "", why ? why : "");
	}
	const struct json *list = json_get(j, "value"), *s;
	for (int i = 0; out->count < ROWS_MAX && (s = json_at(list, i)) != NULL; i++) {
		const char *id = json_str(s, "subscriptionId"), *name = json_str(s, "displayName"), *state = json_str(s, "state");
		const char *const texts[TEXTS] = {id, name ? name : id, json_str(s, "tenantId"), state ? state : "Enabled"};
		if (str_is_guid(id))
			add(out, texts);
	}
	return true;
}

static bool ask(struct ctx *ctx, const char *arm, const struct token *token, struct subscriptions *out, struct err *err)
{
	AUTO_STR url = str_printf("%s/subscriptions?api-version=2022-12-01", arm);
	AUTO_RESPONSE r = http_response_new();
	int64_t soon = ctx->clock->mono_ms(ctx->clock) + PATIENCE_MS;
	struct http_request q = {.method = "GET", .url = url, .bearer_word = "Bearer", .bearer = &token->value, .headers = {"Accept: application/json"},
				 .deadline_ms = soon < ctx->deadline_ms ? soon : ctx->deadline_ms};
	return (ctx->http->perform(ctx->http, &q, &r, err) && read_answer(&r, arm, out, err)) || err_wrap(err, "listing the subscriptions");
}

/* What is kept, where it is whole. */
static bool look(const struct ctx *ctx, const unsigned char id[STORE_ID], struct subscriptions *out, bool *ok, struct err *err)
{
	if (kept(ctx, id, out, ok, err))
		return true;
	subscriptions_free(out);
	return false;
}

/* One process at a time asks; the others find what it kept. */
static bool ask_once(struct ctx *ctx, const char *arm, const struct flow_result *t, struct subscriptions *out, struct err *err)
{
	unsigned char id[STORE_ID];
	bool possible, ok;
	id_of(&t->key, id);
	if (look(ctx, id, out, &ok, err))
		return ok;
	int lock = ctx->store->lock(ctx->store, LOCK_TOKEN, id, ctx->deadline_ms, &possible);
	if (lock < 0 || !look(ctx, id, out, &ok, err)) {
		struct store_mark since = ctx->store->mark(ctx->store, id);
		ok = ask(ctx, arm, &t->token, out, err);
		keep(ctx, id, out, ok ? NULL : err, since);
	}
	ctx->store->unlock(ctx->store, lock);
	return ok;
}

/* As Resource Manager has them; none where nobody may ask it. */
static bool list(struct ctx *ctx, const struct plan *p, struct subscriptions *out, struct err *err)
{
	struct err refused;
	AUTO_PLAN own = {0};
	AUTO_RESULT t = {.token = token_new()};
	const struct cloud *cloud = identity_cloud(&p->id);
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .resource = str_dup(cloud ? cloud->resource : NULL)};
	bool same = subscription_is_arm(cloud, p->resource);
	if (!cloud || (!same && policy_plan(ctx, &r, &own, &refused) != PLAN_OURS))
		return true;
	return flow_token(ctx, same ? p : &own, &t, err) && ask_once(ctx, cloud->arm, &t, out, err);
}

/* The one of that id; else the first that is enabled, as az chooses, else the first. */
static int choose(const struct subscriptions *l, const char *id)
{
	for (int i = 0; i < l->count; i++)
		if (id ? str_ieq(l->rows[i].id, id) : str_eq(l->rows[i].state, "Enabled"))
			return i;
	return id || !l->count ? -1 : 0;
}

bool subscription_list(struct ctx *ctx, const struct plan *p, struct subscriptions *out, struct err *err)
{
	*out = (struct subscriptions){0};
	const char *id = setting(ctx, &p->id);
	const char *const texts[TEXTS] = {id, id, NULL, "Enabled"};
	bool ok = list(ctx, p, out, err);
	out->own = choose(out, id);
	if (out->own < 0 && id) {
		out->own = out->count;
		add(out, texts);
	}
	return ok || id;
}

bool subscription_find(struct ctx *ctx, const struct plan *p, struct subscription *out, struct err *err)
{
	*out = (struct subscription){0};
	AUTO_SUBSCRIPTIONS l = {0};
	const char *id = setting(ctx, &p->id);
	if (id)
		*out = (struct subscription){.id = str_dup(id), .name = str_dup(id), .state = str_dup("Enabled")};
	else if (!subscription_list(ctx, p, &l, err))
		return false;
	else if (l.own >= 0) {
		*out = l.rows[l.own];
		l.rows[l.own] = (struct subscription){0};
	}
	return true;
}
