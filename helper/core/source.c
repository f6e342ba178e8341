#include "helper/core/source.h"

#include "helper/base/str.h"
#include "helper/core/config_check.h"
#include "helper/core/ctx.h"
#include "helper/core/identity.h"

const struct source *source_by_name(const struct source *const *sources, const char *name)
{
	for (; *sources; sources++)
		if (str_eq((*sources)->name, name))
			return *sources;
	return NULL;
}

bool source_unknown(const struct source *const *sources, const char *name, const char *origin, struct err *err)
{
	const char *names[64];
	AUTO_BUF all = buf_new(sizeof err->hint);
	size_t n = 0;
	for (; sources[n] && n < COUNT_OF(names); n++) {
		names[n] = sources[n]->name;
		buf_addf(&all, "%s%s", n ? ", " : "", names[n]);
	}
	const char *near = config_near(name, names, n);
	err_set(err, ERR_CONFIG, NULL, "%s: source = %s: there is no such source", origin, name);
	return err_hint(err, near ? "did you mean '%s'?" : "the sources are: auto, %s", near ? near : all.p);
}

bool source_in_job(const struct ctx *ctx)
{
	struct identity nobody = {0};
	struct err ignored;
	bool yes = true;
	const char *ci = env_get(&ctx->env, "CI");
	if (ci && (!str_to_bool(ci, &yes) || yes))
		return true;
	for (const struct source *const *s = ctx->sources; *s; s++)
		if ((*s)->automatic == AUTO_JOB && (*s)->detect(ctx, &nobody, &ignored) != SOURCE_ABSENT)
			return true;
	return false;
}
