/* Whatever the token endpoint (or what stands in its place) answers: a well-formed token, or a clean line. The first
 * byte picks status and type, the second a header. */
#include "tests/fuzz/fuzz.h"

#include "helper/core/exchange.h"
#include "tests/unit/fake.h"

static const struct answer kinds[] = {
	{.status = 200}, {.status = 400}, {.status = 401}, {.status = 429}, {.status = 500}, {.status = 503, .type = "text/html"}, {.status = 302, .location = "https://x/\xE2\x80\xAE"}, {.status = 200, .type = ""},
};

static const char *const headers[] = {NULL, "17", "Mon, 23 Nov 2026 10:02:00 GMT", "99999999999999999999", "-1", "x"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	WORLD(w);
	AUTO_PLAN plan = {0};
	AUTO_TOKEN assertion = token_new();
	AUTO_TOKEN out = token_new();
	struct exchange_failure failure;
	struct err err = ERR_INIT;
	AUTO_STR body = str_ndup((const char *)data + 2, strnlen((const char *)data + 2, size - 2));
	struct answer a = kinds[data[0] % COUNT_OF(kinds)];
	a.body = body;
	a.retry_after = a.date = headers[data[1] % COUNT_OF(headers)];
	world_script(&w, &a, 1);
	world_plan(&w, &plan);
	secret_set(&assertion.value, fake_script.tokens[0], strlen(fake_script.tokens[0]));
	if (exchange_once(&w.ctx, &plan, &assertion, &out, &failure, &err)) {
		must(a.status == 200 && str_is_token(secret_reveal(&out.value), secret_len(&out.value)));
		must(out.issued_at == NOW && out.expires_at > NOW && out.expires_at <= NOW + 28 * 3600);
		must(!out.refresh_at || (out.refresh_at > NOW && out.refresh_at < out.expires_at));
		return 0;
	}
	must(err.kind != ERR_NONE && *err.msg);
	must_be_clean(&err);
	must(!strstr(err.msg, fake_script.tokens[0]));
	must(failure.retry_after >= 0 && failure.retry_after <= 3600);
	return 0;
}
