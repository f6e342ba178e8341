/* What goes to stderr beside an error: the traced story (DAYPASS_TRACE=1) and the notes of -v. Never a secret. */
#ifndef DAYPASS_LOG_H
#define DAYPASS_LOG_H

#include <stdbool.h>

/* trace: tell the whole story; verbose: tell what -v promises. Both off by default; kept for the process. */
void log_init(bool trace, bool verbose);
/* One line of the story. Anything that looks like a JWT is masked, whatever the caller passed. */
void log_trace(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* A line for people who asked with -v (or trace). */
void log_note(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* A line for everybody: "daypass: ...". */
void log_line(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Replace everything that looks like a JWT (eyJ...) by "eyJ***", in place. */
void log_mask(char *text);

#endif
