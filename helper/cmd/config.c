/* daypass config check [URL | REGISTRY] | keys: which identity serves it and why; what can be set. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/cmd.h"
#include "helper/core/hosts.h"
#include "helper/core/plan.h"
#include "helper/core/policy.h"

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

static int check_url(struct ctx *ctx, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;
	AUTO_REQUEST r = {0};
	AUTO_PLAN p = {0};
	if (!cmd_request(text, &r, &err))
		return cmd_fail(&err);
	enum verdict v = policy_plan(ctx, &r, &p, &err);
	if (v == PLAN_FAIL || v == PLAN_UNCLEAR)
		return cmd_fail(&err);
	if (!p.keeps && !request_is_plain_https(&r)) {
		err_set(&err, ERR_POLICY, NULL, "%s: not answered for: only https on port 443 is", text);
		return cmd_fail(&err);
	}
	const char *client = r.kind == REQUEST_GIT ? "git" : "docker";
	if (p.keeps && !p.registry)
		buf_addf(out, "%s\n  what %s gives for it is kept in the keyring and goes first: store = keyring\n", text, client);
	if (v == PLAN_NOT_OURS && p.keeps)
		return cmd_print(ctx, out);
	if (v == PLAN_NOT_OURS) {
		buf_addf(out, "%s: not answered for, so %s\n  because %s\n", text, r.kind == REQUEST_GIT ? "git asks its next helper or you" : "docker goes on without a log-in", p.why);
		cmd_print(ctx, out);
		return ERR_POLICY;
	}
	buf_addf(out, "%s\n  served by %s\n", text, p.why);
	if (p.authority)
		buf_addf(out, "  tenant %s, client %s, at %s\n  audience %s\n", identity_get(&p.id, KEY_TENANT), identity_get(&p.id, KEY_CLIENT_ID), p.authority, p.audience);
	if (p.registry)
		buf_addf(out, "  then at the registry %s; a log-in under another name that docker gave goes first\n", p.registry);
	return cmd_print(ctx, out);
}

/* What to say of a pattern for hosts that no token goes to; else "". */
static const char *never(const struct section *s)
{
	const char *mark = strstr(s->name, "://"), *rest = mark ? mark + 3 : s->name;
	if (s->kind != SECTION_MATCH || config_keeps_only(s) || str_starts(s->name, "kube:") || str_starts(s->name, "resource:"))
		return "";
	AUTO_STR host = str_ndup(rest, strcspn(rest, "/:"));
	str_lower(host);
	if (hosts_serve(mark ? REQUEST_GIT : REQUEST_DOCKER, host))
		return "";
	return mark ? ": never used, daypass answers git for dev.azure.com and ORG.visualstudio.com only"
		    : ": never used, a registry's pattern ends with two labels at least, such as *.azurecr.io";
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
		buf_addf(&out, "  [%s%s%s] at %s%s\n", words[s->kind], *s->name ? " " : "", s->name, s->origin, never(s));
	}
	return cmd_print(ctx, &out);
}

const struct command command_config = {"config", "config check [URL | REGISTRY] | config keys", "which identity serves it and why; what can be set", config};
