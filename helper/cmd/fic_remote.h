/* The federated credentials that are registered: an app registration's by Microsoft Graph, a user-assigned managed
 * identity's by Resource Manager. Sources: the references of federatedIdentityCredential (Graph v1.0; beta knows
 * expressions) and of Microsoft.ManagedIdentity 2023-01-31. */
#ifndef DAYPASS_FIC_REMOTE_H
#define DAYPASS_FIC_REMOTE_H

#include "helper/cmd/admin.h"
#include "helper/cmd/fic_print.h"
#include "helper/core/fic.h"

/* Whose they are, and who looks. All borrowed. */
struct fic_whose {
	const struct identity *id;
	const char *resource_id; /* the managed identity's, where somebody said it: then Graph is not asked; or NULL */
	const char *admin;	 /* --identity behind the command, or NULL */
};

struct fic_remote {
	struct admin admin;	/* for Graph, or for Resource Manager */
	const struct cloud *cloud;
	char *client;
	char *path; /* of the managed identity in Resource Manager, encoded; NULL: an app registration */
};

#define AUTO_REMOTE CLEANUP(fic_remote_close) struct fic_remote

/* Find out which of the two the client id is. False: ERR_POLICY where that may not be read, ERR_CONFIG where there is no such
 * client, ERR_SOURCE where nobody is logged in. */
bool fic_remote_open(struct ctx *ctx, const struct fic_whose *whose, struct fic_remote *out, struct err *err);
void fic_remote_close(struct fic_remote *r);
/* "app registration ID" or "managed identity ID"; owned. */
char *fic_remote_name(const struct fic_remote *r);
/* out: free with fic_list_free, also after a failure. */
bool fic_remote_list(struct fic_remote *r, struct fic_list *out, struct err *err);
/* What create would send: "POST https://...", and the body. */
void fic_remote_request(const struct fic_remote *r, const struct fic_wish *w, struct buf *line, struct buf *body);
/* Make it. A managed identity takes one at a time: where another is being written (409) it is tried again while there is
 * time. */
bool fic_remote_create(struct fic_remote *r, const struct fic_wish *w, struct err *err);

#endif
