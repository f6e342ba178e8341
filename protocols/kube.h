/* What the parts of kubectl's protocol share: kube.c speaks it, kube_flags.c reads what Azure/kubelogin reads. */
#ifndef DAYPASS_KUBE_H
#define DAYPASS_KUBE_H

#include "protocols/protocol.h"

struct words {
	int argc;
	char *const *argv;
};

/* Read the flags of get-token, and the variables that go with them, into the request: server id, what is said of the
 * identity, and with which precedence. drop_in: under the name kubelogin, where variables go before flags. Source:
 * Azure/kubelogin 0.2, pkg/internal/token/options.go and its documentation. */
bool kube_flags(const struct ctx *ctx, bool drop_in, struct words w, struct request *r, struct exchange_state *s, struct err *err);

#endif
