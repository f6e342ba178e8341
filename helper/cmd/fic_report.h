/* The comparison of core/fic.h in words: what fic check, explain --last and doctor show. Everything from outside is made safe
 * to show. */
#ifndef DAYPASS_FIC_REPORT_H
#define DAYPASS_FIC_REPORT_H

#include "helper/core/fic.h"

/* Issuer, subject and audience, a line each. */
void fic_report_presented(const struct fic_presented *p, struct buf *out);
/* The same of one that is registered, below its name. */
void fic_report_registered(const struct fic_registered *r, struct buf *out);
/* Presented against registered: what is the same in one line; what differs side by side, with a mark below the first
 * character that differs, and why. */
void fic_report_result(const struct fic_presented *p, const struct fic_registered *r, const struct fic_result *d, struct buf *out);
/* Nobody may read what is registered: what to compare by hand, and where. client: its id, or NULL. */
void fic_report_by_hand(const struct fic_presented *p, const char *client, struct buf *out);
/* What to do about it, for a hint; owned. */
char *fic_report_advice(const struct fic_registered *r, const struct fic_result *d);

#endif
