/* One 32-byte wrapping key in the kernel's keyring: what makes files on tmpfs useless to whoever copies them.
 * Raw system calls; facts from keyctl(2), persistent-keyring(7), user-keyring(7). */
#ifndef DAYPASS_KEYCTL_H
#define DAYPASS_KEYCTL_H

#include <stdbool.h>
#include <stdint.h>

enum { KEYCTL_KEY = 32 };

enum keyctl_answer {
	KEYCTL_OK,
	KEYCTL_ABSENT, /* the keyring works, but there is no such key */
	KEYCTL_DENIED, /* EPERM, ENOSYS, EACCES: no kernel keyring for us (containers) */
	KEYCTL_FULL,   /* EDQUOT: the user's quota is used up, by whomever (rootless containers take much of it) */
};

/* Read the key with this remembered id: one system call where we possess it; after EACCES the keyrings are linked to
 * the process once and it is read again. */
enum keyctl_answer keyctl_read_id(int32_t id, unsigned char key[KEYCTL_KEY]);
/* Find the key by name in the persistent, else the user keyring. */
enum keyctl_answer keyctl_find(const char *name, unsigned char key[KEYCTL_KEY], int32_t *id);
/* Add the key there (replacing one of that name). Serialise callers. */
enum keyctl_answer keyctl_add(const char *name, const unsigned char key[KEYCTL_KEY], int32_t *id);
/* Revoke every key of that name, in the persistent and the user keyring: at once nobody can read it any more, not even
 * who remembers its id. How many there were. */
int keyctl_revoke(const char *name);

#endif
