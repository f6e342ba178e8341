/* Our own process, hardened; and children, which get exactly the environment, umask, limits and signals that we were
 * started with. */
#ifndef DAYPASS_PROC_H
#define DAYPASS_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/env.h"
#include "helper/base/err.h"

struct proc_run {
	const char *const *argv;     /* NULL-terminated; argv[0] is looked up in PATH unless it has a slash */
	const char *const *more_env; /* NAME=value added for this child, NULL-terminated; may be NULL */
	int64_t timeout_ms;	     /* then the child's whole process group is killed */
	const struct buf *in;	     /* its stdin, from memory, never from a disk; NULL gives it /dev/null */
	struct buf *out;	     /* its stdout; reading stops, and the child is killed, at its cap */
	struct buf *err;	     /* its stderr, the part beyond the cap dropped; NULL sends it to /dev/null */
	int status;		     /* exit status; 128 + signal where one ended it */
};

struct proc_become {
	const char *path;	     /* absolute */
	const char *const *argv;     /* NULL-terminated */
	const char *const *more_env; /* as proc_vars takes it; may be NULL */
	const struct buf *in;	     /* its stdin, from memory; NULL leaves ours */
};

struct proc {
	/* Run to the end, no shell. False (ERR_SOURCE) where it could not be started, was too
	 * slow or printed too much; an exit status other than 0 is not a failure here. */
	bool (*run)(struct proc *, struct proc_run *r, struct err *err);
	/* Become the program of that absolute path, with what we were started with and these variables added (more may be
	 * NULL); stdin holds in, from memory, or (NULL) is left as it is. Returns (ERR_SOURCE) only where it cannot be
	 * started. */
	bool (*become)(struct proc *, const struct proc_become *b, struct err *err);
	/* Become that program as env(1) would: argv[0] is looked up in the PATH of vars, its whole environment, where it has no
	 * slash; else with all that we were started with, descriptors included. Returns errno, and only where it cannot. */
	int (*exec)(struct proc *, const char *const *argv, char **vars);
	const struct env *env;
};

/* Remember what children shall get, then harden: not dumpable (so no core), SIGPIPE and SIGXFSZ ignored: a
 * write that fails is an error like any other. Call first in main. False
 * where the program runs with more rights than its caller's (set-id): it is not written for that. */
bool proc_begin(char **envp, struct err *err);
/* The environment as it was at the start: what env_get should read, and children get. */
struct env proc_env(void);
/* That environment with variables changed: "NAME=value" sets one, "NAME" alone takes it away; NULL-terminated. The list is
 * owned, its strings are borrowed. */
char **proc_vars(const char *const *changes);
struct proc proc_real(void);
/* The absolute path of the program that PATH leads to; relative folders are passed over, and where we mean to start it
 * (trusted), such as anybody may write to. NULL where there is none; owned. */
char *proc_find(const struct env *env, const char *name, bool trusted);
/* The same from *rest on, which is PATH or what an earlier call left of it (NULL is none). */
char *proc_find_next(const char **rest, const char *name, bool trusted);
/* Take variables that make libraries write secrets or load strangers' code out of our own environ: SSLKEYLOGFILE,
 * OPENSSL_CONF and the like. Before the first lazy_load. */
void proc_scrub_environ(void);
/* Leave at once, without running destructors of libraries (libcurl's resolver thread would hold us up). Under the
 * sanitizer and coverage builds, checks leaks and writes counters first. */
_Noreturn void proc_exit(int status);

#endif
