/* Everything with an effect, in one place, handed down: tests replace any of it. */
#ifndef DAYPASS_CTX_H
#define DAYPASS_CTX_H

#include "helper/base/clock.h"
#include "helper/base/env.h"
#include "helper/base/http.h"
#include "helper/base/keyring.h"
#include "helper/base/proc.h"
#include "helper/core/config.h"
#include "helper/core/source.h"
#include "helper/core/store.h"

struct ctx {
	struct http *http;
	struct clock *clock;
	struct store *store;
	struct store *runtime;	/* the runtime tier even where store keeps nothing: for what clears it */
	struct keyring *keyring; /* only through store_keyring.h; NULL: there is none */
	struct proc *proc;
	struct env env;
	const struct config *config;
	const struct source *const *sources; /* NULL-terminated; the order is that of `source = auto` */
	const char *identity;		     /* --identity, or NULL */
	int in, out;			     /* the client's stdin and stdout */
	int64_t deadline_ms;		     /* clock.mono_ms by which the whole request must be over */
	int64_t min_left; /* seconds: a kept token with less left is renewed before it is served, if it can be; 0: none */
};

#endif
