/* Files: read with a cap, replaced atomically, with explicit modes whatever the umask. */
#ifndef DAYPASS_FILE_H
#define DAYPASS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"

/* Read a whole regular file (symbolic links are followed: Kubernetes' projected volumes consist of them) into out, at
 * most out->max bytes. The message names the path; kind is the caller's. st, where not NULL, gets the
 * fstat. errno tells why it could not be opened. */
bool file_read(const char *path, struct buf *out, struct stat *st, enum err_kind kind, struct err *err);
/* Read all of a descriptor; false at the cap or on an error (errno). EINTR is retried. */
bool file_read_fd(int fd, struct buf *out);
/* Write all; false with errno set. EINTR is retried; a short write goes on. */
bool file_write_fd(int fd, const void *data, size_t len);
/* Replace path atomically by these bytes, keeping its mode, owner and, where it is a symbolic link, the link: the file
 * it points to is replaced. Takes PATH.lock as git does, so that git and we never write at once. A new file gets
 * new_mode. */
bool file_replace(const char *path, const void *data, size_t len, mode_t new_mode, struct err *err);

/* The same in two steps, for who must read between them what nobody else may change then. */
struct file_lock {
	const char *who; /* who else takes this lock: for the hint */
	int wait_ms;	 /* how long to wait for them */
	bool by_link;	 /* they lock the name that they were given, a symbolic link too */
	/* set by file_lock: */
	char *target, *lock, *link_lock;
	int fd;
};

#define AUTO_FILE_LOCK CLEANUP(file_unlock) struct file_lock

/* Take PATH.lock. Undone by file_unlock, also after false. */
bool file_lock(const char *path, struct file_lock *l, struct err *err);
/* Replace the file, which gives the lock back; once. */
bool file_commit(struct file_lock *l, const void *data, size_t len, mode_t new_mode, struct err *err);
void file_unlock(struct file_lock *l);
/* Are these two names of one file? NULL is none. */
bool file_same(const char *a, const char *b);
/* Remove a file that file_replace made, following links likewise. */
bool file_remove(const char *path, struct err *err);
/* May people other than its owner change this file? Group write counts unless the group is the owner's own. */
bool file_others_can_write(const struct stat *st);
/* Open fds 0, 1 and 2 where they are closed, in the mode that makes their use fail, so that no file or socket of ours
 * ever becomes stdout. */
void file_open_std(void);

#endif
