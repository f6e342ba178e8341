/* The folder of the runtime tier: on tmpfs, ours, closed to others; or none. */
#ifndef DAYPASS_RUNTIME_DIR_H
#define DAYPASS_RUNTIME_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/base/env.h"

/* Open daypass/v1 below $XDG_RUNTIME_DIR, else /run/user/UID, else /dev/shm/daypass-UID; create it where make is set.
 * Only a tmpfs or ramfs folder that we own and no one else may enter is taken. -1 where there is none; path gets its
 * name. */
int runtime_dir_open(const struct env *env, bool make, char *path, size_t size);
/* Of any open folder: is it in memory (tmpfs, ramfs)? Is it ours, and nobody else may write to it? */
bool runtime_dir_is_memory(int fd);
bool runtime_dir_is_ours(int fd);
/* Before a record is written: delete what expired over ten minutes ago, torn temporary files, and the oldest beyond
 * 1,024 records or 4 MiB. A record's expiry is its file's modification time. now: seconds since 1970. */
void runtime_dir_clean(int dir, int64_t now);
/* Open every folder of records that is ours, in all candidate places and of all format versions (vN), and hand it over;
 * see must not close it. */
void runtime_dir_each(const struct env *env, void (*see)(int dir, void *user), void *user);
/* Is this the name of a record, or of a mark or a half-written file beside them? */
bool runtime_dir_is_record(const char *name);
bool runtime_dir_is_debris(const char *name);

#endif
