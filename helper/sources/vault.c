/* HashiCorp Vault and OpenBao: an identity token of the role that is named, for whoever holds a token of Vault's. Source:
 * developer.hashicorp.com/vault, "Identity secrets engine: generate a signed ID token". */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/common.h"

static const char NAME[] = "vault", ADDRESS[] = "VAULT_ADDR", TOKEN[] = "VAULT_TOKEN", NAMESPACE[] = "VAULT_NAMESPACE";
static const char LOG_IN[] = "vault login, or export VAULT_TOKEN";

static char *token_path(const struct ctx *ctx)
{
	const char *home = env_get(&ctx->env, "HOME");
	return home ? str_printf("%s/.vault-token", home) : NULL;
}

/* Vault's own token: the variable, else the file that `vault login` leaves. */
static bool vault_token(const struct ctx *ctx, struct secret *out, struct err *err)
{
	const char *value = env_get(&ctx->env, TOKEN);
	AUTO_STR path = value ? NULL : token_path(ctx);
	if (!value && !path)
		return err_set(err, ERR_SOURCE, LOG_IN, "neither %s nor HOME is set", TOKEN);
	if (value ? !secret_set(out, value, strlen(value)) : !private_read(path, secret_buf(out), err))
		return value ? err_set(err, ERR_SOURCE, LOG_IN, "%s is too long", TOKEN) : err->hint[0] ? false : err_hint(err, LOG_IN);
	buf_trim(secret_buf(out));
	if (secret_len(out) && !str_has_control(secret_reveal(out)))
		return true;
	return err_set(err, ERR_SOURCE, LOG_IN, "%s holds no token", value ? TOKEN : path);
}

static bool address_ok(const char *address)
{
	AUTO_URL u = {0};
	return url_parse(address, &u) && !u.user && !u.query && (str_eq(u.scheme, "https") || (str_eq(u.scheme, "http") && url_is_loopback(u.host)));
}

static enum source_state vault_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	const char *address = env_get(&ctx->env, ADDRESS), *namespace = env_get(&ctx->env, NAMESPACE);
	if (!address)
		return source_say(SOURCE_ABSENT, why, "export VAULT_ADDR=https://vault.example.com", "%s is not set", ADDRESS);
	if (!address_ok(address))
		return source_say(SOURCE_BROKEN, why, "export VAULT_ADDR=https://vault.example.com", "%s is no https URL (http:// only on this machine)", ADDRESS);
	if (namespace && str_has_control(namespace))
		return source_say(SOURCE_BROKEN, why, "correct it", "%s holds what no header can", NAMESPACE);
	if (!identity_get(id, KEY_ROLE))
		return source_say(SOURCE_BROKEN, why, "role = NAME, of identity/oidc/role/NAME", "no role of Vault is named");
	return SOURCE_PRESENT;
}

static bool vault_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	AUTO_SECRET token = secret_new(8192);
	const char *namespace = env_get(&ctx->env, NAMESPACE);
	if (vault_detect(ctx, id, err) != SOURCE_PRESENT || !vault_token(ctx, &token, err))
		return false;
	hash_print(out, secret_reveal(&token), NAME);
	return buf_addf(out, "\n%s\n%s\n%s", env_get(&ctx->env, ADDRESS), namespace ? namespace : "", identity_get(id, KEY_ROLE));
}

/* Vault says no by a list of texts. */
static bool refused(const struct http_response *r, const struct json *j, const char *role, struct err *err)
{
	const char *text = json_text(json_at(json_get(j, "errors"), 0));
	err_set(err, ERR_SOURCE, NULL, "Vault gave no token of role %.100s (HTTP %ld%s%.200s)", role, r->status, text ? ": " : "", text ? text : "");
	if (r->status == 403)
		return err_hint(err, "vault login; its policy needs: path \"identity/oidc/token/%.100s\" { capabilities = [\"read\"] }", role);
	return err_hint(err, r->status == 400 || r->status == 404 ? "check the role: vault read identity/oidc/role/%.100s" : "try again; vault status", role);
}

static bool vault_fetch(const struct ctx *ctx, const struct identity *id, const char *audience UNUSED, struct token *out, struct err *err)
{
	AUTO_SECRET token = secret_new(8192);
	AUTO_BUF url = buf_new(4096);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	const char *role = identity_get(id, KEY_ROLE), *address = env_get(&ctx->env, ADDRESS), *namespace = env_get(&ctx->env, NAMESPACE);
	if (vault_detect(ctx, id, err) != SOURCE_PRESENT || !vault_token(ctx, &token, err))
		return false;
	size_t len = strlen(address);
	buf_addf(&url, "%.*s/v1/identity/oidc/token/", (int)(address[len - 1] == '/' ? len - 1 : len), address);
	url_encode(&url, role);
	AUTO_STR header = namespace ? str_printf("X-Vault-Namespace: %s", namespace) : NULL;
	struct http_request q = {.method = "GET", .url = url.p, .bearer_name = "X-Vault-Token", .bearer = &token, .local = true, .deadline_ms = ctx->deadline_ms,
				 .headers = {"X-Vault-Request: true", header}};
	if (!ctx->http->perform(ctx->http, &q, &r, err) || !answer_json(&r, "Vault", &j, err))
		return false;
	const char *value = json_str(json_get(j, "data"), "token");
	return r.status == 200 && value ? token_take(value, strlen(value), "Vault's answer", out, err) : refused(&r, j, role, err);
}

const struct source source_vault = {
	.name = NAME,
	.summary = "an identity token of HashiCorp Vault or OpenBao, of the role that is named",
	.automatic = AUTO_NEVER,
	.detect = vault_detect,
	.fingerprint = vault_fingerprint,
	.fetch = vault_fetch,
};
