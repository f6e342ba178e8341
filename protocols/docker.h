/* What the parts of Docker's protocol share: docker.c speaks it, docker_words.c has its words,
 * docker_kept.c keeps log-ins and lists what is held, docker_fallback.c asks another helper. */
#ifndef DAYPASS_DOCKER_H
#define DAYPASS_DOCKER_H

#include "protocols/protocol.h"

/* The user names under which a registry's own token goes: nobody logs in by these. Sources: docker/cli ("<token>" says
 * that the secret is an identity token) and Microsoft's "authenticate with a registry" (the user of zeros). */
#define DOCKER_TOKEN_USER "<token>"
#define DOCKER_GUID_USER "00000000-0000-0000-0000-000000000000"

/* Understand a server as clients write it: "R", "R:443", "https://R/v2/", "R/team/app"... False, r->host NULL, for what
 * no client writes; r->host "" for a name that is none of a host (an IPv6 address). RFC 3986 3.2 for the parts. */
bool docker_server(const char *text, struct request *r);
/* Append the answer to a get, as docker-credential-helpers' own programs write it. */
void docker_answer(struct buf *out, const char *server, const char *user, const char *secret);

/* The hooks of struct protocol about log-ins. Items have the layout of docker-credential-secretservice, so that either
 * program finds what the other kept; ours have one attribute more. */
bool docker_kept_find(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct buf *out);
bool docker_kept_put(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct err *err);
void docker_kept_remove(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p);
/* Append {"SERVER":"USER",...}: what is held and would be answered, and what the fallback says it has. */
void docker_list(const struct ctx *ctx, struct buf *out);

/* Ask the fallback helper for the request, by becoming it: returns only where none is set, or with err. */
void docker_fallback(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct err *err);
/* What the fallback answers to `list`; false where there is none, or it fails. */
bool docker_fallback_list(const struct ctx *ctx, struct buf *out);

#endif
