/* daypass exec: a command, and all that it starts, gets its tokens from us for as long as it runs. Laid out as ssh-agent is:
 * the server stands apart, and the command takes our own place, so that process id, signals, status and terminal are its
 * own. */
#include "helper/cmd/exec.h"

#include <errno.h>

#include "helper/base/log.h"
#include "helper/base/loopback.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/policy.h"

enum { SAYS_MAX = 16 * 1024, NOT_FOUND = 127, NOT_STARTED = 126 }; /* as env(1) ends */

static void exec_free(struct exec *x)
{
	plan_free(&x->plan);
	free(x->allow);
	free(x->folder);
	buf_free(&x->says);
	wipe(x->secret, sizeof x->secret);
}

#define AUTO_EXEC CLEANUP(exec_free) struct exec

/* As a resource, or as the scope that stands for it. */
static bool allow(struct exec *x, const char *word, struct err *err)
{
	AUTO_STR resource = str_ends(word, "/.default") ? resource_of_scope(word, err) : str_dup(word);
	if (!resource)
		return false;
	if (!resource_ok(resource))
		return err_set(err, ERR_USAGE, "for example: --allow https://vault.azure.net", "--allow %.300s: it is no resource, which is an App ID URI or a GUID", word);
	char *list = x->allow ? str_printf("%s %s", x->allow, resource) : str_dup(resource);
	free(x->allow);
	x->allow = list;
	return true;
}

/* --allow takes as many words as there are. False at none, or, with err set, at a bad one. */
static bool allow_all(struct exec *x, int argc, char *const *argv, int *i, struct err *err)
{
	int first = *i;
	while (*i + 1 < argc && argv[*i + 1][0] != '-')
		if (!allow(x, argv[++*i], err))
			return false;
	return *i > first;
}

/* Up to "--", which must stand there. Returns how many words they are; -1 - the place of one that is not understood, or that
 * err is about. */
static int read_options(struct exec *x, int argc, char *const *argv, struct err *err)
{
	int i = 0;
	for (; i < argc && !str_eq(argv[i], "--"); i++) {
		bool good = true;
		if (str_eq(argv[i], "--oidc"))
			x->oidc = true;
		else if (str_eq(argv[i], "--identity") && i + 1 < argc)
			x->ctx->identity = argv[++i];
		else if (str_starts(argv[i], "--identity="))
			x->ctx->identity = argv[i] + strlen("--identity=");
		else if (str_starts(argv[i], "--allow="))
			good = allow(x, argv[i] + strlen("--allow="), err);
		else
			good = str_eq(argv[i], "--allow") && allow_all(x, argc, argv, &i, err);
		if (!good)
			return -1 - i;
	}
	return i;
}

static bool check_oidc(const struct exec *x, struct err *err)
{
	const struct source *s = x->plan.source;
	if (x->oidc && (s->yields_access_token || s->yields_secret || s->own_credential))
		return err_set(err, ERR_CONFIG, "leave --oidc away: Terraform and azd are served without it", "--oidc: source %s has no external token to hand on", s->name);
	return true;
}

/* Who stands behind it. Nothing is exchanged yet: perhaps nobody will ask. */
static bool decide(struct exec *x, struct err *err)
{
	const struct cloud *cloud = cloud_by_name("public");
	AUTO_STR first = x->allow ? str_ndup(x->allow, strcspn(x->allow, " ")) : str_dup(cloud->arm);
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .resource = str_dup(first)};
	if (x->oidc && x->allow)
		return err_set(err, ERR_USAGE, "leave one of them away", "--oidc and --allow exclude each other: whoever holds the external token can exchange it for any resource");
	if (x->ctx->config->broken) {
		*err = x->ctx->config->err;
		return false;
	}
	enum verdict v = x->allow ? policy_plan(x->ctx, &r, &x->plan, err) : plan_without_match(x->ctx, &r, first, &x->plan, err);
	if (v == PLAN_NOT_OURS)
		return err_set(err, x->plan.id.name ? ERR_SOURCE : ERR_CONFIG, "daypass whoami", "exec: %s", x->plan.why);
	return v == PLAN_OURS && check_oidc(x, err);
}

static bool open_door(struct exec *x, struct err *err)
{
	unsigned char random[EXEC_SECRET / 2];
	int port;
	x->listener = loopback_listen(&port);
	if (x->listener < 0)
		return err_set(err, ERR_INTERNAL, NULL, "exec: cannot listen on 127.0.0.1: %s", strerror(errno));
	snprintf(x->host, sizeof x->host, "127.0.0.1:%d", port);
	seal_random(random, sizeof random);
	str_hex(x->secret, random, sizeof random);
	wipe(random, sizeof random);
	return true;
}

static void say(const struct exec *x)
{
	const char *client = identity_get(&x->plan.id, KEY_CLIENT_ID), *tenant = identity_get(&x->plan.id, KEY_TENANT);
	for (const char *p = x->says.p, *end; (end = strchr(p, '\n')); p = end + 1)
		log_line("%.*s", (int)(end - p), p);
	if (isatty(2))
		log_line("exec: identity %s, client %s, tenant %s, source %s", x->plan.id.name, client ? client : "as the source says", tenant ? tenant : "as the source says", x->plan.source->name);
}

/* The server's command line is the command's, too: whoever ends processes by what stands there should not meet it. What we
 * still need of it is elsewhere. */
static void hide_words(struct exec *x, int argc, char *const *argv)
{
	if (x->ctx->identity)
		x->ctx->identity = str_dup(x->ctx->identity);
	for (int i = 0; i < argc; i++)
		wipe(argv[i], strlen(argv[i]));
}

static int cannot_start(const struct exec *x)
{
	struct err err;
	err_set(&err, ERR_INTERNAL, NULL, "exec: the server cannot be started: %s", strerror(errno));
	exec_folder_remove(x);
	return cmd_fail(&err);
}

/* The secret stands in them. */
static void free_changes(char **changes)
{
	for (size_t i = 0; changes[i]; i++)
		str_wipe_free(changes[i]);
	free(changes);
}

/* Returns only where there is no command in our place. */
static int start(struct exec *x, int argc, char *const *argv, char *const *cmd)
{
	exec_folder_make(x);
	char **changes = exec_changes(x), **vars = proc_vars((const char *const *)changes);
	struct watch watch = watch_self();
	int status, side = detach("daypass-exec");
	if (side == 0) {
		free(vars);
		free_changes(changes);
		hide_words(x, argc, argv);
		exec_serve(x, &watch);
	}
	if (side < 0) {
		status = cannot_start(x);
	} else {
		say(x);
		int why = x->ctx->proc->exec(x->ctx->proc, (const char *const *)cmd, vars);
		log_line("exec: %s: %s", cmd[0], strerror(why));
		status = why == ENOENT ? NOT_FOUND : NOT_STARTED;
	}
	free_changes(changes);
	free(vars);
	return status;
}

static int run(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	AUTO_EXEC x = {.ctx = ctx, .listener = -1, .lock = -1, .says = buf_new(SAYS_MAX)};
	int n = read_options(&x, argc, argv, &err);
	if (n < 0 && err.kind)
		return cmd_fail(&err);
	if (n < 0 || n + 1 >= argc)
		return cmd_usage(&command_exec, n < 0 ? argv[-1 - n] : n < argc ? NULL : argc ? argv[0] : NULL);
	if (!decide(&x, &err) || !open_door(&x, &err))
		return cmd_fail(&err);
	return start(&x, argc, argv, argv + n + 1);
}

const struct command command_exec = {"exec", "exec [--identity NAME] [--allow RESOURCE... | --oidc] -- COMMAND...", "run a command; it and all that it starts get their tokens from daypass", run};
