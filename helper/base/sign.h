/* RSA signatures, with a key and certificates from a file or with a key of our own. The only user of libcrypto. */
#ifndef DAYPASS_SIGN_H
#define DAYPASS_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"

enum { SIGN_CHAIN = 8, SIGN_FILE_MAX = 64 * 1024 };

struct sign_key {
	void *key;
	struct buf chain[SIGN_CHAIN]; /* certificates (DER), the key's own first */
	size_t count;
};

#define AUTO_SIGN_KEY CLEANUP(sign_close) struct sign_key

/* Open an RSA key and its certificates: PEM, in any order, or PKCS #12. password: where the key is encrypted, else NULL.
 * what names the file in the message. Opens libcrypto. False (ERR_SOURCE) where it cannot be used. */
bool sign_open(struct sign_key *out, const struct buf *file, const char *password, const char *what, struct err *err);
/* Make a new RSA key of 2,048 bits, without certificates. Opens libcrypto. */
bool sign_generate(struct sign_key *out, struct err *err);
/* Append the private key as DER; read it back (ERR_INTERNAL where it is none). */
bool sign_write(const struct sign_key *k, struct buf *out);
bool sign_read(struct sign_key *out, const struct buf *der, struct err *err);
/* Append the public key's modulus and exponent, big-endian without leading zeros (RFC 7518, 6.3.1). */
bool sign_public(const struct sign_key *k, struct buf *n, struct buf *e, struct err *err);
void sign_close(struct sign_key *k);
/* RSASSA-PKCS1-v1_5 with SHA-256 (RS256 in RFC 7518), appended. */
bool sign_rs256(const struct sign_key *k, const void *data, size_t len, struct buf *out, struct err *err);
/* Append the signed JWT of a header and a payload, both JSON: RFC 7515's compact form with RS256. Whether it fitted is to be
 * seen in out->over. */
bool sign_jws(const struct sign_key *k, const struct buf *head, const struct buf *payload, struct buf *out, struct err *err);

#endif
