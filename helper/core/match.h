/* [match PATTERN] sections held against a request. */
#ifndef DAYPASS_MATCH_H
#define DAYPASS_MATCH_H

#include "helper/core/config.h"
#include "helper/core/request.h"

struct match {
	enum {
		MATCH_NO_PATTERNS, /* no section is about this kind of request */
		MATCH_NONE,	   /* there are some, and none covers it: not served */
		MATCH_UNCLEAR,	   /* it has no path, and the patterns of its host name several identities */
		MATCH_FOUND,
	} result;
	const struct section *section;
	bool literal; /* its host has no "*" */
};

enum match_kind {
	MATCH_ALL,
	MATCH_TOKENS, /* without the sections that only keep what clients give (store = keyring, no identity) */
};

/* The most specific pattern wins: more path segments (git), then a literal host over one with "*", then the user's file.
 * Host and path compare without regard to ASCII case, the path segment by segment, after decoding. */
struct match match_find(const struct config *c, const struct request *r, enum match_kind kind);
/* Has any git pattern for this host a path? Then git must send it (useHttpPath). */
bool match_needs_path(const struct config *c, const char *host);
/* Does any section say store = keyring? */
bool match_keeps_any(const struct config *c);

#endif
