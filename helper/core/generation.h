/* Counters that tell a slow writer that what it writes about was erased meanwhile: one a folder, for what was cleared as
 * a whole, and one for each id that was erased. Files in the folder of records; callers hold the lock of the first. */
#ifndef DAYPASS_GENERATION_H
#define DAYPASS_GENERATION_H

#include "helper/core/store.h"

/* Both counters as one number; 0 where nothing was ever erased. all: the folder's counter, open. */
uint64_t generation_read(int dir, int all, const unsigned char id[STORE_ID]);
/* Is the number still the mark's? 0 counts as the same: either nothing was erased, or the folder is new because somebody
 * cleaned the old one away, and what was begun there may go on here. */
bool generation_same(int dir, int all, const struct store_mark *since);
/* Count an erased id. Its file is cleaned away after an hour, when no writer can be that old. */
bool generation_next(int dir, const unsigned char id[STORE_ID]);
bool generation_next_all(int all);

#endif
