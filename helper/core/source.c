#include "helper/core/source.h"

#include "helper/base/str.h"
#include "helper/core/config_check.h"

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
