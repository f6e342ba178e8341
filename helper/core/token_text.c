#include "helper/core/token_text.h"

#include <time.h>

#include "helper/base/clock.h"
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/core/cache.h"

bool token_text_ok(const struct token *t, struct err *err)
{
	return str_is_token(secret_reveal(&t->value), secret_len(&t->value)) || err_set(err, ERR_NETWORK, NULL, "the token holds bytes that no token has");
}

void token_text_utc(char out[24], int64_t wall)
{
	clock_text(out, wall);
	out[10] = 'T';
}

void token_text_local(char out[40], int64_t wall)
{
	struct tm tm = {0};
	time_t t = (time_t)wall;
	tzset();
	localtime_r(&t, &tm);
	strftime(out, 40, "%Y-%m-%d %H:%M:%S.000000", &tm);
}

static void add_token(struct buf *out, const struct token *t)
{
	buf_addc(out, '"');
	buf_add(out, secret_reveal(&t->value), secret_len(&t->value));
	buf_addc(out, '"');
}

void token_text_az(struct buf *out, const struct token *t, const char *subscription, const char *tenant)
{
	char local[40];
	token_text_local(local, t->expires_at);
	buf_adds(out, "{\n  \"accessToken\": ");
	add_token(out, t);
	buf_addf(out, ",\n  \"expiresOn\": \"%s\",\n  \"expires_on\": %lld,\n", local, (long long)t->expires_at);
	const char *const names[] = {"subscription", "tenant"}, *const values[] = {subscription, tenant};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!values[i])
			continue;
		buf_addf(out, "  \"%s\": ", names[i]);
		json_quote(out, values[i]);
		buf_adds(out, ",\n");
	}
	buf_adds(out, "  \"tokenType\": \"Bearer\"\n}\n");
}

void token_text_azd(struct buf *out, const struct token *t)
{
	char utc[24];
	token_text_utc(utc, t->expires_at);
	buf_adds(out, "{\n  \"token\": ");
	add_token(out, t);
	buf_addf(out, ",\n  \"expiresOn\": \"%s\"\n}\n", utc);
}

void token_text_exec_credential(struct buf *out, const struct token *t, const char *version)
{
	char utc[24];
	token_text_utc(utc, t->expires_at - cache_margin(t->expires_at - t->issued_at));
	buf_addf(out, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"status\":{\"expirationTimestamp\":\"%s\",\"token\":", version, utc);
	add_token(out, t);
	buf_adds(out, "}}\n");
}
