/* What tokens are for: the ids of Azure's services. */
#ifndef DAYPASS_RESOURCE_H
#define DAYPASS_RESOURCE_H

#include <stdbool.h>

#include "helper/base/err.h"

/* Azure DevOps' resource id in every cloud that has it. Source: Microsoft's "authenticate with Entra" page. */
#define RESOURCE_AZURE_REPOS "499b84ac-1321-427f-aa17-267ca6975798"
/* Azure Container Registry's, good for registries only, in every cloud. Source: the service team's answer in
 * azure-sdk-for-net #34785, and the Python and Go SDKs that changed to it. */
#define RESOURCE_REGISTRY "https://containerregistry.azure.net"
/* The API servers' of AKS and of Arc-enabled clusters, in every cloud. Source: Azure/kubelogin's documentation. */
#define RESOURCE_AKS "6dae42f8-4368-4678-94ff-3960e28e3630"
#define RESOURCE_ARC "6256c85f-0aad-4d50-b960-e6e9b21efe35"

/* May Entra be asked for it as it is: an App ID URI or a GUID, at most 600 bytes? (The SDKs' own set of letters.) */
bool resource_ok(const char *resource);
/* The same, without regard to letter case and slashes at the end? */
bool resource_same(const char *a, const char *b);
/* Is it among these, with blanks between them? */
bool resource_listed(const char *list, const char *resource);
/* What a scope is for: all before "/.default", so a resource that ends in a slash keeps it. Owned; NULL (ERR_USAGE) for
 * any other scope: with client credentials Entra takes no single permission. Source: its "client credentials" page. */
char *resource_of_scope(const char *scope, struct err *err);
/* A name for people where we know one, else the id itself. Borrowed. */
const char *resource_name(const char *resource);

#endif
