/* The real Azure CLI, already logged in on a laptop: it yields access tokens, so no exchange follows. Source: az's
 * `account get-access-token` output, measured. */
#include <sys/stat.h>

#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

enum { TIMEOUT_MS = 15000, SPOKEN_MAX = 8192 };

static char *profile_path(const struct ctx *ctx)
{
	const char *dir = env_get(&ctx->env, "AZURE_CONFIG_DIR"), *home = env_get(&ctx->env, "HOME");
	return dir ? str_printf("%s/azureProfile.json", dir) : str_printf("%s/.azure/azureProfile.json", home ? home : "");
}

static enum source_state az_detect(const struct ctx *ctx, const struct identity *id UNUSED, struct err *why)
{
	AUTO_STR path = profile_path(ctx);
	struct stat st;
	if (stat(path, &st) == 0)
		return SOURCE_PRESENT;
	return source_say(SOURCE_BROKEN, why, "az login", "the Azure CLI is not logged in here: there is no %s", path);
}

/* az rewrites its profile when somebody logs in or changes the account: then the cached token is not asked for. */
static bool az_fingerprint(const struct ctx *ctx, const struct identity *id UNUSED, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	AUTO_STR path = profile_path(ctx);
	struct stat st;
	if (stat(path, &st) < 0)
		return err_set(err, ERR_SOURCE, "az login", "the Azure CLI is not logged in here: there is no %s", path);
	return buf_addf(out, "%s\n%llu %lld.%09ld", path, (unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* The last line that az wrote about an error, without its colours and its advice to log in again in other words. */
static bool failed(const struct buf *spoken, int status, struct err *err)
{
	const char *text = strstr(spoken->p, "ERROR: ");
	text = text ? text + 7 : spoken->p;
	AUTO_STR first = str_ndup(text, strcspn(text, "\r\n"));
	log_mask(first);
	if (status == 127)
		return err_set(err, ERR_SOURCE, "install the Azure CLI, or choose another source", "az is not on PATH");
	return err_set(err, ERR_SOURCE, "az login", "az gave no token (exit status %d): %.400s", status, first);
}

static bool take(const struct ctx *ctx, const struct buf *text, struct token *out, struct err *err)
{
	AUTO_JSON j = json_parse(text->p, text->len);
	const char *value = json_str(j, "accessToken");
	int64_t expires = 0, now = ctx->clock->wall(ctx->clock);
	if (!value || !str_is_token(value, strlen(value)) || !secret_set(&out->value, value, strlen(value)))
		return err_set(err, ERR_SOURCE, "az upgrade", "az printed no token that daypass understands");
	out->issued_at = now;
	/* expires_on came with az 2.54; before, only a local time was printed, which cannot be read safely: keep it
	 * just for the shortest life that Entra gives. */
	bool known = json_int(j, "expires_on", &expires) && expires > now;
	out->expires_at = known ? expires : now + 300;
	return true;
}

static bool az_fetch(const struct ctx *ctx, const struct identity *id, const char *resource, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_BUF spoken = buf_new(SPOKEN_MAX);
	const char *tenant = identity_get(id, KEY_TENANT);
	const char *argv[] = {"az", "account", "get-access-token", "--output", "json", "--resource", resource, tenant ? "--tenant" : NULL, tenant, NULL};
	static const char *const more[] = {"AZURE_CORE_NO_COLOR=true", "AZURE_CORE_COLLECT_TELEMETRY=0", "AZURE_CORE_ONLY_SHOW_ERRORS=true", NULL};
	int64_t left = ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock);
	struct proc_run r = {.argv = argv, .more_env = more, .timeout_ms = left < TIMEOUT_MS ? left : TIMEOUT_MS, .out = &text, .err = &spoken};
	if (!ctx->proc->run(ctx->proc, &r, err))
		return err_hint(err, "install the Azure CLI, or choose another source");
	return r.status == 0 ? take(ctx, &text, out, err) : failed(&spoken, r.status, err);
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
