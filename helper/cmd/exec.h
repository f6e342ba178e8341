/* What the files of `daypass exec` share: a server on 127.0.0.1 gives tokens to one command, for as long as it runs. */
#ifndef DAYPASS_EXEC_H
#define DAYPASS_EXEC_H

#include "helper/base/detach.h"
#include "helper/base/http_in.h"
#include "helper/core/ctx.h"
#include "helper/core/plan.h"
#include "helper/core/token.h"

enum { EXEC_SECRET = 64 };

/* All that is decided before the command starts. Owned. */
struct exec {
	struct ctx *ctx;
	struct plan plan;	/* of who stands behind it; its resource is only an example */
	char *allow;		/* resources with blanks between them; NULL: all that policy lets it have */
	bool oidc;		/* it is an issuer too */
	int listener;
	char host[32];		/* 127.0.0.1:PORT, as a client's Host must have it */
	char secret[EXEC_SECRET + 1]; /* of this run, in hexadecimal digits */
	char *folder;		/* on tmpfs, ours, for files of this run; NULL: there is none */
	int lock;		/* held in it while somebody lives who will remove it */
	struct buf says;	/* lines for people: what could not be done */
};

/* --- the way in: exec_ask.c --- */

enum ask_shape { ASK_UNKNOWN, ASK_APP_SERVICE, ASK_IMDS, ASK_AZD, ASK_GITHUB, ASK_PIPELINES };

/* What a request wants, in whose form it is answered. */
struct ask {
	enum ask_shape shape;
	char *resource;	  /* owned; NULL where the external token itself is wanted */
	int64_t min_left; /* seconds that the token should still be good for, where Entra gives that */
};

#define AUTO_ASK CLEANUP(ask_free) struct ask

void ask_free(struct ask *a);
/* Is the client let in, and what does it want? body ends in a NUL. 0, or the status to refuse it with and why. */
int ask_read(const struct exec *x, const struct http_in *h, const char *body, struct ask *out, const char **why);
/* Do two want the same, so that one answer is for both? */
bool ask_same(const struct ask *a, const struct ask *b);

/* --- the way out: exec_reply.c --- */

enum { REPLY_MAX = 256 * 1024 };

/* A whole answer, appended to out. now: seconds since 1970; client may be NULL. */
void reply_token(struct buf *out, const struct ask *a, const struct token *t, const char *client, int64_t now);
/* A refusal in the shape's own form: azd wants 200 for it. */
void reply_refusal(struct buf *out, const struct ask *a, int status, const char *why);
/* The same for an error of ours. Nothing that stays refused is given a status that makes clients try again. */
void reply_error(struct buf *out, const struct ask *a, const struct err *err);

/* --- its files: exec_files.c, exec_docker.c --- */

/* Remove the folders that dead servers left, and make one of our own. Without a place to trust there is none, and a line
 * says so. */
void exec_folder_make(struct exec *x);
void exec_folder_remove(const struct exec *x);
/* A folder in it; its path is owned. NULL where it cannot be made. */
char *exec_subfolder(const struct exec *x, const char *name);
/* A file of ours alone. */
bool exec_write(const char *folder, const char *name, const struct buf *text);
/* The path of a folder with the person's docker configuration, in which daypass is the helper of Azure's registries;
 * NULL where that is not possible. */
char *exec_docker(struct exec *x);

/* --- its environment: exec_env.c --- */

/* The changes to the command's environment, "NAME=value" or "NAME" to take one away; each and the list are owned. */
char **exec_changes(struct exec *x);

/* --- the server: exec_server.c, exec_jobs.c --- */

/* Serve until the command that is watched has ended; then remove what is ours. */
_Noreturn void exec_serve(struct exec *x, const struct watch *watch);

#endif
