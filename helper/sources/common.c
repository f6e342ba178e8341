#include "helper/sources/common.h"

#include <stdarg.h>
#include <unistd.h>

#include "helper/base/file.h"
#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/answer.h"
#include "helper/core/jwt.h"

bool token_take(const char *text, size_t len, const char *what, struct token *out, struct err *err)
{
	if (!secret_set(&out->value, text, len))
		return err_set(err, ERR_SOURCE, NULL, "%s is larger than %d KiB: not a token", what, TOKEN_MAX / 1024);
	buf_trim(secret_buf(&out->value));
	AUTO_STR iss = NULL;
	AUTO_STR sub = NULL;
	return jwt_caller(&out->value, what, &iss, &sub, err);
}

bool token_from_variable(const struct ctx *ctx, const char *name, struct token *out, struct err *err)
{
	const char *value = env_get(&ctx->env, name);
	AUTO_STR what = str_printf("the variable %s", name);
	return token_take(value ? value : "", value ? strlen(value) : 0, what, out, err);
}

bool secret_from_variable(const struct ctx *ctx, const char *name, struct secret *out, struct err *err)
{
	const char *value = env_get(&ctx->env, name);
	if (!value)
		return err_set(err, ERR_SOURCE, NULL, "%s is not set", name);
	if (str_has_control(value))
		return err_set(err, ERR_SOURCE, "set it to the token and nothing else", "%s holds a line end or another control character: not a token", name);
	return secret_set(out, value, strlen(value)) || err_set(err, ERR_SOURCE, "set it to the token and nothing else", "%s is larger than %d KiB: not a token", name, TOKEN_MAX / 1024);
}

bool token_from_text(const char *text, size_t len, const char *what, const char *field, struct token *out, struct err *err)
{
	const char *const names[] = {field ? field : "id_token", "token", "value", "oidcToken"};
	AUTO_JSON j = text[strspn(text, " \t\r\n")] == '{' ? json_parse(text, len) : NULL;
	for (size_t i = 0; j && i < (field ? 1 : COUNT_OF(names)); i++) {
		const char *value = json_str(j, names[i]);
		if (value)
			return token_take(value, strlen(value), what, out, err);
	}
	const char *message = json_str(j, "message");
	if (message)
		return err_set(err, ERR_SOURCE, NULL, "%s: %.300s", what, message);
	if (j && field)
		return err_set(err, ERR_SOURCE, NULL, "%s has no %s", what, field);
	return token_take(text, len, what, out, err);
}

bool token_from_answer(const struct http_response *r, const char *who, const char *field, struct token *out, struct err *err)
{
	AUTO_STR what = str_printf("the answer of %s", who);
	AUTO_JSON j = NULL;
	struct err other = ERR_INIT;
	bool page = strcasestr(r->content_type, "html");
	if (r->status == 200 && !page)
		return token_from_text(secret_reveal(&r->body), secret_len(&r->body), what, field, out, err);
	if (!answer_json(r, who, &j, &other) && (page || (r->status >= 300 && r->status < 400))) {
		*err = other;
		return false;
	}
	const char *message = json_str(j, "message") ? json_str(j, "message") : json_str(j, "error");
	return err_set(err, ERR_SOURCE, NULL, "%s gave no token (HTTP %ld%s%.200s)", who, r->status, message ? ": " : "", message ? message : "");
}

bool token_print(const struct token *t, const char *what, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_STR iss = NULL;
	AUTO_STR sub = NULL;
	unsigned char sum[SEAL_HASH];
	if (!jwt_caller(&t->value, what, &iss, &sub, err))
		return false;
	/* No control character can stand in either claim, so that the parts stay apart. */
	buf_addf(out, "%s\n%s", iss, sub);
	seal_sha256(sum, secret_reveal(&t->value), secret_len(&t->value));
	return buf_add(evidence, sum, sizeof sum);
}

bool private_read(const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	if (!file_read(path, out, &st, ERR_SOURCE, err))
		return false;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_SOURCE, "it must belong to you or root", "%s is not used: it belongs to another user (%u)", path, (unsigned)st.st_uid);
	if (st.st_mode & (st.st_uid == 0 ? 037u : 077u)) {
		err_set(err, ERR_SOURCE, NULL, "%s is not used: others may read or change it (mode %03o)", path, (unsigned)st.st_mode & 0777u);
		return err_hint(err, "chmod 600 %s; if others could read it until now, replace what it holds", path);
	}
	return true;
}

void hash_print(struct buf *out, const char *secret, const char *plain)
{
	unsigned char sum[SEAL_HASH];
	char hex[2 * SEAL_HASH + 1];
	seal_sha256(sum, secret, strlen(secret));
	str_hex(hex, sum, sizeof sum);
	buf_addf(out, "%s\n%s", hex, plain);
}

enum source_state source_say(enum source_state state, struct err *why, const char *hint, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(why, ERR_SOURCE, hint, "%s", text);
	return state;
}
