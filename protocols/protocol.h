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
	char *server;		   /* whom it is about, in the client's own words: it wants them back */
	char *word;		   /* the operation as it was called; to kubectl: the version that it wants */
	bool afresh;		   /* a token that was not cached */
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
	free(s->server);
	free(s->word);
}

/* What a hook answers with: stdout, a line for stderr, and the exit status. */
struct reply {
	struct buf out, line;
	int status;
};

struct protocol {
	const char *name;	  /* "git": `daypass git ...`; NULL: only under argv0 */
	const char *argv0;	  /* "git-credential-daypass" */
	const char *summary;
	const char *usage; /* how its clients call it, for -h; NULL: daypass's own help */
	/* Understand argv (behind name and options) and stdin. False: nothing to do, or err says what is wrong; either
	 * way the answer is what fail prints. Unknown operations leave r->action ACTION_NONE. */
	bool (*parse)(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err);
	/* Append the answer of a get. fresh: this token was just minted, another would not be better. */
	bool (*print)(const struct request *r, const struct exchange_state *s, const struct plan *p, const struct flow_result *t, struct buf *out, struct err *err);
	/* Answer an action without a token (capability, list, version), an unknown one too. */
	void (*other)(struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct reply *a);
	/* The name of somebody else's program, whose every word is that program's, options too: does it all, in place of
	 * what stands above and below. NULL for others. */
	int (*run)(struct ctx *ctx, int argc, char *const *argv);
	int failed; /* exit status where the answer could not be written, or the call was none of this protocol's */
	/* store and erase are a log-in and a log-out: a store that cannot be kept is an error, an erase names no token
	 * and forgets whatever is held. */
	bool log_ins;
	/* What a failure looks like (err ERR_NONE: the polite "no"): append to out (stdout) and line (stderr). Returns the
	 * exit status. p is NULL where the request did not get as far as a plan. */
	int (*fail)(const struct request *r, const struct plan *p, const struct err *err, struct buf *out, struct buf *line);
	/* Network settings of the client's own, asked for before the first request only; may be NULL. user is the ctx. */
	void (*network)(struct http *http, void *user);
	/* Where the plan says that it keeps: append what is kept for this request to out (false: nothing); keep what the
	 * client gives (false: err tells it why not); forget it. NULL where this protocol keeps nothing. */
	bool (*kept)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct buf *out);
	bool (*keep)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p, struct err *err);
	void (*forget)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p);
	/* A request that is neither ours nor kept: hand it to whom the configuration names. Returns only where nobody is
	 * named, or with err set. NULL: this protocol's client asks others itself. */
	void (*pass)(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct err *err);
	/* The client refused a token. Ours, and how old it is (seconds; -1 unknown): append the advice, if any. */
	void (*refused)(const struct request *r, const struct plan *p, int64_t age, struct buf *line);
};

/* Read the client's request from its stdin: to the end, or until complete() says that all is here (NULL: to the end), at
 * most ten seconds, at most in's cap. False with the reason in *why. */
bool protocol_read(const struct ctx *ctx, struct buf *in, bool (*complete)(const struct buf *), const char **why);
/* Run one request of this protocol to the end; returns the exit status. */
int protocol_run(const struct protocol *proto, struct ctx *ctx, int argc, char *const *argv);

#endif
