/* Programs that a configuration file names for a source: `command`, `credential-command`. */
#ifndef DAYPASS_SOURCES_CONFIGURED_H
#define DAYPASS_SOURCES_CONFIGURED_H

#include "helper/sources/common.h"

/* The command line of that setting, where it comes from a file of ours or root's; else NULL. Borrowed. */
const char *configured(const struct identity *id, enum key key);
/* Add argv and the file's identity: another program, or the same one changed, is another caller. False where it would
 * not be run. */
bool configured_print(const struct identity *id, enum key key, struct buf *out, struct err *err);
/* Run it, without shell, half a minute at most, with these variables added (more may be NULL); text gets its stdout.
 * Not run where others could change it. False with what it said where its status is not 0. */
bool configured_run(const struct ctx *ctx, const struct identity *id, enum key key, const char *const *more, struct buf *text, struct err *err);

#endif
