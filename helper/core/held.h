/* Everything that is held, in both tiers: for `cache list`, `cache clear` and `logout`. */
#ifndef DAYPASS_HELD_H
#define DAYPASS_HELD_H

#include "helper/core/ctx.h"

/* What clients gave us to keep is found again by its schema and, git's, by the end of its label; docker's by an attribute
 * that only we give: its own helper takes the label for the server's name. */
#define HELD_GIT_SCHEMA "org.git.Password"
#define HELD_LABEL " (daypass)"
#define HELD_DOCKER_SCHEMA "io.docker.Credentials"
#define HELD_DOCKER_MARK "app"

/* One token, or one credential that a client gave (identity NULL). All owned. */
struct held {
	unsigned char id[STORE_ID];
	char *what;	/* the resource's id or the registry; "Git: https://HOST/PATH", "Docker: SERVER" */
	char *identity, *tenant, *client_id, *source;
	char *user;	/* of a credential */
	int64_t expires_at; /* 0 where unknown */
	bool runtime, keyring;
};

struct held_list {
	struct held *rows;
	size_t count;
	enum keyring_answer keyring; /* whether the keyring could be looked through */
};

#define AUTO_HELD CLEANUP(held_free) struct held_list

void held_free(struct held_list *l);
/* What is held and has not expired. */
void held_find(const struct ctx *ctx, struct held_list *out);
/* Forget the tokens of that identity (NULL: of all, and every failure), in both tiers. How many; *keyring says whether
 * that tier took part. */
size_t held_clear(const struct ctx *ctx, const char *identity, enum keyring_answer *keyring);
/* Forget every token at once, by revoking the wrapping key, then delete them, in all folders and of all versions; with
 * `all` the credentials too that clients gave us. Even where settings say that nothing is kept now. */
size_t held_logout(const struct ctx *ctx, bool all, enum keyring_answer *keyring);

#endif
