/* Fly.io: the machine's own token, asked of its API on a socket. Source: fly.io/docs, "OpenID Connect (OIDC) tokens". */
#include <unistd.h>

#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

static const char NAME[] = "fly", MACHINE[] = "FLY_MACHINE_ID", SOCKET[] = "/.fly/api";

static const char *socket_of(const struct identity *id)
{
	const char *own = identity_get(id, KEY_UNIX_SOCKET);
	return own ? own : SOCKET;
}

static enum source_state fly_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	if (!env_get(&ctx->env, MACHINE) && !str_eq(identity_get(id, KEY_SOURCE), NAME))
		return source_say(SOURCE_ABSENT, why, NULL, "not on a machine of Fly.io (%s)", MACHINE);
	if (access(socket_of(id), F_OK) == 0)
		return SOURCE_PRESENT;
	return source_say(SOURCE_BROKEN, why, "run it on the machine itself, not in a container within it; or choose another source", "Fly.io's socket %s is not here", socket_of(id));
}

static bool fly_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err UNUSED)
{
	char boot[CLOCK_BOOT_ID];
	const char *machine = env_get(&ctx->env, MACHINE);
	ctx->clock->boot_id(ctx->clock, boot);
	return buf_addf(out, "%s\n%s\n%s\n%s", NAME, socket_of(id), machine ? machine : "", boot);
}

static bool fly_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_SECRET body = secret_new(4096);
	AUTO_RESPONSE r = http_response_new();
	buf_adds(secret_buf(&body), "{\"aud\":");
	json_quote(secret_buf(&body), audience);
	buf_addc(secret_buf(&body), '}');
	struct http_request q = {.method = "POST", .url = "http://localhost/v1/tokens/oidc", .form = &body, .headers = {"Content-Type: application/json"},
				 .unix_socket = socket_of(id), .local = true, .deadline_ms = ctx->deadline_ms};
	if (!ctx->http->perform(ctx->http, &q, &r, err))
		return err_hint(err, "check %s: it is the Fly.io machine's own", socket_of(id));
	return token_from_answer(&r, "Fly.io's API", NULL, out, err) || (err->hint[0] ? false : err_hint(err, "try again; or choose another source: daypass config keys"));
}

const struct source source_fly = {
	.name = NAME,
	.summary = "the machine's own token in Fly.io",
	.automatic = AUTO_AMBIENT,
	.detect = fly_detect,
	.fingerprint = fly_fingerprint,
	.fetch = fly_fetch,
};
