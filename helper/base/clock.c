#include "helper/base/clock.h"

#include <errno.h>
#include <fcntl.h>

#include "helper/base/str.h"

static int64_t seconds_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec;
}

static int64_t real_wall(struct clock *c UNUSED)
{
	return seconds_of(CLOCK_REALTIME);
}

static int64_t real_boot(struct clock *c UNUSED)
{
	return seconds_of(CLOCK_BOOTTIME);
}

static int64_t real_mono_ms(struct clock *c UNUSED)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void real_sleep_ms(struct clock *c UNUSED, int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (ms > 0 && nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

/* proc(5): /proc/sys/kernel/random/boot_id */
static void real_boot_id(struct clock *c UNUSED, char out[CLOCK_BOOT_ID])
{
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, CLOCK_BOOT_ID - 1) : 0;
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
}

struct clock clock_real(void)
{
	return (struct clock){.wall = real_wall, .boot = real_boot, .mono_ms = real_mono_ms, .sleep_ms = real_sleep_ms, .boot_id = real_boot_id};
}

void clock_text(char out[24], int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;
	if (!gmtime_r(&t, &tm) || !strftime(out, 24, "%Y-%m-%d %H:%M:%SZ", &tm))
		snprintf(out, 24, "%s", "?");
}

bool clock_http_date(const char *text, int64_t *out)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end && !*end) {
			*out = timegm(&tm);
			return true;
		}
	}
	return false;
}

bool clock_iso_date(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (end && *end == '.' && end[1] >= '0' && end[1] <= '9')
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || !str_eq(end, "Z"))
		return false;
	*out = timegm(&tm);
	return true;
}

void clock_span(char out[32], int64_t s)
{
	long long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60, r = s % 60;
	if (s < 0)
		snprintf(out, 32, "0s");
	else if (d)
		snprintf(out, 32, "%lldd%lldh", d, h);
	else if (h)
		snprintf(out, 32, "%lldh%02lldm", h, m);
	else if (m)
		snprintf(out, 32, "%lldm%02llds", m, r);
	else
		snprintf(out, 32, "%llds", r);
}
