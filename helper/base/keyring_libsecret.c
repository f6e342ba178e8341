/* The keyring port on libsecret, opened with dlopen in a child. The only user of libsecret and GLib.
 * Facts: libsecret's reference; the Secret Service specification of freedesktop.org. */
#include <fcntl.h>
#define SECRET_API_SUBJECT_TO_CHANGE /* to search for paths: there since the first release */
#include <libsecret/secret.h>
#include <sys/resource.h>

#include "helper/base/child.h"
#include "helper/base/clock.h"
#include "helper/base/file.h"
#include "helper/base/keyring.h"
#include "helper/base/keyring_wire.h"
#include "helper/base/lazy.h"
#include "helper/base/proc.h"
#include "helper/base/str.h"

#define SECRETS "org.freedesktop.secrets"

#define API(X) \
	X(g_bus_get_sync) X(g_dbus_connection_call_sync) X(g_variant_new) X(g_variant_get) X(g_hash_table_new) X(g_hash_table_insert) \
	X(g_hash_table_size) X(g_hash_table_lookup) X(g_hash_table_iter_init) X(g_hash_table_iter_next) X(g_str_hash) X(g_str_equal) \
	X(secret_service_get_sync) X(secret_service_search_sync) X(secret_service_search_for_dbus_paths_sync) X(secret_collection_for_alias_sync) X(secret_collection_get_locked) \
	X(secret_item_create_sync) X(secret_item_set_secret_sync) X(secret_item_delete_sync) X(secret_item_get_attributes) \
	X(secret_item_get_label) X(secret_item_get_locked) X(secret_item_get_modified) X(secret_item_get_secret) X(secret_value_new) \
	X(secret_value_get) X(secret_error_get_quark)

#define FIELD(name) __typeof__(&name) name;
#define NAME(name) #name,
static struct {
	API(FIELD)
} api;
static const char *const names[] = {API(NAME)};
static const struct lazy_lib libsecret = {"libsecret-1.so.0", "libsecret-1-0", "to reach the keyring", names, COUNT_OF(names)};
LAZY_NOTE(secret, "[{\"soname\":[\"libsecret-1.so.0\"],\"feature\":\"keyring\",\"description\":\"Keeps tokens in the desktop's keyring\",\"priority\":\"suggested\"}]");

enum { PROVIDER_MAX = 64 };

/* One call within the child. It frees nothing of GLib's: the child ends with the call. */
struct session {
	int fd;
	GDBusConnection *bus;
	SecretService *service;
	SecretSchema schema;
	struct keyring_call *call;
	struct buf reply;
	uint32_t count;
};

static struct session *running; /* for what GLib calls back without a pointer of ours */

static bool send_reply(struct session *s, enum keyring_answer a)
{
	struct keyring_head head = {(uint32_t)a, s->count};
	return file_write_fd(s->fd, &head, sizeof head) && file_write_fd(s->fd, s->reply.p, s->reply.len);
}

/* Whatever would ask a person something ends here. */
_Noreturn static void refuse_prompt(void)
{
	buf_clear(&running->reply);
	running->count = 0;
	_exit(send_reply(running, KEYRING_LOCKED) ? 0 : 1);
}

static GVariant *prompt_sync(SecretService *s UNUSED, SecretPrompt *p UNUSED, GCancellable *c UNUSED, const GVariantType *t UNUSED, GError **e UNUSED)
{
	refuse_prompt();
}

static void prompt_async(SecretService *s UNUSED, SecretPrompt *p UNUSED, const GVariantType *t UNUSED, GCancellable *c UNUSED, GAsyncReadyCallback done UNUSED, gpointer user UNUSED)
{
	refuse_prompt();
}

static enum keyring_answer why(const GError *e)
{
	if (!e || e->domain != api.secret_error_get_quark())
		return KEYRING_BROKEN;
	return e->code == SECRET_ERROR_IS_LOCKED ? KEYRING_LOCKED : e->code == SECRET_ERROR_NO_SUCH_OBJECT ? KEYRING_ABSENT : KEYRING_BROKEN;
}

/* Ask the bus itself, so that nobody is started: libsecret's own calls would. */
static GVariant *ask_bus(struct session *s, const char *method)
{
	return api.g_dbus_connection_call_sync(s->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
					       api.g_variant_new("(s)", SECRETS), NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL);
}

static enum keyring_answer connect(struct session *s)
{
	gboolean owned = FALSE;
	s->bus = api.g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL);
	if (!s->bus)
		return KEYRING_NO_BUS;
	GVariant *answer = ask_bus(s, "NameHasOwner");
	if (!answer)
		return KEYRING_BROKEN;
	api.g_variant_get(answer, "(b)", &owned);
	if (!owned)
		return KEYRING_ABSENT;
	/* The first message that this sends is Properties.GetAll: a client that began with OpenSession could find
	 * gnome-keyring unprepared, which aborts it. */
	s->service = api.secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION, NULL, NULL);
	if (!s->service)
		return KEYRING_BROKEN;
	SecretServiceClass *class = (SecretServiceClass *)(void *)((GTypeInstance *)(void *)s->service)->g_class;
	class->prompt_sync = prompt_sync;
	class->prompt_async = prompt_async;
	return KEYRING_OK;
}

/* The attributes as libsecret wants them; the schema declares their names. count: so many of them, at most. */
static GHashTable *table(struct session *s, size_t count)
{
	GHashTable *t = api.g_hash_table_new(api.g_str_hash, api.g_str_equal);
	s->schema = (SecretSchema){.name = s->call->schema};
	for (size_t i = 0; i < KEYRING_ATTRS && s->call->attrs[i].name; i++) {
		s->schema.attributes[i] = (SecretSchemaAttribute){s->call->attrs[i].name, SECRET_SCHEMA_ATTRIBUTE_STRING};
		if (i < count)
			api.g_hash_table_insert(t, (void *)(uintptr_t)s->call->attrs[i].name, (void *)(uintptr_t)s->call->attrs[i].value);
	}
	return t;
}

static enum keyring_answer search(struct session *s, size_t attrs, bool values, GList **out)
{
	GError *e = NULL;
	SecretSearchFlags flags = values ? SECRET_SEARCH_ALL | SECRET_SEARCH_LOAD_SECRETS : SECRET_SEARCH_ALL;
	GHashTable *t = table(s, attrs);
	*out = api.secret_service_search_sync(s->service, &s->schema, t, flags, NULL, &e);
	return e ? why(e) : KEYRING_OK;
}

static bool item_locked(GList *l)
{
	return api.secret_item_get_locked(l->data);
}

/* What an item has, into ours. False where that is more than we take. */
static bool read_item(SecretItem *from, bool value, struct keyring_item *to)
{
	GHashTableIter it;
	void *k, *v;
	GHashTable *attrs = api.secret_item_get_attributes(from);
	*to = (struct keyring_item){.label = api.secret_item_get_label(from), .value = secret_new(KEYRING_VALUE_MAX)};
	if (!attrs || !to->label) /* properties of other types than they must have */
		return false;
	to->modified = (int64_t)api.secret_item_get_modified(from);
	api.g_hash_table_iter_init(&it, attrs);
	while (api.g_hash_table_iter_next(&it, &k, &v)) {
		if (str_eq(k, "xdg:schema"))
			continue;
		if (to->attr_count == KEYRING_ATTRS)
			return false;
		to->attrs[to->attr_count].name = k;
		to->attrs[to->attr_count++].value = v;
	}
	SecretValue *secret = value ? api.secret_item_get_secret(from) : NULL;
	gsize len = 0;
	const char *text = secret ? api.secret_value_get(secret, &len) : NULL;
	return !value || (text && secret_set(&to->value, text, len));
}

static bool reply_item(struct session *s, const struct keyring_item *i)
{
	s->count++;
	return keyring_wire_put(&s->reply, i);
}

static enum keyring_answer find(struct session *s)
{
	GList *l;
	bool locked = false, values = !s->call->no_values;
	enum keyring_answer a = search(s, KEYRING_ATTRS, values, &l);
	for (; a == KEYRING_OK && l; l = l->next) {
		struct keyring_item i;
		locked = locked || item_locked(l);
		if (!item_locked(l) && read_item(l->data, values, &i) && !reply_item(s, &i))
			return KEYRING_BROKEN;
	}
	return a == KEYRING_OK && locked && !s->count ? KEYRING_LOCKED : a;
}

static enum keyring_answer open_default(struct session *s, SecretCollection **out)
{
	GError *e = NULL;
	*out = api.secret_collection_for_alias_sync(s->service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL, &e);
	if (!*out)
		return e ? why(e) : KEYRING_ABSENT;
	return api.secret_collection_get_locked(*out) ? KEYRING_LOCKED : KEYRING_OK;
}

/* Exactly the attributes of the call, and no others: a service may take any superset for the same. */
static bool same_attributes(const struct session *s, SecretItem *item)
{
	struct keyring_item i;
	size_t n = 0;
	if (!read_item(item, false, &i))
		return false;
	for (; n < KEYRING_ATTRS && s->call->attrs[n].name; n++)
		if (!str_eq(keyring_attr_get(&i, s->call->attrs[n].name), s->call->attrs[n].value))
			return false;
	return i.attr_count == n;
}

/* How many items a group has, without looking at each. */
static size_t count_group(struct session *s)
{
	gchar **open = NULL, **locked = NULL;
	size_t n = 0;
	GHashTable *t = table(s, s->call->group);
	if (!api.secret_service_search_for_dbus_paths_sync(s->service, &s->schema, t, NULL, &open, &locked, NULL))
		return 0;
	while (open && open[n])
		n++;
	return n;
}

/* Oldest first. */
static void sort(GList *l)
{
	for (GList *a = l; a; a = a->next)
		for (GList *b = a->next; b; b = b->next)
			if (api.secret_item_get_modified(b->data) < api.secret_item_get_modified(a->data)) {
				void *swap = a->data;
				a->data = b->data;
				b->data = swap;
			}
}

/* Where a group is full: delete what is too old, and the oldest until a quarter is free. A service writes all it has at
 * each change: the fewer, the faster. */
static void tidy(struct session *s)
{
	GList *group;
	struct clock c = clock_real();
	int64_t now = c.wall(&c);
	if (!s->call->group)
		return;
	size_t left = count_group(s);
	if (left < s->call->keep_count || search(s, s->call->group, false, &group) != KEYRING_OK)
		return;
	sort(group);
	for (GList *l = group; l; l = l->next) {
		bool old = now - (int64_t)api.secret_item_get_modified(l->data) > s->call->keep_s;
		if ((old || left > s->call->keep_count * 3 / 4) && !item_locked(l) && api.secret_item_delete_sync(l->data, NULL, NULL))
			left--;
	}
}

static enum keyring_answer put(struct session *s)
{
	GError *e = NULL;
	GList *l;
	SecretCollection *collection;
	SecretItem *old = NULL;
	enum keyring_answer a = open_default(s, &collection);
	if (a == KEYRING_OK)
		a = search(s, KEYRING_ATTRS, false, &l);
	if (a != KEYRING_OK)
		return a;
	for (; l && !old; l = l->next)
		old = !item_locked(l) && same_attributes(s, l->data) ? l->data : NULL;
	if (!old)
		tidy(s);
	SecretValue *value = api.secret_value_new(secret_reveal(s->call->value), (gssize)secret_len(s->call->value), "text/plain");
	bool ok = old ? api.secret_item_set_secret_sync(old, value, NULL, &e)
		      : api.secret_item_create_sync(collection, &s->schema, table(s, KEYRING_ATTRS), s->call->label, value, SECRET_ITEM_CREATE_NONE, NULL, &e) != NULL;
	return ok ? KEYRING_OK : why(e);
}

static enum keyring_answer remove_items(struct session *s)
{
	GList *l;
	bool values = s->call->wanted != NULL, locked = false;
	enum keyring_answer a = search(s, KEYRING_ATTRS, values, &l);
	for (; a == KEYRING_OK && l; l = l->next) {
		struct keyring_item i;
		if (item_locked(l)) {
			locked = true;
			continue;
		}
		if (!read_item(l->data, values, &i) || (s->call->wanted && !s->call->wanted(&i, s->call->user)))
			continue;
		if (!api.secret_item_delete_sync(l->data, NULL, NULL) || !reply_item(s, &i))
			return KEYRING_BROKEN;
	}
	return a == KEYRING_OK && locked ? KEYRING_LOCKED : a;
}

/* Who is behind the name, for people. */
static void provider(struct session *s, char out[PROVIDER_MAX])
{
	guint32 pid = 0;
	struct err ignored;
	AUTO_BUF line = buf_new(8192);
	GVariant *answer = ask_bus(s, "GetConnectionUnixProcessID");
	if (answer)
		api.g_variant_get(answer, "(u)", &pid);
	AUTO_STR path = str_printf("/proc/%u/cmdline", pid);
	bool known = pid && file_read(path, &line, NULL, ERR_KEYRING, &ignored) && *line.p;
	const char *slash = known ? strrchr(line.p, '/') : NULL;
	snprintf(out, PROVIDER_MAX, "%s", slash ? slash + 1 : known ? line.p : "unknown");
	err_clean(out);
}

static enum keyring_answer look(struct session *s)
{
	char name[PROVIDER_MAX];
	SecretCollection *collection;
	provider(s, name);
	struct keyring_item i = {.label = name, .value = secret_new(1)};
	reply_item(s, &i);
	return open_default(s, &collection);
}

/* GLib and the service have much to say on stderr that helps nobody; and an answer may be as large as the service likes. */
static void fence(void)
{
#if !defined(DAYPASS_ASAN) /* its shadow alone is larger */
	enum { MEMORY_MAX = 512 * 1024 * 1024 };
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
	setrlimit(RLIMIT_AS, &memory);
#endif

	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
}

static bool work(int fd, void *user)
{
	static enum keyring_answer (*const ops[])(struct session *) = {
		[KEYRING_FIND] = find, [KEYRING_PUT] = put, [KEYRING_REMOVE] = remove_items, [KEYRING_LOOK] = look};
	struct session s = {.fd = fd, .call = user, .reply = buf_new(KEYRING_REPLY_MAX)};
	struct err ignored;
	fence();
	proc_scrub_environ();
	running = &s;
	if (!lazy_load(&libsecret, (void **)&api, &ignored))
		return send_reply(&s, KEYRING_NO_LIBRARY);
	enum keyring_answer a = connect(&s);
	a = a == KEYRING_OK ? ops[s.call->op](&s) : a;
	return send_reply(&s, a);
}

static enum keyring_answer libsecret_call(struct keyring *k, struct keyring_call *call, int64_t timeout_ms)
{
	AUTO_BUF reply = buf_new(KEYRING_REPLY_MAX + sizeof(struct keyring_head));
	if (!keyring_bus_named(k->env))
		return KEYRING_NO_BUS;
	enum child_end end = child_run(work, call, timeout_ms, &reply);
	if (end != CHILD_DONE)
		return end == CHILD_LATE ? KEYRING_HUNG : KEYRING_BROKEN;
	return keyring_wire_read(&reply, &call->found);
}

struct keyring keyring_libsecret(const struct env *env)
{
	return (struct keyring){.call = libsecret_call, .env = env};
}
