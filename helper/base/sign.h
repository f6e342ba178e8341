/* RSA signatures with a key and certificates from a file. The only user of libcrypto. */
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
void sign_close(struct sign_key *k);
/* RSASSA-PKCS1-v1_5 with SHA-256 (RS256 in RFC 7518), appended. */
bool sign_rs256(const struct sign_key *k, const void *data, size_t len, struct buf *out, struct err *err);

#endif
