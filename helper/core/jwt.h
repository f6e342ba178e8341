/* Looking into a JWT without verifying it: to explain and to key the cache, never to decide about trust. */
#ifndef DAYPASS_JWT_H
#define DAYPASS_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"
#include "helper/base/json.h"

/* Strings owned, NULL where the claim is absent or no text; times 0 where absent. aud: the first where it is a list,
 * which aud_count counts. */
struct jwt {
	char *iss, *sub, *aud, *alg, *kid, *appid, *oid, *tid;
	char *cnf; /* thumbprint of the key that it is bound to (RFC 7800) */
	int64_t iat, nbf, exp;
	int aud_count;
	bool many_groups; /* it is in too many for the token: Entra leaves them out and says so */
};

#define AUTO_JWT CLEANUP(jwt_free) struct jwt

/* Three base64url parts, the first two JSON objects. what names the token in the message ("the file /x"); the token's
 * content never appears in it. */
bool jwt_read(const struct secret *token, const char *what, struct jwt *out, struct err *err);
/* All claims, for who asks for others than these; NULL where it is no JWT. Free with json_free. */
struct json *jwt_claims(const struct secret *token);
/* Only issuer and subject, "" where absent: what a cached answer needs, without loading a parser for plain tokens. Both
 * owned by the caller, NULL on failure. */
bool jwt_caller(const struct secret *token, const char *what, char **iss, char **sub, struct err *err);
/* The access token within a proof of possession (step_pop.h); false where it is none. */
bool jwt_within(const struct secret *proof, struct secret *out);
void jwt_free(struct jwt *j);

#endif
