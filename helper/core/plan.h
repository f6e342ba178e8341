/* Policy: may this request have a token, of which identity, from which source, for what (design section 7). */
#ifndef DAYPASS_PLAN_H
#define DAYPASS_PLAN_H

#include <stdbool.h>

#include "helper/core/identity.h"
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
	char *authority, *audience; /* NULL where the source yields access tokens */
	char *organization;	    /* Azure DevOps', NULL where unknown or another kind of request */
	char *registry;		    /* login server where Entra's token is traded for the registry's own (step_acr.h), or NULL */
	bool token_user;	    /* registry-user = token there */
	char *why;		    /* the decision in words, PLAN_NOT_OURS too: for `config check` and the trace */
	bool named;		    /* a [match] names this request */
	bool exact;		    /* and has no "*" in its host */
	bool soft;		    /* on-failure = soft there */
	bool keeps;		    /* what the client gives for this is kept in the keyring, and goes before a token; valid
				     * whatever the verdict */
};

#define AUTO_PLAN CLEANUP(plan_free) struct plan

void plan_free(struct plan *p);
/* Decide. No network, no child, no cache. Where the source is broken or absent although configured: PLAN_FAIL. */
enum verdict plan_make(const struct ctx *ctx, const struct request *r, struct plan *out, struct err *err);
/* Is this a host that policy knows for such requests without any configuration? */
bool plan_host_known(const struct ctx *ctx, const struct request *r);
/* The host of the pipeline's own organization in an Azure Pipelines job: what SYSTEM_COLLECTIONURI says, in lower case.
 * Owned; NULL elsewhere. */
char *plan_job_host(const struct ctx *ctx);
/* Can a [match] on this host pattern (lower case, "*" for a label) ever get a token for such a request? */
bool plan_pattern_serves(enum request_kind kind, const char *pattern);
/* Choose the identity that would serve a request that no [match] is about: --identity, DAYPASS_IDENTITY, `default`,
 * else the environment's. False with ERR_NONE where there is nobody. */
bool plan_identity(const struct ctx *ctx, enum request_kind kind, const char *name, struct identity *out, struct err *err);
/* Choose the source for an identity. PLAN_NOT_OURS where `auto` finds none. */
enum verdict plan_source(const struct ctx *ctx, const struct identity *id, const struct source **out, struct err *err);

#endif
