/* Work in a forked child of ours: it can be killed at the deadline, and what it breaks or leaves in memory goes with it. */
#ifndef DAYPASS_CHILD_H
#define DAYPASS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"

enum child_end {
	CHILD_DONE,   /* it said that it was done, and all it wrote is in out */
	CHILD_LATE,   /* killed at the deadline */
	CHILD_BROKEN, /* it crashed, failed, or wrote more than out holds; or no child could be made */
};

/* Run work(fd, user) in a child; what it writes to fd is appended to out. True from work means done. The child has
 * our memory as it was, and dies with us. Waits left_ms at most; the child is gone on return. */
enum child_end child_run(bool (*work)(int fd, void *user), void *user, int64_t left_ms, struct buf *out);

#endif
