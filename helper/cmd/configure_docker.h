/* What the files of `daypass configure docker|podman` share. */
#ifndef DAYPASS_CONFIGURE_DOCKER_H
#define DAYPASS_CONFIGURE_DOCKER_H

#include "helper/cmd/configure.h"
#include "helper/cmd/configure_docker_change.h"
#include "helper/cmd/configure_docker_creds.h"
#include "helper/cmd/configure_docker_note.h"

/* Registries as credHelpers has them: host or host:port, lower case; owned. */
struct registry {
	char *host;
	bool named; /* by the person, on the command line */
	char *old;  /* the helper that it had; NULL: none */
};

struct registries {
	struct registry *list;
	size_t count;
};

#define AUTO_REGISTRIES CLEANUP(registries_free) struct registries

void registries_free(struct registries *r);
/* Take the registries of the command line. False where one is not written as a registry, or daypass would not answer
 * for it. */
bool registries_name(const struct ctx *ctx, const char *program, int argc, char **argv, struct registries *r, struct err *err);
/* Add those that a [match] names, and those that the file knows already: by an entry of auths, or given to an older ACR
 * helper; only the latter where all is set, since the others need no line then. */
void registries_find(const struct ctx *ctx, const struct buf *text, const struct creds *c, bool all, struct registries *r);
/* Would daypass answer for this registry? */
bool registry_is_ours(const struct ctx *ctx, const char *host);
/* Is this the helper of ACR that daypass takes the place of? */
bool registry_helper_is_old(const char *name);

struct job;

/* One engine: which file it reads, and what goes before that. */
struct engine {
	const char *name;
	/* The file that is changed where none is named. NULL with err set; owned. */
	char *(*path)(const struct ctx *ctx, struct err *err);
	/* False where something else is asked before that file for one of these registries; what cannot be told for sure is a
	 * line in warnings. */
	bool (*first)(const struct ctx *ctx, const char *path, const struct registries *r, struct buf *warnings, struct err *err);
	/* --all: plan to make daypass the helper of every registry, and to take that back. */
	bool (*put_all)(struct job *j, struct err *err);
	bool (*cut_all)(struct job *j, struct err *err);
};

extern const struct engine engine_docker, engine_podman;

/* One call: what was asked for, and what comes of it. */
struct job {
	const struct ctx *ctx;
	const struct engine *engine;
	bool all, dry_run, named; /* named: --file */
	bool lines;		  /* credHelpers is to be changed */
	struct registries registries;
	struct change file;  /* config.json or auth.json */
	struct change other; /* what --all needs beside it: our own configuration, or podman's drop-in */
	struct note note;
	struct err note_err;	   /* why there is none */
	struct buf out, warnings; /* lines for people */
};

/* Plan what configure writes into the file, and what unconfigure takes out of it. */
bool job_put_lines(struct job *j, struct err *err);
bool job_cut_lines(struct job *j, struct err *err);
/* Remember what a line said before. False where that cannot be noted. */
bool job_note(struct job *j, const char *what, const char *old, struct err *err);

bool docker_put_all(struct job *j, struct err *err);
bool docker_cut_all(struct job *j, struct err *err);
bool podman_put_all(struct job *j, struct err *err);
bool podman_cut_all(struct job *j, struct err *err);

/* A line for people, made safe to show, in a list of such lines. */
void say_line(struct buf *to, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Warn where docker-credential-daypass on PATH is missing or is another program. */
void warn_helper(const struct ctx *ctx, const char *engine, struct buf *warnings);

#endif
