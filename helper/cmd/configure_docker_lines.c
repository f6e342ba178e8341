/* The lines in config.json or auth.json: one in credHelpers for each registry, or credsStore for all. */
#include "helper/base/str.h"
#include "helper/cmd/configure_docker.h"
#include "helper/cmd/configure_docker_fallback.h"

static const char store_key[] = "credsStore";

bool job_note(struct job *j, const char *what, const char *old, struct err *err)
{
	if (j->note.file)
		return note_set(&j->note, what, old, err);
	if (old)
		*err = j->note_err;
	return !old;
}

/* An entry that names somebody else: ours takes its place where the person asked for that, or where it is one that daypass
 * succeeds. */
static bool take_over(struct job *j, struct registry *r, struct json_span value, bool *left, struct err *err)
{
	AUTO_STR name = creds_name(&j->file.new, value);
	*left = !r->named && !registry_helper_is_old(name);
	if (*left) {
		say_line(&j->out, "  %s stays with %s; to change that: daypass configure %s %s", r->host, name ? name : "its helper", j->engine->name, r->host);
		return true;
	}
	if (!name)
		return err_set(err, ERR_CONFIG, "correct that line by hand", "%s: the helper of %s is no plain name", j->file.path, r->host);
	str_set(&r->old, name);
	return job_note(j, r->host, name, err);
}

static bool put_line(struct job *j, struct registry *r, bool *left, struct err *err)
{
	struct change *f = &j->file;
	struct creds c;
	struct json_member m;
	*left = false;
	if (!creds_look(f->path, &f->new, &c, err) || !creds_find(f->path, &f->new, &c, r->host, &m, err))
		return false;
	if (creds_says(&f->new, m.value, "daypass"))
		return true;
	if (!m.value.from && !job_note(j, r->host, NULL, err))
		return false;
	if (m.value.from && !take_over(j, r, m.value, left, err))
		return false;
	return *left || creds_put(f->path, &f->new, r->host, err);
}

/* A helper goes before a password that still lies in the same file; before a token that docker passes on as it is, none
 * does. */
static bool look_at_auths(struct job *j, const struct creds *c, const char *host, struct err *err)
{
	bool docker = j->engine == &engine_docker;
	const struct buf *text = &j->file.old;
	struct json_member m;
	for (size_t at = 0; creds_next_secret(text, c, host, &at, &m);) {
		AUTO_STR key = json_decode(text->p, m.name);
		if (docker && creds_holds_token(text, m.value)) {
			err_set(err, ERR_CONFIG, NULL, "%s has a registrytoken for %s, which docker uses whatever a helper says", j->file.path, host);
			return err_hint(err, "docker logout %s", key);
		}
		say_line(&j->warnings, "note: a password for %s still lies in %s, and is used no more: %s logout %s%s%s%s", host, j->file.path, j->engine->name,
			 docker ? "" : "--authfile ", docker ? "" : j->file.path, docker ? "" : " ", key);
	}
	return true;
}

/* Drop a registry that stays with its helper. */
static void drop(struct registries *r, size_t i)
{
	free(r->list[i].host);
	free(r->list[i].old);
	memmove(&r->list[i], &r->list[i + 1], (r->count - i - 1) * sizeof *r->list);
	r->count--;
}

static bool none_found(const struct job *j, struct err *err)
{
	err_set(err, ERR_CONFIG, NULL, "which registry? No [match] names one, and %s knows none of Azure's", j->file.path);
	return err_hint(err, "daypass configure %s contoso.azurecr.io", j->engine->name);
}

/* A file that was not there, or was empty: the blanks in front and behind tell unconfigure so. */
static void end_new_file(struct job *j)
{
	struct change *f = &j->file;
	if (f->exists || !f->new.len)
		return;
	for (int i = 0; i <= f->folders; i++)
		buf_addc(&f->new, '\n');
}

bool job_put_lines(struct job *j, struct err *err)
{
	struct change *f = &j->file;
	struct registries *r = &j->registries;
	struct creds c;
	if (!creds_look(f->path, &f->old, &c, err))
		return false;
	if (f->old.len >= 3 && memcmp(f->old.p, "\xEF\xBB\xBF", 3) == 0)
		say_line(&j->warnings, "warning: %s begins with a byte order mark, and %s reads no such file: remove the mark", f->path, j->engine->name);
	buf_add(&f->new, f->old.p, f->old.len);
	registries_find(j->ctx, &f->old, &c, j->all, r);
	if (!r->count && !j->all)
		return none_found(j, err);
	if (!j->engine->first(j->ctx, f->path, r, &j->warnings, err))
		return false;
	for (size_t i = 0; i < r->count;) {
		bool left;
		if (!put_line(j, &r->list[i], &left, err) || (!left && !look_at_auths(j, &c, r->list[i].host, err)))
			return false;
		if (left)
			drop(r, i);
		else
			i++;
	}
	if (j->all && !j->engine->put_all(j, err))
		return false;
	end_new_file(j);
	f->wanted = f->new.over || f->new.len != f->old.len || memcmp(f->new.p, f->old.p, f->new.len) != 0;
	return true;
}

/* Passwords in auths of which docker sees no more once there is a credsStore. */
static void tell_of_hidden_passwords(struct job *j, const struct creds *c)
{
	AUTO_BUF names = buf_new(CHANGE_MAX_BYTES);
	struct json_member m, helper;
	struct err err;
	const struct buf *text = &j->file.new;
	for (size_t at = 0; c->auths.value.from && json_next_member(text->p, c->auths.value, &at, &m);) {
		AUTO_STR key = json_decode(text->p, m.name);
		AUTO_STR host = key ? creds_host(key) : NULL;
		if (!host || registry_is_ours(j->ctx, host) || !creds_holds_secret(text, m.value))
			continue;
		const char *sign = strrchr(key, '@'); /* a user and a password are not shown */
		if (creds_find("", text, c, key, &helper, &err) && !helper.value.from)
			buf_addf(&names, "%s%s", names.len ? ", " : "", sign ? sign + 1 : key);
	}
	if (names.len)
		say_line(&j->warnings, "warning: docker no longer looks at the passwords in %s for: %s; `docker login` stores each of them anew, where a `fallback` or a [match] with `store = keyring` can keep it", j->file.path, names.p);
}

bool docker_put_all(struct job *j, struct err *err)
{
	struct change *f = &j->file;
	struct creds c;
	if (!creds_look(f->path, &f->new, &c, err))
		return false;
	if (creds_says(&f->new, c.store.value, "daypass"))
		return true;
	AUTO_STR old = c.store.value.from ? creds_name(&f->new, c.store.value) : NULL;
	if (c.store.value.from && !old)
		return err_set(err, ERR_CONFIG, "correct that line by hand", "%s: credsStore is no plain name", f->path);
	if (str_empty(old))
		tell_of_hidden_passwords(j, &c);
	else if (!fallback_put(j->ctx, old, &j->other, err))
		return false;
	return job_note(j, store_key, old, err) && creds_put(f->path, &f->new, NULL, err);
}

/* What was not there before us goes wholly. */
static void end_old_file(struct change *f, const struct creds *before, struct err *err)
{
	struct creds c;
	struct json_member m;
	size_t at = 0;
	if (!creds_look(f->path, &f->new, &c, err) || c.blank || json_next_member(f->new.p, c.root, &at, &m) || !json_is_spaced(f->old.p, before->root))
		return;
	const char *behind = f->new.p + c.root.to;
	size_t ends = strspn(behind, "\n");
	f->goes = c.root.from == 0 && ends && !behind[ends];
	f->folders = f->goes ? (int)ends - 1 : 0;
	AUTO_BUF front = buf_new(f->new.max);
	buf_add(&front, f->new.p, c.root.from);
	buf_clear(&f->new);
	buf_add(&f->new, front.p, front.len);
}

static bool cut_line(struct job *j, const char *host, struct err *err)
{
	AUTO_STR old = j->note.file ? note_get(&j->note, host) : NULL;
	if (old)
		say_line(&j->out, "  %s is with %s again", host, old);
	return creds_drop(j->file.path, &j->file.new, host, old, err);
}

bool job_cut_lines(struct job *j, struct err *err)
{
	struct change *f = &j->file;
	struct creds c;
	struct json_member m;
	if (!creds_look(f->path, &f->old, &c, err))
		return false;
	buf_add(&f->new, f->old.p, f->old.len);
	for (size_t at = 0; c.helpers.value.from && json_next_member(f->old.p, c.helpers.value, &at, &m);) {
		AUTO_STR host = json_decode(f->old.p, m.name);
		if (host && creds_says(&f->old, m.value, "daypass") && !cut_line(j, host, err))
			return false;
	}
	if (!j->engine->cut_all(j, err))
		return false;
	f->wanted = f->new.over || f->new.len != f->old.len || memcmp(f->new.p, f->old.p, f->new.len) != 0;
	if (f->wanted)
		end_old_file(f, &c, err);
	return job_note(j, NULL, NULL, err);
}

bool docker_cut_all(struct job *j, struct err *err)
{
	struct change *f = &j->file;
	struct creds c;
	AUTO_STR name = NULL;
	if (!creds_look(f->path, &f->new, &c, err))
		return false;
	bool ours = creds_says(&f->new, c.store.value, "daypass");
	AUTO_STR noted = ours && j->note.file ? note_get(&j->note, store_key) : NULL;
	bool elsewhere = j->note.file && note_elsewhere(&j->note, store_key);
	if ((ours || !j->named) && !fallback_cut(j->ctx, &j->other, &name, err))
		return false;
	if (elsewhere)
		j->other.wanted = false;
	const char *old = noted ? noted : name;
	if (ours && old)
		say_line(&j->out, "  every other registry is with %s again", old);
	return !ours || creds_drop(f->path, &f->new, NULL, old, err);
}
