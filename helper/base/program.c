#include "helper/base/program.h"

#include <limits.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "helper/base/proc.h"
#include "helper/base/str.h"

/* How we were started: works where /proc is not there. The working directory has not changed since. */
static const char *started_as(void)
{
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	return path ? path : "";
}

char *program_own_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	/* Replaced while we run: the kernel then says "PATH (deleted)". */
	return path[0] == '/' && access(path, X_OK) == 0 ? str_dup(path) : realpath(started_as(), NULL);
}

bool program_is_own(const char *path)
{
	struct stat own, st;
	if (!path || (stat("/proc/self/exe", &own) < 0 && stat(started_as(), &own) < 0))
		return false;
	return stat(path, &st) == 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino;
}

/* PATH behind the first folder that leads to us; all of it where none does. */
static const char *behind_us(const char *path, const char *name)
{
	const char *rest = path;
	for (;;) {
		AUTO_STR found = proc_find_next(&rest, name, false);
		if (!found)
			return path;
		if (program_is_own(found))
			return rest;
	}
}

char *program_behind(const struct env *env, const char *name)
{
	const char *path = env_get(env, "PATH");
	const char *rest = path ? behind_us(path, name) : NULL;
	char *found;
	while ((found = proc_find_next(&rest, name, false)) != NULL && program_is_own(found))
		free(found);
	return found;
}

char *program_depth(const struct env *env, const char *next, struct err *err)
{
	int64_t depth = 0;
	str_to_int(env_get(env, SHIM_DEPTH), 99, &depth);
	if (++depth < SHIM_DEEPEST)
		return str_printf(SHIM_DEPTH "=%lld", (long long)depth);
	AUTO_STR own = program_own_path();
	err_set(err, ERR_CONFIG, NULL, "%s and %s hand on to one another: neither is the real one", own ? own : "daypass", next);
	err_hint(err, "take one of them off PATH: daypass shim check");
	return NULL;
}
