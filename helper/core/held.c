#include "helper/core/held.h"

#include "helper/base/str.h"
#include "helper/core/cache.h"
#include "helper/core/record.h"
#include "helper/core/store_keyring.h"

static const char *const schemas[] = {HELD_GIT_SCHEMA, HELD_DOCKER_SCHEMA};

void held_free(struct held_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		char *const texts[] = {l->rows[i].what, l->rows[i].identity, l->rows[i].tenant, l->rows[i].client_id, l->rows[i].source, l->rows[i].user};
		for (size_t k = 0; k < COUNT_OF(texts); k++)
			free(texts[k]);
	}
	free(l->rows);
	*l = (struct held_list){0};
}

static struct held *add(struct held_list *l)
{
	l->rows = mem_realloc_wipe(l->rows, l->count * sizeof *l->rows, (l->count + 1) * sizeof *l->rows);
	l->rows[l->count] = (struct held){0};
	return &l->rows[l->count++];
}

static struct held *row_of(struct held_list *l, const unsigned char id[STORE_ID])
{
	for (size_t i = 0; i < l->count; i++)
		if (memcmp(l->rows[i].id, id, STORE_ID) == 0)
			return &l->rows[i];
	struct held *h = add(l);
	memcpy(h->id, id, STORE_ID);
	return h;
}

/* The row of a token, which may lie in both tiers. */
static struct held *add_token(struct held_list *l, const unsigned char id[STORE_ID], const struct record *r)
{
	struct held *h = row_of(l, id);
	str_set(&h->what, r->resource);
	str_set(&h->identity, r->identity);
	str_set(&h->tenant, *r->tenant ? r->tenant : NULL);
	str_set(&h->client_id, *r->client_id ? r->client_id : NULL);
	str_set(&h->source, r->source);
	h->expires_at = r->expires_at;
	return h;
}

struct walk {
	const struct ctx *ctx;
	struct held_list *list;
};

static void see_record(void *user, const unsigned char id[STORE_ID], const struct buf *data)
{
	struct walk *w = user;
	struct record r;
	if (record_decode(data, &r) && r.expires_at > w->ctx->clock->wall(w->ctx->clock))
		add_token(w->list, id, &r)->runtime = true;
}

static bool item_id(const struct keyring_item *i, unsigned char id[STORE_ID])
{
	const char *key = keyring_attr_get(i, "key");
	return key && strlen(key) == 2 * STORE_ID && str_from_hex(key, id, STORE_ID);
}

/* The id of an item of ours, and its record. */
static bool item_record(const struct keyring_item *i, unsigned char id[STORE_ID], struct buf *data, struct record *r)
{
	return item_id(i, id) && record_from_text(id, &i->value, data) && record_decode(data, r);
}

static void find_tokens(const struct ctx *ctx, struct held_list *out)
{
	struct keyring_call call;
	cache_keyring_call(&call, KEYRING_FIND, NULL);
	out->keyring = keyring_ask(ctx, &call, NULL);
	for (size_t i = 0; i < call.found.count; i++) {
		struct record r;
		unsigned char id[STORE_ID];
		AUTO_BUF data = buf_new(STORE_RECORD_MAX);
		if (item_record(&call.found.items[i], id, &data, &r) && r.expires_at > ctx->clock->wall(ctx->clock))
			add_token(out, id, &r)->keyring = true;
	}
	keyring_list_free(&call.found);
}

static bool is_ours(const struct keyring_item *i, const void *user UNUSED)
{
	return str_ends(i->label, HELD_LABEL) || keyring_attr_get(i, HELD_DOCKER_MARK);
}

static void describe(const struct keyring_item *i, struct held *h)
{
	bool docker = keyring_attr_get(i, HELD_DOCKER_MARK);
	h->what = docker ? str_printf("Docker: %s", i->label) : str_ndup(i->label, strlen(i->label) - strlen(HELD_LABEL));
	h->user = str_dup(keyring_attr_get(i, docker ? "username" : "user"));
	h->keyring = true;
}

static void find_credentials(const struct ctx *ctx, const char *schema, struct held_list *out)
{
	struct keyring_call call = {.op = KEYRING_FIND, .schema = schema, .no_values = true};
	keyring_ask(ctx, &call, NULL);
	for (size_t i = 0; i < call.found.count; i++) {
		const struct keyring_item *item = &call.found.items[i];
		if (!is_ours(item, NULL))
			continue;
		describe(item, add(out));
	}
	keyring_list_free(&call.found);
}

void held_find(const struct ctx *ctx, struct held_list *out)
{
	struct walk w = {ctx, out};
	*out = (struct held_list){0};
	ctx->store->each(ctx->store, see_record, &w);
	find_tokens(ctx, out);
	for (size_t i = 0; i < COUNT_OF(schemas) && out->keyring == KEYRING_OK; i++)
		find_credentials(ctx, schemas[i], out);
}

/* What is about to be forgotten: ids are gathered first, since a folder is not to be changed while it is read. */
struct victims {
	const char *identity; /* NULL: all */
	unsigned char (*ids)[STORE_ID];
	size_t count, tokens;
};

static void add_victim(struct victims *v, const unsigned char id[STORE_ID], bool token)
{
	v->ids = mem_realloc_wipe(v->ids, v->count * STORE_ID, (v->count + 1) * STORE_ID);
	memcpy(v->ids[v->count++], id, STORE_ID);
	v->tokens += token;
}

static void choose(void *user, const unsigned char id[STORE_ID], const struct buf *data)
{
	struct victims *v = user;
	struct record r;
	bool token = record_decode(data, &r);
	if (!v->identity || (token && str_eq(r.identity, v->identity)))
		add_victim(v, id, token);
}

static bool is_victim(const struct keyring_item *i, const void *user)
{
	const char *identity = user;
	struct record r;
	unsigned char id[STORE_ID];
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	return !identity || (item_record(i, id, &data, &r) && str_eq(r.identity, identity));
}

static bool chosen(const struct victims *v, const unsigned char id[STORE_ID])
{
	for (size_t i = 0; i < v->count; i++)
		if (memcmp(v->ids[i], id, STORE_ID) == 0)
			return true;
	return false;
}

size_t held_clear(const struct ctx *ctx, const char *identity, enum keyring_answer *keyring)
{
	struct keyring_call call;
	struct victims v = {.identity = identity};
	ctx->store->each(ctx->store, choose, &v);
	cache_keyring_call(&call, KEYRING_REMOVE, NULL);
	call.wanted = is_victim;
	call.user = identity;
	*keyring = keyring_ask(ctx, &call, NULL);
	for (size_t i = 0; i < call.found.count; i++) {
		unsigned char id[STORE_ID];
		if (item_id(&call.found.items[i], id) && !chosen(&v, id))
			add_victim(&v, id, true);
	}
	for (size_t i = 0; i < v.count; i++) {
		ctx->store->advance(ctx->store, v.ids[i]);
		ctx->store->erase(ctx->store, v.ids[i], NULL, NULL);
	}
	keyring_list_free(&call.found);
	free(v.ids);
	return v.tokens;
}

static size_t remove_all(const struct ctx *ctx, struct keyring_call *call, enum keyring_answer *keyring)
{
	call->afresh = call->despite_off = true;
	*keyring = keyring_ask(ctx, call, NULL);
	size_t count = call->found.count;
	keyring_list_free(&call->found);
	return count;
}

size_t held_logout(const struct ctx *ctx, bool all, enum keyring_answer *keyring)
{
	struct keyring_call call;
	size_t here = ctx->runtime->clear(ctx->runtime);
	cache_keyring_call(&call, KEYRING_REMOVE, NULL);
	size_t there = remove_all(ctx, &call, keyring);
	for (size_t i = 0; all && i < COUNT_OF(schemas) && *keyring == KEYRING_OK; i++) {
		call = (struct keyring_call){.op = KEYRING_REMOVE, .schema = schemas[i], .wanted = is_ours};
		there += remove_all(ctx, &call, keyring);
	}
	ctx->runtime->clear(ctx->runtime); /* who read it there before may have lifted something up meanwhile */
	return here > there ? here : there;
}
