#include "helper/cmd/configure_docker_creds.h"

#include "helper/base/str.h"

static bool wrong_at(const char *path, const struct buf *text, size_t at, const char *what, struct err *err)
{
	size_t line, column;
	json_place(text->p, at, &line, &column);
	return err_set(err, ERR_CONFIG, "correct it by hand: nothing was changed", "%s:%zu:%zu: %s", path, line, column, what);
}

static bool wrong_member(const char *path, const struct buf *text, const struct json_member *m, const char *what, struct err *err)
{
	AUTO_STR name = json_decode(text->p, m->name);
	AUTO_STR full = str_printf("\"%s\" %s", name ? name : "?", what);
	return wrong_at(path, text, m->name.from, full, err);
}

/* docker reads these names without regard to case. */
static struct json_member *known(struct creds *c, const char *name)
{
	return str_ieq(name, "auths") ? &c->auths : str_ieq(name, "credHelpers") ? &c->helpers : str_ieq(name, "credsStore") ? &c->store : NULL;
}

static bool look_at_helpers(const char *path, const struct buf *text, const struct creds *c, struct err *err)
{
	struct json_member m;
	for (size_t at = 0; json_next_member(text->p, c->helpers.value, &at, &m);)
		if (text->p[m.value.from] != '"')
			return wrong_member(path, text, &m, "should be the name of a helper, in double quotes", err);
	return true;
}

bool creds_look(const char *path, const struct buf *text, struct creds *out, struct err *err)
{
	struct json_fault fault;
	struct json_member m;
	*out = (struct creds){.blank = json_is_blank(text->p, text->len)};
	if (out->blank)
		return true;
	if (!json_locate(text->p, text->len, &out->root, &fault))
		return wrong_at(path, text, fault.at, fault.what, err);
	if (text->p[out->root.from] != '{')
		return wrong_at(path, text, out->root.from, "should be an object: { ... }", err);
	for (size_t at = 0; json_next_member(text->p, out->root, &at, &m);) {
		AUTO_STR name = json_decode(text->p, m.name);
		struct json_member *place = known(out, name);
		if (!place)
			continue;
		if (place->value.from)
			return wrong_member(path, text, &m, "stands twice", err);
		*place = m;
		char wanted = place == &out->store ? '"' : '{';
		if (text->p[m.value.from] != wanted)
			return wrong_member(path, text, &m, wanted == '{' ? "should be an object: { ... }" : "should be the name of a helper, in double quotes", err);
	}
	return !out->helpers.value.from || look_at_helpers(path, text, out, err);
}

bool creds_find(const char *path, const struct buf *text, const struct creds *c, const char *host, struct json_member *out, struct err *err)
{
	struct json_member m;
	*out = (struct json_member){0};
	if (!c->helpers.value.from)
		return true;
	for (size_t at = 0; json_next_member(text->p, c->helpers.value, &at, &m);) {
		AUTO_STR name = json_decode(text->p, m.name);
		if (!str_eq(name, host))
			continue;
		if (out->value.from)
			return wrong_member(path, text, &m, "stands twice", err);
		*out = m;
	}
	return true;
}

bool creds_says(const struct buf *text, struct json_span value, const char *what)
{
	AUTO_STR plain = value.from ? json_decode(text->p, value) : NULL;
	return str_eq(plain, what);
}

char *creds_name(const struct buf *text, struct json_span value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	AUTO_STR plain = str_ndup(text->p + value.from + 1, value.to - value.from - 2);
	return strspn(plain, letters) == value.to - value.from - 2 && *plain != '.' ? str_dup(plain) : NULL;
}

/* Has an entry of auths any of these, and not empty? */
static bool holds_any(const struct buf *text, struct json_span auth, const char *const *names)
{
	struct json_member m;
	if (text->p[auth.from] != '{')
		return false;
	for (size_t at = 0; json_next_member(text->p, auth, &at, &m);) {
		AUTO_STR name = json_decode(text->p, m.name);
		for (size_t i = 0; names[i]; i++)
			if (str_ieq(name, names[i]) && m.value.to - m.value.from > 2 && text->p[m.value.from] == '"')
				return true;
	}
	return false;
}

bool creds_holds_secret(const struct buf *text, struct json_span auth)
{
	static const char *const names[] = {"auth", "identitytoken", "registrytoken", "password", NULL};
	return holds_any(text, auth, names);
}

bool creds_holds_token(const struct buf *text, struct json_span auth)
{
	static const char *const names[] = {"registrytoken", NULL};
	return holds_any(text, auth, names);
}

char *creds_host(const char *key)
{
	const char *sep = strstr(key, "://"), *host = sep ? sep + 3 : key;
	char *name = str_ndup(host, strcspn(host, "/"));
	str_lower(name);
	return name;
}

bool creds_next_secret(const struct buf *text, const struct creds *c, const char *host, size_t *at, struct json_member *out)
{
	while (c->auths.value.from && json_next_member(text->p, c->auths.value, at, out)) {
		AUTO_STR key = json_decode(text->p, out->name);
		AUTO_STR about = key ? creds_host(key) : NULL;
		if (str_eq(about, host) && creds_holds_secret(text, out->value))
			return true;
	}
	return false;
}

/* The text becomes what was built from it. */
static void take_over(struct buf *text, struct buf *built)
{
	struct buf old = *text;
	*text = *built;
	text->over = text->over || old.over;
	*built = old;
}

/* As docker would write it, behind what blanks there are. */
static void put_first(struct buf *text, const char *host)
{
	if (host)
		buf_addf(text, "{\n\t\"credHelpers\": {\n\t\t\"%s\": \"daypass\"\n\t}\n}", host);
	else
		buf_adds(text, "{\n\t\"credsStore\": \"daypass\"\n}");
}

bool creds_put(const char *path, struct buf *text, const char *host, struct err *err)
{
	AUTO_BUF built = buf_new(text->max);
	struct creds c;
	struct json_member m = {0};
	if (!creds_look(path, text, &c, err) || (host && !creds_find(path, text, &c, host, &m, err)))
		return false;
	if (c.blank) {
		put_first(text, host);
		return true;
	}
	if (!host)
		m = c.store;
	if (m.value.from)
		json_replace(text, m.value, "daypass", &built);
	else if (!host)
		json_insert(text, c.root, "credsStore", "daypass", &built);
	else if (c.helpers.value.from)
		json_insert(text, c.helpers.value, host, "daypass", &built);
	else
		json_insert_object(text, c.root, "credHelpers", host, "daypass", &built);
	take_over(text, &built);
	return true;
}

bool creds_drop(const char *path, struct buf *text, const char *host, const char *old, struct err *err)
{
	AUTO_BUF built = buf_new(text->max);
	struct creds c;
	struct json_member m = {0}, first, second;
	if (!creds_look(path, text, &c, err) || (host && !creds_find(path, text, &c, host, &m, err)))
		return false;
	if (!host)
		m = c.store;
	if (!creds_says(text, m.value, "daypass"))
		return true;
	size_t at = 0;
	bool alone = host && json_next_member(text->p, c.helpers.value, &at, &first) && !json_next_member(text->p, c.helpers.value, &at, &second);
	if (old)
		json_replace(text, m.value, old, &built);
	else if (!host)
		json_cut(text, c.root, &m, &built);
	else if (alone && json_is_spaced(text->p, c.helpers.value))
		json_cut(text, c.root, &c.helpers, &built);
	else
		json_cut(text, c.helpers.value, &m, &built);
	take_over(text, &built);
	return true;
}

static bool within(struct json_span outer, size_t at)
{
	return outer.from && at >= outer.from && at < outer.to;
}

/* One string: a name stays, unless it may hold a user and a password. */
static void hide_string(const struct buf *text, const struct creds *c, struct json_span s, struct buf *out)
{
	size_t behind = s.to;
	while (behind < text->len && strchr(" \t\r\n", text->p[behind]) && text->p[behind])
		behind++;
	bool name = behind < text->len && text->p[behind] == ':' && !memchr(text->p + s.from, '@', s.to - s.from);
	if (name || within(c->helpers.value, s.from) || within(c->store.value, s.from))
		buf_add(out, text->p + s.from, s.to - s.from);
	else
		buf_adds(out, "\"***\"");
}

void creds_hide(const struct buf *text, struct buf *out)
{
	struct creds c;
	struct err err;
	if (!creds_look("", text, &c, &err)) /* not read, so not shown */
		return;
	for (size_t at = 0; at < text->len;) {
		struct json_span s = {at, at + 1};
		if (text->p[at] != '"') {
			buf_addc(out, text->p[at++]);
			continue;
		}
		while (text->p[s.to] != '"')
			s.to += text->p[s.to] == '\\' ? 2 : 1;
		s.to++;
		hide_string(text, &c, s, out);
		at = s.to;
	}
}
