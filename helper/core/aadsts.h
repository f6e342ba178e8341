/* Entra's error codes as a table (aadsts.def). */
#ifndef DAYPASS_AADSTS_H
#define DAYPASS_AADSTS_H

#include <stdbool.h>
#include <stdint.h>

enum aadsts_class { AADSTS_FATAL, AADSTS_FRESH, AADSTS_TRANSIENT, AADSTS_LOOP, AADSTS_PERSON };

struct aadsts {
	int64_t code;
	enum aadsts_class class;
	const char *what, *advice, *more;
	bool quote; /* Entra's own sentence carries facts: show it too */
};

/* The row of a code, or NULL for one that the table does not know. */
const struct aadsts *aadsts_find(int64_t code);
/* Is it one of those that say: no federated credential is as what was presented? Then comparing the two explains it. */
bool aadsts_is_mismatch(int64_t code);

#endif
