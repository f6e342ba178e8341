/* What undoes a conversion: a line of JSON for each user. "after" and "before" are hashes of its entry in the file, "hunks" the
 * bytes that changed (offset in the old entry, old, new), "was" and "now" the values. No secret is in it: the arguments that
 * hold one are never touched, and what a legacy auth-provider kept beside names is left out. */
#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/kube_exec.h"

enum { NOTE_MAX_BYTES = 512 * 1024 };

static const char *const members[] = {"apiVersion", "command", "args", "provideClusterInfo"};
static const char *const provider_keys[] = {"apiserver-id", "client-id", "config-mode", "environment", "tenant-id"};

/* In hexadecimal digits; owned. */
static char *hash_of(const struct kube_view *v, const struct kube_user *u)
{
	unsigned char hash[SEAL_HASH];
	size_t from = kube_user_from(v, u), to = kube_user_to(v, u);
	seal_sha256(hash, v->text->p + from, to - from);
	char *hex = mem_alloc(2 * SEAL_HASH + 1);
	str_hex(hex, hash, sizeof hash);
	return hex;
}

static void put_value(struct buf *out, const struct yaml *map, const char *name, bool first)
{
	const struct yaml *v = yaml_get(map, name, NULL);
	buf_addf(out, "%s\"%s\":", first ? "" : ",", name);
	if (yaml_is_null(v))
		buf_adds(out, "null");
	else
		yaml_json(v, out);
}

static void put_exec(struct buf *out, const struct yaml *exec)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < COUNT_OF(members); i++)
		put_value(out, exec, members[i], !i);
	buf_addc(out, '}');
}

static void put_provider(struct buf *out, const struct yaml *provider)
{
	const struct yaml *config = yaml_get(provider, "config", NULL);
	bool first = true;
	buf_adds(out, "{\"config\":{");
	for (size_t i = 0; i < COUNT_OF(provider_keys); i++) {
		if (!yaml_get(config, provider_keys[i], NULL))
			continue;
		put_value(out, config, provider_keys[i], first);
		first = false;
	}
	buf_adds(out, "},\"name\":\"azure\"}");
}

static bool args_hold_secret(const struct yaml *exec)
{
	char **args;
	size_t count;
	bool secret = !kube_texts(yaml_get(exec, "args", NULL), &args, &count) || kube_args_hold_secret(args, count);
	free(args);
	return secret;
}

static void quote_bytes(struct buf *out, const char *p, size_t len)
{
	AUTO_STR text = str_ndup(p, len);
	json_quote(out, text);
}

char *kube_note_make(const struct kube_view *before, const struct kube_user *was, const struct yaml_edits *e, const struct kube_view *after, const struct kube_user *now, bool secret)
{
	AUTO_BUF out = buf_new(NOTE_MAX_BYTES);
	AUTO_STR old = hash_of(before, was);
	AUTO_STR new = hash_of(after, now);
	size_t from = kube_user_from(before, was), to = kube_user_to(before, was);
	buf_addf(&out, "{\"after\":\"%s\",\"before\":\"%s\",\"hunks\":[", new, old);
	bool first = true;
	for (size_t i = 0; i < e->count && !secret; i++) {
		const struct yaml_edit *x = &e->list[i];
		if (x->from < from || x->to > to)
			continue;
		buf_addf(&out, "%s[%zu,", first ? "" : ",", x->from - from);
		quote_bytes(&out, before->text->p + x->from, x->to - x->from);
		buf_addc(&out, ',');
		json_quote(&out, x->text);
		buf_addc(&out, ']');
		first = false;
	}
	buf_adds(&out, "],\"was\":");
	if (was->provider)
		put_provider(&out, was->provider);
	else if (args_hold_secret(was->exec))
		buf_adds(&out, "null");
	else
		put_exec(&out, was->exec);
	buf_adds(&out, ",\"now\":");
	if (args_hold_secret(now->exec))
		buf_adds(&out, "null");
	else
		put_exec(&out, now->exec);
	buf_addc(&out, '}');
	return out.over ? NULL : buf_take(&out);
}

bool kube_note_holds(const struct kube_view *v, const struct kube_user *u, const struct yaml *note)
{
	AUTO_STR hash = hash_of(v, u);
	return str_eq(hash, yaml_str(yaml_get(note, "before", NULL)));
}

/* --- undo, byte by byte --- */

static bool undo_hunk(const struct kube_view *v, size_t from, size_t to, const struct yaml *hunk, int64_t *moved, struct yaml_edits *e)
{
	int64_t at;
	if (hunk->kind != YAML_LIST || hunk->count != 3 || !hunk->items[0].text || !str_to_int(hunk->items[0].text, INT32_MAX, &at))
		return false;
	const char *old = yaml_str(&hunk->items[1]), *new = yaml_str(&hunk->items[2]);
	size_t place = from + (size_t)(at + *moved);
	if (!old || !new || at + *moved < 0 || place + strlen(new) > to || memcmp(v->text->p + place, new, strlen(new)) != 0)
		return false;
	yaml_edit_bytes(e, place, place + strlen(new), str_dup(old));
	*moved += (int64_t)strlen(new) - (int64_t)strlen(old);
	return true;
}

static bool undo_bytes(const struct kube_view *v, const struct kube_user *u, const struct yaml *note, struct yaml_edits *e)
{
	const struct yaml *hunks = yaml_get(note, "hunks", NULL);
	AUTO_STR hash = hash_of(v, u);
	int64_t moved = 0;
	if (!str_eq(hash, yaml_str(yaml_get(note, "after", NULL))) || !hunks || hunks->kind != YAML_LIST || !hunks->count)
		return false;
	size_t had = e->count;
	for (size_t i = 0; i < hunks->count; i++) {
		if (undo_hunk(v, kube_user_from(v, u), kube_user_to(v, u), &hunks->items[i], &moved, e))
			continue;
		while (e->count > had)
			str_wipe_free(e->list[--e->count].text);
		return false;
	}
	return true;
}

/* --- undo, by values: the file was written anew by kubectl or az --- */

static char *json_of(const struct yaml *y)
{
	AUTO_BUF out = buf_new(NOTE_MAX_BYTES);
	if (yaml_is_null(y))
		buf_adds(&out, "null");
	else
		yaml_json(y, &out);
	return buf_take(&out);
}

static bool same(const struct yaml *a, const struct yaml *b)
{
	AUTO_STR x = json_of(a);
	AUTO_STR y = json_of(b);
	return str_eq(x, y);
}

static bool put_back(const struct kube_user *u, const char *name, const struct yaml *was, struct yaml_edits *e, struct err *err)
{
	const struct yaml *node = yaml_get(u->exec, name, NULL);
	char **args;
	size_t count;
	if (!node)
		return true;
	if (str_eq(name, "args") && kube_texts(was, &args, &count)) {
		bool ok = !count || yaml_edit_list(e, node, args, count, err);
		free(args);
		return ok;
	}
	if (str_eq(name, "provideClusterInfo")) {
		yaml_edit_bytes(e, node->from, node->to, str_dup("false"));
		yaml_edit_want(e, node, YAML_INSTEAD, str_dup("false"));
		return true;
	}
	return !yaml_str(was) || yaml_edit_text(e, node, yaml_str(was), err);
}

static bool undo_exec(const struct kube_user *u, const struct yaml *was, struct yaml_edits *e, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const struct yaml *old = yaml_get(was, members[i], NULL);
		if (!same(yaml_get(u->exec, members[i], NULL), old) && !put_back(u, members[i], old, e, err))
			return false;
	}
	return true;
}

/* Nothing but what we wrote, and what kubectl adds by itself. */
static bool only_ours(const struct yaml *exec)
{
	static const char *const free_ones[] = {"env", "installHint", "interactiveMode"};
	for (size_t i = 0; i < exec->count; i += 2) {
		const struct yaml *value = &exec->items[i + 1];
		bool ours = false;
		for (size_t k = 0; k < COUNT_OF(members); k++)
			ours = ours || str_eq(exec->items[i].text, members[k]);
		for (size_t k = 0; k < COUNT_OF(free_ones); k++)
			ours = ours || (str_eq(exec->items[i].text, free_ones[k]) && (k == 2 || yaml_is_null(value) || (value->kind == YAML_LIST && !value->count)));
		if (!ours)
			return false;
	}
	return true;
}

bool kube_note_undo(const struct kube_view *v, const struct kube_user *u, const struct yaml *note, struct yaml_edits *e, bool *exact, struct err *err)
{
	const struct yaml *was = yaml_get(note, "was", NULL), *now = yaml_get(note, "now", NULL);
	bool provider = yaml_get(was, "name", NULL) != NULL;
	*exact = undo_bytes(v, u, note, e);
	if (*exact)
		return true;
	bool as_left = u->exec && !yaml_is_null(was) && !yaml_is_null(now);
	for (size_t i = 0; as_left && i < COUNT_OF(members); i++) {
		const struct yaml *value = yaml_get(u->exec, members[i], NULL), *left = yaml_get(now, members[i], NULL);
		bool no_info = i == 3 && value && yaml_is_null(left) && str_eq(value->text, "false"); /* as kubectl writes it */
		as_left = same(value, left) || no_info;
	}
	if (!as_left)
		return err_set(err, ERR_CONFIG, NULL, "somebody has changed it since");
	if (!provider)
		return undo_exec(u, was, e, err);
	if (!only_ours(u->exec))
		return err_set(err, ERR_CONFIG, NULL, "somebody has added to it since");
	AUTO_STR json = json_of(was);
	return yaml_edit_swap(e, u->user, "exec", "auth-provider", json, err);
}
