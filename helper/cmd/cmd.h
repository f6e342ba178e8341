/* Commands for people: one file each, one row in commands.def. */
#ifndef DAYPASS_CMD_H
#define DAYPASS_CMD_H

#include <stdbool.h>

#include "helper/base/err.h"
#include "helper/core/ctx.h"
#include "helper/core/identity.h"
#include "helper/core/request.h"

struct command {
	const char *name;    /* "whoami" */
	const char *usage;   /* "whoami [--json]" */
	const char *summary;
	/* argv is behind the name. Returns the exit status (enum err_kind). */
	int (*run)(struct ctx *ctx, int argc, char *const *argv);
};

extern const struct command *const commands[]; /* NULL-terminated; in main.c */
#define COMMAND(c) extern const struct command c;
#include "helper/cmd/commands.def"
#undef COMMAND

/* Say an error on stderr as people read it: what, hint, details, a line each. Returns its exit status. */
int cmd_fail(const struct err *err);
/* Wrong usage of a command: names the word and how to write it. Returns 2. */
int cmd_usage(const struct command *c, const char *word);
/* Write text to stdout, checked. Returns 0 or 1. */
int cmd_print(const struct ctx *ctx, const struct buf *text);
/* Take "--name" out of argv (shifting the rest, argc too). True where it stood there. */
bool cmd_flag(int *argc, char **argv, const char *name);
/* Take "--name VALUE" or "--name=VALUE"; NULL where it does not stand there. Borrowed. */
const char *cmd_option(int *argc, char **argv, const char *name);

/* Say that the keyring could not take part where it might hold something: exit status 9; 0 where it took part, or there
 * is none. */
int cmd_keyring(enum keyring_answer a);

/* Who we would be here, for commands that explain: the identity a request without a [match] gets, or, where nobody is
 * named, one without tenant and client id, so that the source can still be looked at. False on a wrong setting. */
bool cmd_identity(const struct ctx *ctx, struct identity *id, bool *named, struct err *err);

/* A URL as git would ask for it with useHttpPath set (https://USER@HOST/PATH), or a registry as docker does (HOST alone). */
bool cmd_request(const char *text, struct request *r, struct err *err);

/* Ask a person on stderr; only y and yes are a yes. again: what to type where there is no terminal (ERR_USAGE); a no is
 * ERR_PERSON. */
bool cmd_yes(const struct ctx *ctx, const char *question, const char *again, struct err *err);

/* Append one word of a shell command that people copy: in single quotes, and a single quote as '\''. */
void cmd_shell_word(struct buf *out, const char *word);

/* Append a step of a check: its mark ("ok", "wrong"), its name, and what was found, each line of it a line. Everything found is a
 * stranger's word, and cleaned. */
void cmd_step(struct buf *out, const char *mark, const char *name, const char *found);

#endif
