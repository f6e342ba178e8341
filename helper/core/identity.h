/* Who we are to Entra: settings from configuration and environment, each with its origin. */
#ifndef DAYPASS_IDENTITY_H
#define DAYPASS_IDENTITY_H

#include <stdbool.h>

#include "helper/core/cloud.h"
#include "helper/core/config.h"

struct ctx;

/* How GCM's, azurerm's and other peers' variables are read: one family, whole or not at all. */
struct identity {
	char *name;	/* "default", or the family's name, "AZURE_*" */
	char *origin;	/* "FILE:LINE" or the variables that gave it */
	bool from_env;	/* from peers' variables: exists only where a source is present too */
	bool command_ok; /* settings that are commands come from a file owned by us or root */
	struct setting set[KEY_COUNT];
};

#define AUTO_IDENTITY CLEANUP(identity_free) struct identity

void identity_free(struct identity *id);
/* The setting's value, or its default from keys.def; NULL where that is empty. Borrowed. */
const char *identity_get(const struct identity *id, enum key key);
/* Where the setting was made; "default" where nowhere. Borrowed. */
const char *identity_origin(const struct identity *id, enum key key);

/* The identity of that name from the files, with DAYPASS_* variables over it. False where there is none (err->kind
 * ERR_NONE) or a variable is wrong. */
bool identity_named(const struct ctx *ctx, const char *name, struct identity *out, struct err *err);
/* The same without any variable over it: one that serves another, and was not chosen by whoever set the variables. */
bool identity_section(const struct ctx *ctx, const char *name, struct identity *out);
/* From DAYPASS_* variables alone, else from the first family of peers' variables that is whole; own is the face's own
 * family (e.g. identity_gcm), tried before the others, or NULL. False with ERR_NONE where nobody is named. */
typedef bool (*identity_family)(const struct ctx *ctx, struct identity *out, struct err *err);
bool identity_from_env(const struct ctx *ctx, identity_family own, struct identity *out, struct err *err);
/* GCM_AZREPOS_WIF*: Git Credential Manager's variables, for git. */
bool identity_gcm(const struct ctx *ctx, struct identity *out, struct err *err);

/* Put what a client said over it: KEY_COUNT settings with their origins. */
bool identity_overlay(struct identity *id, const struct setting *set, struct err *err);
/* A token host that a client or a variable names: a built-in cloud's becomes KEY_CLOUD; any other must stand in a
 * configuration file as some identity's authority, and becomes KEY_AUTHORITY. False (ERR_POLICY) for a stranger's. */
bool identity_set_authority(const struct ctx *ctx, struct setting *set, const char *value, const char *origin, struct err *err);

/* The built-in cloud that it is of, however its authority is written; NULL for one of nobody's that we know. */
const struct cloud *identity_cloud(const struct identity *id);
/* "https://HOST[:PORT]" of the token endpoint, and the audience to ask the source for; false where tenant or client id
 * are missing although an exchange needs them, or a variable names an authority that nobody vouched for. */
bool identity_authority(const struct identity *id, char **authority, char **audience, struct err *err);

#endif
