#include "helper/cmd/kube_convert.h"

#include "helper/base/str.h"
#include "helper/cmd/kube_exec.h"

enum { NOTE_MAX_BYTES = 1024 * 1024 };

void kube_outcomes_free(struct kube_outcomes *o)
{
	for (size_t i = 0; i < o->count; i++) {
		free(o->list[i].name);
		free(o->list[i].why);
		free(o->list[i].server);
		free(o->list[i].note);
	}
	free(o->list);
	*o = (struct kube_outcomes){0};
}

static void begin(struct kube_outcomes *done, const struct kube_view *v)
{
	kube_outcomes_free(done);
	done->list = mem_alloc((v->count + 1) * sizeof *done->list);
	for (size_t i = 0; i < v->count; i++)
		done->list[done->count++] = (struct kube_outcome){.name = str_dup(v->users[i].name)};
}

static void stay(struct kube_outcome *o, enum kube_result result, const char *why)
{
	o->result = result;
	str_set(&o->why, why);
}

static bool read_note(const char *json, struct yaml *note)
{
	AUTO_BUF text = buf_new(NOTE_MAX_BYTES);
	struct err err;
	buf_adds(&text, json);
	return !text.over && yaml_tree_read("a note", &text, note, &err) && note->kind == YAML_MAP;
}

/* The edits of every user of a view, by its place. */
struct plans {
	struct yaml_edits *own;
	size_t count;
};

#define AUTO_PLANS CLEANUP(plans_free) struct plans

static void plans_free(struct plans *p)
{
	for (size_t i = 0; i < p->count; i++)
		yaml_edits_free(&p->own[i]);
	free(p->own);
}

static struct plans plans_of(const struct kube_view *v)
{
	struct plans p = {.own = mem_alloc((v->count + 1) * sizeof *p.own), .count = v->count};
	for (size_t i = 0; i < v->count; i++)
		p.own[i] = (struct yaml_edits){.text = v->text, .root = &v->root};
	return p;
}

static void add_all(struct yaml_edits *to, const struct yaml_edits *from)
{
	for (size_t i = 0; i < from->count; i++)
		yaml_edit_bytes(to, from->list[i].from, from->list[i].to, str_dup(from->list[i].text));
	for (size_t i = 0; i < from->want_count; i++)
		yaml_edit_want(to, from->wants[i].at, from->wants[i].where, str_dup(from->wants[i].json));
}

/* All plans in one text. Where that cannot be, those who are the reason stay, and the others go on. */
static bool carry_out(struct plans *p, struct kube_outcomes *done, struct yaml_edits *whole, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < p->count; i++)
		add_all(whole, &p->own[i]);
	if (yaml_edits_apply(whole, out, err))
		return true;
	yaml_edits_free(whole);
	for (size_t i = 0; i < p->count; i++) {
		AUTO_BUF alone = buf_new(out->max);
		struct err why = ERR_INIT;
		if (done->list[i].result == KUBE_CHANGED && p->own[i].count && !yaml_edits_apply(&p->own[i], &alone, &why))
			stay(&done->list[i], KUBE_DOUBT, why.msg);
		else
			add_all(whole, &p->own[i]);
	}
	buf_clear(out);
	return yaml_edits_apply(whole, out, err);
}

static bool noted(const struct kube_task *t, const char *user, struct yaml *note)
{
	AUTO_STR json = t->noted(t->data, user);
	return json && read_note(json, note);
}

/* Those who can be as they were byte by byte. */
static bool undo_bytes(const struct kube_view *v, const struct kube_task *t, const bool *leave, struct buf *out, struct kube_outcomes *done)
{
	AUTO_EDITS whole = {.text = v->text, .root = &v->root};
	AUTO_VIEW now = {0};
	struct err err;
	for (size_t i = 0; i < v->count; i++) {
		AUTO_EDITS own = {.text = v->text, .root = &v->root};
		AUTO_YAML note = {0};
		bool exact = false;
		if (leave[i] || !noted(t, v->users[i].name, &note) || !kube_note_undo(v, &v->users[i], &note, &own, &exact, &err) || !exact)
			continue;
		done->list[i].result = KUBE_CHANGED;
		add_all(&whole, &own);
	}
	if (!yaml_edits_bytes(&whole, out) || !kube_view_read("", out, &now, &err) || now.count != v->count)
		return false;
	for (size_t i = 0; i < v->count; i++) {
		AUTO_YAML note = {0};
		if (done->list[i].result == KUBE_CHANGED && (!noted(t, v->users[i].name, &note) || !kube_note_holds(&now, &now.users[i], &note)))
			return false;
	}
	return true;
}

/* And then those who cannot: the text was written anew since, by kubectl or az. */
static bool undo_values(const struct kube_view *v, const struct kube_task *t, const bool *leave, struct buf *out, struct kube_outcomes *done, struct err *err)
{
	AUTO_PLANS p = plans_of(v);
	AUTO_EDITS whole = {.text = v->text, .root = &v->root};
	for (size_t i = 0; i < v->count; i++) {
		struct kube_outcome *o = &done->list[i];
		AUTO_YAML note = {0};
		AUTO_STR json = leave[i] || o->result == KUBE_CHANGED ? NULL : t->noted(t->data, o->name);
		struct err why = ERR_INIT;
		bool exact = false;
		if (!json)
			continue;
		if (!read_note(json, &note))
			stay(o, KUBE_DOUBT, "what was noted about it cannot be read");
		else if (!kube_note_undo(v, &v->users[i], &note, &p.own[i], &exact, &why) || exact)
			stay(o, KUBE_DOUBT, exact ? "what was noted about it is not what it was" : why.msg);
		else
			o->result = KUBE_CHANGED;
		o->by_values = o->result == KUBE_CHANGED;
		if (!o->by_values)
			yaml_edits_free(&p.own[i]);
	}
	return carry_out(&p, done, &whole, out, err);
}

/* The text with everybody who is noted and not to be left as it was. */
static bool undo(const struct kube_view *v, const struct kube_task *t, const bool *leave, struct buf *out, struct kube_outcomes *done, struct err *err)
{
	AUTO_BUF bytes = buf_new(out->max);
	AUTO_VIEW now = {0};
	begin(done, v);
	if (!undo_bytes(v, t, leave, &bytes, done)) { /* notes that lie about each other */
		buf_clear(&bytes);
		buf_add(&bytes, v->text->p, v->text->len);
		begin(done, v);
	}
	buf_clear(out);
	return kube_view_read("", &bytes, &now, err) && undo_values(&now, t, leave, out, done, err);
}

static bool *leave_none(const struct kube_view *v)
{
	bool *leave = mem_alloc((v->count + 1) * sizeof *leave);
	memset(leave, 0, (v->count + 1) * sizeof *leave);
	return leave;
}

bool kube_undo(const char *path, const struct buf *text, const struct kube_task *t, struct buf *out, struct kube_outcomes *done, struct err *err)
{
	AUTO_VIEW v = {0};
	if (!kube_view_read(path, text, &v, err))
		return false;
	AUTO_FREE bool *leave = leave_none(&v);
	for (size_t i = 0; i < v.count; i++)
		leave[i] = !t->meant(t->data, v.users[i].name);
	if (!undo(&v, t, leave, out, done, err))
		return err_wrap(err, "%s", path);
	for (size_t i = 0; i < v.count; i++) {
		struct kube_outcome *o = &done->list[i];
		const char *command = yaml_str(yaml_get(v.users[i].exec, "command", NULL));
		if (o->result == KUBE_OTHER && !leave[i] && kube_command_is(command, "daypass"))
			stay(o, KUBE_FOREIGN, "what it was before is not noted; to write it anew: az aks get-credentials --overwrite-existing");
	}
	return true;
}

/* --- convert --- */

static void plan_one(const struct kube_user *u, const struct kube_task *t, struct yaml_edits *e, struct kube_outcome *o)
{
	const char *why;
	struct err err = ERR_INIT;
	enum kube_result result = kube_look(u, t, &why);
	stay(o, result, why);
	if (o->result != KUBE_CHANGED || kube_exec_convert(u, t, e, o, &err))
		return;
	yaml_edits_free(e);
	bool foreign = err.kind == ERR_POLICY && !u->provider;
	stay(o, foreign ? KUBE_FOREIGN : KUBE_DOUBT, err.msg);
}

static bool same_entry(const struct kube_view *a, const struct kube_user *x, const struct kube_view *b, const struct kube_user *y)
{
	size_t from = kube_user_from(a, x), to = kube_user_to(a, x), from2 = kube_user_from(b, y), to2 = kube_user_to(b, y);
	return to - from == to2 - from2 && memcmp(a->text->p + from, b->text->p + from2, to - from) == 0;
}

/* What undoes each of them; who is as before is not changed. */
static bool note_all(const struct kube_view *first, const struct kube_view *v, const struct yaml_edits *e, const struct buf *text, struct kube_outcomes *done, struct err *err)
{
	AUTO_VIEW now = {0};
	if (!kube_view_read("", text, &now, err))
		return false;
	for (size_t i = 0; i < v->count && now.count == v->count; i++) {
		struct kube_outcome *o = &done->list[i];
		if (o->result == KUBE_CHANGED && same_entry(first, &first->users[i], &now, &now.users[i]))
			o->result = KUBE_ALREADY;
		if (o->result != KUBE_CHANGED)
			continue;
		o->note = kube_note_make(v, &v->users[i], e, &now, &now.users[i], o->tokens_gone);
		if (!o->note)
			return err_set(err, ERR_CONFIG, NULL, "user %s is too large to be noted", o->name);
	}
	return now.count == v->count;
}

/* Who is left as he is now. again: one more, who was undone first and then could not be converted. */
struct left {
	bool *who;
	bool again;
};

static bool convert(const struct kube_view *first, const struct kube_task *t, struct left *left, struct buf *out, struct kube_outcomes *done, struct err *err)
{
	AUTO_BUF text = buf_new(out->max);
	AUTO_OUTCOMES undone = {0};
	AUTO_VIEW v = {0};
	left->again = false;
	if (!undo(first, t, left->who, &text, &undone, err) || !kube_view_read("", &text, &v, err))
		return false;
	AUTO_PLANS p = plans_of(&v);
	AUTO_EDITS whole = {.text = &text, .root = &v.root};
	begin(done, &v);
	for (size_t i = 0; i < v.count; i++)
		if (t->meant(t->data, v.users[i].name))
			plan_one(&v.users[i], t, &p.own[i], &done->list[i]);
	buf_clear(out);
	if (!carry_out(&p, done, &whole, out, err))
		return false;
	for (size_t i = 0; i < v.count; i++) {
		bool lost = undone.list[i].result == KUBE_CHANGED && done->list[i].result != KUBE_CHANGED;
		left->who[i] = left->who[i] || lost;
		left->again = left->again || lost;
	}
	return left->again || note_all(first, &v, &whole, out, done, err);
}

bool kube_convert(const char *path, const struct buf *text, const struct kube_task *t, struct buf *out, struct kube_outcomes *done, struct err *err)
{
	AUTO_VIEW v = {0};
	if (!kube_view_read(path, text, &v, err))
		return false;
	AUTO_FREE bool *leave = leave_none(&v);
	for (size_t i = 0; i < v.count; i++) {
		const char *why, *command = yaml_str(yaml_get(v.users[i].exec, "command", NULL));
		bool same_kind = kube_command_is(command, "daypass") == !t->o.theirs;
		leave[i] = !same_kind || !t->meant(t->data, v.users[i].name) || kube_look(&v.users[i], t, &why) != KUBE_CHANGED;
	}
	struct left left = {.who = leave};
	bool ok = convert(&v, t, &left, out, done, err);
	if (ok && left.again)
		ok = convert(&v, t, &left, out, done, err);
	return ok || err_wrap(err, "%s", path);
}
