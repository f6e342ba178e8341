/* daypass config check [URL] | keys: which identity serves a URL and why; what can be set. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/cmd.h"
#include "helper/core/plan.h"

static int keys(struct ctx *ctx)
{
	static const char *const sections[] = {"[daypass]", "[identity NAME]", "[match PATTERN]"};
	AUTO_BUF out = buf_new(32 * 1024);
	for (int s = 0; s < (int)COUNT_OF(sections); s++) {
		buf_addf(&out, "%s%s\n", s ? "\n" : "", sections[s]);
		for (int k = 0; k < KEY_COUNT; k++) {
			const struct key_row *row = &config_keys[k];
			if ((int)row->section != s)
				continue;
			buf_addf(&out, "  %-18s  %s\n", row->name, row->help);
			if (*row->def || *row->env)
				buf_addf(&out, "  %-18s  %s%s%s%s\n", "", *row->def ? "default: " : "", row->def, *row->def && *row->env ? "; " : "", row->env);
		}
	}
	buf_adds(&out, "\nSources:\n");
	for (const struct source *const *s = ctx->sources; *s; s++)
		buf_addf(&out, "  %-18s  %s\n", (*s)->name, (*s)->summary);
	return cmd_print(ctx, &out);
}

static void show_files(const struct ctx *ctx, struct buf *out)
{
	bool any = false;
	for (int i = 0; i < 2; i++) {
		if (!ctx->config->files[i])
			continue;
		buf_addf(out, "read %s\n", ctx->config->files[i]);
		any = true;
	}
	if (!any)
		buf_adds(out, "no configuration file: what the environment says counts\n");
}

/* https://USER@HOST/PATH as git would ask for it with useHttpPath set. */
static bool request_of(const char *text, struct request *r, struct err *err)
{
	AUTO_URL u = {0};
	AUTO_BUF path = buf_new(4096);
	if (!url_parse(text, &u) || !url_decode(&path, u.path))
		return err_set(err, ERR_USAGE, "daypass config check https://dev.azure.com/ORG/PROJECT/_git/REPO", "'%s' is not a URL", text);
	*r = (struct request){.kind = REQUEST_GIT, .action = ACTION_GET, .scheme = str_dup(u.scheme), .host = str_dup(u.host), .path = str_dup(path.p), .user = str_dup(u.user)};
	r->port = u.port == url_own_port(u.scheme) ? 0 : u.port;
	return true;
}

static int check_url(struct ctx *ctx, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;
	AUTO_REQUEST r = {0};
	AUTO_PLAN p = {0};
	if (!request_of(text, &r, &err))
		return cmd_fail(&err);
	enum verdict v = plan_make(ctx, &r, &p, &err);
	if (v == PLAN_FAIL || v == PLAN_UNCLEAR)
		return cmd_fail(&err);
	if (!p.keeps && !request_is_plain_https(&r)) {
		err_set(&err, ERR_POLICY, NULL, "%s: not answered for: only https on port 443 is", text);
		return cmd_fail(&err);
	}
	if (p.keeps)
		buf_addf(out, "%s\n  what git gives for it is kept in the keyring and goes first: store = keyring\n", text);
	if (v == PLAN_NOT_OURS && p.keeps)
		return cmd_print(ctx, out);
	if (v == PLAN_NOT_OURS) {
		buf_addf(out, "%s: not answered for, so git asks its next helper or you\n  because %s\n", text, p.why);
		cmd_print(ctx, out);
		return ERR_POLICY;
	}
	buf_addf(out, "%s\n  served by %s\n", text, p.why);
	if (p.authority)
		buf_addf(out, "  tenant %s, client %s, at %s\n  audience %s\n", identity_get(&p.id, KEY_TENANT), identity_get(&p.id, KEY_CLIENT_ID), p.authority, p.audience);
	return cmd_print(ctx, out);
}

/* A git pattern for a host that no token goes to. */
static bool is_dead(const struct section *s)
{
	const char *rest = strstr(s->name, "://");
	if (!rest || config_keeps_only(s))
		return false;
	AUTO_STR host = str_ndup(rest + 3, strcspn(rest + 3, "/:"));
	str_lower(host);
	return !plan_pattern_serves(REQUEST_GIT, host);
}

static int config(struct ctx *ctx, int argc, char *const *argv)
{
	AUTO_BUF out = buf_new(32 * 1024);
	if (argc == 1 && str_eq(argv[0], "keys"))
		return keys(ctx);
	if (argc < 1 || argc > 2 || !str_eq(argv[0], "check"))
		return cmd_usage(&command_config, argc ? argv[argc > 1 && (str_eq(argv[0], "keys") || str_eq(argv[0], "check")) ? argc - 1 : 0] : NULL);
	if (ctx->config->broken)
		return cmd_fail(&ctx->config->err);
	show_files(ctx, &out);
	if (argc == 2)
		return check_url(ctx, argv[1], &out);
	for (size_t i = 0; i < ctx->config->count; i++) {
		const struct section *s = &ctx->config->sections[i];
		static const char *const words[] = {"daypass", "identity", "match"};
		const char *never = s->kind == SECTION_MATCH && is_dead(s) ? ": never used, daypass answers git for dev.azure.com and ORG.visualstudio.com only" : "";
		buf_addf(&out, "  [%s%s%s] at %s%s\n", words[s->kind], *s->name ? " " : "", s->name, s->origin, never);
	}
	return cmd_print(ctx, &out);
}

const struct command command_config = {"config", "config check [URL] | config keys", "which identity serves a URL and why; what can be set", config};
