/* A token as bytes: the same record in both tiers, with what `cache list` says of it. */
#ifndef DAYPASS_RECORD_H
#define DAYPASS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/clock.h"
#include "helper/core/store.h"

/* Part of every hash that names a record: programs of other formats have other records. */
#define RECORD_FORMAT "daypass 2"

enum { RECORD_TOKEN = 0x544f0002, RECORD_FAILURE = 0x46410003, RECORD_KEYRING = 0x4b520002, RECORD_SUBSCRIPTION = 0x53550001 }; /* each record's first word: kind and format */

/* Texts are borrowed: from what is encoded, or from the bytes that were decoded. Times: seconds since 1970; boot_at:
 * when it was issued, in seconds since that boot. */
struct record {
	int64_t issued_at, expires_at, refresh_at, boot_at;
	char boot[CLOCK_BOOT_ID];
	const char *token;
	size_t length;
	const char *identity, *tenant, *client_id, *resource, *source;
};

bool record_encode(const struct record *r, struct buf *out);
/* False for anything but a whole record of this format with a token in it. */
bool record_decode(const struct buf *data, struct record *r);
/* The keyring holds text: a name, a version, the id again (an item that was given another's attributes is not taken)
 * and the bytes in base64url. */
bool record_to_text(const unsigned char id[STORE_ID], const struct buf *data, struct secret *out);
bool record_from_text(const unsigned char id[STORE_ID], const struct secret *text, struct buf *data);
/* From another boot its clock says nothing here: count from the wall clock instead. */
void record_rebase(struct record *r, struct clock *clock);

#endif
