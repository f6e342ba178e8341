/* Folders with all that is in them. */
#ifndef DAYPASS_TREE_H
#define DAYPASS_TREE_H

#include <stdbool.h>

/* Remove a file, or a folder and what lies in it, without following links. False where something stays (errno). */
bool tree_remove(int parent, const char *name);

#endif
