#include "helper/base/keyring_wire.h"

#include <sys/stat.h>

#include "helper/base/str.h"

static void free_item(struct keyring_item *i)
{
	free(i->label);
	for (size_t k = 0; k < i->attr_count; k++) {
		free(i->attrs[k].name);
		free(i->attrs[k].value);
	}
	secret_free(&i->value);
}

void keyring_list_free(struct keyring_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free_item(&l->items[i]);
	free(l->items);
	*l = (struct keyring_list){0};
}

const char *keyring_attr_get(const struct keyring_item *i, const char *name)
{
	for (size_t k = 0; k < i->attr_count; k++)
		if (str_eq(i->attrs[k].name, name))
			return i->attrs[k].value;
	return NULL;
}

bool keyring_bus_named(const struct env *env)
{
	struct stat st;
	const char *address = env_get(env, "DBUS_SESSION_BUS_ADDRESS"), *runtime = env_get(env, "XDG_RUNTIME_DIR");
	if (address)
		return !str_starts(address, "autolaunch:") && !strstr(address, ";autolaunch:");
	if (!runtime)
		return false;
	AUTO_STR path = str_printf("%s/bus", runtime);
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool put_text(struct buf *to, const char *text, size_t len)
{
	uint32_t n = (uint32_t)len;
	return buf_add(to, &n, sizeof n) && buf_add(to, text, len);
}

bool keyring_wire_put(struct buf *to, const struct keyring_item *i)
{
	uint32_t n = (uint32_t)i->attr_count;
	bool ok = put_text(to, i->label ? i->label : "", i->label ? strlen(i->label) : 0);
	ok = ok && buf_add(to, &i->modified, sizeof i->modified) && buf_add(to, &n, sizeof n);
	for (size_t k = 0; k < i->attr_count; k++) {
		ok = ok && put_text(to, i->attrs[k].name, strlen(i->attrs[k].name));
		ok = ok && put_text(to, i->attrs[k].value, strlen(i->attrs[k].value));
	}
	return ok && put_text(to, secret_reveal(&i->value), secret_len(&i->value));
}

/* What is left to read. */
struct cursor {
	const char *p;
	size_t left;
};

static bool take(struct cursor *c, void *to, size_t len)
{
	if (c->left < len)
		return false;
	memcpy(to, c->p, len);
	c->p += len;
	c->left -= len;
	return true;
}

/* The text's place in the reply. */
static const char *take_text(struct cursor *c, uint32_t *len)
{
	if (!take(c, len, sizeof *len) || c->left < *len)
		return NULL;
	const char *text = c->p;
	c->p += *len;
	c->left -= *len;
	return text;
}

static char *take_string(struct cursor *c)
{
	uint32_t len;
	const char *text = take_text(c, &len);
	return text && !memchr(text, 0, len) ? str_ndup(text, len) : NULL;
}

static bool take_item(struct cursor *c, struct keyring_item *i)
{
	uint32_t n, len;
	*i = (struct keyring_item){.value = secret_new(KEYRING_VALUE_MAX)};
	i->label = take_string(c);
	if (!i->label || !take(c, &i->modified, sizeof i->modified) || !take(c, &n, sizeof n) || n > KEYRING_ATTRS)
		return false;
	while (i->attr_count < n) {
		i->attrs[i->attr_count].name = take_string(c);
		i->attrs[i->attr_count++].value = take_string(c);
		if (!i->attrs[i->attr_count - 1].name || !i->attrs[i->attr_count - 1].value)
			return false;
	}
	const char *text = take_text(c, &len);
	return text && secret_set(&i->value, text, len);
}

static int newest_first(const void *a, const void *b)
{
	const struct keyring_item *x = a, *y = b;
	return (x->modified < y->modified) - (x->modified > y->modified);
}

enum keyring_answer keyring_wire_read(const struct buf *reply, struct keyring_list *out)
{
	struct cursor c = {reply->p, reply->len};
	struct keyring_head head;
	*out = (struct keyring_list){0};
	if (!take(&c, &head, sizeof head) || head.answer > KEYRING_NO_LIBRARY || head.count > KEYRING_ITEMS_MAX)
		return KEYRING_BROKEN;
	if (head.count)
		out->items = mem_alloc(head.count * sizeof *out->items);
	bool ok = true;
	while (ok && out->count < head.count)
		ok = take_item(&c, &out->items[out->count++]);
	if (!ok || c.left) {
		keyring_list_free(out);
		return KEYRING_BROKEN;
	}
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, newest_first);
	return (enum keyring_answer)head.answer;
}
