/* Log-ins that docker gave us to keep, in the desktop's keyring; and what is held. Source of the layout:
 * docker-credential-helpers, secretservice/secretservice.c. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/held.h"
#include "helper/core/policy.h"
#include "helper/core/record.h"
#include "helper/core/store_keyring.h"
#include "protocols/docker.h"

enum { KNOWN_S = 3600, ABSENT_S = 60, LIST_MAX = 256 * 1024 };

/* Nobody's own log-in: a registry's token, kept by whoever. */
static bool is_token_user(const char *user)
{
	return str_eq(user, DOCKER_TOKEN_USER) || str_eq(user, DOCKER_GUID_USER);
}

/* Where we have tokens, all spellings of a registry are one; elsewhere a log-in is found again by the client's own. */
static const char *kept_as(const struct request *r, const struct exchange_state *s, const struct plan *p)
{
	return p->registry ? r->host : s->server;
}

static void make_query(struct keyring_call *call, enum keyring_op op, const char *server, const char *user)
{
	*call = (struct keyring_call){.op = op, .schema = HELD_DOCKER_SCHEMA};
	const struct keyring_attr attrs[] = {{"label", "Docker Credentials"}, {"docker_cli", "1"}, {"server", server}, {"username", user}, {HELD_DOCKER_MARK, "daypass"}};
	memcpy(call->attrs, attrs, (user ? COUNT_OF(attrs) : server ? 3 : 2) * sizeof *attrs);
}

/* --- what is known of a registry without asking the keyring: nobody has logged in there --- */

/* On this bus: one over ssh is another than the desktop's. */
static void known_id(const struct ctx *ctx, const char *server, unsigned char id[STORE_ID])
{
	struct seal_hash h;
	seal_hash_begin(&h);
	seal_hash_field(&h, RECORD_FORMAT);
	seal_hash_field(&h, "docker: no log-in");
	seal_hash_field(&h, env_get(&ctx->env, "DBUS_SESSION_BUS_ADDRESS"));
	seal_hash_field(&h, env_get(&ctx->env, "XDG_RUNTIME_DIR"));
	seal_hash_field(&h, server);
	seal_hash_end(&h, id);
}

static bool known_empty(const struct ctx *ctx, const unsigned char id[STORE_ID])
{
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	return ctx->store->get(ctx->store, id, &data);
}

/* since: a log-in that was stored meanwhile wins. */
static void know_empty(const struct ctx *ctx, int64_t seconds, struct store_mark since)
{
	AUTO_BUF data = buf_new(1);
	buf_addc(&data, '-');
	ctx->store->put(ctx->store, since.id, &data, ctx->clock->wall(ctx->clock) + seconds, since);
}

static void unknow(const struct ctx *ctx, const char *server)
{
	unsigned char id[STORE_ID];
	known_id(ctx, server, id);
	ctx->store->advance(ctx->store, id);
	ctx->store->erase(ctx->store, id, NULL, NULL);
}

/* --- log-ins --- */

static const struct keyring_item *newest(const struct keyring_list *l, const struct plan *p)
{
	for (size_t i = 0; i < l->count; i++) {
		const char *user = keyring_attr_get(&l->items[i], "username");
		if (user && !(p->registry && is_token_user(user)))
			return &l->items[i];
	}
	return NULL;
}

/* How long it stands that nobody has logged in. Where there was no keyring to say so, one may come. */
static int64_t stands_for(enum keyring_answer a)
{
	return a == KEYRING_OK ? KNOWN_S : a == KEYRING_NO_BUS || a == KEYRING_ABSENT || a == KEYRING_NO_LIBRARY ? ABSENT_S : 0;
}

bool docker_kept_find(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct buf *out)
{
	unsigned char id[STORE_ID];
	struct keyring_call call;
	const char *server = kept_as(r, s, p);
	bool asks = keyring_allowed(ctx) && keyring_bus_named(&ctx->env); /* else it costs nothing, and tells nothing */
	if (p->registry && !asks)
		return false;
	known_id(ctx, server, id);
	if (p->registry && known_empty(ctx, id))
		return false;
	struct store_mark since = ctx->store->mark(ctx->store, id);
	make_query(&call, KEYRING_FIND, server, NULL);
	enum keyring_answer a = keyring_ask(ctx, &call, NULL);
	const struct keyring_item *i = newest(&call.found, p);
	if (i)
		docker_answer(out, s->server, keyring_attr_get(i, "username"), secret_reveal(&i->value));
	else if (p->registry && stands_for(a))
		know_empty(ctx, stands_for(a), since);
	if (a != KEYRING_OK)
		log_note("keyring: %s; a log-in that was kept for %s cannot be read", keyring_says(a), server);
	keyring_list_free(&call.found);
	return i != NULL;
}

static bool is_older(const struct keyring_item *i, const void *user)
{
	return !str_eq(keyring_attr_get(i, "username"), user) || !keyring_attr_get(i, HELD_DOCKER_MARK);
}

/* One log-in a server: what others kept for it before goes. */
static void remove_older(const struct ctx *ctx, const char *server, const char *user)
{
	struct keyring_call call;
	make_query(&call, KEYRING_REMOVE, server, NULL);
	call.wanted = is_older;
	call.user = user;
	keyring_ask(ctx, &call, NULL);
	keyring_list_free(&call.found);
}

static bool not_kept(enum keyring_answer a, const char *server, struct err *err)
{
	err_set(err, ERR_KEYRING, NULL, "the log-in to %s is not kept: the keyring cannot take it (%s)", server, keyring_says(a));
	const char *advice = keyring_advice(a);
	return err_hint(err, "%s", advice ? advice : "daypass cache status");
}

bool docker_kept_put(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct err *err)
{
	struct keyring_call call;
	const char *server = kept_as(r, s, p);
	if (p->registry && is_token_user(r->user))
		return true; /* the registry's own token, handed back or made by `az acr login`: there is always a fresh one */
	make_query(&call, KEYRING_PUT, server, r->user);
	call.label = server;
	call.value = &s->given;
	enum keyring_answer a = keyring_ask(ctx, &call, NULL);
	keyring_list_free(&call.found);
	if (a != KEYRING_OK)
		return not_kept(a, server, err);
	unknow(ctx, server);
	remove_older(ctx, server, r->user);
	return true;
}

void docker_kept_remove(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p)
{
	unsigned char id[STORE_ID];
	struct keyring_call call;
	const char *server = kept_as(r, s, p);
	known_id(ctx, server, id);
	bool none = p->registry && known_empty(ctx, id); /* but another helper may have kept one since */
	make_query(&call, KEYRING_REMOVE, server, NULL);
	enum keyring_answer a = keyring_ask(ctx, &call, NULL);
	keyring_list_free(&call.found);
	if (keyring_untold(a) && !none)
		log_line("keyring: %s; a log-in that was kept for %s is not forgotten", keyring_says(a), server);
}

/* --- list --- */

struct listing {
	const struct ctx *ctx;
	struct buf *out;
};

static void add_pair(struct buf *out, const char *server, const char *user)
{
	if (out->len > 1)
		buf_addc(out, ',');
	json_quote(out, server);
	buf_addc(out, ':');
	json_quote(out, user);
}

/* What a get for that server would come to. */
static enum verdict plan_for(const struct ctx *ctx, const char *server, struct plan *p)
{
	struct err ignored;
	AUTO_REQUEST r = {.kind = REQUEST_DOCKER, .action = ACTION_GET};
	*p = (struct plan){0};
	return docker_server(server, &r) ? policy_plan(ctx, &r, p, &ignored) : PLAN_NOT_OURS;
}

static void list_login(const struct ctx *ctx, const struct keyring_item *i, struct buf *out)
{
	AUTO_PLAN p = {0};
	const char *server = keyring_attr_get(i, "server"), *user = keyring_attr_get(i, "username");
	if (!server || !user)
		return;
	plan_for(ctx, server, &p);
	if (p.keeps && !(p.registry && is_token_user(user)))
		add_pair(out, server, user);
}

static bool is_listed(const struct buf *out, const char *server)
{
	AUTO_BUF name = buf_new(LIST_MAX);
	json_quote(&name, server);
	buf_addc(&name, ':');
	return strstr(out->p, name.p) != NULL;
}

/* A registry of ours, where this is one. */
static void list_registry(const struct ctx *ctx, const char *server, struct buf *out)
{
	AUTO_PLAN p = {0};
	if (plan_for(ctx, server, &p) == PLAN_OURS && p.registry && !is_listed(out, server))
		add_pair(out, server, p.token_user ? DOCKER_TOKEN_USER : DOCKER_GUID_USER);
}

static void see_record(void *user, const unsigned char id[STORE_ID] UNUSED, const struct buf *data)
{
	struct listing *l = user;
	struct record r;
	if (record_decode(data, &r) && url_host_ok(r.resource) && r.expires_at > l->ctx->clock->wall(l->ctx->clock))
		list_registry(l->ctx, r.resource, l->out);
}

/* Those that the configuration names: some clients (regctl, docker's old builder) ask for no other than is listed. */
static void list_named(const struct ctx *ctx, struct buf *out)
{
	for (size_t i = 0; i < ctx->config->count; i++)
		if (ctx->config->sections[i].kind == SECTION_MATCH && url_host_ok(ctx->config->sections[i].name))
			list_registry(ctx, ctx->config->sections[i].name, out);
}

static void list_fallback(const struct ctx *ctx, struct buf *out)
{
	AUTO_BUF theirs = buf_new(LIST_MAX);
	if (!docker_fallback_list(ctx, &theirs))
		return;
	AUTO_JSON j = json_parse(theirs.p, theirs.len);
	for (int i = 0; json_name(j, i); i++) {
		const char *server = json_name(j, i), *user = json_str(j, server);
		AUTO_PLAN p = {0};
		if (user && plan_for(ctx, server, &p) == PLAN_NOT_OURS && !p.keeps && !is_listed(out, server))
			add_pair(out, server, user);
	}
}

void docker_list(const struct ctx *ctx, struct buf *out)
{
	struct keyring_call call;
	struct listing l = {ctx, out};
	buf_addc(out, '{');
	make_query(&call, KEYRING_FIND, NULL, NULL);
	call.no_values = true;
	keyring_ask(ctx, &call, NULL);
	for (size_t i = 0; i < call.found.count; i++)
		list_login(ctx, &call.found.items[i], out);
	keyring_list_free(&call.found);
	ctx->store->each(ctx->store, see_record, &l);
	list_named(ctx, out);
	list_fallback(ctx, out);
	buf_adds(out, "}\n");
}
