/* What is decided about a request (policy.h decides it): of which identity, from which source, for what. */
#ifndef DAYPASS_PLAN_H
#define DAYPASS_PLAN_H

#include <stdbool.h>

#include "helper/core/identity.h"
#include "helper/core/match.h"
#include "helper/core/request.h"
#include "helper/core/resource.h"
#include "helper/core/source.h"

enum verdict {
	PLAN_OURS,
	PLAN_NOT_OURS,	/* say the protocol's polite "no" */
	PLAN_UNCLEAR,	/* not ours as it stands, but the user should hear the one line in err */
	PLAN_FAIL,	/* ours, and err says why it cannot be served */
};

/* All owned, source aside. */
struct plan {
	struct identity id;
	const struct source *source;
	char *resource, *scope;	 /* what the access token is for */
	char *claims;		 /* what the token must also say, as JSON; or NULL */
	char *authority, *audience; /* NULL where the source yields access tokens */
	char *organization;	    /* Azure DevOps', NULL where unknown or another kind of request */
	char *registry;		    /* login server where Entra's token is traded for the registry's own (step_acr.h), or NULL */
	bool token_user;	    /* registry-user = token there */
	char *pop;		    /* ARM id of the cluster that wants a proof of possession (step_pop.h), or NULL */
	const char *req_cnf;	    /* borrowed: the key that the token shall be bound to, while it is asked for */
	bool hop;		    /* the token is wanted as another identity's assertion (sources/chain.c) */
	bool direct;		    /* the source's own token is what is wanted: no exchange */
	char *why;		    /* the decision in words, PLAN_NOT_OURS too: for `config check` and the trace */
	bool named;		    /* a [match] names this request */
	bool exact;		    /* and has no "*" in its host */
	bool soft;		    /* on-failure = soft there */
	bool keeps;		    /* what the client gives for this is kept in the keyring, and goes before a token; valid
				     * whatever the verdict */
};

#define AUTO_PLAN CLEANUP(plan_free) struct plan

void plan_free(struct plan *p);
/* Choose the identity that would serve a request that no [match] is about: --identity, DAYPASS_IDENTITY, `default`,
 * else the environment's. False with ERR_NONE where there is nobody. */
bool plan_identity(const struct ctx *ctx, enum request_kind kind, const char *name, struct identity *out, struct err *err);
/* Choose the source for an identity. PLAN_NOT_OURS where `auto` finds none. */
enum verdict plan_source(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err);

/* The steps of a decision. End with "not ours", and why. */
enum verdict plan_not_ours(struct plan *p, const char *why);
/* The failing line for a section or an option that names an identity which nobody wrote. */
bool plan_no_such_identity(const char *name, const char *origin, struct err *err);
/* Serve by the section that was found, or by nobody's. */
enum verdict plan_by_match(const struct ctx *ctx, const struct match *m, const struct request *r, const char *resource, struct plan *p, struct err *err);
enum verdict plan_without_match(const struct ctx *ctx, const struct request *r, const char *resource, struct plan *p, struct err *err);
/* The identity is chosen: its source, its authority and audience. because: words for `why`. */
enum verdict plan_complete(const struct ctx *ctx, const char *resource, const char *because, struct plan *p, struct err *err);

#endif
