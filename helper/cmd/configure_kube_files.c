/* Kubeconfigs: which there are, locked as kubectl does, read, and written. */
#include <errno.h>
#include <poll.h>

#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_kube.h"

enum { LOCK_WAIT_MS = 2000 };

void kube_job_free(struct kube_job *j)
{
	for (size_t i = 0; i < j->count; i++) {
		struct kube_file *f = &j->files[i];
		file_unlock(&f->lock);
		buf_free(&f->old);
		buf_free(&f->new);
		kube_outcomes_free(&f->done);
		for (size_t k = 0; k < f->name_count; k++)
			free(f->names[k]);
		free(f->names);
		free(f->path);
		free(f->real);
	}
	free(j->files);
	if (j->has_note)
		note_free(&j->note);
	free(j->command);
	identity_free(&j->id);
	buf_free(&j->out);
}

static bool add_file(struct kube_job *j, const char *path, size_t len, struct err *err)
{
	AUTO_STR name = str_ndup(path, len);
	if (!len)
		return true;
	for (size_t i = 0; i < j->count; i++)
		if (str_eq(j->files[i].path, name))
			return true;
	if (j->count == KUBE_FILES_MAX)
		return err_set(err, ERR_CONFIG, "name one: --kubeconfig FILE", "KUBECONFIG names more than %d files", KUBE_FILES_MAX);
	j->files[j->count++] = (struct kube_file){.job = j, .path = str_dup(name), .lock = {.fd = -1}, .old = buf_new(KUBE_MAX_BYTES), .new = buf_new(KUBE_MAX_BYTES)};
	return true;
}

/* As kubectl finds them: --kubeconfig, else KUBECONFIG, else ~/.kube/config. */
static bool find_files(struct kube_job *j, struct err *err)
{
	const char *named = j->task.o.kubeconfig, *list = env_get(&j->ctx->env, "KUBECONFIG"), *home = env_get(&j->ctx->env, "HOME");
	j->files = mem_alloc(KUBE_FILES_MAX * sizeof *j->files);
	if (named)
		return add_file(j, named, strlen(named), err);
	if (!list && !home)
		return err_set(err, ERR_CONFIG, "set HOME, or name the file: --kubeconfig FILE", "HOME is not set, so ~/.kube/config cannot be found");
	if (!list) {
		AUTO_STR path = str_printf("%s/.kube/config", home);
		return add_file(j, path, strlen(path), err);
	}
	for (size_t n; *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (!add_file(j, list, n, err))
			return false;
	}
	return true;
}

/* False with ERR_NONE where it is not there. */
static bool open_file(struct kube_job *j, struct kube_file *f, struct err *err)
{
	AUTO_BUF seen = buf_new(KUBE_MAX_BYTES);
	errno = 0;
	if (!file_read(f->path, &seen, NULL, ERR_CONFIG, err)) {
		if (errno == ENOENT && !j->task.o.kubeconfig)
			*err = ERR_INIT;
		else if (errno == ENOENT)
			err_hint(err, "az aks get-credentials --resource-group GROUP --name CLUSTER");
		return false;
	}
	f->lock = (struct file_lock){.who = "kubectl", .wait_ms = LOCK_WAIT_MS, .by_link = true, .fd = -1};
	if (!j->task.o.dry_run && !file_lock(f->path, &f->lock, err))
		return false;
	f->real = realpath(f->path, NULL);
	return f->real ? file_read(f->path, &f->old, NULL, ERR_CONFIG, err) : err_set(err, ERR_CONFIG, NULL, "%s: %s", f->path, strerror(errno));
}

/* Drop a file that is not there. */
static void drop(struct kube_job *j, size_t i)
{
	free(j->files[i].path);
	memmove(&j->files[i], &j->files[i + 1], (j->count - i - 1) * sizeof *j->files);
	j->count--;
}

bool kube_job_open(struct kube_job *j, struct err *err)
{
	struct err why = ERR_INIT;
	if (!find_files(j, err))
		return false;
	AUTO_STR first = j->count ? str_dup(j->files[0].path) : NULL;
	for (size_t i = 0; i < j->count;) {
		*err = ERR_INIT;
		if (open_file(j, &j->files[i], err))
			i++;
		else if (err->kind)
			return false;
		else
			drop(j, i);
	}
	if (!j->count && !j->task.o.theirs) /* kubelogin's converter says nothing then */
		return err_set(err, ERR_CONFIG, "az aks get-credentials --resource-group GROUP --name CLUSTER", "there is no kubeconfig: %s", first ? first : "KUBECONFIG names none");
	if (!j->count)
		return true;
	j->has_note = true;
	if (note_read(j->ctx, j->files[0].path, &j->note, &why))
		return true;
	note_free(&j->note);
	j->has_note = false;
	if (j->undo) /* what we replaced must not be taken for what was always there */
		*err = why;
	return !j->undo;
}

/* --- notes --- */

static char *note_key(const char *user)
{
	AUTO_BUF key = buf_new(64 * 1024);
	buf_adds(&key, "kube ");
	json_quote(&key, user);
	return buf_take(&key);
}

static char *noted(const void *data, const char *user)
{
	const struct kube_file *f = data;
	if (!f->job->has_note)
		return NULL;
	AUTO_STR key = note_key(user);
	str_set(&f->job->note.file, f->real);
	return note_get(&f->job->note, key);
}

static bool meant(const void *data, const char *user)
{
	const struct kube_file *f = data;
	if (f->job->only && !str_eq(f->job->only, user))
		return false;
	for (const struct kube_file *g = f->job->files; g < f; g++) /* kubectl takes the first of a name */
		for (size_t i = 0; i < g->name_count; i++)
			if (str_eq(g->names[i], user))
				return false;
	return true;
}

bool kube_job_select(struct kube_job *j, struct err *err)
{
	const struct kube_options *o = &j->task.o;
	const char *user = o->user;
	AUTO_STR found = NULL;
	for (size_t i = 0; i < j->count; i++) {
		struct kube_file *f = &j->files[i];
		AUTO_VIEW v = {0};
		if (!kube_view_read(f->path, &f->old, &v, err))
			return err->hint[0] ? false : err_hint(err, "correct the file, or name another one: --kubeconfig FILE");
		f->names = mem_alloc((v.count + 1) * sizeof *f->names);
		for (size_t k = 0; k < v.count; k++)
			f->names[f->name_count++] = str_dup(v.users[k].name);
		if (o->context && !found)
			str_set(&found, kube_view_context(&v, o->context));
	}
	if (o->context && !found)
		return err_set(err, ERR_CONFIG, "kubectl config get-contexts", "no context exists with the name: \"%s\"", o->context);
	user = o->context ? found : user;
	for (size_t i = 0; user && i < j->count; i++)
		for (size_t k = 0; k < j->files[i].name_count; k++)
			if (str_eq(j->files[i].names[k], user))
				j->only = j->files[i].names[k];
	if (user && !j->only)
		return err_set(err, ERR_CONFIG, "kubectl config get-users", "no user exists with the name: \"%s\"", user);
	return true;
}

bool kube_job_plan(struct kube_job *j, struct err *err)
{
	for (size_t i = 0; i < j->count; i++) {
		struct kube_file *f = &j->files[i];
		struct kube_task t = j->task;
		t.meant = meant;
		t.noted = noted;
		t.data = f;
		if (!(j->undo ? kube_undo : kube_convert)(f->path, &f->old, &t, &f->new, &f->done, err))
			return false;
		f->changed = f->new.len != f->old.len || memcmp(f->new.p, f->old.p, f->new.len) != 0;
	}
	return true;
}

/* --- writing --- */

static bool set_file_notes(struct kube_job *j, const struct kube_file *f, struct err *err)
{
	size_t count = 0;
	bool all = j->undo && !j->only; /* then those of users who are there no more go too */
	AUTO_FREE struct note_fact *facts = mem_alloc((f->done.count + 1) * sizeof *facts);
	for (size_t k = 0; k < f->done.count; k++) {
		all = all && f->done.list[k].result != KUBE_DOUBT;
		if (f->done.list[k].result == KUBE_CHANGED)
			facts[count++] = (struct note_fact){note_key(f->done.list[k].name), f->done.list[k].note};
	}
	const struct note_fact whole_file = {0};
	str_set(&j->note.file, f->real);
	bool ok = note_set_all(&j->note, all ? &whole_file : facts, all ? 1 : count, err);
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)facts[i].what);
	return ok;
}

static bool set_notes(struct kube_job *j, struct err *err)
{
	for (size_t i = 0; i < j->count; i++)
		if (!set_file_notes(j, &j->files[i], err))
			return false;
	return true;
}

/* Others may be writing theirs into the same file: read again, then, and try again. */
static bool write_notes(struct kube_job *j, struct err *err)
{
	enum { TRIES = 50, AGAIN_MS = 20 };
	for (int i = 0; i < TRIES; i++) {
		if (i) {
			poll(NULL, 0, AGAIN_MS);
			note_free(&j->note);
			j->note = (struct note){0};
			if (!note_read(j->ctx, j->files[0].path, &j->note, err))
				return false;
		}
		if (!set_notes(j, err))
			return false;
		bool over = j->note.change.new.over;
		if (note_write(&j->note, err) || over)
			return !over;
	}
	return false;
}

bool kube_job_write(struct kube_job *j, struct err *err)
{
	struct err why = ERR_INIT;
	bool any = false;
	for (size_t i = 0; i < j->count; i++)
		any = any || j->files[i].changed;
	if (!any || j->task.o.dry_run)
		return true;
	/* What is needed to take it back goes first; taking it back, last. */
	if (!j->undo && !(j->has_note && write_notes(j, &why)))
		log_line("warning: daypass unconfigure kube will not know what was there before: %s", *why.msg ? why.msg : "there is no place to note it");
	for (size_t i = 0; i < j->count; i++) {
		struct kube_file *f = &j->files[i];
		if (f->changed && !file_commit(&f->lock, f->new.p, f->new.len, 0600, err))
			return false;
		file_unlock(&f->lock);
	}
	if (j->undo && !write_notes(j, &why))
		log_line("warning: the note of what was there before stays: %s", why.msg);
	return true;
}
