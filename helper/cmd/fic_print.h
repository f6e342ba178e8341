/* A federated credential that is not there yet, in the forms in which people make one. */
#ifndef DAYPASS_FIC_PRINT_H
#define DAYPASS_FIC_PRINT_H

#include <stdbool.h>

#include "helper/base/buf.h"

/* All borrowed. client: NULL where nobody is named. */
struct fic_wish {
	const char *name, *issuer, *subject, *audience, *client;
};

/* As Graph takes it, and `az ad app federated-credential create --parameters`. */
void fic_print_json(const struct fic_wish *w, struct buf *out);
/* Append it as json, az, terraform or bicep, each but the first for an app registration and for a user-assigned managed
 * identity; NULL: as JSON and as az commands. False for any other word. */
bool fic_print(const char *format, const struct fic_wish *w, struct buf *out);

#endif
