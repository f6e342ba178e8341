/* The real Azure Developer CLI, already logged in: it yields access tokens. Source: azure-dev, cli/azd/cmd/auth_token.go
 * and pkg/auth/manager.go (where it remembers who is logged in), and docs/external-authentication.md. */
#include <sys/stat.h>

#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/sources/tool.h"

static const struct tool azd = {"azd", "the Azure Developer CLI", "azd auth login", "upgrade azd"};
static const char ENDPOINT[] = "AZD_AUTH_ENDPOINT", KEY[] = "AZD_AUTH_KEY";
/* Who is logged in; and, where azd was told to use az's log-in, only the other. */
static const char *const files[] = {"auth.json", "config.json"};

static char *path_of(const struct ctx *ctx, const char *file)
{
	const char *dir = env_get(&ctx->env, "AZD_CONFIG_DIR"), *home = env_get(&ctx->env, "HOME");
	return dir ? str_printf("%s/%s", dir, file) : str_printf("%s/.azd/%s", home ? home : "", file);
}

/* A program that started us hands tokens to azd. */
static bool external(const struct ctx *ctx)
{
	return env_get(&ctx->env, ENDPOINT) && env_get(&ctx->env, KEY);
}

static enum source_state azd_detect(const struct ctx *ctx, const struct identity *id UNUSED, struct err *why)
{
	struct stat st;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		AUTO_STR path = path_of(ctx, files[i]);
		if (stat(path, &st) == 0)
			return SOURCE_PRESENT;
	}
	AUTO_STR wanted = path_of(ctx, files[0]);
	return external(ctx) || env_get(&ctx->env, "AZD_IN_CLOUDSHELL") ? SOURCE_PRESENT : tool_absent(&azd, wanted, why);
}

static bool azd_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	if (azd_detect(ctx, id, err) != SOURCE_PRESENT)
		return false;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		AUTO_STR path = path_of(ctx, files[i]);
		tool_print_file(path, out);
	}
	if (external(ctx))
		hash_print(out, env_get(&ctx->env, KEY), env_get(&ctx->env, ENDPOINT));
	return true;
}

static bool azd_fetch(const struct ctx *ctx, const struct identity *id, const char *resource, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_STR scope = str_printf("%s/.default", resource);
	const char *tenant = identity_get(id, KEY_TENANT);
	const char *args[] = {"auth", "token", "--output", "json", "--no-prompt", "--scope", scope, tenant ? "--tenant-id" : NULL, tenant, NULL};
	static const char *const more[] = {"NO_COLOR=true", "AZD_SKIP_UPDATE_CHECK=true", "AZURE_DEV_COLLECT_TELEMETRY=no", NULL};
	if (!tool_run(ctx, &azd, args, more, &text, err))
		return false;
	AUTO_JSON j = json_parse(text.p, text.len);
	int64_t expires = 0;
	clock_iso_date(json_str(j, "expiresOn"), &expires);
	return tool_take(ctx, &azd, json_str(j, "token"), expires, out, err);
}

const struct source source_azd = {
	.name = "azd",
	.summary = "the Azure Developer CLI's own log-in, for laptops",
	.automatic = AUTO_NEVER,
	.yields_access_token = true,
	.detect = azd_detect,
	.fingerprint = azd_fingerprint,
	.fetch = azd_fetch,
};
