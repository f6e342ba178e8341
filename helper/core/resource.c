#include "helper/core/resource.h"

#include "helper/base/str.h"

const char *resource_name(const char *resource)
{
	static const struct {
		const char *resource, *name;
	} rows[] = {{RESOURCE_AZURE_REPOS, "Azure Repos"}, {RESOURCE_REGISTRY, "Azure Container Registry"}, {RESOURCE_AKS, "AKS"}, {RESOURCE_ARC, "Arc-enabled Kubernetes"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (str_eq(rows[i].resource, resource))
			return rows[i].name;
	return resource;
}

bool resource_ok(const char *resource)
{
	size_t n = resource ? strspn(resource, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/~-") : 0;
	return n && n <= 600 && !resource[n];
}

static size_t bare(const char *resource)
{
	size_t n = strlen(resource);
	while (n && resource[n - 1] == '/')
		n--;
	return n;
}

bool resource_same(const char *a, const char *b)
{
	size_t n = bare(a);
	return n == bare(b) && strncasecmp(a, b, n) == 0;
}

bool resource_listed(const char *list, const char *resource)
{
	return str_listed(list, resource, resource_same);
}

char *resource_of_scope(const char *scope, struct err *err)
{
	static const char end[] = "/.default";
	size_t n = strlen(scope);
	if (n > strlen(end) && str_ends(scope, end) && resource_ok(scope))
		return str_ndup(scope, n - strlen(end));
	err_set(err, ERR_USAGE, NULL, "the scope %.200s is no resource with /.default behind it, and a client's own credential gets no other", scope);
	err_hint(err, "for example: https://vault.azure.net/.default");
	return NULL;
}
