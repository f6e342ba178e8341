/* Docker's configuration for the command of `daypass exec`: the person's own, with daypass as helper of Azure's registries.
 * All else of their folder (contexts, plug-ins) is there by links. */
#include <dirent.h>
#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_docker.h"
#include "helper/cmd/exec.h"

static char *own_folder(const struct ctx *ctx)
{
	const char *named = env_get(&ctx->env, "DOCKER_CONFIG"), *home = env_get(&ctx->env, "HOME");
	return named ? str_dup(named) : home ? str_printf("%s/.docker", home) : NULL;
}

static void link_others(const char *from, const char *to)
{
	DIR *d = opendir(from);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || str_starts(e->d_name, "config.json"))
			continue;
		AUTO_STR target = str_printf("%s/%s", from, e->d_name);
		AUTO_STR name = str_printf("%s/%s", to, e->d_name);
		if (symlink(target, name) < 0) /* what is missing there is as on a fresh machine */
			continue;
	}
	if (d)
		closedir(d);
}

/* Nothing else keeps passwords there: then daypass can be asked about every registry, and says no to those it does not
 * know, which are pulled from anonymously as before. */
static bool may_be_store(const struct buf *text, const struct creds *c)
{
	struct json_member m;
	size_t at = 0;
	while (c->auths.value.from && json_next_member(text->p, c->auths.value, &at, &m))
		if (creds_holds_secret(text, m.value))
			return false;
	return !c->store.value.from;
}

static bool write_lines(const struct ctx *ctx, const char *path, struct buf *text, struct err *err)
{
	struct creds c;
	AUTO_REGISTRIES r = {0};
	if (!creds_look(path, text, &c, err))
		return false;
	bool store = may_be_store(text, &c);
	registries_find(ctx, text, &c, false, &r);
	for (size_t i = 0; i < r.count; i++)
		if (!creds_put(path, text, r.list[i].host, err))
			return false;
	return !store || creds_put(path, text, NULL, err);
}

char *exec_docker(struct exec *x)
{
	struct err err = ERR_INIT;
	AUTO_STR from = own_folder(x->ctx);
	AUTO_STR path = str_printf("%s/config.json", from ? from : "");
	AUTO_BUF text = buf_new(CHANGE_MAX_BYTES);
	errno = 0;
	bool fine = !from || file_read(path, &text, NULL, ERR_CONFIG, &err) || errno == ENOENT;
	if (!fine || !write_lines(x->ctx, path, &text, &err)) {
		buf_addf(&x->says, "exec: docker does not ask daypass: %s\n", err.msg);
		return NULL;
	}
	char *folder = exec_subfolder(x, "docker");
	if (folder && !exec_write(folder, "config.json", &text)) {
		free(folder);
		return NULL;
	}
	if (folder && from)
		link_others(from, folder);
	return folder;
}
