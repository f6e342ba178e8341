#include "helper/core/jwt.h"

#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/token.h"

void jwt_free(struct jwt *j)
{
	char **const owned[] = {&j->iss, &j->sub, &j->aud, &j->alg, &j->kid, &j->appid, &j->oid, &j->tid};
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
	const char *app = json_str(payload, "appid"); /* v1 tokens; v2 ones say azp */
	out->appid = str_dup(app ? app : json_str(payload, "azp"));
	json_int(payload, "iat", &out->iat);
	json_int(payload, "nbf", &out->nbf);
	json_int(payload, "exp", &out->exp);
	read_audience(payload, out);
}

static bool not_a_jwt(const char *what, struct err *err)
{
	return err_set(err, ERR_SOURCE, NULL, "%s is not a JWT (three parts of base64url JSON, joined by dots)", what);
}

bool jwt_read(const struct secret *token, const char *what, struct jwt *out, struct err *err)
{
	*out = (struct jwt){0};
	const char *text = secret_reveal(token);
	if (!secret_len(token))
		return err_set(err, ERR_SOURCE, NULL, "%s is empty", what);
	if (!str_is_token(text, secret_len(token)))
		return not_a_jwt(what, err);
	const char *one = strchr(text, '.');
	const char *two = one ? strchr(one + 1, '.') : NULL;
	if (!two || strchr(two + 1, '.'))
		return not_a_jwt(what, err);
	AUTO_JSON head = NULL;
	AUTO_JSON payload = NULL;
	if (!part(text, (size_t)(one - text), &head) || !part(one + 1, (size_t)(two - one - 1), &payload))
		return not_a_jwt(what, err);
	read_claims(head, payload, out);
	return true;
}
