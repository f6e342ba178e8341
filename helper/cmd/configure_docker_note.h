/* What `configure docker|podman|kube` replaced, so that unconfigure can put it back: names of helpers, stanzas, never a secret,
 * in $XDG_STATE_HOME/daypass/configure, a line each: FILE, tab, registry, "credsStore" or user, tab, name or JSON. */
#ifndef DAYPASS_CONFIGURE_DOCKER_NOTE_H
#define DAYPASS_CONFIGURE_DOCKER_NOTE_H

#include "helper/cmd/configure_docker_change.h"
#include "helper/core/ctx.h"

struct note {
	struct change change; /* of the note's own file */
	char *file;	      /* whose lines are meant: the real path */
};

#define AUTO_NOTE CLEANUP(note_free) struct note

void note_free(struct note *n);
/* Read what is noted about a file. False with err set where that cannot be told. */
bool note_read(const struct ctx *ctx, const char *file, struct note *n, struct err *err);
/* What was there before; NULL where nothing is noted; owned. */
char *note_get(const struct note *n, const char *what);
/* Note a name; NULL forgets what was noted, and what = NULL all about this file. False where the file's path cannot stand in a line. */
bool note_set(struct note *n, const char *what, const char *name, struct err *err);
/* The same for many at once. */
struct note_fact {
	const char *what, *name;
};
bool note_set_all(struct note *n, const struct note_fact *facts, size_t count, struct err *err);
/* Is the same noted about any other file? */
bool note_elsewhere(const struct note *n, const char *what);
/* Write what was set; a note that holds nothing more goes. */
bool note_write(struct note *n, struct err *err);

#endif
