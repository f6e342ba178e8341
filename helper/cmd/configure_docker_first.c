/* What is asked before the file that we write: a variable, an earlier file, another program of our name. */
#include <errno.h>
#include <stdarg.h>

#include "helper/base/file.h"
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_docker.h"

void say_line(struct buf *to, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	size_t size = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
	AUTO_STR line = mem_alloc(size);
	vsnprintf(line, size, fmt, again);
	va_end(again);
	va_end(ap);
	err_clean(line);
	log_mask(line);
	buf_addf(to, "%s\n", line);
}

void warn_helper(const struct ctx *ctx, const char *engine, struct buf *warnings)
{
	AUTO_STR own = program_own_path();
	AUTO_STR found = proc_find(&ctx->env, "docker-credential-daypass", false);
	const char *from = own ? own : "the program daypass";
	if (!found)
		say_line(warnings, "warning: there is no docker-credential-daypass on PATH, so %s cannot ask daypass: make install, or: ln -s %s /usr/local/bin/docker-credential-daypass", engine, from);
	else if (own && !program_is_own(found))
		say_line(warnings, "warning: %s is not this program, but %s will ask it: make install, or: ln -sf %s %s", found, engine, from, found);
}

static bool docker_first(const struct ctx *ctx, const char *path UNUSED, const struct registries *r, struct buf *warnings UNUSED, struct err *err)
{
	const char *text = env_get(&ctx->env, "DOCKER_AUTH_CONFIG");
	AUTO_JSON j = text ? json_parse(text, strlen(text)) : NULL; /* docker does not use what is no JSON either */
	for (size_t i = 0; j && i < r->count; i++) {
		if (!json_get(json_get(j, "auths"), r->list[i].host))
			continue;
		err_set(err, ERR_CONFIG, NULL, "docker takes the credential for %s from the variable DOCKER_AUTH_CONFIG, before it asks anybody", r->list[i].host);
		return err_hint(err, "unset DOCKER_AUTH_CONFIG, or take %s out of it", r->list[i].host);
	}
	return true;
}

static char *docker_path(const struct ctx *ctx, struct err *err)
{
	const char *named = env_get(&ctx->env, "DOCKER_CONFIG"), *home = env_get(&ctx->env, "HOME");
	if (named)
		return str_printf("%s/config.json", named);
	if (home)
		return str_printf("%s/.docker/config.json", home);
	err_set(err, ERR_CONFIG, "set HOME, or name the file: --file FILE", "HOME is not set, so docker's file ~/.docker/config.json cannot be found");
	return NULL;
}

const struct engine engine_docker = {"docker", docker_path, docker_first, docker_put_all, docker_cut_all};

static char *podman_own(const struct ctx *ctx)
{
	const char *base = env_get(&ctx->env, "XDG_CONFIG_HOME"), *home = env_get(&ctx->env, "HOME");
	return base ? str_printf("%s/containers/auth.json", base) : home ? str_printf("%s/.config/containers/auth.json", home) : NULL;
}

/* Not the one in the runtime folder, where `podman login` writes: it does not outlive the session. */
static char *podman_path(const struct ctx *ctx, struct err *err)
{
	const char *named = env_get(&ctx->env, "REGISTRY_AUTH_FILE");
	char *path = named ? str_dup(named) : podman_own(ctx);
	if (!path)
		err_set(err, ERR_CONFIG, "set HOME, or name the file: --file FILE", "HOME is not set, so podman's file ~/.config/containers/auth.json cannot be found");
	return path;
}

/* A password for the registry, or for a part of it. */
static bool password_first(const char *path, const struct buf *text, const struct creds *c, const char *host, struct err *err)
{
	struct json_member m;
	if (!creds_next_secret(text, c, host, &(size_t){0}, &m))
		return true;
	err_set(err, ERR_CONFIG, NULL, "%s is read first, and holds a password for %s: podman would go on using it", path, host);
	return err_hint(err, "podman logout --authfile %s %s", path, host);
}

static bool gives_elsewhere(const char *path, const struct buf *text, const char *host, struct json_span helper, struct err *err)
{
	AUTO_STR name = creds_name(text, helper);
	err_set(err, ERR_CONFIG, NULL, "%s is read first, and gives %s to another helper: %s", path, host, name ? name : "its name is not shown");
	return err_hint(err, "take the line of %s out of credHelpers in %s", host, path);
}

/* An earlier file must not speak for these registries, or for daypass. */
static bool earlier_is_silent(const char *path, const struct registries *r, struct buf *warnings, struct err *err)
{
	AUTO_BUF text = buf_new(CHANGE_MAX_BYTES);
	struct creds c;
	struct err why = ERR_INIT;
	errno = 0;
	if (!file_read(path, &text, NULL, ERR_CONFIG, &why) && errno == ENOENT)
		return true;
	if (why.kind || !creds_look(path, &text, &c, &why)) {
		say_line(warnings, "warning: podman reads %s first, and may stumble over it: %s", path, why.msg);
		return true;
	}
	for (size_t i = 0; i < r->count; i++) {
		struct json_member m = {0};
		const char *host = r->list[i].host;
		if (!creds_find(path, &text, &c, host, &m, err))
			return false;
		if (m.value.from && !creds_says(&text, m.value, "daypass"))
			return gives_elsewhere(path, &text, host, m.value, err);
		if (!m.value.from && !password_first(path, &text, &c, host, err))
			return false;
	}
	return true;
}

static bool podman_first(const struct ctx *ctx, const char *path, const struct registries *r, struct buf *warnings, struct err *err)
{
	const char *named = env_get(&ctx->env, "REGISTRY_AUTH_FILE"), *runtime = env_get(&ctx->env, "XDG_RUNTIME_DIR");
	AUTO_STR login = named ? str_dup(named) : runtime ? str_printf("%s/containers/auth.json", runtime) : str_printf("/run/containers/%u/auth.json", (unsigned)getuid());
	AUTO_STR own = podman_own(ctx);
	AUTO_STR docker = docker_path(ctx, NULL);
	const char *const order[] = {login, own, docker};
	for (size_t i = 0; i < COUNT_OF(order) && order[i]; i++) {
		if (file_same(order[i], path))
			return true;
		if (!earlier_is_silent(order[i], r, warnings, err))
			return false;
	}
	say_line(warnings, "note: podman reads %s only where it is named: --authfile, or REGISTRY_AUTH_FILE", path);
	return true;
}

const struct engine engine_podman = {"podman", podman_path, podman_first, podman_put_all, podman_cut_all};
