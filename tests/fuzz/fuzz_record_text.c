/* What lies in the keyring under our attributes: somebody's text, a forged or torn record, is a miss or a token, never a
 * crash; and what is taken is a token that is good by our clocks. The first byte says how the rest is dressed: 0 as it
 * is, 1 behind the right name and key, 2 in base64url as well. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/seal.h"
#include "helper/core/cache.h"
#include "helper/core/record.h"
#include "tests/unit/fake_keyring.h"

static void dress(struct secret *out, const unsigned char id[STORE_ID], const uint8_t *data, size_t size)
{
	char hex[2 * STORE_ID + 1];
	struct buf *b = secret_buf(out);
	char how = size ? (char)data[0] : '0';
	str_hex(hex, id, STORE_ID);
	if (how == '1' || how == '2')
		buf_addf(b, "daypass:1:%s:", hex);
	if (how == '2')
		seal_b64url_encode(b, data + 1, size - 1);
	else if (size)
		buf_add(b, data + 1, size - 1);
}

/* A record that is taken is encoded as the same bytes again, but for a boot id that had no end. */
static void decode(const struct buf *data)
{
	struct record r;
	AUTO_BUF again = buf_new(STORE_RECORD_MAX);
	if (!record_decode(data, &r))
		return;
	must(r.length <= data->len && str_is_token(r.token, r.length) && strlen(r.boot) < sizeof r.boot);
	const char *const texts[] = {r.identity, r.tenant, r.client_id, r.resource, r.source};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		must(texts[i] >= data->p && texts[i] + strlen(texts[i]) < data->p + data->len);
	must(record_encode(&r, &again) && again.len == data->len);
	must(memcmp(again.p + again.len - 5, data->p + data->len - 5, 5) == 0);
}

static void as_a_text(const uint8_t *data, size_t size)
{
	unsigned char id[STORE_ID] = {1};
	AUTO_SECRET text = secret_new(KEYRING_VALUE_MAX);
	AUTO_BUF bytes = buf_new(STORE_RECORD_MAX);
	AUTO_SECRET again = secret_new(KEYRING_VALUE_MAX);
	id[STORE_ID - 1] = 0x5a;
	dress(&text, id, data, size);
	if (!record_from_text(id, &text, &bytes))
		return;
	must(record_to_text(id, &bytes, &again) && secret_len(&again) == secret_len(&text));
	must(memcmp(secret_reveal(&again), secret_reveal(&text), secret_len(&text)) == 0);
	decode(&bytes);
	id[0] ^= 1;
	buf_clear(&bytes);
	must(!record_from_text(id, &text, &bytes));
}

/* The whole way: found in the keyring, judged, lifted up. */
static void as_an_item(const uint8_t *data, size_t size)
{
	WORLD(w);
	struct fake_keyring ring;
	AUTO_PLAN plan = {0};
	AUTO_TOKEN got = token_new();
	AUTO_SECRET text = secret_new(KEYRING_VALUE_MAX);
	struct cache_key key;
	struct err err = ERR_INIT;
	char hex[2 * STORE_ID + 1];
	world_keyring(&w, &ring);
	world_plan(&w, &plan);
	must(cache_key_make(&w.ctx, &plan, &key, &err));
	str_hex(hex, key.token, STORE_ID);
	dress(&text, key.token, data, size);
	struct keyring_call put;
	cache_keyring_call(&put, KEYRING_PUT, hex);
	put.label = "label";
	put.value = &text;
	must(ring.port.call(&ring.port, &put, 1000) == KEYRING_OK);
	enum cache_answer a = cache_find(&w.ctx, &key, &got);
	if (a != CACHE_MISS) {
		must(str_is_token(secret_reveal(&got.value), secret_len(&got.value)));
		must(got.expires_at > NOW && got.expires_at > got.issued_at);
		size_t calls = ring.calls;
		must(cache_find(&w.ctx, &key, &got) == a && ring.calls == calls);
		int64_t issued_at;
		must(cache_erase(&w.ctx, &key, &got.value, &issued_at) && issued_at == got.issued_at && ring.count == 0);
	}
	fake_keyring_end(&ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_a_text(data, size);
	as_an_item(data, size);
	return 0;
}
