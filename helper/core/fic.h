/* What a token presents against what is registered: which of issuer, subject and audience differs, where, and why. No
 * network and no trust: whoever has both may ask (fic check, explain --last, doctor). Entra compares byte for byte, all
 * three within one credential. Sources: Entra's "workload identity federation" considerations, GitHub's "OpenID Connect
 * reference" for the two forms of its subjects, azure-docs for service connections. */
#ifndef DAYPASS_FIC_H
#define DAYPASS_FIC_H

#include "helper/base/json.h"
#include "helper/core/fic_expression.h"

enum {
	FIC_MOST = 20,	/* of one application or managed identity */
	FIC_LONGEST = 600, /* bytes of an issuer, subject or audience */
};

/* How Entra itself writes api://AzureADTokenExchange into a token that it issued. */
#define FIC_AUDIENCE_GUID "fb60f99c-7a34-4190-8149-302f77469936"

/* Borrowed from the claims; NULL where absent or no text. */
struct fic_presented {
	const struct json *claims;
	const char *iss, *sub, *aud; /* aud: the first where it is a list, which aud_count counts */
	int aud_count;
};

/* Owned; NULL where it has none. Of subject and expression it has one. */
struct fic_registered {
	char *name, *issuer, *subject, *expression, *audience;
	int audience_count;
};

struct fic_list {
	struct fic_registered *rows;
	size_t count;
};

#define AUTO_FIC_LIST CLEANUP(fic_list_free) struct fic_list

enum fic_difference {
	FIC_SAME,
	FIC_CASE,	/* letter case only */
	FIC_SLASH,	/* one has a slash at the end */
	FIC_BLANK,	/* blanks or line ends around it */
	FIC_FORM,	/* the other of GitHub's two forms of the same subject */
	FIC_KIND,	/* GitHub: the same repository, but branch, tag, environment or pull request */
	FIC_CLOUD,	/* the audience of another cloud */
	FIC_EXPRESSION, /* the clause is not satisfied */
	FIC_UNREAD,	/* an expression that only Entra understands */
	FIC_MANY,	/* the token has several audiences: Entra wants exactly one */
	FIC_OTHER,
};

struct fic_field {
	enum fic_difference how;
	size_t at; /* how many bytes are the same before the first character that differs */
};

struct fic_result {
	struct fic_field issuer, subject, audience;
	struct fic_clause clause; /* with FIC_EXPRESSION */
};

void fic_present(struct fic_presented *out, const struct json *claims);
void fic_list_free(struct fic_list *l);
/* Append the rows of an answer of Graph (v1.0, beta) or Resource Manager: {"value": [...]}. False where it is none, or has
 * more rows than anybody may have. */
bool fic_list_read(struct fic_list *l, const struct json *answer);

void fic_compare(const struct fic_presented *p, const struct fic_registered *r, struct fic_result *out);
bool fic_matches(const struct fic_result *r);
/* The one that matches, else the one that is nearest; NULL where there is none. Borrowed. */
const struct fic_registered *fic_nearest(const struct fic_presented *p, const struct fic_list *l, struct fic_result *out);

/* Is the issuer Microsoft Entra, in any cloud and version? */
bool fic_issued_by_entra(const char *issuer);
/* The subject in the other of GitHub's forms (repo:OWNER/REPO:... or, since 2026-07-15 for new, renamed and moved ones,
 * repo:OWNER@ID/REPO@ID:...), by the claims repository, repository_id and repository_owner_id. Forgejo's are of the same
 * kind, with - for @. Owned; NULL where the token is neither's or its subject is customised beyond that. immutable: whether it is the second. */
char *fic_github_other(const struct fic_presented *p, bool *immutable);
/* Append a line for each thing that will break, or never worked: "warning: ...". audience: of the identity's cloud. */
void fic_warn(const struct fic_presented *p, const struct fic_list *l, const char *audience, struct buf *out);

#endif
