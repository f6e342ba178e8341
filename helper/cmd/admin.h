/* Calls to Microsoft's management interfaces (Graph, Resource Manager, Azure DevOps) as whoever may administer: the
 * identity that --identity names behind the command, by default the log-in of the real az. */
#ifndef DAYPASS_ADMIN_H
#define DAYPASS_ADMIN_H

#include "helper/base/json.h"
#include "helper/core/ctx.h"
#include "helper/core/flow.h"

#define GRAPH "https://graph.microsoft.com"

struct admin {
	struct ctx *ctx;
	const char *name;	  /* --identity, borrowed; NULL: az's log-in */
	char *who;		  /* for messages: "identity ops", "az's log-in" */
	struct flow_result token; /* for one resource; kept in the cache as any other */
	char continuation[256];	  /* of the last answer: the next page's token, "" where there is none */
	long status;		  /* of the last answer, also of a refusal; 0 where none came */
	int64_t retry_after;	  /* of the last answer, seconds; -1 where it does not say */
};

#define AUTO_ADMIN CLEANUP(admin_close) struct admin

/* Get the token. name: what --identity says, or NULL; resource as `daypass token` takes it. Sets the deadline. */
bool admin_open(struct ctx *ctx, const char *name, const char *resource, struct admin *out, struct err *err);
void admin_close(struct admin *a);

struct admin_call {
	const char *method, *url, *service; /* service: for messages, "Microsoft Graph" */
	const struct buf *body;		    /* JSON, or NULL */
	const char *header;		    /* one more, or NULL */
	struct buf *raw;		    /* gets the answer's text too, or NULL */
};

/* One call. out: the JSON of a 2xx or 404 answer (NULL where it has no body), free with json_free; status: which it was. False:
 * ERR_POLICY where it may not do that (401, 403: exit 4, and people are then told what to compare), ERR_THROTTLED (429),
 * ERR_REFUSED with the service's own words for any other status, ERR_NETWORK. */
bool admin_do(struct admin *a, const struct admin_call *c, long *status, struct json **out, struct err *err);

#endif
