#include "helper/core/policy.h"

#include "helper/base/str.h"
#include "helper/core/hosts.h"
#include "helper/core/match.h"

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

/* A registry with a name that we do not know, a custom domain or another cloud's, is one where a [match] says so. One of
 * Azure's own names that no registry can have is none, whatever a wildcard covers. */
static const struct host_row *row_by_match(const struct request *r, const struct match *m)
{
	static const struct host_row custom = {REQUEST_DOCKER, "", NULL, RESOURCE_REGISTRY, true};
	bool ours = r->kind == REQUEST_DOCKER && request_is_plain_https(r) && m->result == MATCH_FOUND && !config_keeps_only(m->section) &&
		    (m->literal || !hosts_registry_cloud(r->host));
	return ours && hosts_names_domain(m->section->name) ? &custom : NULL;
}

/* An identity of one cloud is not told to the registries of another. */
static enum verdict same_cloud(struct plan *p, struct err *err)
{
	const char *cloud = hosts_registry_cloud(p->registry);
	const struct cloud *own = identity_cloud(&p->id);
	if (!cloud || (own ? str_eq(own->name, cloud) : p->named))
		return PLAN_OURS;
	if (!p->named)
		return plan_not_ours(p, "it is a registry of another cloud than the identity's");
	err_set(err, ERR_CONFIG, NULL, "%s is a registry of the cloud %s, and identity %s (%s) is of %s", p->registry, cloud, p->id.name, p->id.origin, own ? own->name : p->authority);
	err_hint(err, "name an identity with cloud = %s in that [match]", cloud);
	return PLAN_FAIL;
}

/* One registry's token is not for all that a wildcard of Azure's names covers: some of those are strangers'. */
static enum verdict not_for_all(const struct request *r, const struct match *m, const char *server, struct err *err)
{
	if (!server || m->literal || !hosts_registry_cloud(r->host))
		return PLAN_OURS;
	err_set(err, ERR_CONFIG, NULL, "[match %s] (%s): login-server = %s would tell its token to %s", m->section->name, m->section->origin, server, r->host);
	err_hint(err, "name the custom domain in that [match]");
	return PLAN_FAIL;
}

/* What only registries have. v: what was decided so far. */
static enum verdict registry(const struct request *r, const struct match *m, enum verdict v, struct plan *out, struct err *err)
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

static enum verdict by_host(const struct ctx *ctx, const struct request *r, const struct host_row *row, struct plan *out, struct err *err)
{
	struct match m;
	bool known = row && hosts_known(ctx, r);
	bool tokens = find_section(ctx, r, known, &m, out);
	row = row ? row : row_by_match(r, &m);
	if (!row)
		return plan_not_ours(out, out->keeps ? "daypass only keeps there what it is given: store = keyring" : "it is no host that daypass gives tokens to");
	if (!tokens)
		return plan_not_ours(out, "its [match] says store = keyring and names no identity: daypass only keeps what it is given");
	enum verdict v = m.result != MATCH_NO_PATTERNS ? plan_by_match(ctx, &m, r, row->resource, out, err)
		       : known			     ? plan_without_match(ctx, r, row->resource, out, err)
						     : plan_not_ours(out, "such a host is served only where a [match] names it");
	if (v != PLAN_NOT_OURS && !(m.section && config_keeps(m.section)))
		out->keeps = false;
	return v != PLAN_NOT_OURS && r->kind == REQUEST_DOCKER ? registry(r, &m, v, out, err) : v;
}

bool policy_api_server(const struct config *c, const char *resource)
{
	return str_ieq(resource, RESOURCE_AKS) || str_ieq(resource, RESOURCE_ARC) || str_listed(config_global(c, KEY_SERVER_IDS), resource, str_ieq);
}

static bool is_direct(const struct match *m)
{
	return m->result == MATCH_FOUND && str_eq(m->section->set[KEY_MODE].value, "direct");
}

static bool kube_allowed(const struct ctx *ctx, const struct request *r, const struct match *m, struct err *err)
{
	AUTO_STR server = r->port ? str_printf("%s:%d", r->host, r->port) : str_dup(r->host);
	if (r->host && !str_eq(r->scheme, "https"))
		return err_set(err, ERR_POLICY, "in the kubeconfig: server: https://...", "the API server %s is asked over %s, where others could read the token", server, r->scheme);
	if (m->result == MATCH_NONE && r->host) {
		err_set(err, ERR_POLICY, NULL, "the API server %s gets no token: there are [match kube:...] sections, and none covers it", server);
		return err_hint(err, "add a [match kube:%s] for it, if it is yours", server);
	}
	if (m->result == MATCH_NONE)
		return err_set(err, ERR_POLICY, "set provideClusterInfo: true for this user in the kubeconfig", "the kubeconfig does not say which API server asks, and the configuration names those that get a token");
	if (m->result == MATCH_FOUND && r->insecure)
		return err_set(err, ERR_POLICY, "take insecure-skip-tls-verify out of the kubeconfig", "the kubeconfig lets anybody pose as the API server %s, so it gets no token", server);
	if (is_direct(m) || policy_api_server(ctx->config, r->resource))
		return true;
	if (!r->resource)
		return err_set(err, ERR_USAGE, "for AKS: --server-id " RESOURCE_AKS, "the flag --server-id is missing: whose token is wanted?");
	err_set(err, ERR_POLICY, NULL, "the server id %s is none of AKS or Arc: a kubeconfig does not choose what a token is for", r->resource);
	return err_hint(err, "if it is yours, add to daypass's configuration: [daypass] server-ids = %s", r->resource);
}

/* The identity that serves, with what the kubeconfig says over it; not so where its source's token itself goes out. */
static bool kube_identity(const struct ctx *ctx, const struct request *r, const struct match *m, struct identity *id, struct err *err)
{
	bool named = m->result == MATCH_FOUND && m->section->set[KEY_IDENTITY].value;
	bool blank = r->blank && !is_direct(m);
	bool found = !blank && plan_identity(ctx, r->kind, named ? m->section->set[KEY_IDENTITY].value : NULL, id, err);
	if (!found && err->kind)
		return false;
	if (!found && named && !blank)
		return plan_no_such_identity(m->section->set[KEY_IDENTITY].value, m->section->origin, err);
	if (!found && !r->settings && !is_direct(m))
		return true;
	if (!found)
		*id = (struct identity){.name = str_dup("kubeconfig"), .origin = str_dup("what the kubeconfig says")};
	return !r->settings || is_direct(m) || identity_overlay(id, r->settings, err);
}

/* An API server with structured authentication trusts the issuer itself: it gets the source's own token, no Entra. */
static enum verdict direct(const struct ctx *ctx, const struct match *m, struct plan *out, struct err *err)
{
	const char *audience = m->section->set[KEY_CLUSTER_AUDIENCE].value;
	if (!audience)
		err_set(err, ERR_CONFIG, "add the line: cluster-audience = what the API server's issuer.audiences has", "[match %s] (%s): mode = direct needs to know the audience", m->section->name, m->section->origin);
	enum verdict v = audience ? plan_source(ctx, &out->id, &out->source, err) : PLAN_FAIL;
	if (v == PLAN_NOT_OURS)
		return plan_not_ours(out, "there is no source of an ID token");
	if (v == PLAN_OURS && (out->source->yields_access_token || out->source->yields_secret)) {
		err_set(err, ERR_CONFIG, "choose a source with an ID token: daypass config keys", "[match %s] (%s): source %s has no ID token for mode = direct", m->section->name, m->section->origin, out->source->name);
		return PLAN_FAIL;
	}
	out->direct = true;
	out->resource = str_dup(audience);
	out->scope = str_printf("direct %s", audience);
	out->audience = str_dup(audience);
	out->why = str_printf("source %s, directly, because [match %s] (%s) says so", v == PLAN_OURS ? out->source->name : "?", m->section->name, m->section->origin);
	return v;
}

/* A token that somebody else fetched is bound to no key of ours. */
static enum verdict with_proof(const struct request *r, struct plan *out, struct err *err)
{
	if (out->direct || out->source->yields_access_token) {
		err_set(err, ERR_POLICY, "choose a --login that daypass exchanges a token for: workloadidentity, azurepipelines or spn", "--pop-enabled: source %s gives no token that is bound to a key", out->source->name);
		return PLAN_FAIL;
	}
	out->pop = str_dup(r->pop);
	return PLAN_OURS;
}

static enum verdict choose_api_server(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	struct match m = match_find(ctx->config, r, MATCH_ALL);
	if (!kube_allowed(ctx, r, &m, err) || !kube_identity(ctx, r, &m, &out->id, err))
		return PLAN_FAIL;
	if (is_direct(&m))
		return direct(ctx, &m, out, err);
	if (!out->id.name)
		return plan_not_ours(out, "neither a configuration nor the environment names an identity");
	const char *tenant = identity_get(&out->id, KEY_TENANT);
	if (str_is_guid(tenant) && str_is_guid(r->tenant) && !str_ieq(tenant, r->tenant)) {
		err_set(err, ERR_POLICY, NULL, "the cluster is of tenant %s, and identity %s (%s) of %s", r->tenant, out->id.name, out->id.origin, tenant);
		err_hint(err, "name one of that tenant: --identity NAME, or identity = NAME in a [match kube:HOST]");
		return PLAN_FAIL;
	}
	return plan_complete(ctx, r->resource, m.section ? "a [match kube:...] covers it" : "it is an API server's", out, err);
}

static enum verdict api_server(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	enum verdict v = choose_api_server(ctx, r, out, err);
	return v == PLAN_OURS && r->pop ? with_proof(r, out, err) : v;
}

static bool allowed(const struct plan *p, const char *resource, struct err *err)
{
	const char *list = identity_get(&p->id, KEY_ALLOW), *origin = identity_origin(&p->id, KEY_ALLOW);
	if (!list || resource_listed(list, resource))
		return true;
	err_set(err, ERR_POLICY, NULL, "%s: identity %s gives no token for %s: it has allow = %.600s", origin, p->id.name, resource, list);
	return err_hint(err, "if it should, add it to that line: %.300s", resource);
}

/* What the token command, az, azd and exec ask for: any resource, unless the configuration says less. */
static enum verdict by_resource(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	struct match m = match_find(ctx->config, r, MATCH_ALL);
	if (m.result == MATCH_NONE) {
		err_set(err, ERR_POLICY, NULL, "%s gets no token: there are [match resource:...] sections, and none covers it", r->resource);
		err_hint(err, "add a [match resource:%.300s] for it", r->resource);
		return PLAN_FAIL;
	}
	enum verdict v = m.result == MATCH_FOUND ? plan_by_match(ctx, &m, r, r->resource, out, err) : plan_without_match(ctx, r, r->resource, out, err);
	out->claims = str_dup(r->claims);
	if (v == PLAN_OURS && r->claims && out->source->yields_access_token) {
		err_set(err, ERR_SOURCE, NULL, "source %s cannot answer a claims challenge: it gives the tokens that it has", out->source->name);
		return PLAN_FAIL;
	}
	return v == PLAN_OURS && !allowed(out, r->resource, err) ? PLAN_FAIL : v;
}

enum verdict policy_plan(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err)
{
	*out = (struct plan){0};
	*err = ERR_INIT;
	bool host = r->host && r->kind != REQUEST_KUBE;
	const struct host_row *row = host ? hosts_find(r) : NULL;
	if (ctx->config->broken && host && !(row && hosts_known(ctx, r)))
		return plan_not_ours(out, row ? "the configuration cannot be read" : "it is no host that daypass gives tokens to");
	if (ctx->config->broken) {
		*err = ctx->config->err;
		return PLAN_FAIL;
	}
	if (r->kind == REQUEST_GIT && row)
		out->organization = request_organization(r);
	if (r->kind == REQUEST_KUBE)
		return api_server(ctx, r, out, err);
	return host ? by_host(ctx, r, row, out, err) : by_resource(ctx, r, out, err);
}
