#include "helper/core/identity.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/ctx.h"

void identity_free(struct identity *id)
{
	free(id->name);
	free(id->origin);
	config_settings_free(id->set);
	*id = (struct identity){0};
}

const char *identity_get(const struct identity *id, enum key key)
{
	const char *value = id->set[key].value ? id->set[key].value : config_keys[key].def;
	return str_empty(value) ? NULL : value;
}

const char *identity_origin(const struct identity *id, enum key key)
{
	return id->set[key].origin ? id->set[key].origin : "default";
}

static bool override(const struct ctx *ctx, struct identity *id, struct err *err)
{
	for (int k = 0; k < KEY_COUNT; k++) {
		const struct key_row *row = &config_keys[k];
		const char *value = row->section == SECTION_IDENTITY && *row->env ? env_get(&ctx->env, row->env) : NULL;
		if (value && !config_set(id->set, (enum key)k, value, row->env, err))
			return false;
	}
	return true;
}

bool identity_section(const struct ctx *ctx, const char *name, struct identity *out)
{
	const struct section *s = config_section(ctx->config, SECTION_IDENTITY, name);
	if (!s)
		return false;
	*out = (struct identity){.name = str_dup(name), .origin = str_dup(s->origin), .command_ok = true};
	config_settings_copy(out->set, s->set);
	return true;
}

bool identity_named(const struct ctx *ctx, const char *name, struct identity *out, struct err *err)
{
	*err = ERR_INIT;
	return identity_section(ctx, name, out) && override(ctx, out, err);
}

bool identity_overlay(struct identity *id, const struct setting *set, struct err *err)
{
	for (int k = 0; k < KEY_COUNT; k++)
		if (set[k].value && !config_set(id->set, (enum key)k, set[k].value, set[k].origin, err))
			return false;
	return true;
}

/* One family: what its variables are called. A name may be NULL. */
struct family {
	const char *label, *tenant, *client, *file, *token, *authority, *connection;
};

static const struct family families[] = {
	{"AZURE_*", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", NULL, "AZURE_AUTHORITY_HOST", NULL},
	{"AZURESUBSCRIPTION_*", "AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID", NULL, NULL, NULL, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"},
	{"ARM_*", "ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_OIDC_TOKEN_FILE_PATH", "ARM_OIDC_TOKEN", NULL, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"},
};

static bool take(const struct ctx *ctx, struct identity *id, enum key key, const char *var, struct err *err)
{
	const char *value = var ? env_get(&ctx->env, var) : NULL;
	return !value || config_set(id->set, key, value, var, err);
}

/* The authority in a configuration file that is this very host. */
static const char *configured_authority(const struct config *c, const struct url *wanted)
{
	for (size_t i = 0; i < c->count; i++) {
		AUTO_URL u = {0};
		const char *value = c->sections[i].kind == SECTION_IDENTITY ? c->sections[i].set[KEY_AUTHORITY].value : NULL;
		if (value && url_parse(value, &u) && str_eq(u.host, wanted->host) && (u.port ? u.port : 443) == (wanted->port ? wanted->port : 443))
			return value;
	}
	return NULL;
}

/* Whoever can set a variable or write a kubeconfig could otherwise have our assertion sent to a host of theirs. */
bool identity_set_authority(const struct ctx *ctx, struct setting *set, const char *value, const char *origin, struct err *err)
{
	AUTO_URL u = {0};
	AUTO_STR whole = strstr(value, "://") ? str_dup(value) : str_printf("https://%s", value);
	bool ok = url_parse(whole, &u) && str_eq(u.scheme, "https") && !u.user && str_empty(u.path);
	const struct cloud *cloud = ok && (!u.port || u.port == 443) ? cloud_by_host(u.host) : NULL;
	if (cloud)
		return config_set(set, KEY_CLOUD, cloud->name, origin, err);
	const char *own = ok ? configured_authority(ctx->config, &u) : NULL;
	if (own)
		return config_set(set, KEY_AUTHORITY, own, origin, err);
	err_set(err, ERR_POLICY, NULL, "%s = %s is no token host that daypass knows, so nothing is sent there", origin, value);
	return err_hint(err, "if it is yours, name it in a configuration file: [identity default] authority = https://HOST");
}

static bool take_authority(const struct ctx *ctx, struct identity *id, const char *var, struct err *err)
{
	const char *value = var ? env_get(&ctx->env, var) : NULL;
	return !value || identity_set_authority(ctx, id->set, value, var, err);
}

static bool take_family(const struct ctx *ctx, const struct family *f, struct identity *out, struct err *err)
{
	if (!env_get(&ctx->env, f->tenant) || !env_get(&ctx->env, f->client))
		return false;
	*out = (struct identity){.name = str_dup(f->label), .from_env = true};
	out->origin = str_printf("%s and %s", f->tenant, f->client);
	return take(ctx, out, KEY_TENANT, f->tenant, err) && take(ctx, out, KEY_CLIENT_ID, f->client, err) &&
	       take(ctx, out, KEY_TOKEN_FILE, f->file, err) &&
	       (!f->token || !env_get(&ctx->env, f->token) || config_set(out->set, KEY_TOKEN_ENV, f->token, f->token, err)) &&
	       take(ctx, out, KEY_CONNECTION, f->connection, err) && take_authority(ctx, out, f->authority, err) &&
	       override(ctx, out, err);
}

/* DAYPASS_* name somebody when they give both ids, or a source that needs none. */
static bool own_variables(const struct ctx *ctx, struct identity *out, struct err *err)
{
	const char *source = env_get(&ctx->env, config_keys[KEY_SOURCE].env);
	const struct source *s = source ? source_by_name(ctx->sources, source) : NULL;
	bool both = env_get(&ctx->env, config_keys[KEY_TENANT].env) && env_get(&ctx->env, config_keys[KEY_CLIENT_ID].env);
	if (!both && !(s && s->yields_access_token))
		return false;
	*out = (struct identity){.name = str_dup("DAYPASS_*"), .origin = str_dup(both ? "DAYPASS_TENANT and DAYPASS_CLIENT_ID" : "DAYPASS_SOURCE")};
	return override(ctx, out, err);
}

bool identity_gcm(const struct ctx *ctx, struct identity *out, struct err *err)
{
	const char *mode = env_get(&ctx->env, "GCM_AZREPOS_WIF");
	const char *assertion = env_get(&ctx->env, "GCM_AZREPOS_WIF_ASSERTION");
	static const struct family gcm = {"GCM_AZREPOS_WIF*", "GCM_AZREPOS_WIF_TENANTID", "GCM_AZREPOS_WIF_CLIENTID", NULL, NULL, NULL, NULL};
	bool taken = mode && take_family(ctx, &gcm, out, err);
	out->from_env = false; /* it names a source, on purpose: what is wrong with it is an error */
	if (!taken)
		return false;
	if (!take(ctx, out, KEY_AUDIENCE, "GCM_AZREPOS_WIF_AUDIENCE", err))
		return false;
	if (str_ieq(mode, "githubactions") || str_ieq(mode, "github"))
		return config_set(out->set, KEY_SOURCE, "github-actions", "GCM_AZREPOS_WIF", err);
	if (str_ieq(mode, "managedidentity") || str_ieq(mode, "mi"))
		return err_set(err, ERR_CONFIG, "use GCM_AZREPOS_WIF = githubactions or generic, or let the machine's identity itself be the member: DAYPASS_SOURCE=managed-identity", "GCM_AZREPOS_WIF = %s: this version does not use a managed identity's token as an assertion", mode);
	if (!str_ieq(mode, "generic"))
		return err_set(err, ERR_CONFIG, "it is generic, githubactions or managedidentity", "GCM_AZREPOS_WIF = %s is not known", mode);
	if (str_starts(assertion, "file://"))
		return config_set(out->set, KEY_SOURCE, "file", "GCM_AZREPOS_WIF", err) &&
		       config_set(out->set, KEY_TOKEN_FILE, assertion + 7, "GCM_AZREPOS_WIF_ASSERTION", err);
	return config_set(out->set, KEY_SOURCE, "env", "GCM_AZREPOS_WIF", err) &&
	       config_set(out->set, KEY_TOKEN_ENV, "GCM_AZREPOS_WIF_ASSERTION", "GCM_AZREPOS_WIF_ASSERTION", err);
}

bool identity_from_env(const struct ctx *ctx, identity_family own, struct identity *out, struct err *err)
{
	*err = ERR_INIT;
	if (own_variables(ctx, out, err))
		return true;
	if (err->kind)
		return false;
	if (own && own(ctx, out, err))
		return true;
	for (size_t i = 0; !err->kind && i < COUNT_OF(families); i++) {
		identity_free(out);
		if (take_family(ctx, &families[i], out, err))
			return true;
	}
	return false;
}

const struct cloud *identity_cloud(const struct identity *id)
{
	AUTO_URL u = {0};
	const char *own = identity_get(id, KEY_AUTHORITY);
	if (!own)
		return cloud_by_name(identity_get(id, KEY_CLOUD));
	return url_parse(own, &u) ? cloud_by_host(u.host) : NULL;
}

bool identity_authority(const struct identity *id, char **authority, char **audience, struct err *err)
{
	static const enum key needed[] = {KEY_TENANT, KEY_CLIENT_ID};
	for (size_t i = 0; i < COUNT_OF(needed); i++) {
		const char *name = config_keys[needed[i]].name;
		if (identity_get(id, needed[i]))
			continue;
		err_set(err, ERR_CONFIG, NULL, "identity %s (%s) has no %s", id->name, id->origin, name);
		return err_hint(err, "add the line: %s = ...", name);
	}
	const struct cloud *cloud = cloud_by_name(identity_get(id, KEY_CLOUD));
	const char *own = identity_get(id, KEY_AUTHORITY), *aud = identity_get(id, KEY_AUDIENCE);
	*authority = own ? str_dup(own) : str_printf("https://%s", cloud->host);
	*audience = str_dup(aud ? aud : cloud->audience);
	return true;
}
