/* The line `fallback = NAME` in daypass's own configuration: who is asked for the registries that daypass does not serve. */
#ifndef DAYPASS_CONFIGURE_DOCKER_FALLBACK_H
#define DAYPASS_CONFIGURE_DOCKER_FALLBACK_H

#include "helper/cmd/configure_docker_change.h"
#include "helper/core/ctx.h"

/* Plan to write it, in a block of ours. Nothing is wanted where the configuration says so already; false where it names
 * somebody else. */
bool fallback_put(const struct ctx *ctx, const char *name, struct change *c, struct err *err);
/* Plan to take the block out, byte by byte as it came. name gets what it said, NULL where there is none; owned. */
bool fallback_cut(const struct ctx *ctx, struct change *c, char **name, struct err *err);

#endif
