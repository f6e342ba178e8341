/* This program's own file, and the program of the same name that it stands in front of. */
#ifndef DAYPASS_PROGRAM_H
#define DAYPASS_PROGRAM_H

#include <stdbool.h>

#include "helper/base/env.h"
#include "helper/base/err.h"

/* Counts how often we handed on: at SHIM_DEEPEST the ring is closed, and it ends. */
#define SHIM_DEPTH "DAYPASS_SHIM_DEPTH"
enum { SHIM_DEEPEST = 3 };
/* Set for what a source of ours starts: another daypass in that place hands on, for the first one holds the lock. */
#define SHIM_PASS "DAYPASS_SHIM_PASS"

/* Is this path our own program, through whatever links? NULL is none. */
bool program_is_own(const char *path);
/* The absolute path of this program, links followed; NULL where it cannot be told; owned. */
char *program_own_path(void);
/* Which `name` would have been started if we were not there: the first in the folders of PATH behind the first that
 * leads to us (all folders, where none does), absolute ones only, that is a program and is not ours. owned; NULL where
 * there is none. */
char *program_behind(const struct env *env, const char *name);
/* "DAYPASS_SHIM_DEPTH=N" for what is started next, owned. NULL (ERR_CONFIG, naming both paths) where we were handed to
 * too often: programs that stand in front of one another. next: whom it would be handed to. */
char *program_depth(const struct env *env, const char *next, struct err *err);

#endif
