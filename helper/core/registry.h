/* Azure Container Registry's names. Sources: Microsoft's pages "Azure Container Registry endpoints" (login server,
 * domain name label, regional and data endpoints) and "az acr create". */
#ifndef DAYPASS_REGISTRY_H
#define DAYPASS_REGISTRY_H

#include <stdbool.h>

/* The registry's own name in a login server's: "contoso" of contoso.azurecr.io, 5 to 50 letters and digits, with a hash
 * behind a hyphen where the domain name label has one; and its region's, where the endpoint is regional. Lower case.
 * False for a host whose first labels no registry can have. */
bool registry_host_ok(const char *host);
/* NAME.azurecr.io of NAME.REGION.geo.azurecr.io, else the host itself; owned. */
char *registry_global(const char *host);
/* The registry's own name: "contoso" of contoso.azurecr.io and of contoso-a1b2.eastus.geo.azurecr.io; owned. */
char *registry_name(const char *host);

#endif
