#include "helper/base/env.h"

const char *env_get(const struct env *env, const char *name)
{
	size_t len = strlen(name);
	if (!len) /* what no variable gives */
		return NULL;
	for (char *const *v = env->vars; v && *v; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return (*v)[len + 1] ? *v + len + 1 : NULL;
	return NULL;
}
