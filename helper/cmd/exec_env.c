/* The environment of the command of `daypass exec`. What each client reads: azure-identity, msal, azd, azcopy, the Terraform
 * providers' and git's documentation; all of it was seen with the real ones. */
#include <stdarg.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/cmd/configure.h"
#include "helper/cmd/exec.h"
#include "helper/core/match.h"

enum { FILE_MAX_BYTES = 1024 * 1024, GIT_MOST = 1 << 20 };

struct changes {
	char **list;
	size_t count;
};

PRINTF_LIKE(2, 3) static void change(struct changes *c, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	c->list = mem_realloc_wipe(c->list, c->count * sizeof *c->list, (c->count + 2) * sizeof *c->list);
	c->list[c->count++] = text;
	c->list[c->count] = NULL;
}

/* Each would lead a client past us: another kind of endpoint, a token or secret of its own, another identity. */
static const char *const stale[] = {
	"IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "DEFAULT_IDENTITY_CLIENT_ID",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_USERNAME", "AZURE_PASSWORD",
	"AZURE_OIDC_TOKEN", "AZURE_OIDC_REQUEST_URL", "AZURE_OIDC_REQUEST_TOKEN", "AZD_AUTH_CERT", "AZCOPY_MSI_CLIENT_ID", "AZCOPY_MSI_OBJECT_ID", "AZCOPY_MSI_RESOURCE_STRING",
	"ARM_USE_MSI", "ARM_MSI_ENDPOINT", "ARM_MSI_API_VERSION", "ARM_USE_OIDC", "ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH", "ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN",
	"ARM_USE_AKS_WORKLOAD_IDENTITY", "ARM_CLIENT_ID_FILE_PATH", "ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH", "ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PASSWORD",
};

/* What our own source reads stays, so that git's, docker's and kubectl's helpers find the same. */
static bool is_needed(const struct exec *x, const char *name)
{
	static const enum key keys[] = {KEY_TOKEN_ENV, KEY_CLIENT_SECRET_ENV, KEY_PASSWORD_ENV};
	const struct identity *id = &x->plan.id;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (str_eq(identity_get(id, keys[i]), name) && !str_eq(identity_origin(id, keys[i]), name))
			return true;
	if (str_eq(name, "AZURE_FEDERATED_TOKEN_FILE"))
		return str_eq(identity_get(id, KEY_SOURCE), "file") && !identity_get(id, KEY_TOKEN_FILE);
	return x->plan.source->own_credential && str_starts(name, "AZURE_CLIENT_");
}

static const char token_path[] = "/metadata/identity/oauth2/token";

static void add_endpoints(const struct exec *x, struct changes *c)
{
	change(c, "DAYPASS_EXEC=http://%s", x->host);
	change(c, "IDENTITY_ENDPOINT=http://%s/msi/token", x->host);
	change(c, "IDENTITY_HEADER=%s", x->secret);
	/* What came before IDENTITY_*, which goes first where both are known, as on App Service: az before 2.66 knows no other, and
	 * would ask the machine for the machine's own identity. It sends no secret. */
	change(c, "MSI_ENDPOINT=http://%s/%s%s", x->host, x->secret, token_path);
	change(c, "MSI_SECRET=%s", x->secret);
	change(c, "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential");
	change(c, "AZD_AUTH_ENDPOINT=http://%s/azd", x->host);
	change(c, "AZD_AUTH_KEY=%s", x->secret);
	change(c, "AZCOPY_AUTO_LOGIN_TYPE=MSI");
	change(c, "ARM_USE_CLI=false");
	if (!x->oidc) {
		change(c, "ARM_USE_MSI=true");
		change(c, "ARM_MSI_ENDPOINT=http://%s/%s%s", x->host, x->secret, token_path);
		return;
	}
	static const char *const families[] = {"ARM", "AZURE"}; /* Terraform's, azd's */
	change(c, "ARM_USE_OIDC=true");
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		/* They add "&audience=", whether there is a '?' or not. */
		change(c, "%s_OIDC_REQUEST_URL=http://%s/%s/oidc?v=1", families[i], x->host, x->secret);
		change(c, "%s_OIDC_REQUEST_TOKEN=%s", families[i], x->secret);
	}
}

/* The subscription that was named; asking for the list would be an exchange that perhaps nobody needs. */
static const char *subscription(const struct exec *x)
{
	const char *own = identity_get(&x->plan.id, KEY_SUBSCRIPTION), *azure = env_get(&x->ctx->env, "AZURE_SUBSCRIPTION_ID");
	return own ? own : azure ? azure : env_get(&x->ctx->env, "ARM_SUBSCRIPTION_ID");
}

static void add_identity(const struct exec *x, struct changes *c)
{
	const struct identity *id = &x->plan.id;
	const struct cloud *cloud = identity_cloud(id);
	const char *client = identity_get(id, KEY_CLIENT_ID), *tenant = identity_get(id, KEY_TENANT), *sub = subscription(x);
	const char *env_client = env_get(&x->ctx->env, "AZURE_CLIENT_ID");
	if (x->ctx->identity)
		change(c, "DAYPASS_IDENTITY=%s", x->ctx->identity);
	if (env_client && !str_ieq(env_client, client)) /* SDKs would ask us for that one */
		change(c, "AZURE_CLIENT_ID");
	change(c, client ? "ARM_CLIENT_ID=%s" : "ARM_CLIENT_ID", client);
	if (tenant)
		change(c, "ARM_TENANT_ID=%s", tenant);
	if (tenant)
		change(c, "AZCOPY_TENANT_ID=%s", tenant);
	if (sub)
		change(c, "ARM_SUBSCRIPTION_ID=%s", sub);
	if (cloud && !str_eq(cloud->name, "public") && !env_get(&x->ctx->env, "ARM_ENVIRONMENT"))
		change(c, "ARM_ENVIRONMENT=%s", str_eq(cloud->name, "usgov") ? "usgovernment" : cloud->name);
}

/* A proxy would get the secret, and could not reach us. */
static void add_no_proxy(const struct exec *x, struct changes *c)
{
	static const char *const names[] = {"NO_PROXY", "no_proxy"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *own = env_get(&x->ctx->env, names[i]), *value = own ? own : env_get(&x->ctx->env, names[1 - i]);
		if (!str_eq(value, "*"))
			change(c, "%s=%s%s127.0.0.1,localhost", names[i], value ? value : "", value ? "," : "");
	}
}

static void copy_file(const char *from, const char *to, const char *name)
{
	struct err ignored;
	AUTO_STR path = str_printf("%s/%s", from, name);
	AUTO_BUF text = buf_new(FILE_MAX_BYTES);
	if (file_read(path, &text, NULL, ERR_CONFIG, &ignored))
		exec_write(to, name, &text);
}

/* As az itself writes after `az login --identity`; without a subscription, as with --allow-no-subscriptions. */
static void write_profile(const char *folder, const char *tenant, const char *sub, const char *cloud)
{
	AUTO_BUF text = buf_new(8192);
	buf_adds(&text, "{\"subscriptions\": [{");
	json_pair(&text, "id", sub ? sub : tenant, false);
	json_pair(&text, "name", sub ? sub : "N/A(tenant level account)", false);
	json_pair(&text, "state", "Enabled", false);
	buf_adds(&text, "\"user\": {\"name\": \"systemAssignedIdentity\", \"type\": \"servicePrincipal\", \"assignedIdentityInfo\": \"MSI\"}, \"isDefault\": true, ");
	json_pair(&text, "tenantId", tenant, false);
	json_pair(&text, "environmentName", cloud, false);
	json_pair(&text, "homeTenantId", tenant, false);
	buf_adds(&text, "\"managedByTenants\": []}]}\n");
	exec_write(folder, "azureProfile.json", &text);
}

/* A folder of its own for az, in which it is logged in. Where nobody knows the tenant, the identity is the one that az has
 * already, or the machine's: az stays as it is. */
static void add_az(const struct exec *x, struct changes *c)
{
	const char *tenant = identity_get(&x->plan.id, KEY_TENANT), *home = env_get(&x->ctx->env, "HOME"), *named = env_get(&x->ctx->env, "AZURE_CONFIG_DIR");
	const char *chosen = env_get(&x->ctx->env, "AZURE_CLOUD_NAME");
	const struct cloud *cloud = identity_cloud(&x->plan.id);
	AUTO_STR own = named ? str_dup(named) : home ? str_printf("%s/.azure", home) : NULL;
	AUTO_STR folder = tenant ? exec_subfolder(x, "azure") : NULL;
	AUTO_STR extensions = own ? str_printf("%s/cliextensions", own) : NULL;
	struct stat st;
	if (!folder)
		return;
	write_profile(folder, tenant, subscription(x), chosen ? chosen : cloud ? cloud->az_name : "AzureCloud");
	if (own) {
		copy_file(own, folder, "config");
		copy_file(own, folder, "clouds.config");
	}
	change(c, "AZURE_CONFIG_DIR=%s", folder);
	if (cloud && !chosen && !str_eq(cloud->name, "public"))
		change(c, "AZURE_CLOUD_NAME=%s", cloud->az_name);
	if (extensions && !env_get(&x->ctx->env, "AZURE_EXTENSION_DIR") && stat(extensions, &st) == 0)
		change(c, "AZURE_EXTENSION_DIR=%s", extensions);
}

static void add_git_pair(struct changes *c, int64_t *n, const char *host, const char *key, const char *value)
{
	change(c, "GIT_CONFIG_KEY_%lld=credential.https://%s.%s", (long long)*n, host, key);
	change(c, "GIT_CONFIG_VALUE_%lld=%s", (long long)*n, value);
	++*n;
}

/* What `daypass configure git` writes into a file, behind what already stands in the environment. */
static void add_git(struct exec *x, struct changes *c)
{
	struct err err = ERR_INIT;
	AUTO_HOSTS hosts = {0};
	AUTO_STR value = git_own_value(&err);
	const char *count = env_get(&x->ctx->env, "GIT_CONFIG_COUNT");
	int64_t n = 0;
	if (!value)
		buf_addf(&x->says, "exec: git does not ask daypass: %s\n", err.msg);
	if (!value || (count && !str_to_int(count, GIT_MOST, &n))) /* git itself will say what is wrong with that */
		return;
	git_hosts_find(x->ctx, &hosts);
	for (size_t i = 0; i < hosts.count; i++) {
		add_git_pair(c, &n, hosts.name[i], "helper", ""); /* no other helper is asked before */
		add_git_pair(c, &n, hosts.name[i], "helper", value);
		if (match_needs_path(x->ctx->config, hosts.name[i]))
			add_git_pair(c, &n, hosts.name[i], "useHttpPath", "true");
	}
	change(c, "GIT_CONFIG_COUNT=%lld", (long long)n);
}

/* For clients that look for a helper by its name: at PATH's end, so that one that is there already goes first. */
static void add_programs(const struct exec *x, struct changes *c)
{
	static const char *const names[] = {"docker-credential-daypass", "git-credential-daypass", "kubectl-daypass", "kubelogin"};
	const char *path = env_get(&x->ctx->env, "PATH");
	AUTO_STR own = program_own_path();
	AUTO_STR folder = own && path ? exec_subfolder(x, "bin") : NULL;
	if (!folder)
		return;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR link = str_printf("%s/%s", folder, names[i]);
		if (symlink(own, link) < 0)
			return;
	}
	change(c, "PATH=%s:%s", path, folder);
}

char **exec_changes(struct exec *x)
{
	struct changes c = {0};
	for (size_t i = 0; i < COUNT_OF(stale); i++)
		if (!is_needed(x, stale[i]))
			change(&c, "%s", stale[i]);
	add_endpoints(x, &c);
	add_identity(x, &c);
	add_no_proxy(x, &c);
	add_az(x, &c);
	add_git(x, &c);
	add_programs(x, &c);
	AUTO_STR docker = exec_docker(x);
	if (docker)
		change(&c, "DOCKER_CONFIG=%s", docker);
	return c.list;
}
