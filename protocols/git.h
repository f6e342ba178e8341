/* What the two halves of git's protocol share: git.c speaks it, git_kept.c keeps what git gives. */
#ifndef DAYPASS_GIT_H
#define DAYPASS_GIT_H

#include "protocols/protocol.h"

enum { ACCEPTS_AUTHTYPE = 1, ACCEPTS_STATE = 2 };

/* The three hooks of struct protocol. Items have the layout of git-credential-libsecret (git's contrib/credential), so
 * that either program finds what the other kept. */
bool git_kept_find(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct buf *out);
bool git_kept_put(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct err *err);
void git_kept_remove(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p);

#endif
