/* Where an external token comes from: one const struct a file in helper/sources, one row in sources.def. */
#ifndef DAYPASS_SOURCE_H
#define DAYPASS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"
#include "helper/core/token.h"

struct ctx;
struct identity;

enum source_state {
	SOURCE_ABSENT,	/* nothing of it is here; why says what is missing */
	SOURCE_PRESENT,
	SOURCE_BROKEN,	/* half here: never skipped, why says what is missing and how to mend it */
};

/* When `source = auto` may choose it (design section 7). */
enum source_auto {
	AUTO_JOB,     /* the CI job we are in: chosen as soon as it is not absent, and nothing after it */
	AUTO_AMBIENT, /* something the environment names */
	AUTO_NEVER,   /* only by its name */
};

struct source {
	const char *name, *summary;
	enum source_auto automatic;
	bool yields_access_token; /* the token is already Entra's: no exchange */
	bool yields_secret;	  /* no assertion: the client's secret, which goes to Entra as it is */
	bool own_credential;	  /* the client's own key or secret: no trust in another issuer is needed */
	/* Look at environment and configuration only: no network, no child. */
	enum source_state (*detect)(const struct ctx *, const struct identity *, struct err *why);
	/* Append what tells two callers apart, known without network: it becomes part of the cache key. evidence gets
	 * a hash of the token itself where that is at hand, so that a new token is not refused for an old one's sake. */
	bool (*fingerprint)(const struct ctx *, const struct identity *, struct buf *out, struct buf *evidence, struct err *);
	/* Get a token for this audience (assertion) or resource (access token). Anew on each call. */
	bool (*fetch)(const struct ctx *, const struct identity *, const char *audience, struct token *out, struct err *);
};

/* By name, or NULL. */
const struct source *source_by_name(const struct source *const *sources, const char *name);
/* Are we in a CI job? CI=true (or anything but a no), or a source of jobs that is not absent. */
bool source_in_job(const struct ctx *ctx);
/* A failing line for a name that no source has, with the nearest one. Returns false. */
bool source_unknown(const struct source *const *sources, const char *name, const char *origin, struct err *err);

#endif
