/* The client's own secret, for the day before federation: any federated source goes before it. Source: entra, "OAuth 2.0
 * client credentials flow", first case. Its value is shown nowhere, and never taken from arguments. */
#include "helper/base/str.h"
#include "helper/sources/common.h"

enum { SECRET_MAX = 4096 };

static const char NAME[] = "client-secret", VARIABLE[] = "AZURE_CLIENT_SECRET";

/* AZURE_CLIENT_SECRET counts only where this source is named: a stray one makes no identity. */
static const char *variable(const struct identity *id)
{
	const char *own = identity_get(id, KEY_CLIENT_SECRET_ENV);
	return own || !str_eq(identity_get(id, KEY_SOURCE), NAME) ? own : VARIABLE;
}

static enum source_state secret_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *name = variable(id);
	if (identity_get(id, KEY_CLIENT_SECRET_FILE) || (name && env_get(&ctx->env, name)))
		return SOURCE_PRESENT;
	if (name)
		return source_say(SOURCE_BROKEN, why, "export it, or name a file: client-secret-file = /path", "the variable %s (%s) is not set", name, identity_origin(id, KEY_CLIENT_SECRET_ENV));
	return source_say(SOURCE_ABSENT, why, "set one of them", "neither client-secret-file nor client-secret-env is set");
}

static bool secret_read(const struct ctx *ctx, const struct identity *id, struct secret *out, struct err *err)
{
	const char *path = identity_get(id, KEY_CLIENT_SECRET_FILE), *name = path ? NULL : variable(id);
	const char *value = name ? env_get(&ctx->env, name) : NULL;
	AUTO_STR what = path ? str_printf("the file %s", path) : str_printf("the variable %s", name ? name : VARIABLE);
	struct buf *text = secret_buf(out);
	if (path && !private_read(path, text, err))
		return err->hint[0] ? false : err_hint(err, "check %s", identity_origin(id, KEY_CLIENT_SECRET_FILE));
	if (!path && !buf_adds(text, value ? value : ""))
		return err_set(err, ERR_SOURCE, NULL, "%s is longer than %d bytes: not a secret", what, SECRET_MAX);
	buf_trim(text);
	if (!text->len)
		return err_set(err, ERR_SOURCE, "put the secret's value there", "%s is empty", what);
	return (strlen(text->p) == text->len && !str_has_control(text->p)) || err_set(err, ERR_SOURCE, "put the secret's value there, and nothing else", "%s holds more than one line: not a secret", what);
}

static bool secret_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	AUTO_SECRET value = secret_new(SECRET_MAX);
	return secret_read(ctx, id, &value, err) && secret_set(&out->value, secret_reveal(&value), secret_len(&value));
}

static bool secret_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	AUTO_SECRET value = secret_new(SECRET_MAX);
	if (!secret_read(ctx, id, &value, err))
		return false;
	hash_print(out, secret_reveal(&value), NAME);
	return true;
}

const struct source source_client_secret = {
	.name = NAME,
	.summary = "the client's secret: client-secret-file, client-secret-env, or AZURE_CLIENT_SECRET where this source is named",
	.automatic = AUTO_AMBIENT,
	.yields_secret = true,
	.own_credential = true,
	.detect = secret_detect,
	.fingerprint = secret_fingerprint,
	.fetch = secret_fetch,
};
