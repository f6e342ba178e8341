#include "helper/core/registry.h"

#include "helper/base/str.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

enum { NAME_MIN = 5, NAME_MAX_LEN = 50, LABEL_MAX = 63 };

static const char geo[] = ".geo.";

bool registry_host_ok(const char *host)
{
	size_t name = strspn(host, ALNUM);
	const char *rest = host + name;
	if (name < NAME_MIN || name > NAME_MAX_LEN)
		return false;
	if (*rest == '-') {
		size_t hash = strspn(rest + 1, ALNUM);
		if (!hash)
			return false;
		rest += 1 + hash;
	}
	if (*rest != '.' || rest - host > LABEL_MAX)
		return false;
	const char *region = strstr(rest, geo);
	return !region || (region > rest + 1 && region - rest - 1 <= LABEL_MAX && strspn(rest + 1, ALNUM) == (size_t)(region - rest - 1));
}

char *registry_global(const char *host)
{
	const char *region = strstr(host, geo);
	return region ? str_printf("%.*s.%s", (int)strcspn(host, "."), host, region + strlen(geo)) : str_dup(host);
}

char *registry_name(const char *host)
{
	return str_ndup(host, strcspn(host, ".-"));
}
