#include "helper/base/seal.h"

#include <sodium.h>

#include "helper/base/str.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(((struct seal_hash *)0)->state), "seal_hash is too small");
_Static_assert((int)SEAL_KEY == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert((int)SEAL_NONCE == (int)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce size");
_Static_assert((int)SEAL_TAG == (int)crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag size");

static crypto_hash_sha256_state *state(struct seal_hash *h)
{
	return (crypto_hash_sha256_state *)(void *)h->state;
}

void seal_hash_begin(struct seal_hash *h)
{
	crypto_hash_sha256_init(state(h));
}

void seal_hash_bytes(struct seal_hash *h, const void *data, size_t len)
{
	crypto_hash_sha256_update(state(h), data, len);
}

void seal_hash_field(struct seal_hash *h, const char *text)
{
	uint64_t len = text ? strlen(text) : UINT64_MAX;
	unsigned char prefix[8];
	for (int i = 0; i < 8; i++)
		prefix[i] = (unsigned char)(len >> (8 * i));
	seal_hash_bytes(h, prefix, sizeof prefix);
	if (text)
		seal_hash_bytes(h, text, strlen(text));
}

void seal_hash_end(struct seal_hash *h, unsigned char out[SEAL_HASH])
{
	crypto_hash_sha256_final(state(h), out);
	wipe(h, sizeof *h);
}

void seal_sha256(unsigned char out[SEAL_HASH], const void *data, size_t len)
{
	crypto_hash_sha256(out, data, len);
}

/* Only random numbers and writing need it; a hit skips it (sodium_init probes the processor and opens a device). */
static void init_once(void)
{
	if (sodium_init() < 0)
		abort();
}

void seal_random(void *out, size_t len)
{
	init_once();
	randombytes_buf(out, len);
}

void seal_guid(char out[37])
{
	unsigned char r[16];
	char hex[33];
	seal_random(r, sizeof r);
	r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
	str_hex(hex, r, sizeof r);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool seal_same(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

bool seal_close(struct buf *out, const unsigned char key[SEAL_KEY], const void *aad, size_t aad_len, const void *text,
		size_t len)
{
	unsigned char nonce[SEAL_NONCE];
	seal_random(nonce, sizeof nonce);
	unsigned char *cipher = mem_alloc(len + SEAL_TAG);
	unsigned long long n = 0;
	int rc = crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, &n, text, len, aad, aad_len, NULL, nonce, key);
	bool ok = rc == 0 && buf_add(out, nonce, sizeof nonce) && buf_add(out, cipher, (size_t)n);
	free(cipher);
	return ok;
}

bool seal_open(struct buf *out, const unsigned char key[SEAL_KEY], const void *aad, size_t aad_len, const void *sealed,
	       size_t len)
{
	if (len < SEAL_NONCE + SEAL_TAG)
		return false;
	const unsigned char *p = sealed;
	size_t clear_len = len - SEAL_NONCE - SEAL_TAG;
	unsigned char *clear = mem_alloc(clear_len);
	unsigned long long n = 0;
	int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(clear, &n, NULL, p + SEAL_NONCE, len - SEAL_NONCE, aad,
							    aad_len, p, key);
	bool ok = rc == 0 && buf_add(out, clear, (size_t)n);
	wipe(clear, clear_len);
	free(clear);
	return ok;
}

bool seal_b64url_decode(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7F)
			return false; /* libsodium 1.0.18 takes these as digits */
	size_t max = len / 4 * 3 + 3, n = 0;
	unsigned char *bin = mem_alloc(max);
	int rc = sodium_base642bin(bin, max, text, len, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	bool ok = rc == 0 && buf_add(out, bin, n);
	wipe(bin, max);
	free(bin);
	return ok;
}

static void encode(struct buf *out, const void *data, size_t len, int variant)
{
	size_t max = sodium_base64_encoded_len(len, variant);
	char *text = mem_alloc(max);
	sodium_bin2base64(text, max, data, len, variant);
	buf_adds(out, text);
	wipe(text, max);
	free(text);
}

void seal_b64url_encode(struct buf *out, const void *data, size_t len)
{
	encode(out, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void seal_b64_encode(struct buf *out, const void *data, size_t len)
{
	encode(out, data, len, sodium_base64_VARIANT_ORIGINAL);
}

bool seal_b64_decode(struct buf *out, const char *text, size_t len)
{
	AUTO_BUF plain = buf_new(len + 1);
	for (; len && *text != '='; text++, len--)
		buf_addc(&plain, *text == '+' ? '-' : *text == '/' ? '_' : *text);
	return seal_b64url_decode(out, plain.p, plain.len);
}
