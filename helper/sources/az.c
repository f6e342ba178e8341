/* The real Azure CLI, already logged in on a laptop: it yields access tokens, so no exchange follows. Source: az's
 * `account get-access-token` output, measured. */
#include <sys/stat.h>

#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/sources/tool.h"

static const struct tool az = {"az", "the Azure CLI", "az login", "az upgrade"};

static char *profile_path(const struct ctx *ctx)
{
	const char *dir = env_get(&ctx->env, "AZURE_CONFIG_DIR"), *home = env_get(&ctx->env, "HOME");
	return dir ? str_printf("%s/azureProfile.json", dir) : str_printf("%s/.azure/azureProfile.json", home ? home : "");
}

static enum source_state az_detect(const struct ctx *ctx, const struct identity *id UNUSED, struct err *why)
{
	AUTO_STR path = profile_path(ctx);
	struct stat st;
	return stat(path, &st) == 0 ? SOURCE_PRESENT : tool_absent(&az, path, why);
}

/* az rewrites its profile when somebody logs in or changes the account: then the cached token is not asked for. */
static bool az_fingerprint(const struct ctx *ctx, const struct identity *id UNUSED, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	AUTO_STR path = profile_path(ctx);
	if (tool_print_file(path, out))
		return true;
	tool_absent(&az, path, err);
	return false;
}

static bool az_fetch(const struct ctx *ctx, const struct identity *id, const char *resource, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	const char *tenant = identity_get(id, KEY_TENANT);
	const char *args[] = {"account", "get-access-token", "--output", "json", "--resource", resource, tenant ? "--tenant" : NULL, tenant, NULL};
	static const char *const more[] = {"AZURE_CORE_NO_COLOR=true", "AZURE_CORE_COLLECT_TELEMETRY=0", "AZURE_CORE_ONLY_SHOW_ERRORS=true", NULL};
	if (!tool_run(ctx, &az, args, more, &text, err))
		return false;
	AUTO_JSON j = json_parse(text.p, text.len);
	int64_t expires = 0;
	/* expires_on came with az 2.54; before, only a local time was printed, which cannot be read safely. */
	json_int(j, "expires_on", &expires);
	return tool_take(ctx, &az, json_str(j, "accessToken"), expires, out, err);
}

const struct source source_az = {
	.name = "az",
	.summary = "the Azure CLI's own log-in, for laptops",
	.automatic = AUTO_NEVER,
	.yields_access_token = true,
	.detect = az_detect,
	.fingerprint = az_fingerprint,
	.fetch = az_fetch,
};
