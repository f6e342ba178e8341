/* One file that `daypass configure docker|podman` changes: as it is, as it shall be, and the step between. */
#ifndef DAYPASS_CONFIGURE_DOCKER_CHANGE_H
#define DAYPASS_CONFIGURE_DOCKER_CHANGE_H

#include <sys/types.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"

enum { CHANGE_MAX_BYTES = 8 * 1024 * 1024 };

struct change {
	char *path;
	struct buf old, new;
	bool exists;
	bool wanted;  /* new is to be written */
	bool goes;    /* the file is to be removed instead */
	int folders;  /* above it: that are missing yet, or, where it goes, that were made for it */
};

#define AUTO_CHANGE CLEANUP(change_free) struct change

void change_free(struct change *c);
/* Read the file, which need not exist; path is taken over. False with err set where it cannot be read. */
bool change_read(struct change *c, char *path, struct err *err);
/* Write or remove it, unless somebody changed it since it was read. A new file and its folders belong to the person
 * alone. Does nothing where nothing is wanted. */
bool change_carry_out(const struct change *c, struct err *err);
/* Append what would change, as a unified diff: of the texts as hide writes them, with context; without it only the
 * changed lines, which are ours. */
void change_show(const struct change *c, void (*hide)(const struct buf *text, struct buf *out), struct buf *out);

#endif
