/* daypass configure | unconfigure SUBJECT: make another program ask daypass, and take that back. */
#include "helper/cmd/configure.h"

#include "helper/base/str.h"

/* One row for each program that can be configured. */
static const struct configure_subject *const subjects[] = {&configure_git, &configure_docker, &configure_podman, &configure_kube};

static int dispatch(struct ctx *ctx, bool undo, int argc, char *const *const_argv)
{
	const struct command *c = undo ? &command_unconfigure : &command_configure;
	char **argv = (char **)(uintptr_t)const_argv;
	int at = 0;
	while (at < argc && argv[at][0] == '-') /* --file takes a word, so its value must not be the subject */
		at += 1 + str_eq(argv[at], "--file");
	if (at >= argc)
		return cmd_usage(c, NULL);
	const char *word = argv[at];
	for (int i = at; i + 1 < argc; i++)
		argv[i] = argv[i + 1];
	for (size_t i = 0; i < COUNT_OF(subjects); i++)
		if (str_eq(subjects[i]->name, word))
			return subjects[i]->run(ctx, undo, argc - 1, argv);
	return cmd_usage(c, word);
}

static int configure(struct ctx *ctx, int argc, char *const *argv)
{
	return dispatch(ctx, false, argc, argv);
}

static int unconfigure(struct ctx *ctx, int argc, char *const *argv)
{
	return dispatch(ctx, true, argc, argv);
}

#define GIT "git [--global | --system | --file FILE] [--dry-run]"
#define WHO "kube [--kubeconfig FILE] [--context NAME | --user NAME | --all] [--dry-run]"
#define USAGE "configure " GIT " | configure docker|podman [REGISTRY ...] [--all] [--file FILE] [--dry-run] | configure " WHO " [--login MODE ...]"
#define UNDO_USAGE "unconfigure " GIT " | unconfigure docker|podman [--file FILE] [--dry-run] | unconfigure " WHO

const struct command command_configure = {"configure", USAGE, "make git, docker, podman or kubectl ask daypass for what is Azure's", configure};
const struct command command_unconfigure = {"unconfigure", UNDO_USAGE, "take that back: the file is as it was before", unconfigure};
