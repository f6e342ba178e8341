/* Whatever a registry (or what stands in its place) answers to a trade: a token of its own with a day's life at most, or a
 * clean line. The first byte picks status and type, the second a header, the third whether the rest is a token's claims. */
#include "tests/fuzz/fuzz.h"

#include "helper/core/step_acr.h"
#include "tests/unit/docker.h"

static const struct answer kinds[] = {
	{.status = 200}, {.status = 401}, {.status = 403}, {.status = 429}, {.status = 503}, {.status = 500, .type = "text/html"}, {.status = 302, .location = "https://x/\xE2\x80\xAE"}, {.status = 200, .type = ""},
};

static const char *const headers[] = {NULL, "17", "Mon, 23 Nov 2026 10:02:00 GMT", "Mon, 23 Nov 1970 10:02:00 GMT", "99999999999999999999", "-1", "x"};

static char *body_of(const uint8_t *data, size_t size)
{
	AUTO_STR text = str_ndup((const char *)data + 3, strnlen((const char *)data + 3, size - 3));
	if (data[2] % 2 == 0)
		return str_dup(text);
	AUTO_STR token = make_jwt(text);
	return exchange_body(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > 40000) /* a longer claim makes no token */
		return 0;
	WORLD(w);
	AUTO_PLAN plan = {0};
	AUTO_TOKEN entra = token_new();
	AUTO_TOKEN out = token_new();
	struct exchange_failure failure;
	struct err err = ERR_INIT;
	AUTO_STR body = body_of(data, size);
	struct answer a = kinds[data[0] % COUNT_OF(kinds)];
	a.body = body;
	a.retry_after = a.date = headers[data[1] % COUNT_OF(headers)];
	world_script(&w, &a, 1);
	world_plan_registry(&w, data[2] & 2 ? "contoso.eastus.geo.azurecr.io" : REGISTRY, &plan);
	must(secret_set(&entra.value, "entras-token", 12));
	bool ok = step_acr(&w.ctx, &plan, &entra, &out, &failure, &err);
	must(w.http.calls == 1 && failure.retry_after >= 0 && failure.retry_after <= 3600);
	if (ok) {
		must(a.status == 200 && str_is_token(secret_reveal(&out.value), secret_len(&out.value)) && strcasestr(secret_reveal(&out.value), "eyJ"));
		must(out.issued_at == NOW && out.expires_at > NOW && out.expires_at <= NOW + 24 * 3600);
		must(out.refresh_at >= NOW && out.refresh_at < out.expires_at);
		return 0;
	}
	must(err.kind != ERR_NONE && *err.msg);
	must(err.denied == (err.kind == ERR_REFUSED) && (!err.denied || a.status == 401 || a.status == 403));
	must_be_clean(&err);
	return 0;
}
