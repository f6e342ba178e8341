#include "helper/core/jwt.h"

#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/token.h"

void jwt_free(struct jwt *j)
{
	char **const owned[] = {&j->iss, &j->sub, &j->aud, &j->alg, &j->kid, &j->appid, &j->oid, &j->tid, &j->cnf};
	for (size_t i = 0; i < COUNT_OF(owned); i++)
		free(*owned[i]);
	*j = (struct jwt){0};
}

static bool part(const char *text, size_t len, struct json **out)
{
	AUTO_BUF bytes = buf_new(TOKEN_MAX);
	*out = seal_b64url_decode(&bytes, text, len) ? json_parse(bytes.p, bytes.len) : NULL;
	return *out != NULL;
}

static void read_audience(const struct json *payload, struct jwt *out)
{
	const struct json *aud = json_get(payload, "aud");
	out->aud = str_dup(json_text(aud));
	out->aud_count = out->aud ? 1 : 0;
	for (int i = 0; json_at(aud, i); i++) {
		if (i == 0)
			out->aud = str_dup(json_text(json_at(aud, 0)));
		out->aud_count = i + 1;
	}
}

static void read_claims(const struct json *head, const struct json *payload, struct jwt *out)
{
	out->alg = str_dup(json_str(head, "alg"));
	out->kid = str_dup(json_str(head, "kid"));
	out->iss = str_dup(json_str(payload, "iss"));
	out->sub = str_dup(json_str(payload, "sub"));
	out->oid = str_dup(json_str(payload, "oid"));
	out->tid = str_dup(json_str(payload, "tid"));
	out->cnf = str_dup(json_str(json_get(payload, "cnf"), "kid"));
	const char *app = json_str(payload, "appid"); /* v1 tokens; v2 ones say azp */
	out->appid = str_dup(app ? app : json_str(payload, "azp"));
	json_int(payload, "iat", &out->iat);
	json_int(payload, "nbf", &out->nbf);
	json_int(payload, "exp", &out->exp);
	/* Entra, "Configure group claims": _claim_names beyond 200 groups, hasgroups where even that would not fit. */
	out->many_groups = json_is_true(json_get(payload, "hasgroups")) || json_get(json_get(payload, "_claim_names"), "groups");
	read_audience(payload, out);
}

static bool not_a_jwt(const char *what, struct err *err)
{
	return err_set(err, ERR_SOURCE, NULL, "%s is not a JWT (three parts of base64url JSON, joined by dots)", what);
}

/* The payload's place in a token of three parts. */
static bool payload_of(const struct secret *token, const char **from, size_t *len)
{
	const char *text = secret_reveal(token);
	const char *one = str_is_token(text, secret_len(token)) ? strchr(text, '.') : NULL;
	const char *two = one ? strchr(one + 1, '.') : NULL;
	if (!two || strchr(two + 1, '.'))
		return false;
	*from = one + 1;
	*len = (size_t)(two - one - 1);
	return true;
}

bool jwt_read(const struct secret *token, const char *what, struct jwt *out, struct err *err)
{
	const char *text = secret_reveal(token), *body;
	size_t len;
	*out = (struct jwt){0};
	if (!secret_len(token))
		return err_set(err, ERR_SOURCE, NULL, "%s is empty", what);
	if (!payload_of(token, &body, &len))
		return not_a_jwt(what, err);
	AUTO_JSON head = NULL;
	AUTO_JSON payload = NULL;
	if (!part(text, (size_t)(body - text - 1), &head) || !part(body, len, &payload))
		return not_a_jwt(what, err);
	read_claims(head, payload, out);
	return true;
}

struct json *jwt_claims(const struct secret *token)
{
	const char *body;
	size_t len;
	struct json *payload = NULL;
	return payload_of(token, &body, &len) && part(body, len, &payload) ? payload : NULL;
}

bool jwt_within(const struct secret *proof, struct secret *out)
{
	const char *body;
	size_t len;
	AUTO_JSON payload = NULL;
	if (!payload_of(proof, &body, &len) || !part(body, len, &payload))
		return false;
	const char *at = json_str(payload, "at");
	return at && json_get(json_get(payload, "cnf"), "jwk") && secret_set(out, at, strlen(at));
}

static bool peek_caller(const struct secret *token, char **iss, char **sub)
{
	AUTO_BUF bytes = buf_new(TOKEN_MAX);
	const char *body;
	size_t len;
	if (!payload_of(token, &body, &len) || !seal_b64url_decode(&bytes, body, len))
		return false;
	if (json_peek(bytes.p, bytes.len, "iss", iss) == JSON_FOUND && json_peek(bytes.p, bytes.len, "sub", sub) == JSON_FOUND)
		return true;
	str_set(iss, NULL);
	str_set(sub, NULL);
	return false;
}

bool jwt_caller(const struct secret *token, const char *what, char **iss, char **sub, struct err *err)
{
	*iss = *sub = NULL;
	if (peek_caller(token, iss, sub))
		return true;
	AUTO_JWT jwt = {0};
	if (!jwt_read(token, what, &jwt, err))
		return false;
	*iss = str_dup(jwt.iss ? jwt.iss : "");
	*sub = str_dup(jwt.sub ? jwt.sub : "");
	return true;
}
