/* What docker's config.json and podman's auth.json say about credentials, and the few changes that we make there. */
#ifndef DAYPASS_CONFIGURE_DOCKER_CREDS_H
#define DAYPASS_CONFIGURE_DOCKER_CREDS_H

#include "helper/base/err.h"
#include "helper/base/json_edit.h"

/* Places in a text, good until it changes. value.from is 0 where a member is not there. */
struct creds {
	bool blank; /* nothing is in the file */
	struct json_span root;
	struct json_member auths, helpers, store;
};

/* Look at a text. False with file:line:column where it is no JSON, or a member that matters is of a wrong type or
 * stands twice. */
bool creds_look(const char *path, const struct buf *text, struct creds *out, struct err *err);
/* credHelpers' member for a registry; value.from is 0 where there is none. False where it stands twice. */
bool creds_find(const char *path, const struct buf *text, const struct creds *c, const char *host, struct json_member *out, struct err *err);
/* Is this value a string that says exactly that? */
bool creds_says(const struct buf *text, struct json_span value, const char *what);
/* The value as the plain name of a helper, which needs no escape; NULL where it is something else. Owned. */
char *creds_name(const struct buf *text, struct json_span value);
/* Does this member of auths hold something that is used as a credential? docker leaves empty ones behind. */
bool creds_holds_secret(const struct buf *text, struct json_span auth);
/* The members of auths that hold one for a registry, one each call; *at begins as 0. */
bool creds_next_secret(const struct buf *text, const struct creds *c, const char *host, size_t *at, struct json_member *out);
/* Does it hold a registrytoken? docker keeps that beside what a helper answers, and uses it first. */
bool creds_holds_token(const struct buf *text, struct json_span auth);
/* The host of a key of auths or credHelpers, which may be a URL; owned. */
char *creds_host(const char *key);

/* Make daypass the helper of a registry, or, host NULL, of all. An entry that is there is replaced; what is made new is
 * laid out so that creds_drop knows. */
bool creds_put(const char *path, struct buf *text, const char *host, struct err *err);
/* Put an old name back (NULL: take the entry out), where it says daypass now. */
bool creds_drop(const char *path, struct buf *text, const char *host, const char *old, struct err *err);
/* The text, of which no string but the names of helpers is shown. */
void creds_hide(const struct buf *text, struct buf *out);

#endif
