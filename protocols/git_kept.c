/* What git gives us to keep, in the desktop's keyring (store = keyring). Source of the layout: git's
 * contrib/credential/libsecret; of the meaning: gitcredentials(7), git-credential(1), and git's test t0303. */
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/held.h"
#include "helper/core/store_keyring.h"
#include "protocols/git.h"

/* The attributes of a request, with the text of its port. */
struct query {
	struct keyring_call call;
	char port[8];
};

static void add(struct query *q, const char *name, const char *value)
{
	size_t n = 0;
	while (q->call.attrs[n].name)
		n++;
	if (value)
		q->call.attrs[n] = (struct keyring_attr){name, value};
}

/* What the request does not say matches anything. */
static void make_query(struct query *q, enum keyring_op op, const struct request *r)
{
	*q = (struct query){.call = {.op = op, .schema = HELD_GIT_SCHEMA}};
	snprintf(q->port, sizeof q->port, "%d", r->port);
	add(q, "user", r->user);
	add(q, "object", str_empty(r->path) ? NULL : r->path);
	add(q, "protocol", r->scheme);
	add(q, "port", r->port ? q->port : NULL);
	add(q, "server", r->host);
}

/* An item's secret, taken apart: the password on the first line, "key=value" on each that follows. */
struct kept {
	const char *password, *authtype, *credential, *expires, *refresh;
};

static bool take_apart(struct buf *text, struct kept *k)
{
	*k = (struct kept){.password = text->p};
	if (memchr(text->p, 0, text->len))
		return false;
	char *line = strchr(text->p, '\n');
	while (line) {
		*line++ = 0;
		char *end = strchr(line, '\n');
		if (end)
			*end = 0;
		if (str_starts(line, "authtype="))
			k->authtype = line + strlen("authtype=");
		else if (str_starts(line, "credential="))
			k->credential = line + strlen("credential=");
		else if (str_starts(line, "password_expiry_utc="))
			k->expires = line + strlen("password_expiry_utc=");
		else if (str_starts(line, "oauth_refresh_token="))
			k->refresh = line + strlen("oauth_refresh_token=");
		line = end;
	}
	return !k->authtype == !k->credential;
}

static void say(struct buf *out, const char *key, const char *value)
{
	if (value)
		buf_addf(out, "%s=%s\n", key, value);
}

/* False where the item is none that this git understands. */
static bool print_item(const struct keyring_item *i, unsigned accepts, struct buf *out)
{
	struct kept k;
	const char *user = keyring_attr_get(i, "user");
	AUTO_BUF text = buf_new(KEYRING_VALUE_MAX);
	buf_add(&text, secret_reveal(&i->value), secret_len(&i->value));
	if (!take_apart(&text, &k) || (k.authtype && !(accepts & ACCEPTS_AUTHTYPE)))
		return false;
	const char *const values[] = {user, k.password, k.authtype, k.credential, k.expires, k.refresh};
	for (size_t n = 0; n < COUNT_OF(values); n++)
		if (values[n] && str_has_control(values[n]))
			return false;
	if (k.authtype)
		buf_adds(out, "capability[]=authtype\n");
	say(out, "authtype", k.authtype);
	say(out, "credential", k.credential);
	say(out, "username", user);
	say(out, "password", k.authtype ? NULL : k.password);
	say(out, "password_expiry_utc", k.expires);
	say(out, "oauth_refresh_token", k.refresh);
	return true;
}

static void tell(enum keyring_answer a, const char *what)
{
	if (a != KEYRING_OK)
		log_note("keyring: %s; %s", keyring_says(a), what);
}

bool git_kept_find(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p UNUSED, struct buf *out)
{
	struct query q;
	bool found = false;
	make_query(&q, KEYRING_FIND, r);
	tell(keyring_ask(ctx, &q.call, NULL), "what is kept for this host cannot be read");
	for (size_t i = 0; !found && i < q.call.found.count; i++)
		found = print_item(&q.call.found.items[i], s->accepts, out);
	keyring_list_free(&q.call.found);
	return found;
}

static void compose(const struct exchange_state *s, struct buf *text)
{
	if (s->authtype)
		buf_addf(text, "\nauthtype=%s\ncredential=", s->authtype);
	buf_add(text, secret_reveal(&s->given), secret_len(&s->given));
	if (s->expires)
		buf_addf(text, "\npassword_expiry_utc=%s", s->expires);
	if (secret_len(&s->refresh)) {
		buf_adds(text, "\noauth_refresh_token=");
		buf_add(text, secret_reveal(&s->refresh), secret_len(&s->refresh));
	}
}

/* Never an error: git has its credential, and asks again next time. */
bool git_kept_put(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p UNUSED, struct err *err UNUSED)
{
	struct query q;
	AUTO_SECRET value = secret_new(KEYRING_VALUE_MAX);
	if (!s->authtype && !r->user)
		return true; /* a password of nobody; others' credentials come without a name too */
	make_query(&q, KEYRING_PUT, r);
	AUTO_STR port = r->port ? str_printf(":%d", r->port) : str_dup("");
	AUTO_STR label = str_printf("Git: %s://%s%s/%s" HELD_LABEL, r->scheme, r->host, port, r->path ? r->path : "");
	compose(s, secret_buf(&value));
	q.call.label = label;
	q.call.value = &value;
	if (!secret_buf(&value)->over)
		tell(keyring_ask(ctx, &q.call, NULL), "this is not kept");
	keyring_list_free(&q.call.found);
	return true;
}

/* Only what git was refused: the same password or credential, where it names one. */
static bool was_refused(const struct keyring_item *i, const void *user)
{
	struct kept k;
	const struct exchange_state *s = user;
	AUTO_BUF text = buf_new(KEYRING_VALUE_MAX);
	buf_add(&text, secret_reveal(&i->value), secret_len(&i->value));
	if (!s->has_given)
		return true;
	const char *held = take_apart(&text, &k) ? (k.authtype ? k.credential : k.password) : NULL;
	size_t len = secret_len(&s->given);
	return held && strlen(held) == len && seal_same(held, secret_reveal(&s->given), len);
}

void git_kept_remove(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, const struct plan *p UNUSED)
{
	struct query q;
	make_query(&q, KEYRING_REMOVE, r);
	q.call.wanted = was_refused;
	q.call.user = s;
	tell(keyring_ask(ctx, &q.call, NULL), "what is kept for this host is not forgotten");
	keyring_list_free(&q.call.found);
}
