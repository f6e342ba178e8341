/* What differs between two texts, for --dry-run. */
#ifndef DAYPASS_CONFIGURE_DOCKER_DIFF_H
#define DAYPASS_CONFIGURE_DOCKER_DIFF_H

#include <stddef.h>

#include "helper/base/buf.h"

/* Append a unified diff, with that many equal lines around each hunk; without any, as one hunk. The texts hold nothing
 * secret. */
void diff_add(const struct buf *from, const struct buf *to, size_t context, struct buf *out);

#endif
