/* Sealing, hashing, random and base64url. The only user of libsodium. */
#ifndef DAYPASS_SEAL_H
#define DAYPASS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/base/buf.h"

enum { SEAL_KEY = 32, SEAL_NONCE = 24, SEAL_TAG = 16, SEAL_HASH = 32 };

/* SHA-256 over fields, each prefixed with its length so that ("a","b") and ("ab","") differ. 256 bytes hold
 * libsodium's state; checked at compile time in seal.c. */
struct seal_hash {
	_Alignas(16) unsigned char state[256];
};

void seal_hash_begin(struct seal_hash *h);
void seal_hash_bytes(struct seal_hash *h, const void *data, size_t len);
/* Adds a length-prefixed text; NULL counts as a value of its own. */
void seal_hash_field(struct seal_hash *h, const char *text);
void seal_hash_end(struct seal_hash *h, unsigned char out[SEAL_HASH]);
/* Plain SHA-256 of some bytes. */
void seal_sha256(unsigned char out[SEAL_HASH], const void *data, size_t len);

void seal_random(void *out, size_t len);
/* A random GUID (RFC 9562, version 4), as text. */
void seal_guid(char out[37]);
/* Equal, in a time that does not depend on the content. */
bool seal_same(const void *a, const void *b, size_t len);

/* XChaCha20-Poly1305: appends nonce, ciphertext and tag to out. aad binds the record to its place. */
bool seal_close(struct buf *out, const unsigned char key[SEAL_KEY], const void *aad, size_t aad_len, const void *text,
		size_t len);
/* The reverse; false where anything was changed. */
bool seal_open(struct buf *out, const unsigned char key[SEAL_KEY], const void *aad, size_t aad_len, const void *sealed,
	       size_t len);

/* base64url without padding (RFC 7515); padding and line ends are refused on decoding, as Entra does. */
bool seal_b64url_decode(struct buf *out, const char *text, size_t len);
void seal_b64url_encode(struct buf *out, const void *data, size_t len);
/* Plain base64 with padding (RFC 4648); on decoding the padding may be missing, and the URL's digits do too. */
void seal_b64_encode(struct buf *out, const void *data, size_t len);
bool seal_b64_decode(struct buf *out, const char *text, size_t len);

#endif
