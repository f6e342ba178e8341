/* The client's own certificate, for the day before federation: it signs an assertion about the client itself. Any federated
 * source goes before it. Source: entra, "Application authentication certificate credentials"; RFC 7523, RFC 7515 4.1. */
#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/sign.h"
#include "helper/base/str.h"
#include "helper/sources/common.h"

enum { LIFE_S = 600, EARLY_S = 60 };

static const char NAME[] = "certificate", VARIABLE[] = "AZURE_CLIENT_CERTIFICATE_PATH", PASSWORD[] = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

/* As AZURE_CLIENT_SECRET, the variable counts only where this source is named. */
static const char *path_of(const struct ctx *ctx, const struct identity *id)
{
	const char *own = identity_get(id, KEY_CERTIFICATE);
	return own || !str_eq(identity_get(id, KEY_SOURCE), NAME) ? own : env_get(&ctx->env, VARIABLE);
}

static const char *password_of(const struct ctx *ctx, const struct identity *id)
{
	const char *name = identity_get(id, KEY_PASSWORD_ENV);
	if (!name && !identity_get(id, KEY_CERTIFICATE))
		name = PASSWORD;
	return name ? env_get(&ctx->env, name) : NULL;
}

static enum source_state certificate_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	if (path_of(ctx, id))
		return SOURCE_PRESENT;
	return source_say(SOURCE_ABSENT, why, "certificate = /path/to/key-and-certificate.pem", "no certificate is set");
}

static bool read_file(const struct ctx *ctx, const struct identity *id, struct buf *out, struct err *err)
{
	const char *path = path_of(ctx, id);
	if (path && private_read(path, out, err))
		return true;
	if (!path)
		return err_set(err, ERR_SOURCE, "certificate = /path/to/key-and-certificate.pem", "no certificate is set");
	return err->hint[0] ? false : err_hint(err, "check %s", identity_get(id, KEY_CERTIFICATE) ? identity_origin(id, KEY_CERTIFICATE) : VARIABLE);
}

/* Another password is no other caller, but worth another try. */
static bool certificate_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_BUF file = buf_new(SIGN_FILE_MAX);
	unsigned char sum[SEAL_HASH];
	char hex[2 * SEAL_HASH + 1];
	const char *password = password_of(ctx, id);
	if (!read_file(ctx, id, &file, err))
		return false;
	seal_sha256(sum, password ? password : "", password ? strlen(password) : 0);
	buf_add(evidence, sum, sizeof sum);
	seal_sha256(sum, file.p, file.len);
	str_hex(hex, sum, sizeof sum);
	return buf_addf(out, "%s\n%s", hex, NAME);
}

/* x5t#S256 says which registered certificate it is; x5c, the whole chain, is for clients that are known by subject name
 * and issuer. */
static void add_head(const struct sign_key *k, struct buf *json)
{
	unsigned char sum[SEAL_HASH];
	seal_sha256(sum, k->chain[0].p, k->chain[0].len);
	buf_adds(json, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");
	seal_b64url_encode(json, sum, sizeof sum);
	buf_adds(json, "\",\"x5c\":[");
	for (size_t i = 0; i < k->count; i++) {
		buf_adds(json, i ? ",\"" : "\"");
		seal_b64_encode(json, k->chain[i].p, k->chain[i].len);
		buf_addc(json, '"');
	}
	buf_adds(json, "]}");
}

/* aud is the token endpoint that will be asked; iss and sub are the client itself. */
static bool add_claims(const struct ctx *ctx, const struct identity *id, struct buf *json, struct err *err)
{
	AUTO_STR authority = NULL;
	AUTO_STR unused = NULL;
	char guid[37];
	if (!identity_authority(id, &authority, &unused, err))
		return false;
	const char *client = identity_get(id, KEY_CLIENT_ID);
	AUTO_STR endpoint = str_printf("%s/%s/oauth2/v2.0/token", authority, identity_get(id, KEY_TENANT));
	long long now = ctx->clock->wall(ctx->clock);
	seal_guid(guid);
	buf_addc(json, '{');
	json_pair(json, "aud", endpoint, false);
	json_pair(json, "iss", client, false);
	json_pair(json, "sub", client, false);
	json_pair(json, "jti", guid, false);
	return buf_addf(json, "\"iat\": %lld, \"nbf\": %lld, \"exp\": %lld}", now, now - EARLY_S, now + LIFE_S);
}

static bool certificate_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	AUTO_BUF file = buf_new(SIGN_FILE_MAX), head = buf_new(2 * SIGN_FILE_MAX), claims = buf_new(4096), jwt = buf_new(TOKEN_MAX);
	AUTO_SIGN_KEY key = {0};
	if (!read_file(ctx, id, &file, err) || !sign_open(&key, &file, password_of(ctx, id), path_of(ctx, id), err))
		return false;
	add_head(&key, &head);
	if (!add_claims(ctx, id, &claims, err) || !sign_jws(&key, &head, &claims, &jwt, err))
		return false;
	return (!head.over && !jwt.over && secret_set(&out->value, jwt.p, jwt.len)) || err_set(err, ERR_SOURCE, "leave the roots out of it", "the chain in %s is too long", path_of(ctx, id));
}

const struct source source_certificate = {
	.name = NAME,
	.summary = "the client's certificate and key: certificate, or AZURE_CLIENT_CERTIFICATE_PATH where this source is named",
	.automatic = AUTO_AMBIENT,
	.own_credential = true,
	.detect = certificate_detect,
	.fingerprint = certificate_fingerprint,
	.fetch = certificate_fetch,
};
