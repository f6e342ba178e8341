/* A program of somebody else's name that we stand in front of (az, azd): what we do not answer is the real one's. */
#ifndef DAYPASS_FRONT_H
#define DAYPASS_FRONT_H

#include "helper/base/program.h"
#include "protocols/protocol.h"

/* The SDKs give up after ten seconds. */
enum { FRONT_MS = 8500, FRONT_OUT_MAX = 512 * 1024, FRONT_LINE_MAX = 8192 };

/* Is there another program of that name behind us on PATH? */
bool front_is_before_another(const struct ctx *ctx, const char *name);
/* Become it, with the same arguments, stdin and environment. Returns only where that cannot be, with err: there is none
 * (told with answers, what we answer ourselves), it cannot be started, or we were handed to in a ring. */
void front_pass(const struct ctx *ctx, const char *name, char *const *argv, const char *answers, struct err *err);
/* Deliver an answer: stdout whole or not at all, then stderr. Returns the status, or 1 where stdout took it not. */
int front_deliver(const struct ctx *ctx, const struct buf *out, const struct buf *line, int status);

#endif
