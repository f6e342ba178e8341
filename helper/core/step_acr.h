/* The step after Entra for a registry: an access token in, the registry's refresh token out, by one POST to the login
 * server itself. No challenge is asked for, no realm believed, no redirect followed. Sources: Azure/acr
 * docs/AAD-OAuth.md, and what Microsoft's SDKs and kubelet's provider send (protocols/docker.md). */
#ifndef DAYPASS_STEP_ACR_H
#define DAYPASS_STEP_ACR_H

#include "helper/core/exchange.h"

/* One request to p->registry. False with err->denied where the registry refused us; failure says what may help.
 * out gets the refresh token, its life by its own claims, and half of that as the time to renew it. */
bool step_acr(const struct ctx *ctx, const struct plan *p, const struct token *entra, struct token *out,
	      struct exchange_failure *failure, struct err *err);

#endif
