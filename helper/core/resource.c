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
