/* Where git's files are, which hosts are ours, and how git can start this program. */
#include <limits.h>

#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/configure.h"
#include "helper/core/hosts.h"
#include "helper/core/plan.h"

static const struct {
	enum request_kind kind;
	const char *pattern;
	bool by_match;
} known[] = {
#define HOST(kind, pattern, cloud, resource, by_match) {kind, pattern, by_match},
#include "helper/core/hosts.def"
#undef HOST
};

void git_hosts_free(struct git_hosts *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->name[i]);
	free(h->name);
	*h = (struct git_hosts){0};
}

static void add_host(struct git_hosts *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (str_eq(h->name[i], name))
			return;
	h->name = mem_realloc_wipe(h->name, h->count * sizeof *h->name, (h->count + 1) * sizeof *h->name);
	h->name[h->count++] = str_dup(name);
}

/* The host of [match https://HOST[:443][/PATH]] in lower case; NULL where the pattern is not about git over https. */
static char *pattern_host(const struct section *s)
{
	if (s->kind != SECTION_MATCH || !str_starts(s->name, "https://"))
		return NULL;
	const char *rest = s->name + strlen("https://");
	char *host = str_ndup(rest, strcspn(rest, "/"));
	str_lower(host);
	if (str_ends(host, ":443"))
		host[strlen(host) - 4] = 0;
	return host;
}

/* A job of Azure Pipelines in an organization with an old name: that name is answered for without a [match]. */
static void add_job_host(const struct ctx *ctx, struct git_hosts *out)
{
	AUTO_STR host = hosts_job(ctx);
	for (size_t i = 0; host && i < COUNT_OF(known); i++)
		if (known[i].kind == REQUEST_GIT && url_host_match(known[i].pattern, host))
			add_host(out, host);
}

/* A host that we only keep something for: ours too, but not where the port or a lone "*" says more than a block of ours
 * can. */
static void add_kept_host(struct git_hosts *out, const char *host)
{
	if (host && !strchr(host, ':') && !str_eq(host, "*"))
		add_host(out, host);
}

void git_hosts_find(const struct ctx *ctx, struct git_hosts *out)
{
	const struct config *c = ctx->config;
	bool any = false;
	for (size_t i = 0; i < c->count; i++) {
		AUTO_STR host = pattern_host(&c->sections[i]);
		if (config_keeps_only(&c->sections[i])) {
			add_kept_host(out, host);
			continue;
		}
		any = any || host;
		for (size_t k = 0; host && k < COUNT_OF(known); k++) {
			/* A pattern wider than what we answer for must not take other hosts from their helpers. */
			if (known[k].kind == REQUEST_GIT && url_host_match(host, known[k].pattern))
				add_host(out, known[k].pattern);
			else if (known[k].kind == REQUEST_GIT && url_host_match(known[k].pattern, host))
				add_host(out, host);
		}
	}
	if (any) /* then only what matches is served, and silencing other helpers elsewhere would leave git with nobody */
		return;
	for (size_t k = 0; k < COUNT_OF(known); k++)
		if (known[k].kind == REQUEST_GIT && !known[k].by_match)
			add_host(out, known[k].pattern);
	add_job_host(ctx, out);
}

/* git >= 2.41 tells; before that the place is fixed when git is built, and distributions say /etc. */
static char *system_path(const struct ctx *ctx)
{
	const char *const argv[] = {"git", "var", "GIT_CONFIG_SYSTEM", NULL};
	AUTO_BUF out = buf_new(PATH_MAX);
	struct err err;
	struct proc_run run = {.argv = argv, .timeout_ms = 10000, .out = &out};
	if (ctx->proc->run(ctx->proc, &run, &err) && run.status == 0) {
		while (out.len && out.p[out.len - 1] == '\n')
			out.p[--out.len] = 0;
		if (out.p[0] == '/')
			return str_dup(out.p);
	}
	const char *named = env_get(&ctx->env, "GIT_CONFIG_SYSTEM");
	return str_dup(named ? named : "/etc/gitconfig");
}

static char *xdg_path(const struct ctx *ctx)
{
	const char *home = env_get(&ctx->env, "HOME"), *base = env_get(&ctx->env, "XDG_CONFIG_HOME");
	return base ? str_printf("%s/git/config", base) : home ? str_printf("%s/.config/git/config", home) : NULL;
}

static char *global_path(const struct ctx *ctx, struct err *err)
{
	const char *named = env_get(&ctx->env, "GIT_CONFIG_GLOBAL"), *home = env_get(&ctx->env, "HOME");
	if (named)
		return str_dup(named);
	if (!home) {
		err_set(err, ERR_CONFIG, "set HOME, or name the file: --file FILE", "HOME is not set, so git's file ~/.gitconfig cannot be found");
		return NULL;
	}
	AUTO_STR plain = str_printf("%s/.gitconfig", home);
	AUTO_STR xdg = xdg_path(ctx);
	return str_dup(access(plain, F_OK) < 0 && access(xdg, F_OK) == 0 ? xdg : plain);
}

char *git_scope_path(const struct ctx *ctx, enum git_scope scope, struct err *err)
{
	if (scope == GIT_XDG)
		return xdg_path(ctx);
	return scope == GIT_SYSTEM ? system_path(ctx) : global_path(ctx, err);
}

char *git_own_value(struct err *err)
{
	AUTO_STR path = program_own_path();
	if (!path || str_has_control(path)) {
		err_set(err, ERR_CONFIG, "put daypass and git-credential-daypass on PATH: make install", "the path of this program cannot be %s", path ? "written for git" : "found out");
		return NULL;
	}
	/* git gives what begins with '/' to the shell as it is: a quote in front would hide that. */
	AUTO_BUF out = buf_new(3 * PATH_MAX);
	for (const char *p = path; *p; p++) {
		bool plain = (unsigned char)*p >= 0x80 || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("0123456789/._-+,:@%=", *p);
		buf_addf(&out, "%s%c", plain ? "" : "\\", *p);
	}
	buf_adds(&out, " git");
	return buf_take(&out);
}

char *git_helper_value(const struct ctx *ctx, struct err *err)
{
	AUTO_STR found = proc_find(&ctx->env, "git-credential-daypass", false); /* what git would start */
	return program_is_own(found) ? str_dup("daypass") : git_own_value(err);
}

bool git_helper_is_ours(const char *value, size_t len)
{
	static const char name[] = "daypass", word[] = " git";
	if (len == strlen(name) && memcmp(value, name, len) == 0)
		return true;
	return len > strlen(word) && value[0] == '/' && memcmp(value + len - strlen(word), word, strlen(word)) == 0;
}
