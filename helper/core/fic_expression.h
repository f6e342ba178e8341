/* Flexible federated credentials: an expression in the place of a subject. Source: entra-docs, "Flexible federated identity
 * credentials (preview)": claims['NAME'] eq|matches 'VALUE', joined by `and`, one blank between words; * stands for any
 * characters and ? for one; a single quote within quotes is written twice. */
#ifndef DAYPASS_FIC_EXPRESSION_H
#define DAYPASS_FIC_EXPRESSION_H

#include "helper/base/json.h"

enum fic_verdict {
	FIC_TRUE,
	FIC_FALSE,
	FIC_UNKNOWN, /* not written in the language that is documented: only Entra knows */
};

/* One comparison of an expression. */
struct fic_clause {
	char claim[64], wanted[640];
	bool wildcards; /* matches, not eq */
};

/* Do these claims satisfy it? failed: with FIC_FALSE the first comparison that they do not. Letter case counts, as in exact
 * subjects; a claim that is absent or no text satisfies nothing. */
enum fic_verdict fic_expression(const char *text, const struct json *claims, struct fic_clause *failed);

#endif
