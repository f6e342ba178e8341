/* A wire format: one const struct a file, one row in protocols.def. The page beside each file says what we speak. */
#ifndef DAYPASS_PROTOCOL_H
#define DAYPASS_PROTOCOL_H

#include <stdbool.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"
#include "helper/core/ctx.h"
#include "helper/core/flow.h"
#include "helper/core/plan.h"
#include "helper/core/request.h"

/* What the protocol itself remembers between parse and print. */
struct exchange_state {
	unsigned accepts;	   /* the client's capabilities, bits of the protocol's own */
	struct secret given;	   /* the token that the client hands back (erase, store) */
	char refused[65];	   /* hex SHA-256 of a token that the client says was refused in this same command */
	bool second_round;
	/* What else the client hands back, for who keeps it (store = keyring): */
	bool has_given;		   /* given is there, though it may be empty */
	char *authtype;		   /* given is a credential for that scheme; NULL: a password */
	bool ephemeral;		   /* not to be kept */
	struct secret refresh;	   /* an OAuth refresh token */
	char *expires;		   /* when given ends, as the client wrote it: seconds since 1970 */
};

#define AUTO_STATE CLEANUP(exchange_state_free) struct exchange_state

static inline struct exchange_state exchange_state_new(void)
{
	return (struct exchange_state){.given = secret_new(TOKEN_MAX), .refresh = secret_new(TOKEN_MAX)};
}

static inline void exchange_state_free(struct exchange_state *s)
{
	secret_free(&s->given);
	secret_free(&s->refresh);
	free(s->authtype);
	free(s->expires);
}

struct protocol {
	const char *name;	  /* "git": `daypass git ...` */
	const char *argv0;	  /* "git-credential-daypass" */
	const char *summary;
	/* Understand argv (behind name and options) and stdin. False: nothing to do, or err says what is wrong; either
	 * way the answer is what fail prints. Unknown operations leave r->action ACTION_NONE. */
	bool (*parse)(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err);
	/* Append the answer of a get. fresh: this token was just minted, another would not be better. */
	bool (*print)(const struct request *r, const struct exchange_state *s, const struct plan *p, const struct flow_result *t, struct buf *out, struct err *err);
	/* Append what an action without a token answers (capability), if anything. */
	void (*other)(const struct request *r, struct buf *out);
	/* What a failed get looks like: append to out (stdout) and line (stderr). Returns the exit status. p is NULL
	 * where the request did not get as far as a plan. */
	int unwritten; /* exit status where the answer could not be written */
	int (*fail)(const struct request *r, const struct plan *p, const struct err *err, struct buf *out, struct buf *line);
	/* Network settings of the client's own, asked for before the first request only; may be NULL. user is the ctx. */
	void (*network)(struct http *http, void *user);
	/* With store = keyring: append what is kept for this request to out (false: nothing); keep what the client gives;
	 * forget what it was refused. NULL where this protocol keeps nothing. */
	bool (*kept)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct buf *out);
	void (*keep)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s);
	void (*forget)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s);
	/* The client refused a token. Ours, and how old it is (seconds; -1 unknown): append the advice, if any. */
	void (*refused)(const struct request *r, const struct plan *p, int64_t age, struct buf *line);
};

/* Run one request of this protocol to the end; returns the exit status. */
int protocol_run(const struct protocol *proto, struct ctx *ctx, int argc, char *const *argv);

#endif
