#include "helper/cmd/kube_view.h"

#include "helper/base/str.h"
#include "helper/base/yaml_edit.h"
#include "helper/cmd/kube_flags.h"

void kube_view_free(struct kube_view *v)
{
	yaml_tree_free(&v->root);
	free(v->users);
	*v = (struct kube_view){0};
}

static bool odd(const struct kube_view *v, const struct yaml *at, const char *what, struct err *err)
{
	return err_set(err, ERR_CONFIG, NULL, "%s:%zu: %s", v->path, yaml_line(v->text, at->from), what);
}

/* A member that, where it is there, is of that kind and stands there once. */
static bool member(const struct kube_view *v, const struct yaml *map, const char *name, enum yaml_kind kind, const struct yaml **out, struct err *err)
{
	bool twice = false;
	*out = yaml_get(map, name, &twice);
	if (twice || (*out && !yaml_is_null(*out) && (*out)->kind != kind)) {
		err_set(err, ERR_CONFIG, NULL, "%s:%zu: %s %s", v->path, yaml_line(v->text, (*out)->from), name, twice ? "stands there twice" : "is of a kind that kubectl does not take");
		return false;
	}
	if (*out && yaml_is_null(*out))
		*out = NULL;
	return true;
}

#define MEMBER(map, name, kind, out) member(v, map, name, kind, out, err)

static bool take_user(struct kube_view *v, const struct yaml *item, struct err *err)
{
	struct kube_user u = {.item = item};
	const struct yaml *name;
	if (item->kind != YAML_MAP)
		return odd(v, item, "a user is no map of name and user", err);
	if (!MEMBER(item, "name", YAML_TEXT, &name) || !MEMBER(item, "user", YAML_MAP, &u.user))
		return false;
	u.name = yaml_str(name);
	if (!u.name)
		return odd(v, item, "a user has no name", err);
	if (kube_view_user(v, u.name))
		return odd(v, item, "a second user of this name", err);
	if (u.user && (!MEMBER(u.user, "exec", YAML_MAP, &u.exec) || !MEMBER(u.user, "auth-provider", YAML_MAP, &u.provider)))
		return false;
	v->users[v->count++] = u;
	return true;
}

bool kube_view_read(const char *path, const struct buf *text, struct kube_view *v, struct err *err)
{
	const struct yaml *kind, *users, *contexts;
	*v = (struct kube_view){.path = path, .text = text};
	if (!yaml_tree_read(path, text, &v->root, err))
		return false;
	if (yaml_is_null(&v->root))
		return true;
	if (v->root.kind != YAML_MAP)
		return odd(v, &v->root, "this is no kubeconfig", err);
	if (!MEMBER(&v->root, "kind", YAML_TEXT, &kind) || !MEMBER(&v->root, "users", YAML_LIST, &users) || !MEMBER(&v->root, "contexts", YAML_LIST, &contexts))
		return false;
	if (kind && !str_eq(yaml_str(kind), "Config"))
		return odd(v, kind, "this is no kubeconfig: its kind is not Config", err);
	v->users = mem_alloc((users ? users->count + 1 : 1) * sizeof *v->users);
	for (size_t i = 0; users && i < users->count; i++)
		if (!take_user(v, &users->items[i], err))
			return false;
	return true;
}

const struct kube_user *kube_view_user(const struct kube_view *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (str_eq(v->users[i].name, name))
			return &v->users[i];
	return NULL;
}

const char *kube_view_context(const struct kube_view *v, const char *context)
{
	const struct yaml *list = yaml_get(&v->root, "contexts", NULL);
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		if (!str_eq(yaml_str(yaml_get(&list->items[i], "name", NULL)), context))
			continue;
		const char *user = yaml_str(yaml_get(yaml_get(&list->items[i], "context", NULL), "user", NULL));
		return user ? user : "";
	}
	return NULL;
}

size_t kube_user_from(const struct kube_view *v UNUSED, const struct kube_user *u)
{
	return u->item->from;
}

size_t kube_user_to(const struct kube_view *v, const struct kube_user *u)
{
	return u->item->flow ? u->item->to : yaml_line_end(v->text, yaml_end(u->item));
}

bool kube_texts(const struct yaml *list, char ***out, size_t *count)
{
	*out = NULL;
	*count = 0;
	if (yaml_is_null(list))
		return true;
	if (list->kind != YAML_LIST)
		return false;
	*out = mem_alloc((list->count + 1) * sizeof **out);
	for (size_t i = 0; i < list->count; i++) {
		if (!yaml_str(&list->items[i]))
			return false;
		(*out)[(*count)++] = list->items[i].text;
	}
	return true;
}

/* --- what is not shown --- */

struct hiding {
	const struct buf *text;
	size_t at;
	struct buf *out;
};

static void show_to(struct hiding *h, size_t to)
{
	if (to > h->at)
		buf_add(h->out, h->text->p + h->at, to - h->at);
	h->at = to > h->at ? to : h->at;
}

/* All texts in a value; names of members stay. */
static void hide(struct hiding *h, const struct yaml *y)
{
	for (size_t i = 0; i < y->count; i++)
		if (y->kind == YAML_LIST || i % 2)
			hide(h, &y->items[i]);
	if (y->kind != YAML_TEXT || y->from == y->to)
		return;
	show_to(h, y->from);
	buf_adds(h->out, "***");
	for (size_t i = y->from; i < y->to; i++) /* line for line */
		if (h->text->p[i] == '\n')
			buf_addc(h->out, '\n');
	h->at = y->to;
}

static void hide_args(struct hiding *h, const struct yaml *list)
{
	bool next = false;
	for (size_t i = 0; i < list->count; i++) {
		const struct yaml *arg = &list->items[i];
		bool secret = next || arg->kind != YAML_TEXT;
		next = false;
		if (!secret)
			secret = kube_arg_is_secret(arg->text, &next);
		if (secret)
			hide(h, arg);
	}
}

static bool is_plain_member(const char *name)
{
	static const char *const plain[] = {"exec", "auth-provider", "apiVersion", "command", "installHint", "interactiveMode", "provideClusterInfo", "name", "apiserver-id",
					    "client-id", "tenant-id", "environment", "config-mode", "client-certificate", "client-key", "tokenFile", "username"};
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		if (str_eq(name, plain[i]))
			return true;
	return false;
}

/* Of what is said about a user, only what is known to be no secret. */
static void hide_user(struct hiding *h, const struct yaml *y)
{
	for (size_t i = 0; i + 1 < y->count; i += 2) {
		const char *name = y->items[i].text;
		const struct yaml *value = &y->items[i + 1];
		bool map = value->kind == YAML_MAP, known = is_plain_member(name);
		if (map && (known || str_eq(name, "config")))
			hide_user(h, value);
		else if (str_eq(name, "args") && value->kind == YAML_LIST)
			hide_args(h, value);
		else if (str_eq(name, "env") && value->kind == YAML_LIST)
			for (size_t k = 0; k < value->count; k++)
				hide_user(h, &value->items[k]);
		else if (!known && !yaml_is_null(value))
			hide(h, value);
	}
}

void kube_hide(const struct buf *text, struct buf *out)
{
	AUTO_VIEW v = {0};
	struct err err;
	struct hiding h = {.text = text, .out = out};
	if (!kube_view_read("", text, &v, &err))
		return;
	for (size_t i = 0; i < v.count; i++)
		if (v.users[i].user)
			hide_user(&h, v.users[i].user);
	show_to(&h, text->len);
}
