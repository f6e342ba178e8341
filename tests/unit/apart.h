/* A user namespace of our own: its kernel keyring is nobody else's, and goes with this process. */
#ifndef DAYPASS_TESTS_APART_H
#define DAYPASS_TESTS_APART_H

#include <sched.h>
#include <sys/mount.h>

#include "helper/base/keyctl.h"
#include "tests/unit/runtime.h"

static inline bool apart_tell(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) >= 0;
}

/* Enter it; false where this machine does not allow it. more: other namespaces to have with it. */
static inline bool apart_enter(int more)
{
	unsigned char key[KEYCTL_KEY];
	int32_t id;
	unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	if (unshare(CLONE_NEWUSER | more) < 0)
		return false;
	AUTO_STR users = str_printf("%u %u 1", uid, uid);
	AUTO_STR groups = str_printf("%u %u 1", gid, gid);
	bool told = apart_tell("/proc/self/setgroups", "deny");
	told = apart_tell("/proc/self/uid_map", users) && told;
	told = apart_tell("/proc/self/gid_map", groups) && told;
	return told && geteuid() == uid && keyctl_find("daypass:unit", key, &id) == KEYCTL_ABSENT;
}

/* With empty folders in the place of those where the product keeps what is really the caller's. */
static inline bool apart_enter_folders(void)
{
	struct stat st;
	return apart_enter(CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("unit", "/dev/shm", "tmpfs", 0, "mode=1777") == 0 &&
	       (stat("/run/user", &st) < 0 || mount("unit", "/run/user", "tmpfs", 0, "mode=0755") == 0);
}

#endif
