/* Errors as plain values: what failed, what to type next, and the service's own identifiers. No heap, cannot fail. */
#ifndef DAYPASS_ERR_H
#define DAYPASS_ERR_H

#include <stdbool.h>

/* The numbers are the exit codes of the commands for people (design section 6). */
enum err_kind {
	ERR_NONE = 0,
	ERR_INTERNAL = 1,
	ERR_USAGE = 2,
	ERR_CONFIG = 3,
	ERR_POLICY = 4,
	ERR_SOURCE = 5,
	ERR_REFUSED = 6,
	ERR_THROTTLED = 7,
	ERR_NETWORK = 8,
	ERR_KEYRING = 9,
	ERR_PERSON = 10,
};

/* msg is larger than hint because a refusal shows three claims, and Entra permits 600 bytes for each of them. */
struct err {
	enum err_kind kind;
	bool denied; /* it was the resource that refused, not Entra: policy may take that for "not found" */
	char msg[2048], hint[512], detail[256];
};

#define ERR_INIT ((struct err){.kind = ERR_NONE})

/* The failing line: `return err_set(err, ERR_SOURCE, "what to type", "what failed: %s", name);` hint may be NULL.
 * Control characters and bidirectional overrides in the text become '?', so that a hostile value cannot drive a
 * terminal. err may be NULL. Always returns false. */
bool err_set(struct err *err, enum err_kind kind, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Replace the hint. Returns false, to end a failing line. */
bool err_hint(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Add the service's identifiers (AADSTS code, correlation id). Returns false. */
bool err_detail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Put "doing X: " in front on the way up. Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Make text from outside safe to show, in place (UTF-8 stays, controls and bidi marks become '?'). */
void err_clean(char *text);

#endif
