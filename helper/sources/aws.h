/* The parts of the source aws: whose keys sign, the end points of the machine that give them, and the calls of STS. */
#ifndef DAYPASS_SOURCES_AWS_H
#define DAYPASS_SOURCES_AWS_H

#include "helper/base/json.h"
#include "helper/sources/common.h"

/* --- keys (aws_credentials.c) --- */

struct aws_keys {
	struct secret pair;    /* "ACCESS_KEY_ID:SECRET_ACCESS_KEY" */
	struct secret session; /* the session token; empty with keys of a user, who has none */
	char *from;	       /* where they come from, for messages; owned */
};

#define AUTO_AWS_KEYS CLEANUP(aws_keys_free) struct aws_keys

struct aws_keys aws_keys_new(void);
void aws_keys_free(struct aws_keys *k);
/* Take what the variables or an answer of STS hold. session may be NULL. from names where they come from, also in the
 * message where one of them is missing or cannot be a key. */
bool aws_keys_set(struct aws_keys *k, const char *id, const char *secret, const char *session, const char *from, struct err *err);
/* Take them from JSON as metadata services and credential processes write it: AccessKeyId, SecretAccessKey, and Token or
 * SessionToken. */
bool aws_keys_take(struct aws_keys *k, const struct json *j, const char *from, struct err *err);

/* Where keys come from, in the order of AWS's own SDKs; a program that the configuration names goes first. */
enum aws_place { AWS_COMMAND, AWS_VARIABLES, AWS_WEB_IDENTITY, AWS_CONTAINER, AWS_IMDS };

/* Which of these it is, by configuration and environment alone. False where it is only half here: why says what is
 * missing. */
bool aws_place(const struct ctx *ctx, const struct identity *id, enum aws_place *out, struct err *why);
/* Add what tells callers of that place apart; see struct source. */
bool aws_place_print(const struct ctx *ctx, const struct identity *id, enum aws_place place, struct buf *out, struct buf *evidence, struct err *err);
/* Get the keys. *region is the region whose STS is asked, or NULL, only with AWS_IMDS: then it becomes the instance's
 * own; owned by the caller. */
bool aws_keys_get(const struct ctx *ctx, const struct identity *id, enum aws_place place, char **region, struct aws_keys *out, struct err *err);

/* --- end points of the machine (aws_machine.c) --- */

/* Keys of an ECS task, an EKS pod or whoever else's AWS_CONTAINER_CREDENTIALS_*_URI this is. */
bool aws_container_keys(const struct ctx *ctx, struct aws_keys *out, struct err *err);
bool aws_container_print(const struct ctx *ctx, struct buf *out, struct buf *evidence, struct err *err);
/* Keys of the instance's role, by IMDSv2 only; *region is asked for where it is NULL. */
bool aws_imds_keys(const struct ctx *ctx, char **region, struct aws_keys *out, struct err *err);
bool aws_imds_print(const struct ctx *ctx, struct buf *out, struct err *err);

/* --- STS (aws_sts.c) --- */

/* A token of that role or user for this audience, at most five minutes old (GetWebIdentityToken). */
bool aws_sts_identity_token(const struct ctx *ctx, const char *region, const struct aws_keys *keys, const char *audience, struct token *out, struct err *err);
/* Keys of a role for the token of somebody whom it trusts (AssumeRoleWithWebIdentity), unsigned. */
bool aws_sts_assume(const struct ctx *ctx, const char *region, const struct token *web, struct aws_keys *out, struct err *err);

/* --- its XML (aws_xml.c) --- */

/* Is this one document with this root element, and nothing but elements and text in it: no document type, comment,
 * CDATA, processing instruction or NUL byte? */
bool aws_xml_is(const struct secret *body, const char *root);
/* The text of the element of that name. False where there is none or more than one, or where it holds an attribute,
 * another element, an entity or a control character: STS writes nothing of this around what we read. */
bool aws_xml_text(const struct secret *body, const char *name, struct secret *out);

#endif
