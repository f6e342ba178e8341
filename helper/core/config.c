#include "helper/core/config.h"

#include <errno.h>

#include "helper/base/buf.h"
#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/config_check.h"

const struct key_row config_keys[KEY_COUNT] = {
#define KEY(id, section, name, check, env, def, help) [KEY_##id] = {SECTION_##section, name, env, def, help, check},
#include "helper/core/keys.def"
#undef KEY
};

static const char *const section_words[] = {"daypass", "identity", "match"};

enum { LINE_MAX_BYTES = 4096, FILE_MAX_BYTES = 1024 * 1024, SECTIONS_MAX = 4096 };

struct reader {
	struct config *c;
	const char *path;
	int file, line;
	struct section *section;
};

void config_settings_free(struct setting *set)
{
	for (int k = 0; k < KEY_COUNT; k++) {
		free(set[k].value);
		free(set[k].origin);
		set[k] = (struct setting){0};
	}
}

void config_settings_copy(struct setting *to, const struct setting *from)
{
	for (int k = 0; k < KEY_COUNT; k++)
		to[k] = (struct setting){str_dup(from[k].value), str_dup(from[k].origin)};
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		config_settings_free(c->sections[i].set);
		free(c->sections[i].name);
		free(c->sections[i].origin);
	}
	free(c->sections);
	free(c->files[0]);
	free(c->files[1]);
	*c = (struct config){0};
}

bool config_set(struct setting *set, enum key key, const char *value, const char *origin, struct err *err)
{
	const struct key_row *row = &config_keys[key];
	const char *want = row->check(value);
	if (want) {
		err_set(err, ERR_CONFIG, NULL, "%s: %s = %s: %s", origin, row->name, value, want);
		return err_hint(err, "correct it; `daypass config keys` lists every setting");
	}
	str_set(&set[key].value, value);
	str_set(&set[key].origin, origin);
	return true;
}

static bool fail(const struct reader *r, struct err *err, const char *what, const char *name)
{
	return err_set(err, ERR_CONFIG, "daypass config keys", "%s:%d: %s '%s'", r->path, r->line, what, name);
}

static bool suggest(const char *near, struct err *err)
{
	if (near)
		err_hint(err, "did you mean '%s'? `daypass config keys` lists every setting", near);
	return false;
}

static struct section *find(struct config *c, enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->sections[i].kind == kind && str_eq(c->sections[i].name, name))
			return &c->sections[i];
	return NULL;
}

const struct section *config_section(const struct config *c, enum section_kind kind, const char *name)
{
	return find((struct config *)(uintptr_t)c, kind, name);
}

static struct section *add_section(struct reader *r, enum section_kind kind, const char *name)
{
	struct config *c = r->c;
	size_t size = sizeof *c->sections;
	c->sections = mem_realloc_wipe(c->sections, c->count * size, (c->count + 1) * size);
	struct section *s = &c->sections[c->count++];
	*s = (struct section){.kind = kind, .name = str_dup(name), .file = r->file};
	s->origin = str_printf("%s:%d", r->path, r->line);
	return s;
}

/* "[identity NAME]", "[match PATTERN]", "[daypass]" */
static bool open_section(struct reader *r, char *text, struct err *err)
{
	size_t len = strlen(text);
	if (len < 3 || text[len - 1] != ']')
		return fail(r, err, "a section is written [identity NAME], [match PATTERN] or [daypass], not", text);
	text[len - 1] = 0;
	char *word = text + 1 + strspn(text + 1, " \t");
	char *name = word + strcspn(word, " \t");
	if (*name)
		*name++ = 0;
	name += strspn(name, " \t");
	for (size_t n = strlen(name); n && (name[n - 1] == ' ' || name[n - 1] == '\t'); n--)
		name[n - 1] = 0;
	size_t kind = 0;
	while (kind < COUNT_OF(section_words) && !str_eq(word, section_words[kind]))
		kind++;
	if (kind == COUNT_OF(section_words)) {
		fail(r, err, "unknown section", word);
		return suggest(config_near(word, section_words, COUNT_OF(section_words)), err);
	}
	if ((kind == SECTION_GLOBAL) != !*name)
		return fail(r, err, *name ? "this section takes no name:" : "this section needs a name:", *name ? name : word);
	const char *bad = kind == SECTION_MATCH ? config_bad_pattern(name, true) : NULL;
	if (bad) {
		fail(r, err, "[match] pattern", name);
		return err_hint(err, "%s", bad);
	}
	struct section *old = find(r->c, (enum section_kind)kind, name);
	if (old && old->file == r->file) {
		fail(r, err, "this section stands twice:", *name ? name : word);
		return err_hint(err, "merge it with the one at %s", old->origin);
	}
	r->section = old ? old : add_section(r, (enum section_kind)kind, name);
	return true;
}

static const char *near_key(const char *word, enum section_kind kind)
{
	const char *names[KEY_COUNT];
	size_t n = 0;
	for (int k = 0; k < KEY_COUNT; k++)
		if (config_keys[k].section == kind)
			names[n++] = config_keys[k].name;
	return config_near(word, names, n);
}

/* One pair of quotes around the whole value goes; a command keeps its own for str_words. */
static char *unquote(char *value)
{
	size_t n = strlen(value);
	if (n >= 2 && value[0] == '"' && strchr(value + 1, '"') == value + n - 1) {
		value[n - 1] = 0;
		return value + 1;
	}
	return value;
}

static bool set_key(struct reader *r, const char *name, char *value, struct err *err)
{
	bool optional = *name == '?';
	name += optional;
	if (!r->section)
		return fail(r, err, "a setting before the first [section]:", name);
	int key = 0;
	while (key < KEY_COUNT && (config_keys[key].section != r->section->kind || !str_eq(config_keys[key].name, name)))
		key++;
	if (key == KEY_COUNT) {
		if (optional)
			return true;
		fail(r, err, "unknown key", name);
		return suggest(near_key(name, r->section->kind), err);
	}
	AUTO_STR origin = str_printf("%s:%d", r->path, r->line);
	if (r->section->set[key].value) {
		AUTO_STR prefix = str_printf("%s:", r->path);
		if (str_starts(r->section->set[key].origin, prefix))
			return fail(r, err, "this key stands twice in its section:", name);
		return true; /* the user's file came first and wins */
	}
	return config_set(r->section->set, (enum key)key, config_keys[key].check == is_command ? value : unquote(value), origin, err);
}

/* Cut a comment: '#' or ';' at the start or after a blank, outside double quotes, where tabs become blanks too. False on
 * an open quote. */
static bool cut_comment(char *line)
{
	bool quoted = false;
	for (char *p = line; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (!quoted && *p == '\t')
			*p = ' ';
		if (!quoted && (*p == '#' || *p == ';') && (p == line || p[-1] == ' ')) {
			*p = 0;
			break;
		}
	}
	return !quoted;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	for (size_t n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = 0;
	return s;
}

static bool read_line(struct reader *r, char *line, struct err *err)
{
	if (!cut_comment(line))
		return fail(r, err, "a double quote is not closed:", trim(line));
	char *text = trim(line);
	if (!*text)
		return true;
	if (str_has_control(text))
		return fail(r, err, "a control character in", text);
	if (*text == '[')
		return open_section(r, text, err);
	char *equals = strchr(text, '=');
	if (!equals)
		return fail(r, err, "neither [section] nor key = value:", text);
	*equals = 0;
	return set_key(r, trim(text), trim(equals + 1), err);
}

bool config_keeps(const struct section *s)
{
	return str_eq(s->set[KEY_STORE].value, "keyring");
}

bool config_keeps_only(const struct section *s)
{
	return config_keeps(s) && !s->set[KEY_IDENTITY].value;
}

/* Known only at the end of the file: may the pattern be one that no token goes to? */
static bool check_patterns(const struct config *c, int file, struct err *err)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		const char *bad = s->kind == SECTION_MATCH && s->file == file ? config_bad_pattern(s->name, config_keeps_only(s)) : NULL;
		if (bad)
			return err_set(err, ERR_CONFIG, bad, "%s: [match] pattern '%s'", s->origin, s->name);
	}
	return true;
}

bool config_parse(struct config *c, int file, const char *path, const char *text, size_t len, struct err *err)
{
	struct reader r = {.c = c, .path = path, .file = file};
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		len -= 3;
	}
	AUTO_BUF line = buf_new(LINE_MAX_BYTES);
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len, whole = end ? n + 1 : n;
		r.line++;
		n -= n && text[n - 1] == '\r';
		if (n > LINE_MAX_BYTES)
			return err_set(err, ERR_CONFIG, NULL, "%s:%d: the line is longer than %d bytes", path, r.line, LINE_MAX_BYTES);
		if (memchr(text, 0, n))
			return err_set(err, ERR_CONFIG, NULL, "%s:%d: a NUL byte", path, r.line);
		if (c->count > SECTIONS_MAX)
			return err_set(err, ERR_CONFIG, NULL, "%s:%d: more than %d sections", path, r.line, SECTIONS_MAX);
		buf_clear(&line);
		buf_add(&line, text, n);
		if (!read_line(&r, line.p, err))
			return false;
		text += whole;
		len -= whole;
	}
	return check_patterns(c, file, err);
}

/* A default path that cannot be reached is no file; one that DAYPASS_CONFIG names must be there. */
static bool none_here(int why, bool named)
{
	return !named && (why == ENOENT || why == EACCES || why == ENOTDIR || why == ESTALE);
}

static bool load_file(struct config *c, int file, const char *path, bool named, struct err *err)
{
	AUTO_BUF text = buf_new(FILE_MAX_BYTES);
	struct stat st;
	if (str_eq(path, "/dev/null")) /* DAYPASS_CONFIG=/dev/null: none, on purpose */
		return true;
	if (access(path, F_OK) < 0 && none_here(errno, named)) /* by far the most frequent case */
		return true;
	errno = 0;
	if (!file_read(path, &text, &st, ERR_CONFIG, err)) {
		if (none_here(errno, named))
			return true;
		return named ? err_hint(err, "DAYPASS_CONFIG names this file: correct it or unset it") : false;
	}
	c->trusted[file] = st.st_uid == geteuid() || st.st_uid == 0;
	if (file_others_can_write(&st) || !c->trusted[file]) {
		err_set(err, ERR_CONFIG, NULL, "%s: others can change this file (owner %u, mode %03o), so it is not read", path, (unsigned)st.st_uid, (unsigned)st.st_mode & 0777u);
		return err_hint(err, c->trusted[file] ? "chmod go-w %s" : "chown %2$u %1$s", path, (unsigned)geteuid());
	}
	c->files[file] = str_dup(path);
	return config_parse(c, file, path, text.p, text.len, err);
}

char *config_user_path(const struct env *env)
{
	const char *named = env_get(env, "DAYPASS_CONFIG"), *base = env_get(env, "XDG_CONFIG_HOME"), *home = env_get(env, "HOME");
	if (named)
		return str_dup(named);
	if (base && *base == '/')
		return str_printf("%s/daypass/config", base);
	return home ? str_printf("%s/.config/daypass/config", home) : NULL;
}

/* A wrong variable is as wrong as a wrong line: whoever sets DAYPASS_CACHE=off believes that nothing is kept. */
static bool check_variables(const struct env *env, struct err *err)
{
	struct setting scratch[KEY_COUNT] = {0};
	bool ok = true;
	for (int k = 0; ok && k < KEY_COUNT; k++) {
		const char *value = config_keys[k].section != SECTION_IDENTITY ? env_get(env, config_keys[k].env) : NULL;
		ok = !value || config_set(scratch, (enum key)k, value, config_keys[k].env, err);
	}
	config_settings_free(scratch);
	return ok;
}

void config_load(struct config *c, const struct env *env, const char *system_file)
{
	*c = (struct config){.env = env};
	const char *named = env_get(env, "DAYPASS_CONFIG");
	AUTO_STR path = config_user_path(env);
	const char *machine = system_file ? system_file : "/etc/daypass/config";
	c->broken = !check_variables(env, &c->err) || (path && !load_file(c, 0, path, named != NULL, &c->err)) ||
		    (!str_eq(path, machine) && !load_file(c, 1, machine, false, &c->err));
	if (c->broken)
		log_trace("configuration: %s", c->err.msg);
}

const char *config_global(const struct config *c, enum key key)
{
	const char *value = env_get(c->env, config_keys[key].env);
	if (value && !config_keys[key].check(value))
		return value;
	const struct section *s = config_section(c, SECTION_GLOBAL, "");
	return s && s->set[key].value ? s->set[key].value : config_keys[key].def;
}
