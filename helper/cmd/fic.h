/* What the verbs of `daypass fic` share. Each gets the words behind it and returns the exit status. */
#ifndef DAYPASS_FIC_CMD_H
#define DAYPASS_FIC_CMD_H

#include "helper/cmd/claims.h"
#include "helper/cmd/cmd.h"
#include "helper/cmd/fic_print.h"

int fic_run_print(struct ctx *ctx, int argc, char **argv);
int fic_run_show(struct ctx *ctx, int argc, char **argv);
int fic_run_check(struct ctx *ctx, int argc, char **argv);
int fic_run_create(struct ctx *ctx, int argc, char **argv);

/* The credential that the token of this place needs; name NULL: "daypass". wish borrows from c. False (ERR_SOURCE) where no
 * credential can be for such a token, ERR_USAGE for a name that Entra does not take. */
bool fic_wish_of(const struct claims *c, const char *name, struct fic_wish *wish, struct err *err);
/* The tokens of the sources that are nobody else's need no trust: says so (ERR_SOURCE). */
bool fic_needs_trust(const struct source *s, struct err *err);

#endif
