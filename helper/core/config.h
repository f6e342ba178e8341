/* The configuration: files read by our own line reader, every setting a row of keys.def. */
#ifndef DAYPASS_CONFIG_H
#define DAYPASS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/env.h"
#include "helper/base/err.h"

enum key {
#define KEY(id, section, name, check, env, def, help) KEY_##id,
#include "helper/core/keys.def"
#undef KEY
	KEY_COUNT
};

enum section_kind { SECTION_GLOBAL, SECTION_IDENTITY, SECTION_MATCH };

struct key_row {
	enum section_kind section;
	const char *name, *env, *def, *help;
	/* NULL where value is good, else what it should be. */
	const char *(*check)(const char *value);
};

extern const struct key_row config_keys[KEY_COUNT];

/* A value and where it was set: "FILE:LINE" or a variable's name. Both owned; NULL where unset. */
struct setting {
	char *value, *origin;
};

struct section {
	enum section_kind kind;
	char *name;   /* identity's name or match pattern; "" for the global one */
	char *origin; /* "FILE:LINE" of its head */
	int file;     /* 0 the user's, 1 the system's */
	struct setting set[KEY_COUNT];
};

struct config {
	struct section *sections;
	size_t count;
	char *files[2];	  /* those that were read; NULL where there is none */
	bool trusted[2];  /* owned by us or root */
	bool broken;
	struct err err;	  /* why, where broken: file:line */
	const struct env *env;
};

/* Read $DAYPASS_CONFIG, else the user's file, then /etc/daypass/config. A missing file is none; so are EACCES, ENOTDIR
 * and ESTALE on a default path (sudo -E, NFS homes). What is wrong makes the configuration `broken`, and is told when
 * a request needs it. system_file NULL means /etc/daypass/config (tests name another). */
void config_load(struct config *c, const struct env *env, const char *system_file);
void config_free(struct config *c);
/* Where the user's own file is, or would be: NULL where HOME is not set either; owned. */
char *config_user_path(const struct env *env);
/* Parse one file's text into c. False with file:line. Exposed for tests and the fuzzer. */
bool config_parse(struct config *c, int file, const char *path, const char *text, size_t len, struct err *err);
/* The section of that kind and name; NULL where there is none. */
const struct section *config_section(const struct config *c, enum section_kind kind, const char *name);
/* Is this [match] about what clients give us to keep (store = keyring)? Only about that, since it names no identity? */
bool config_keeps(const struct section *s);
bool config_keeps_only(const struct section *s);
/* A global setting by precedence: variable, user file, system file, default. Borrowed. */
const char *config_global(const struct config *c, enum key key);
/* Set one value, checking it; origin is copied. False with a message that begins with origin. */
bool config_set(struct setting *set, enum key key, const char *value, const char *origin, struct err *err);
/* Copy every setting of a section; free with config_settings_free. */
void config_settings_copy(struct setting *to, const struct setting *from);
void config_settings_free(struct setting *set);

#endif
