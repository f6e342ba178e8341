/* AKS identity bindings: in a pod whose environment names a token proxy, the exchange goes through it, to the same
 * path. Source: azure-workload-identity and azidentity (AZURE_KUBERNETES_TOKEN_PROXY and companions). */
#ifndef DAYPASS_BINDING_H
#define DAYPASS_BINDING_H

#include <stdbool.h>

#include "helper/core/ctx.h"
#include "helper/core/plan.h"

/* What the changed request points to; lives as long as the request. */
struct binding {
	char *url, *connect_to, *host;
	struct buf ca;
};

#define AUTO_BINDING CLEANUP(binding_free) struct binding

/* Change q where a binding applies: only with the identity and token file that the pod's environment gave, and only
 * inside a pod: elsewhere a stray variable must not send our assertion to a host of its choice. False where the
 * variables contradict each other. */
bool binding_apply(const struct ctx *ctx, const struct plan *p, struct http_request *q, struct binding *out, struct err *err);
void binding_free(struct binding *b);

#endif
