/* Proof of possession, which Arc-enabled clusters want: an access token that is bound to a key of ours, and for each call a
 * fresh statement signed with it. Source: RFC 7800 and 7638; Azure/kubelogin's pkg/internal/pop; kubeguard's guard, which
 * checks it. */
#ifndef DAYPASS_STEP_POP_H
#define DAYPASS_STEP_POP_H

#include <stdbool.h>

#include "helper/base/sign.h"
#include "helper/core/ctx.h"
#include "helper/core/plan.h"
#include "helper/core/token.h"

struct pop_key {
	struct sign_key key;
	char *n, *e, *thumbprint; /* base64url; owned */
	char *req_cnf;		  /* what the token request says of it; owned */
};

#define AUTO_POP_KEY CLEANUP(pop_key_free) struct pop_key

void pop_key_free(struct pop_key *k);
/* A new RSA key of 2,048 bits: a tenth of a second or so. Opens libcrypto. */
bool pop_key_make(struct pop_key *out, struct err *err);
/* Put the key behind the access token that was asked for with it, as "TOKEN~KEY": they are kept as one. False where the
 * token is bound to another key. */
bool pop_bind(const struct pop_key *k, struct token *t, struct err *err);
/* Replace what pop_bind made by a statement for p->pop (the cluster's ARM id), good for 15 minutes at most. */
bool step_pop(const struct ctx *ctx, const struct plan *p, struct token *t, struct err *err);

#endif
