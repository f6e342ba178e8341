/* JSON and JWTs of strangers; the reader without a parser must never say otherwise than the parser. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/core/jwt.h"
#include "helper/core/token.h"

static void walk(const struct json *j, int depth)
{
	int64_t n = -1;
	const char *text = json_text(j);
	must(!text || !str_has_control(text));
	must(!json_number(j, &n) || (n >= 0 && n <= (int64_t)1 << 53));
	for (int i = 0; depth < 4 && i < 8 && json_at(j, i); i++)
		walk(json_at(j, i), depth + 1);
}

static void compare(const char *text, size_t size, const struct json *j, const char *name)
{
	AUTO_STR peeked = NULL;
	const struct json *member = json_get(j, name);
	switch (json_peek(text, size, name, &peeked)) {
	case JSON_FOUND:
		must(j && peeked && str_eq(peeked, json_text(member)));
		break;
	case JSON_MISSING:
		must(j && !member);
		break;
	case JSON_UNSURE:
		break;
	}
	const char *object;
	size_t len;
	enum json_peeked seen = json_peek_object(text, size, name, &object, &len);
	AUTO_JSON again = seen == JSON_FOUND ? json_parse(object, len) : NULL;
	must(seen != JSON_FOUND || (again && json_name(again, 0) == NULL) || (member && str_eq(json_name(again, 0), json_name(member, 0))));
	must(seen != JSON_MISSING || (j && !member));
	walk(member, 0);
}

static void read_jwt(const char *text, size_t len)
{
	AUTO_SECRET s = secret_new(TOKEN_MAX);
	AUTO_JWT jwt = {0};
	struct err err = ERR_INIT;
	if (!secret_set(&s, text, len))
		return;
	if (!jwt_read(&s, "the token", &jwt, &err)) {
		must_be_clean(&err);
		return;
	}
	const char *const claims[] = {jwt.iss, jwt.sub, jwt.aud, jwt.alg, jwt.kid, jwt.appid, jwt.oid, jwt.tid};
	for (size_t i = 0; i < COUNT_OF(claims); i++)
		must(!claims[i] || !str_has_control(claims[i]));
	must(jwt.iat >= 0 && jwt.nbf >= 0 && jwt.exp >= 0 && jwt.aud_count >= 0);
}

static void quote_and_read_back(const char *text, size_t size)
{
	AUTO_BUF quoted = buf_new(8 * size + 16);
	AUTO_STR plain = str_ndup(text, strnlen(text, size));
	must(json_quote(&quoted, plain));
	AUTO_JSON back = json_parse(quoted.p, quoted.len);
	must(!back || str_eq(json_raw_text(back), plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	static const char *const names[] = {"iss", "sub", "aud", "exp", "", "access_token"};
	AUTO_JSON j = json_parse(text, size);
	walk(j, 0);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		compare(text, size, j, names[i]);
	read_jwt(text, size);
	AUTO_BUF wrapped = buf_new(8 * size + 64);
	buf_adds(&wrapped, "eyJhbGciOiJSUzI1NiJ9.");
	seal_b64url_encode(&wrapped, data, size);
	buf_adds(&wrapped, ".c2ln");
	read_jwt(wrapped.p, wrapped.len);
	quote_and_read_back(text, size);
	return 0;
}
