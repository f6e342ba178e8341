#include "protocols/front.h"

#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"

bool front_is_before_another(const struct ctx *ctx, const char *name)
{
	AUTO_STR path = program_behind(&ctx->env, name);
	return path != NULL;
}

static bool alone(const char *name, const char *word, const char *answers, struct err *err)
{
	AUTO_STR own = program_own_path();
	err_set(err, ERR_CONFIG, NULL, "this %s is daypass (%s): it answers %s, and there is no other %s behind it on PATH for '%.60s'", name, own ? own : "?", answers, name, word ? word : "");
	return err_hint(err, "install the real one, or put its folder behind ours on PATH: daypass shim check");
}

void front_pass(const struct ctx *ctx, const char *name, char *const *argv, const char *answers, struct err *err)
{
	AUTO_STR path = program_behind(&ctx->env, name);
	if (!path) {
		alone(name, argv[0], answers, err);
		return;
	}
	AUTO_STR depth = program_depth(&ctx->env, path, err);
	size_t n = 0;
	while (argv[n])
		n++;
	const char **all = mem_alloc((n + 2) * sizeof *all);
	all[0] = path;
	for (size_t i = 0; i <= n; i++)
		all[i + 1] = argv[i];
	if (depth)
		ctx->proc->become(ctx->proc, &(struct proc_become){.path = path, .argv = all, .more_env = (const char *const[]){depth, NULL}}, err);
	free(all);
}

int front_deliver(const struct ctx *ctx, const struct buf *out, const struct buf *line, int status)
{
	if (out->len && (out->over || !file_write_fd(ctx->out, out->p, out->len))) {
		AUTO_STR text = str_printf("ERROR: the answer cannot be written: %s\n", out->over ? "it is too long" : strerror(errno));
		file_write_fd(2, text, strlen(text));
		return 1;
	}
	AUTO_STR masked = str_dup(line->p);
	log_mask(masked);
	file_write_fd(2, masked, strlen(masked));
	return status;
}
