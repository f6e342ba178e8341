#include "helper/base/keyctl.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

static long ctl(int op, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static enum keyctl_answer answer(void)
{
	if (errno == EDQUOT)
		return KEYCTL_FULL;
	bool absent = errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED || errno == EINVAL;
	return absent ? KEYCTL_ABSENT : KEYCTL_DENIED;
}

/* The keyring that outlives a logout where the kernel has one (CONFIG_PERSISTENT_KEYRINGS), else the user's. Either is
 * linked into the process keyring, which gives us possession: without it READ is refused in sessions that do not link
 * the user keyring (systemd services, cron). */
static int32_t home_ring(void)
{
	long ring = ctl(KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0, 0);
	if (ring >= 0)
		return (int32_t)ring;
	if (ctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING, 0, 0) < 0)
		return -1;
	return KEY_SPEC_USER_KEYRING;
}

static bool read_key(long id, unsigned char key[KEYCTL_KEY])
{
	errno = ENOKEY; /* what a key of another size amounts to */
	return ctl(KEYCTL_READ, id, (long)key, KEYCTL_KEY, 0) == KEYCTL_KEY;
}

enum keyctl_answer keyctl_read_id(int32_t id, unsigned char key[KEYCTL_KEY])
{
	if (read_key(id, key))
		return KEYCTL_OK;
	if (errno != EACCES || home_ring() == -1)
		return answer();
	if (read_key(id, key))
		return KEYCTL_OK;
	return errno == EACCES ? KEYCTL_ABSENT : answer(); /* the keyring works, and the key is not in it (any more) */
}

enum keyctl_answer keyctl_find(const char *name, unsigned char key[KEYCTL_KEY], int32_t *id)
{
	int32_t ring = home_ring();
	if (ring == -1)
		return answer();
	long found = ctl(KEYCTL_SEARCH, ring, (long)"user", (long)name, 0);
	if (found < 0 || !read_key(found, key))
		return answer();
	*id = (int32_t)found;
	return KEYCTL_OK;
}

enum keyctl_answer keyctl_add(const char *name, const unsigned char key[KEYCTL_KEY], int32_t *id)
{
	int32_t ring = home_ring();
	if (ring == -1)
		return answer();
	long added = syscall(SYS_add_key, "user", name, key, (size_t)KEYCTL_KEY, ring);
	if (added < 0)
		return errno == EDQUOT ? KEYCTL_FULL : KEYCTL_DENIED;
	*id = (int32_t)added;
	return KEYCTL_OK;
}

static int revoke_in(long ring, const char *name)
{
	long found = ctl(KEYCTL_SEARCH, ring, (long)"user", (long)name, 0);
	if (found < 0 || ctl(KEYCTL_REVOKE, found, 0, 0, 0) < 0)
		return 0;
	ctl(KEYCTL_UNLINK, found, ring, 0, 0);
	return 1;
}

int keyctl_revoke(const char *name)
{
	int count = 0;
	int32_t ring = home_ring();
	if (ring != -1 && ring != KEY_SPEC_USER_KEYRING)
		count += revoke_in(ring, name);
	if (ctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING, 0, 0) >= 0)
		count += revoke_in(KEY_SPEC_USER_KEYRING, name);
	return count;
}
