/* What the keyring's child sends: a head, and items of length-prefixed texts. Parsed as strictly as anything else: a
 * library of the desktop may have been driven to say it. */
#ifndef DAYPASS_KEYRING_WIRE_H
#define DAYPASS_KEYRING_WIRE_H

#include "helper/base/keyring.h"

enum { KEYRING_REPLY_MAX = 8 * 1024 * 1024, KEYRING_ITEMS_MAX = 4096 };

struct keyring_head {
	uint32_t answer, count;
};

/* Append one item; false beyond the buffer's cap. */
bool keyring_wire_put(struct buf *to, const struct keyring_item *i);
/* Read a whole reply; items are sorted, newest first. KEYRING_BROKEN, and no item, where it is not what was promised. */
enum keyring_answer keyring_wire_read(const struct buf *reply, struct keyring_list *out);

#endif
