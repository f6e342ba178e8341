/* daypass cache list | clear | status: what is held, where, and what is wrong with these places. Never a token. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/held.h"
#include "helper/core/plan.h"
#include "helper/core/store_keyring.h"

enum { OUT_MAX = 1024 * 1024, COLUMNS = 4 };

/* --- list --- */

struct table_row {
	char *cell[COLUMNS];
};

static struct table_row cells(const struct ctx *ctx, const struct held *h)
{
	char span[32] = "-";
	int64_t left = h->expires_at - ctx->clock->wall(ctx->clock);
	if (h->expires_at)
		clock_span(span, left > 0 ? left : 0);
	const char *tiers = h->runtime && h->keyring ? "runtime, keyring" : h->runtime ? "runtime" : "keyring";
	return (struct table_row){{str_dup(h->identity ? resource_name(h->what) : h->what),
				   h->identity ? str_dup(h->identity) : str_printf("user %s", h->user ? h->user : "-"), str_dup(span), str_dup(tiers)}};
}

/* The last column is as wide as it is. */
static void print_row(struct buf *out, const struct table_row *r, const size_t width[COLUMNS])
{
	for (int c = 0; c < COLUMNS - 1; c++)
		buf_addf(out, "%-*s  ", (int)width[c], r->cell[c]);
	buf_addf(out, "%s\n", r->cell[COLUMNS - 1]);
}

static void print_table(const struct ctx *ctx, const struct held_list *l, struct buf *out)
{
	size_t count = l->count + 1, width[COLUMNS] = {0};
	struct table_row *rows = mem_alloc(count * sizeof *rows);
	rows[0] = (struct table_row){{str_dup("FOR"), str_dup("IDENTITY"), str_dup("EXPIRES IN"), str_dup("KEPT IN")}};
	for (size_t i = 1; i < count; i++)
		rows[i] = cells(ctx, &l->rows[i - 1]);
	for (size_t i = 0; i < count; i++) {
		for (int c = 0; c < COLUMNS; c++) {
			err_clean(rows[i].cell[c]);
			size_t n = strlen(rows[i].cell[c]);
			width[c] = n > width[c] ? n : width[c];
		}
	}
	for (size_t i = 0; i < count; i++) {
		print_row(out, &rows[i], width);
		for (int c = 0; c < COLUMNS; c++)
			free(rows[i].cell[c]);
	}
	free(rows);
}

static void row_json(const struct ctx *ctx, const struct held *h, struct buf *out)
{
	buf_addc(out, '{');
	json_pair(out, "kind", h->identity ? "token" : "credential", false);
	json_pair(out, h->identity ? "resource" : "label", h->what, false);
	if (h->identity) {
		json_pair(out, "identity", h->identity, false);
		json_pair(out, "tenant", h->tenant, false);
		json_pair(out, "client_id", h->client_id, false);
		json_pair(out, "source", h->source, false);
		buf_addf(out, "\"expires_at\": %lld, \"expires_in\": %lld, ", (long long)h->expires_at, (long long)(h->expires_at - ctx->clock->wall(ctx->clock)));
	} else {
		json_pair(out, "user", h->user, false);
	}
	buf_addf(out, "\"tiers\": [%s%s%s]}", h->runtime ? "\"runtime\"" : "", h->runtime && h->keyring ? ", " : "", h->keyring ? "\"keyring\"" : "");
}

static int list(struct ctx *ctx, bool json)
{
	AUTO_HELD l;
	AUTO_BUF out = buf_new(OUT_MAX);
	held_find(ctx, &l);
	if (json)
		buf_addc(&out, '[');
	for (size_t i = 0; json && i < l.count; i++) {
		buf_adds(&out, i ? ",\n " : "");
		row_json(ctx, &l.rows[i], &out);
	}
	if (json)
		buf_adds(&out, "]\n");
	else if (l.count)
		print_table(ctx, &l, &out);
	else
		buf_adds(&out, "nothing is held\n");
	return cmd_print(ctx, &out);
}

/* --- clear --- */

static int clear(struct ctx *ctx, bool json)
{
	enum keyring_answer keyring;
	AUTO_BUF out = buf_new(OUT_MAX);
	size_t n = held_clear(ctx, ctx->identity, &keyring);
	if (json)
		buf_addf(&out, "{\"forgotten\": %zu}\n", n);
	else
		buf_addf(&out, "%zu token%s forgotten%s%s\n", n, n == 1 ? "" : "s", ctx->identity ? " of identity " : "", ctx->identity ? ctx->identity : "");
	int status = cmd_print(ctx, &out);
	return status ? status : cmd_keyring(keyring);
}

/* --- status --- */

/* One tier, in words. */
struct view {
	const char *state, *path, *provider, *why, *next;
};

static struct view view_runtime(const struct store_state *s)
{
	struct view v = {.state = s->none ? "off" : !s->path ? "none" : s->sealed ? "sealed" : "plain", .path = s->path};
	if (s->none) {
		v.why = "cache = none: each request exchanges anew";
	} else if (!s->path) {
		v.why = "no folder on tmpfs is ours, so nothing is kept";
		v.next = "set XDG_RUNTIME_DIR to a folder of yours on tmpfs, with mode 0700";
	} else if (s->kernel == KEYCTL_FULL) {
		v.why = "the quota of the kernel keyring is used up (see /proc/key-users; rootless containers take much of it)";
		v.next = "raise it: sysctl kernel.keys.maxbytes";
	} else if (!s->sealed) {
		v.why = "there is no kernel keyring for us (a container's filter refuses it)";
	}
	return v;
}

static struct view view_keyring(const struct ctx *ctx, enum keyring_answer a, const char *provider)
{
	static const char *const words[] = {"open", "off", "no-bus", "absent", "locked", "hung", "broken", "no-library"};
	struct view v = {.state = words[a], .provider = *provider ? provider : NULL, .why = keyring_says(a), .next = keyring_advice(a)};
	if (str_eq(v.why, v.state))
		v.why = NULL;
	if (a == KEYRING_OFF)
		v.why = str_eq(config_global(ctx->config, KEY_KEYRING), "off") ? "keyring = off" : "not used in a CI job";
	return v;
}

static void view_text(struct buf *out, const char *name, const struct view *v)
{
	buf_addf(out, "%s  %s%s%s", name, v->state, v->path ? ", in " : "", v->path ? v->path : "");
	if (v->provider)
		buf_addf(out, " (%s)", v->provider);
	buf_addf(out, "%s%s\n", v->why ? ": " : "", v->why ? v->why : "");
	if (v->next)
		buf_addf(out, "         next: %s\n", v->next);
}

static void view_json(struct buf *out, const char *name, const struct view *v)
{
	buf_addf(out, "\"%s\": {", name);
	json_pair(out, "state", v->state, false);
	json_pair(out, "path", v->path, false);
	json_pair(out, "provider", v->provider, false);
	json_pair(out, "why", v->why, false);
	json_pair(out, "next", v->next, true);
	buf_addc(out, '}');
}

static int status(struct ctx *ctx, bool json)
{
	char provider[64];
	AUTO_BUF out = buf_new(OUT_MAX);
	struct store_state s = ctx->store->state(ctx->store);
	struct view runtime = view_runtime(&s);
	enum keyring_answer a = keyring_look(ctx, provider, sizeof provider);
	struct view keyring = view_keyring(ctx, a, provider);
	if (json) {
		buf_addc(&out, '{');
		view_json(&out, "runtime", &runtime);
		buf_adds(&out, ", ");
		view_json(&out, "keyring", &keyring);
		buf_adds(&out, "}\n");
	} else {
		view_text(&out, "runtime", &runtime);
		view_text(&out, "keyring", &keyring);
	}
	return cmd_print(ctx, &out);
}

static int cache(struct ctx *ctx, int argc, char *const *argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ctx *, bool json);
	} words[] = {{"list", list}, {"clear", clear}, {"status", status}};
	bool json = argc == 2 && str_eq(argv[1], "--json");
	if (argc < 1 || argc > (json ? 2 : 1))
		return cmd_usage(&command_cache, argc > 1 ? argv[1] : NULL);
	if (ctx->config->broken)
		return cmd_fail(&ctx->config->err);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (str_eq(words[i].name, argv[0]))
			return words[i].run(ctx, json);
	return cmd_usage(&command_cache, argv[0]);
}

const struct command command_cache = {"cache", "cache list | clear | status [--json]", "what is held and where, never a token; forget it; what is wrong with these places", cache};
