/* Registries that are not ours go to another credential helper, where the configuration names one (fallback = NAME). */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "protocols/docker.h"

enum { LIST_MS = 10000, LOGIN_MAX = 1024 * 1024 }; /* escaped, a log-in may be twice as long as it came */

/* Its path, or NULL: none is named (err ERR_NONE), or it is not here. */
static char *fallback_path(const struct ctx *ctx, struct err *err)
{
	*err = ERR_INIT;
	const char *name = ctx->config->broken ? NULL : config_global(ctx->config, KEY_FALLBACK);
	if (str_empty(name))
		return NULL;
	AUTO_STR program = str_printf("docker-credential-%s", name);
	char *path = proc_find(&ctx->env, program, true);
	if (!path)
		err_set(err, ERR_CONFIG, "install it, or take that line out of daypass's configuration", "fallback = %s: there is no %s in a safe folder of PATH", name, program);
	return path;
}

static bool nobody_keeps(const struct exchange_state *s, struct err *err)
{
	err_set(err, ERR_POLICY, NULL, "daypass keeps no log-in for %.200s", s->server);
	return err_hint(err, "in its configuration: store = keyring in a [match] for that registry, or fallback = another helper's NAME in [daypass]");
}

void docker_fallback(const struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct err *err)
{
	AUTO_BUF in = buf_new(LOGIN_MAX);
	AUTO_STR path = fallback_path(ctx, err);
	if (!path && ctx->config->broken && r->action == ACTION_STORE)
		*err = ctx->config->err;
	else if (!path && !err->kind && r->action == ACTION_STORE)
		nobody_keeps(s, err);
	if (!path && err->kind && r->action == ACTION_GET) { /* a public image needs no helper: say it, and go on */
		log_line("%s; %s", err->msg, err->hint);
		*err = ERR_INIT;
	}
	if (!path)
		return;
	if (r->action == ACTION_STORE)
		docker_answer(&in, s->server, r->user, secret_reveal(&s->given));
	else
		buf_adds(&in, s->server);
	const char *const argv[] = {path, s->word, NULL};
	ctx->proc->become(ctx->proc, &(struct proc_become){.path = path, .argv = argv, .in = &in}, err);
}

bool docker_fallback_list(const struct ctx *ctx, struct buf *out)
{
	struct err ignored;
	AUTO_STR path = fallback_path(ctx, &ignored);
	AUTO_BUF in = buf_new(16);
	buf_adds(&in, "unused");
	const char *const argv[] = {path, "list", NULL};
	struct proc_run run = {.argv = argv, .timeout_ms = LIST_MS, .in = &in, .out = out};
	return path && ctx->proc->run(ctx->proc, &run, &ignored) && run.status == 0;
}
