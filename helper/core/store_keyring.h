/* What stands between the product and the desktop's keyring (design section 8): whether it may be asked at all, what is
 * remembered of it, one of our processes at a time, and 1.5 seconds in all. */
#ifndef DAYPASS_STORE_KEYRING_H
#define DAYPASS_STORE_KEYRING_H

#include <stdbool.h>

#include "helper/base/keyring.h"
#include "helper/core/ctx.h"

/* One call. Silent: no prompt, no word, no failure of the request because of it; the trace tells. since: not done
 * (KEYRING_OFF) if something was erased under that id meanwhile; may be NULL. What is wrong with the keyring is
 * remembered for a minute, in which nobody asks it again. */
enum keyring_answer keyring_ask(const struct ctx *ctx, struct keyring_call *call, const struct store_mark *since);
/* May it be asked: not switched off, and we are in no CI job? Looks at settings and environment only. */
bool keyring_allowed(const struct ctx *ctx);
/* Is this a token for it: left seconds until it ends? */
bool keyring_takes(const struct ctx *ctx, int64_t left);
/* Look anew, whatever is remembered; the memory is set right. provider gets the name of the program behind it; "" unknown. */
enum keyring_answer keyring_look(const struct ctx *ctx, char *provider, size_t size);
/* Is it there and could not be told: might it hold what was asked about? */
bool keyring_untold(enum keyring_answer a);
/* In words: what is wrong, and what to do about it (NULL: nothing). */
const char *keyring_says(enum keyring_answer a);
const char *keyring_advice(enum keyring_answer a);

#endif
