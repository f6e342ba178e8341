#include "helper/core/generation.h"

#include <fcntl.h>

#include "helper/base/str.h"

static uint64_t counter_read(int fd)
{
	uint64_t value = 0;
	return fd >= 0 && pread(fd, &value, sizeof value, 0) == sizeof value ? value : 0;
}

static int open_one(int dir, const unsigned char id[STORE_ID], int flags)
{
	char name[2 + 2 * STORE_ID + 1] = "g.";
	str_hex(name + 2, id, STORE_ID);
	return openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

uint64_t generation_read(int dir, int all, const unsigned char id[STORE_ID])
{
	AUTO_CLOSE int one = open_one(dir, id, O_RDONLY);
	return counter_read(all) << 32 | (counter_read(one) & UINT32_MAX);
}

bool generation_same(int dir, int all, const struct store_mark *since)
{
	uint64_t now = generation_read(dir, all, since->id);
	return now == 0 || now == since->generation;
}

bool generation_next_all(int all)
{
	uint64_t next = counter_read(all) + 1;
	return all >= 0 && pwrite(all, &next, sizeof next, 0) == sizeof next;
}

bool generation_next(int dir, const unsigned char id[STORE_ID])
{
	AUTO_CLOSE int one = open_one(dir, id, O_RDWR | O_CREAT);
	return generation_next_all(one);
}
