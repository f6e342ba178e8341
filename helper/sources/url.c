/* A service that answers with the token, at a URL or behind a socket of this machine: an agent of one's own, or any vendor's
 * that daypass has no name for. The same settings as Google's external accounts have (AIP-4117, credential_source.url). Only a
 * configuration file says which: an address from the environment could be anybody's. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/common.h"

static const char MARK[] = "{audience}";

static enum source_state url_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *text = identity_get(id, KEY_URL), *header = identity_get(id, KEY_URL_HEADER), *variable = identity_get(id, KEY_URL_HEADER_ENV);
	if (!text || !id->command_ok)
		return source_say(SOURCE_ABSENT, why, "add to the identity: url = https://HOST/PATH?audience={audience}", "no url is configured");
	if (!header != !variable)
		return source_say(SOURCE_BROKEN, why, "set both, or none", "url-header and url-header-env belong together: only %s is set", header ? "url-header" : "url-header-env");
	if (variable && !env_get(&ctx->env, variable))
		return source_say(SOURCE_BROKEN, why, "export it, or name another with url-header-env", "the variable %s is not set", variable);
	return SOURCE_PRESENT;
}

static bool url_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	const char *variable = identity_get(id, KEY_URL_HEADER_ENV), *secret = variable ? env_get(&ctx->env, variable) : NULL, *socket = identity_get(id, KEY_UNIX_SOCKET);
	if (url_detect(ctx, id, err) != SOURCE_PRESENT)
		return false;
	hash_print(out, secret ? secret : "", identity_get(id, KEY_URL));
	return buf_addf(out, "\n%s", socket ? socket : "");
}

/* The URL with the audience, encoded, in the place of its mark. */
static bool with_audience(const char *text, const char *audience, struct buf *out)
{
	for (const char *at; (at = strstr(text, MARK)); text = at + strlen(MARK)) {
		buf_add(out, text, (size_t)(at - text));
		url_encode(out, audience);
	}
	return buf_adds(out, text);
}

static bool url_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF url = buf_new(8192);
	AUTO_SECRET header = secret_new(TOKEN_MAX);
	AUTO_RESPONSE r = http_response_new();
	const char *variable = identity_get(id, KEY_URL_HEADER_ENV), *value = variable ? env_get(&ctx->env, variable) : NULL;
	if (url_detect(ctx, id, err) != SOURCE_PRESENT)
		return false;
	if (value && (str_has_control(value) || !secret_set(&header, value, strlen(value))))
		return err_set(err, ERR_SOURCE, NULL, "%s holds what no header can", variable);
	if (!with_audience(identity_get(id, KEY_URL), audience, &url))
		return err_set(err, ERR_SOURCE, NULL, "%s: the url is too long", identity_origin(id, KEY_URL));
	struct http_request q = {.method = "GET", .url = url.p, .bearer_name = identity_get(id, KEY_URL_HEADER), .bearer = value ? &header : NULL,
				 .unix_socket = identity_get(id, KEY_UNIX_SOCKET), .local = true, .deadline_ms = ctx->deadline_ms};
	if (!ctx->http->perform(ctx->http, &q, &r, err))
		return err_hint(err, "check %s (%s)", "url", identity_origin(id, KEY_URL));
	return token_from_answer(&r, "the service at url", identity_get(id, KEY_TOKEN_FIELD), out, err) ||
	       (err->hint[0] ? false : err_hint(err, "check the service, url and token-field (%s)", identity_origin(id, KEY_URL)));
}

const struct source source_url = {
	.name = "url",
	.summary = "a service that answers with the token: url, and unix-socket where it is behind one",
	.automatic = AUTO_NEVER,
	.detect = url_detect,
	.fingerprint = url_fingerprint,
	.fetch = url_fetch,
};
