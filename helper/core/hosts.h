/* Hosts that are answered for: the rows of hosts.def. */
#ifndef DAYPASS_HOSTS_H
#define DAYPASS_HOSTS_H

#include <stdbool.h>

#include "helper/core/ctx.h"
#include "helper/core/request.h"

struct host_row {
	enum request_kind kind;
	const char *pattern, *cloud, *resource;
	bool by_match;
};

/* The row that a request is about, or NULL. */
const struct host_row *hosts_find(const struct request *r);
/* Is this a host that policy knows for such requests without any configuration? */
bool hosts_known(const struct ctx *ctx, const struct request *r);
/* The host of the pipeline's own organization in an Azure Pipelines job: what SYSTEM_COLLECTIONURI says, in lower case.
 * Owned; NULL elsewhere. */
char *hosts_job(const struct ctx *ctx);
/* Can a [match] on this host pattern (lower case, "*" for a label) ever get a token for such a request? */
bool hosts_serve(enum request_kind kind, const char *pattern);
/* Does a pattern name a domain of its own, two labels at least, before which a "*" may stand? Not "*.io". */
bool hosts_names_domain(const char *pattern);
/* The cloud that a login server's name fixes, or NULL. */
const char *hosts_registry_cloud(const char *host);

#endif
