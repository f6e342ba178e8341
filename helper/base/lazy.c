#include "helper/base/lazy.h"

#include <dlfcn.h>

#include "helper/base/log.h"

bool lazy_load(const struct lazy_lib *lib, void **table, struct err *err)
{
	void *handle = dlopen(lib->soname, RTLD_LAZY | RTLD_LOCAL);
	if (!handle) {
		err_set(err, ERR_INTERNAL, NULL, "%s is needed %s and cannot be opened: %s", lib->soname, lib->purpose, dlerror());
		return err_hint(err, "install it: apt install %s", lib->package);
	}
	for (size_t i = 0; i < lib->count; i++) {
		table[i] = dlsym(handle, lib->names[i]);
		if (!table[i]) {
			err_set(err, ERR_INTERNAL, NULL, "%s is too old: it has no %s", lib->soname, lib->names[i]);
			return err_hint(err, "upgrade it: apt install %s", lib->package);
		}
	}
	log_trace("opened %s", lib->soname);
	return true;
}
