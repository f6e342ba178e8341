#include "helper/core/plan.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/ctx.h"
#include "helper/core/match.h"
#include "helper/core/registry.h"

static const struct host_row {
	enum request_kind kind;
	const char *pattern, *cloud, *resource;
	bool by_match;
} hosts[] = {
#define HOST(kind, pattern, cloud, resource, by_match) {kind, pattern, cloud, resource, by_match},
#include "helper/core/hosts.def"
#undef HOST
};

void plan_free(struct plan *p)
{
	identity_free(&p->id);
	free(p->resource);
	free(p->scope);
	free(p->authority);
	free(p->audience);
	free(p->organization);
	free(p->registry);
	free(p->why);
	*p = (struct plan){0};
}

static const struct host_row *host_row(const struct request *r)
{
	/* Azure's own names below visualstudio.com, which are no organizations. */
	static const char *const reserved[] = {"app", "www", "vs-ssh", "marketplace", "login", "aex", "static"};
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		size_t n = strlen(reserved[i]);
		if (str_starts(r->host, reserved[i]) && str_eq(r->host + n, ".visualstudio.com"))
			return NULL;
	}
	bool served = request_is_plain_https(r) && (r->kind != REQUEST_DOCKER || registry_host_ok(r->host));
	for (size_t i = 0; served && i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == r->kind && url_host_match(hosts[i].pattern, r->host))
			return &hosts[i];
	return NULL;
}

char *plan_job_host(const struct ctx *ctx)
{
	AUTO_URL u = {0};
	const char *uri = env_get(&ctx->env, "TF_BUILD") ? env_get(&ctx->env, "SYSTEM_COLLECTIONURI") : NULL;
	return uri && url_parse(uri, &u) && str_eq(u.scheme, "https") ? str_dup(u.host) : NULL;
}

/* Does it name a domain of its own, two labels at least, before which a "*" may stand? Not "*.io". */
static bool names_domain(const char *pattern)
{
	const char *star = strrchr(pattern, '*');
	return star ? star[1] && strchr(star + 2, '.') : strchr(pattern, '.') != NULL;
}

bool plan_pattern_serves(enum request_kind kind, const char *pattern)
{
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == kind && (url_host_match(hosts[i].pattern, pattern) || url_host_match(pattern, hosts[i].pattern)))
			return true;
	return kind == REQUEST_DOCKER && names_domain(pattern);
}

bool plan_host_known(const struct ctx *ctx, const struct request *r)
{
	const struct host_row *row = host_row(r);
	AUTO_STR job = row && row->by_match ? plan_job_host(ctx) : NULL;
	return row && (!row->by_match || str_eq(job, r->host));
}

static const char *asked_name(const struct ctx *ctx)
{
	return ctx->identity ? ctx->identity : env_get(&ctx->env, config_keys[KEY_IDENTITY].env);
}

static bool no_such_identity(const char *name, const char *origin, struct err *err)
{
	err_set(err, ERR_CONFIG, NULL, "%s: there is no [identity %s]", origin, name);
	return err_hint(err, "add the section, or correct the name: daypass config check");
}

bool plan_identity(const struct ctx *ctx, enum request_kind kind, const char *name, struct identity *out, struct err *err)
{
	const char *asked = asked_name(ctx);
	const char *wanted = asked ? asked : name ? name : "default";
	if (identity_named(ctx, wanted, out, err))
		return true;
	if (err->kind)
		return false;
	if (asked)
		return no_such_identity(asked, ctx->identity ? "--identity" : config_keys[KEY_IDENTITY].env, err);
	if (name)
		return false;
	return identity_from_env(ctx, kind == REQUEST_GIT ? identity_gcm : NULL, out, err);
}

static bool broken(const struct source *s, struct err *err)
{
	if (!err->kind)
		err_set(err, ERR_SOURCE, NULL, "source %s is not complete", s->name);
	return err_wrap(err, "source %s", s->name);
}

static enum verdict source_auto(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err)
{
	for (int pass = AUTO_JOB; pass <= AUTO_AMBIENT; pass++) {
		for (const struct source *const *s = ctx->sources; *s; s++) {
			if ((int)(*s)->automatic != pass)
				continue;
			*err = ERR_INIT;
			enum source_state state = (*s)->detect(ctx, id, err);
			log_trace("source %s: %s", (*s)->name, state == SOURCE_PRESENT ? "present" : err->msg);
			if (state == SOURCE_ABSENT)
				continue;
			*out = *s;
			if (state == SOURCE_PRESENT)
				return PLAN_OURS;
			broken(*s, err);
			return PLAN_FAIL;
		}
	}
	*err = ERR_INIT;
	return PLAN_NOT_OURS;
}

/* Is there anything at all that an identity from the environment could use? */
static bool any_source(const struct ctx *ctx)
{
	struct identity nobody = {0};
	struct err ignored;
	const struct source *s;
	return env_get(&ctx->env, config_keys[KEY_SOURCE].env) || source_auto(ctx, &nobody, &s, &ignored) != PLAN_NOT_OURS;
}

enum verdict plan_source(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err)
{
	const char *name = identity_get(id, KEY_SOURCE);
	*err = ERR_INIT;
	if (str_eq(name, "auto"))
		return source_auto(ctx, id, out, err);
	const struct source *s = source_by_name(ctx->sources, name);
	if (!s) {
		source_unknown(ctx->sources, name, identity_origin(id, KEY_SOURCE), err);
		return PLAN_FAIL;
	}
	*out = s;
	if (s->detect(ctx, id, err) == SOURCE_PRESENT)
		return PLAN_OURS;
	broken(s, err);
	return PLAN_FAIL;
}

static void note_secret_ignored(const struct ctx *ctx)
{
	if (env_get(&ctx->env, "AZURE_CLIENT_SECRET"))
		log_note("AZURE_CLIENT_SECRET is set and not used: a federated source is present");
}

static enum verdict not_ours(struct plan *p, const char *why)
{
	str_set(&p->why, why);
	return PLAN_NOT_OURS;
}

static void explain(struct plan *p, const char *because)
{
	p->why = str_printf("identity %s (%s), source %s (%s), because %s", p->id.name, p->id.origin, p->source->name, identity_origin(&p->id, KEY_SOURCE), because);
	log_trace("plan: %s", p->why);
}

static enum verdict no_source(struct plan *p, struct err *err)
{
	if (p->id.from_env) /* a stray AZURE_TENANT_ID and AZURE_CLIENT_ID on a laptop name nobody */
		return not_ours(p, "the environment names an identity, but there is no source of an external token");
	err_set(err, ERR_SOURCE, NULL, "identity %s (%s): no source of an external token is present here", p->id.name, p->id.origin);
	err_hint(err, "on a laptop: source = az, after `az login`; elsewhere: daypass whoami");
	return PLAN_FAIL;
}

static enum verdict complete(const struct ctx *ctx, const char *resource, const char *because, struct plan *p, struct err *err)
{
	enum verdict v = plan_source(ctx, &p->id, &p->source, err);
	if (v == PLAN_NOT_OURS)
		return no_source(p, err);
	if (v != PLAN_OURS)
		return v;
	note_secret_ignored(ctx);
	p->resource = str_dup(resource);
	p->scope = str_printf("%s/.default", resource);
	if (!p->source->yields_access_token && !identity_authority(&p->id, &p->authority, &p->audience, err))
		return PLAN_FAIL;
	explain(p, because);
	return PLAN_OURS;
}

static enum verdict unclear(const struct request *r, struct err *err)
{
	err_set(err, ERR_POLICY, "daypass configure git", "git did not say which repository of %s it means, and several identities are configured for that host", r->host);
	return PLAN_UNCLEAR;
}

static enum verdict by_match(const struct ctx *ctx, const struct match *m, const struct request *r, const char *resource,
			     struct plan *p, struct err *err)
{
	if (m->result == MATCH_NONE)
		return not_ours(p, r->kind == REQUEST_GIT ? "there are [match] sections for git, and none covers it" : "there are [match] sections for registries, and none covers it");
	if (m->result == MATCH_UNCLEAR)
		return unclear(r, err);
	const struct section *s = m->section;
	const char *name = s->set[KEY_IDENTITY].value ? s->set[KEY_IDENTITY].value : config_keys[KEY_IDENTITY].def;
	const char *soft = env_get(&ctx->env, config_keys[KEY_ON_FAILURE].env);
	p->named = true;
	p->exact = m->literal;
	p->soft = str_eq(soft ? soft : s->set[KEY_ON_FAILURE].value, "soft");
	if (!plan_identity(ctx, r->kind, name, &p->id, err)) {
		if (!err->kind)
			no_such_identity(name, s->set[KEY_IDENTITY].origin ? s->set[KEY_IDENTITY].origin : s->origin, err);
		return PLAN_FAIL;
	}
	AUTO_STR because = str_printf("[match %s] (%s) covers it", s->name, s->origin);
	const char *other = s->set[KEY_REGISTRY_AUDIENCE].value;
	return complete(ctx, other && r->kind == REQUEST_DOCKER ? other : resource, because, p, err);
}

static enum verdict without_match(const struct ctx *ctx, const struct request *r, const char *resource, struct plan *p, struct err *err)
{
	if (!plan_identity(ctx, r->kind, NULL, &p->id, err)) {
		if (err->kind && (!p->id.from_env || any_source(ctx)))
			return PLAN_FAIL;
		*err = ERR_INIT; /* stray variables of others, however wrong, name nobody */
		return not_ours(p, "neither a configuration nor the environment names an identity");
	}
	return complete(ctx, resource, r->host ? "no [match] is about such hosts and this one is known" : "it was asked for", p, err);
}

/* Which section decides about tokens, and is what the client gives kept? A section that only keeps ends the matter, but
 * for a wide pattern ("*") on a host that is known for tokens: there it steps back. False: no tokens. */
static bool find_section(const struct ctx *ctx, const struct request *r, bool known, struct match *m, struct plan *out)
{
	*m = match_find(ctx->config, r, MATCH_ALL);
	out->keeps = m->result == MATCH_FOUND && config_keeps(m->section);
	if (m->result == MATCH_NONE || (m->result == MATCH_FOUND && config_keeps_only(m->section) && known && !m->literal))
		*m = match_find(ctx->config, r, MATCH_TOKENS);
	else if (m->result == MATCH_FOUND && config_keeps_only(m->section))
		return false;
	return true;
}

/* The cloud that a login server's name fixes, or NULL. */
static const char *registry_cloud(const char *host)
{
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == REQUEST_DOCKER && url_host_match(hosts[i].pattern, host))
			return hosts[i].cloud;
	return NULL;
}

/* A registry with a name that we do not know, a custom domain or another cloud's, is one where a [match] says so. One of
 * Azure's own names that no registry can have is none, whatever a wildcard covers. */
static const struct host_row *row_by_match(const struct request *r, const struct match *m)
{
	static const struct host_row custom = {REQUEST_DOCKER, "", NULL, RESOURCE_REGISTRY, true};
	bool ours = r->kind == REQUEST_DOCKER && request_is_plain_https(r) && m->result == MATCH_FOUND && !config_keeps_only(m->section) &&
		    (m->literal || !registry_cloud(r->host));
	return ours && names_domain(m->section->name) ? &custom : NULL;
}

/* The identity's own cloud, however its authority is written; NULL for one of nobody's that we know. */
static const struct cloud *own_cloud(const struct plan *p)
{
	AUTO_URL u = {0};
	if (!p->authority)
		return cloud_by_name(identity_get(&p->id, KEY_CLOUD));
	return url_parse(p->authority, &u) ? cloud_by_host(u.host) : NULL;
}

/* An identity of one cloud is not told to the registries of another. */
static enum verdict same_cloud(struct plan *p, struct err *err)
{
	const char *cloud = registry_cloud(p->registry);
	const struct cloud *own = own_cloud(p);
	if (!cloud || (own ? str_eq(own->name, cloud) : p->named))
		return PLAN_OURS;
	if (!p->named)
		return not_ours(p, "it is a registry of another cloud than the identity's");
	err_set(err, ERR_CONFIG, NULL, "%s is a registry of the cloud %s, and identity %s (%s) is of %s", p->registry, cloud, p->id.name, p->id.origin, own ? own->name : p->authority);
	err_hint(err, "name an identity with cloud = %s in that [match]", cloud);
	return PLAN_FAIL;
}

/* One registry's token is not for all that a wildcard of Azure's names covers: some of those are strangers'. */
static enum verdict not_for_all(const struct request *r, const struct match *m, const char *server, struct err *err)
{
	if (!server || m->literal || !registry_cloud(r->host))
		return PLAN_OURS;
	err_set(err, ERR_CONFIG, NULL, "[match %s] (%s): login-server = %s would tell its token to %s", m->section->name, m->section->origin, server, r->host);
	err_hint(err, "name the custom domain in that [match]");
	return PLAN_FAIL;
}

/* What only registries have. v: what was decided so far. */
static enum verdict plan_registry(const struct request *r, const struct match *m, enum verdict v, struct plan *out, struct err *err)
{
	const struct setting *set = m->section ? m->section->set : NULL;
	const char *server = set ? set[KEY_LOGIN_SERVER].value : NULL;
	out->registry = str_dup(server ? server : r->host);
	out->token_user = set && str_eq(set[KEY_REGISTRY_USER].value, "token");
	v = v == PLAN_OURS ? not_for_all(r, m, server, err) : v;
	v = v == PLAN_OURS ? same_cloud(out, err) : v;
	if (v == PLAN_NOT_OURS)
		str_set(&out->registry, NULL);
	else
		out->keeps = true; /* a log-in under another name goes before ours */
	return v;
}

static enum verdict plan_host(const struct ctx *ctx, const struct request *r, const struct host_row *row, struct plan *out, struct err *err)
{
	struct match m;
	bool known = row && plan_host_known(ctx, r);
	bool tokens = find_section(ctx, r, known, &m, out);
	row = row ? row : row_by_match(r, &m);
	if (!row)
		return not_ours(out, out->keeps ? "daypass only keeps there what it is given: store = keyring" : "it is no host that daypass gives tokens to");
	if (!tokens)
		return not_ours(out, "its [match] says store = keyring and names no identity: daypass only keeps what it is given");
	enum verdict v = m.result != MATCH_NO_PATTERNS ? by_match(ctx, &m, r, row->resource, out, err)
		       : known			     ? without_match(ctx, r, row->resource, out, err)
						     : not_ours(out, "such a host is served only where a [match] names it");
	if (v != PLAN_NOT_OURS && !(m.section && config_keeps(m.section)))
		out->keeps = false;
	return v != PLAN_NOT_OURS && r->kind == REQUEST_DOCKER ? plan_registry(r, &m, v, out, err) : v;
}

/* AKS, Arc, and what the person's own configuration names. */
static bool is_api_server(const struct config *c, const char *resource)
{
	AUTO_STR pattern = str_printf("resource:%s", resource);
	return str_eq(resource, RESOURCE_AKS) || str_eq(resource, RESOURCE_ARC) || config_section(c, SECTION_MATCH, pattern);
}

static bool kube_allowed(const struct ctx *ctx, const struct request *r, const struct match *m, struct err *err)
{
	if (m->result == MATCH_NONE && r->host)
		return err_set(err, ERR_POLICY, "add a [match kube:HOST] for it, if it is yours", "the API server %s gets no token: there are [match kube:...] sections, and none covers it", r->host);
	if (m->result == MATCH_NONE)
		return err_set(err, ERR_POLICY, "set provideClusterInfo: true for this user in the kubeconfig", "the kubeconfig does not say which API server asks, and the configuration names those that get a token");
	if (is_api_server(ctx->config, r->resource))
		return true;
	err_set(err, ERR_POLICY, NULL, "the server id %s is none of AKS or Arc: a kubeconfig does not choose what a token is for", r->resource);
	return err_hint(err, "if it is yours, add to daypass's configuration: [match resource:%s]", r->resource);
}

/* The identity that serves, with what the kubeconfig says over it. */
static bool kube_identity(const struct ctx *ctx, const struct request *r, const struct match *m, struct identity *id, struct err *err)
{
	bool named = m->result == MATCH_FOUND && m->section->set[KEY_IDENTITY].value;
	bool found = !r->blank && plan_identity(ctx, r->kind, named ? m->section->set[KEY_IDENTITY].value : NULL, id, err);
	if (!found && err->kind)
		return false;
	if (!found && named && !r->settings)
		return no_such_identity(m->section->set[KEY_IDENTITY].value, m->section->origin, err);
	if (!found && !r->settings)
		return true;
	if (!found)
		*id = (struct identity){.name = str_dup("kubeconfig"), .origin = str_dup("what the kubeconfig says")};
	return !r->settings || identity_overlay(id, r->settings, err);
}

static enum verdict plan_kube(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	struct match m = match_find(ctx->config, r, MATCH_ALL);
	if (!kube_allowed(ctx, r, &m, err) || !kube_identity(ctx, r, &m, &out->id, err))
		return PLAN_FAIL;
	if (!out->id.name)
		return not_ours(out, "neither a configuration nor the environment names an identity");
	const char *tenant = identity_get(&out->id, KEY_TENANT);
	if (str_is_guid(tenant) && str_is_guid(r->tenant) && !str_ieq(tenant, r->tenant)) {
		err_set(err, ERR_POLICY, NULL, "the cluster is of tenant %s, and identity %s (%s) of %s", r->tenant, out->id.name, out->id.origin, tenant);
		err_hint(err, "name one of that tenant: --identity NAME, or identity = NAME in a [match kube:HOST]");
		return PLAN_FAIL;
	}
	return complete(ctx, r->resource, m.section ? "a [match kube:...] covers it" : "it is an API server's", out, err);
}

enum verdict plan_make(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	*out = (struct plan){0};
	*err = ERR_INIT;
	bool host = r->host && r->kind != REQUEST_KUBE;
	const struct host_row *row = host ? host_row(r) : NULL;
	if (ctx->config->broken && host && !(row && plan_host_known(ctx, r)))
		return not_ours(out, row ? "the configuration cannot be read" : "it is no host that daypass gives tokens to");
	if (ctx->config->broken) {
		*err = ctx->config->err;
		return PLAN_FAIL;
	}
	if (r->kind == REQUEST_GIT && row)
		out->organization = request_organization(r);
	if (r->kind == REQUEST_KUBE)
		return plan_kube(ctx, r, out, err);
	return host ? plan_host(ctx, r, row, out, err) : without_match(ctx, r, r->resource, out, err);
}
