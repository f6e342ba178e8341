/* What the files of `daypass configure` share: the table's row, and what git's configuration is edited with. For docker and
 * podman see configure_docker.h. */
#ifndef DAYPASS_CONFIGURE_H
#define DAYPASS_CONFIGURE_H

#include "helper/base/program.h"
#include "helper/cmd/cmd.h"

/* Who is made to ask daypass: `daypass configure NAME`. */
struct configure_subject {
	const char *name;
	/* undo: unconfigure. argv is behind the name. Returns the exit status. */
	int (*run)(struct ctx *ctx, bool undo, int argc, char **argv);
};

extern const struct configure_subject configure_git, configure_docker, configure_podman, configure_kube;

/* Which of git's files: the one of the person, of the machine, or one that was named. GIT_XDG is read before
 * ~/.gitconfig, and is GIT_GLOBAL itself only where that does not exist. */
enum git_scope { GIT_GLOBAL, GIT_XDG, GIT_SYSTEM, GIT_FILE };

/* Hosts as git's scopes write them, lower case, "*" for one label; owned. */
struct git_hosts {
	char **name;
	size_t count;
};

#define AUTO_HOSTS CLEANUP(git_hosts_free) struct git_hosts

/* The hosts that our configuration lets us answer git for: those of hosts.def, less or more where [match] says so. */
void git_hosts_find(const struct ctx *ctx, struct git_hosts *out);
void git_hosts_free(struct git_hosts *h);
/* Path of the file that git reads for a scope (any but GIT_FILE). NULL with err set where that cannot be told;
 * owned. */
char *git_scope_path(const struct ctx *ctx, enum git_scope scope, struct err *err);
/* What credential.helper has to be so that git starts this very program: "daypass", or our path, quoted for the shell.
 * NULL with err set; owned. */
char *git_helper_value(const struct ctx *ctx, struct err *err);
/* The same whatever PATH leads to: our path. */
char *git_own_value(struct err *err);
/* Is it such a value, of this program or of an older one at another place? */
bool git_helper_is_ours(const char *value, size_t len);

#endif
