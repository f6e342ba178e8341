/* A process of ours that stands on its own, and the process that it is there for. */
#ifndef DAYPASS_DETACH_H
#define DAYPASS_DETACH_H

#include <stdbool.h>
#include <sys/types.h>

/* Who is watched: by a pidfd; where the kernel or a sandbox gives none, pid and start time are looked at each second. */
struct watch {
	int pidfd; /* readable once it has ended; -1: call watch_ended now and then */
	pid_t pid;
	char start[24];
};

/* Watch ourselves: what we become by exec is the same process. Before detach. */
struct watch watch_self(void);
bool watch_ended(const struct watch *w);

/* Fork twice, into a session of its own, so that no terminal's signal reaches it, and nobody who waits for children meets
 * it. There: stdin, stdout and stderr are /dev/null; descriptors that we were started with are closed, so that whoever reads
 * to the end of a pipe gets there; signals are blocked; its name, in lists of processes, is that one. 0 in that process, 1 in the caller, -1 with errno where there is
 * none. The caller has no child left of it. */
int detach(const char *name);

#endif
