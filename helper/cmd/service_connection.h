/* What the verbs of `daypass service-connection` share: an Azure DevOps organization's connections to Azure Resource Manager, by
 * its REST interface (serviceendpoint, 7.1). Source: azure-devops-docs, and Microsoft's own script that converts them. */
#ifndef DAYPASS_SERVICE_CONNECTION_H
#define DAYPASS_SERVICE_CONNECTION_H

#include "helper/cmd/admin.h"
#include "helper/cmd/cmd.h"

enum { CONNECTIONS_MAX = 10000, CONNECTION_BYTES = 128 * 1024 };

/* Whom is asked, as whom, and about which project. Borrowed from argv unless said. */
struct organization {
	struct admin admin;
	char *name;	     /* owned */
	const char *project; /* NULL: all of them */
};

#define AUTO_ORGANIZATION CLEANUP(organization_close) struct organization

/* A connection, as the interface returns it: issuer and subject are never composed here. All owned; NULL where absent,
 * but for the name: the id stands in its place. */
struct connection {
	char *id, *name, *scheme, *creation, *issuer, *subject, *client, *tenant, *deadline, *state, *message;
	char *owner, *owner_id; /* the project that it was made in: the first reference, as Microsoft's scripts read it */
	bool shared, ready;
};

struct connections {
	struct connection *rows;
	size_t count;
};

#define AUTO_CONNECTIONS CLEANUP(connections_free) struct connections

void organization_close(struct organization *o);
void connection_free(struct connection *c);
void connections_free(struct connections *l);

/* Every project's name and id, page by page: calls take for each until that is false. */
bool organization_projects(struct organization *o, bool (*take)(struct organization *, const char *name, const char *id, void *user, struct err *), void *user, struct err *err);
/* The connections of the project, or of all; one that several projects share stands there once. */
bool organization_connections(struct organization *o, struct connections *out, struct err *err);
/* The one of that name or id; ERR_CONFIG where there is none, or several of that name. out: free with connection_free. */
bool organization_find(struct organization *o, const char *name, struct connection *out, struct err *err);
/* Read it again from its own project; text gets the whole object as it is, where it is not NULL. */
bool connection_read(struct organization *o, const char *project, const char *id, struct connection *out, struct buf *text, struct err *err);
void connection_take(struct connection *out, const struct json *j);
/* "https://dev.azure.com/ORG[/PROJECT]/_apis/" with the rest behind it; owned. */
char *organization_url(const struct organization *o, const char *project, const char *rest);

/* What is to be done about it, in a few words: NULL where nothing is. */
const char *connection_flag(const struct connection *c);
bool connection_is_federated(const struct connection *c);
void connection_show(const struct connection *c, struct buf *out);

/* The verbs. argv is behind the verb. */
int connection_list(struct ctx *ctx, struct organization *o, int argc, char **argv);
int connection_convert(struct ctx *ctx, struct organization *o, int argc, char **argv);
int connection_revert(struct ctx *ctx, struct organization *o, int argc, char **argv);
int connection_create(struct ctx *ctx, struct organization *o, int argc, char **argv);

#endif
