/* What the keyring's child sends: whatever it is, it is read whole or refused whole, and nothing is read beyond it. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/keyring_wire.h"

static void check_text(const char *text)
{
	must(text && strlen(text) < KEYRING_REPLY_MAX);
}

static void check_item(const struct keyring_item *i)
{
	check_text(i->label);
	must(i->attr_count <= KEYRING_ATTRS && secret_len(&i->value) <= KEYRING_VALUE_MAX);
	for (size_t k = 0; k < i->attr_count; k++) {
		check_text(i->attrs[k].name);
		check_text(i->attrs[k].value);
		must(keyring_attr_get(i, i->attrs[k].name));
	}
}

/* What was read, sent once more, is as long as it was and is read as the same. */
static void send_again(const struct keyring_list *l, enum keyring_answer a, size_t size)
{
	AUTO_BUF reply = buf_new(size);
	struct keyring_list again;
	struct keyring_head head = {(uint32_t)a, (uint32_t)l->count};
	must(buf_add(&reply, &head, sizeof head));
	for (size_t i = 0; i < l->count; i++)
		must(keyring_wire_put(&reply, &l->items[i]));
	must(reply.len == size);
	must(keyring_wire_read(&reply, &again) == a && again.count == l->count);
	for (size_t i = 0; i < l->count; i++)
		must(again.items[i].modified == l->items[i].modified);
	keyring_list_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Not a copy: the sanitizer sees each byte read beyond. */
	const struct buf reply = {.p = (char *)(uintptr_t)data, .len = size, .max = size};
	struct keyring_list l;
	uint32_t promised = 0;
	enum keyring_answer a = keyring_wire_read(&reply, &l);
	must(a <= KEYRING_NO_LIBRARY && l.count <= KEYRING_ITEMS_MAX);
	for (size_t i = 0; i < l.count; i++) {
		check_item(&l.items[i]);
		must(i == 0 || l.items[i - 1].modified >= l.items[i].modified);
	}
	if (size >= sizeof(struct keyring_head))
		memcpy(&promised, data + offsetof(struct keyring_head, count), sizeof promised);
	if (a != KEYRING_BROKEN || l.count) {
		must(l.count == promised);
		send_again(&l, a, size);
	}
	keyring_list_free(&l);
	must(!l.count && !l.items);
	return 0;
}
