/* A token and its times. */
#ifndef DAYPASS_TOKEN_H
#define DAYPASS_TOKEN_H

#include <stdint.h>

#include "helper/base/buf.h"

/* A signed token with its claims, and a long one: Entra's reach 10 KiB with many groups, Kubernetes' 4 KiB. */
enum { TOKEN_MAX = 64 * 1024 };

/* Times are seconds since 1970, by our clock; 0 where not known. */
struct token {
	struct secret value;
	int64_t issued_at, expires_at, refresh_at;
};

#define AUTO_TOKEN CLEANUP(token_free) struct token

static inline struct token token_new(void)
{
	return (struct token){.value = secret_new(TOKEN_MAX)};
}

static inline void token_free(struct token *t)
{
	secret_free(&t->value);
}

#endif
