/* What a client asks for, in the terms that every protocol shares. */
#ifndef DAYPASS_REQUEST_H
#define DAYPASS_REQUEST_H

#include <stdbool.h>

#include "helper/core/config.h"

enum request_kind { REQUEST_GIT, REQUEST_DOCKER, REQUEST_KUBE, REQUEST_RESOURCE };
enum request_action { ACTION_NONE, ACTION_GET, ACTION_STORE, ACTION_ERASE, ACTION_CAPABILITY, ACTION_LIST, ACTION_VERSION };

/* All strings owned; NULL where the client did not say. */
struct request {
	enum request_kind kind;
	enum request_action action;
	int port;			   /* 0: the scheme's own */
	char *scheme, *host, *path, *user; /* host in lower case; path decoded, without '/' at its ends */
	char *resource;			   /* REQUEST_RESOURCE, REQUEST_KUBE: the resource's id */
	/* What the client itself says of the identity (REQUEST_KUBE), KEY_COUNT settings with their origins; or NULL: */
	struct setting *settings;
	char *claims; /* REQUEST_RESOURCE: what a service wants of the next token (a challenge), as JSON; or NULL */
	bool insecure; /* the client does not check who that server is (REQUEST_KUBE) */
	bool blank;   /* and nothing else counts: no configured identity is beneath */
	char *tenant; /* REQUEST_RESOURCE: the tenant wanted, over the identity's own; REQUEST_KUBE: the one that its server is
		       * of, where settings leave the identity to us */
};

#define AUTO_REQUEST CLEANUP(request_free) struct request

void request_free(struct request *r);
/* Over https, on its own port: where tokens may go. */
bool request_is_plain_https(const struct request *r);
/* The Azure DevOps organization a git request is about: first part of the path, else a user name that can be one, or
 * the label of ORG.visualstudio.com. NULL where it cannot be told; owned. */
char *request_organization(const struct request *r);

#endif
