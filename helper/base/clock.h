/* Time as a port: tests make it jump. */
#ifndef DAYPASS_CLOCK_H
#define DAYPASS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_BOOT_ID = 40 };

struct clock {
	int64_t (*wall)(struct clock *);    /* seconds since 1970, UTC; may jump */
	int64_t (*boot)(struct clock *);    /* seconds since boot, suspend included; never jumps */
	int64_t (*mono_ms)(struct clock *); /* milliseconds for deadlines */
	void (*sleep_ms)(struct clock *, int64_t ms);
	void (*boot_id)(struct clock *, char out[CLOCK_BOOT_ID]); /* what tells this boot from all others; "" unknown */
};

struct clock clock_real(void);
/* "2026-11-23 10:31:02Z" into out[24]. */
void clock_text(char out[24], int64_t wall);
/* An HTTP date in any of the three forms of RFC 9110 5.6.7; false where it is none. Seconds since 1970. */
bool clock_http_date(const char *text, int64_t *out);
/* "2026-11-23T10:31:02Z", fractions of a second cut off; false for another form, NULL, or another time zone than Z. */
bool clock_iso_date(const char *text, int64_t *out);
/* "4m31s", "2h05m", "3d4h" for people; out[32]. */
void clock_span(char out[32], int64_t seconds);

#endif
