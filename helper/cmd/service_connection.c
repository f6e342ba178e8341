/* daypass service-connection list | show | convert | revert | create: whose organization, as whom, and which verb. */
#include "helper/cmd/service_connection.h"

#include "helper/base/str.h"
#include "helper/core/resource.h"

void organization_close(struct organization *o)
{
	admin_close(&o->admin);
	free(o->name);
}

static const char prefix[] = "https://dev.azure.com/";

/* Of https://dev.azure.com/NAME/ or, as older organizations have it, https://NAME.visualstudio.com/; NULL of any other. */
static char *collection_name(const char *uri)
{
	static const char scheme[] = "https://", old[] = ".visualstudio.com/";
	if (str_starts(uri, prefix))
		return str_ndup(uri + strlen(prefix), strcspn(uri + strlen(prefix), "/"));
	const char *host = str_starts(uri, scheme) ? uri + strlen(scheme) : "";
	size_t n = strcspn(host, "./");
	return str_starts(host + n, old) ? str_ndup(host, n) : NULL;
}

/* The job's own, else the only one that the configuration names. */
static char *likely_organization(const struct ctx *ctx)
{
	char *found = collection_name(env_get(&ctx->env, "SYSTEM_COLLECTIONURI"));
	if (found)
		return found;
	for (size_t i = 0; i < ctx->config->count; i++) {
		const struct section *s = &ctx->config->sections[i];
		const char *rest = s->kind == SECTION_MATCH && str_starts(s->name, prefix) ? s->name + strlen(prefix) : "";
		AUTO_STR name = str_ndup(rest, strcspn(rest, "/"));
		if (!*name || *name == '*' || str_ieq(found, name))
			continue;
		if (found) {
			free(found);
			return NULL;
		}
		found = str_dup(name);
	}
	return found;
}

static bool name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
	return n && n <= 64 && !name[n];
}

static bool open_organization(struct ctx *ctx, const char *name, const char *as, struct organization *o, struct err *err)
{
	o->name = name ? str_dup(name) : likely_organization(ctx);
	if (!o->name)
		return err_set(err, ERR_USAGE, "--organization NAME, of https://dev.azure.com/NAME", "which Azure DevOps organization?");
	if (!name_ok(o->name))
		return err_set(err, ERR_USAGE, "--organization NAME, of https://dev.azure.com/NAME", "'%.100s' is no name of an Azure DevOps organization", o->name);
	return admin_open(ctx, as, RESOURCE_AZURE_REPOS, &o->admin, err);
}

static int show(struct ctx *ctx, struct organization *o, int argc, char **argv)
{
	struct err err = ERR_INIT;
	AUTO_BUF out = buf_new(CONNECTION_BYTES);
	CLEANUP(connection_free) struct connection c = {0};
	if (argc != 1)
		return cmd_usage(&command_service_connection, argc ? argv[argc - 1] : "show");
	if (!organization_find(o, argv[0], &c, &err))
		return cmd_fail(&err);
	connection_show(&c, &out);
	return cmd_print(ctx, &out);
}

static int service_connection(struct ctx *ctx, int argc, char *const *const_argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ctx *, struct organization *, int, char **);
	} verbs[] = {{"list", connection_list}, {"show", show}, {"convert", connection_convert}, {"revert", connection_revert}, {"create", connection_create}};
	char **argv = (char **)(uintptr_t)const_argv;
	struct err err = ERR_INIT;
	AUTO_ORGANIZATION o = {0};
	const char *name = cmd_option(&argc, argv, "--organization"), *as = cmd_option(&argc, argv, "--identity");
	o.project = cmd_option(&argc, argv, "--project");
	for (size_t i = 0; argc && i < COUNT_OF(verbs); i++) {
		if (!str_eq(argv[0], verbs[i].name))
			continue;
		return open_organization(ctx, name, as, &o, &err) ? verbs[i].run(ctx, &o, argc - 1, argv + 1) : cmd_fail(&err);
	}
	return cmd_usage(&command_service_connection, argc ? argv[0] : NULL);
}

const struct command command_service_connection = {"service-connection",
	"service-connection list | show NAME | convert NAME | revert NAME | create NAME --subscription ID --client-id ID [--organization ORG] [--project P] [--identity NAME] [--yes]",
	"an Azure DevOps organization's connections to Azure: which have a secret, or an issuer that ends", service_connection};
