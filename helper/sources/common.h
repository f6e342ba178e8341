/* What several sources share: tokens in variables and files, and the fingerprints of both. */
#ifndef DAYPASS_SOURCES_COMMON_H
#define DAYPASS_SOURCES_COMMON_H

#include "helper/core/ctx.h"
#include "helper/core/identity.h"
#include "helper/core/source.h"

/* Take text as an external token: trimmed of blanks, line ends, quotes and byte order mark, and a
 * JWT: the message names what it is not (what: "the file /x"). */
bool token_take(const char *text, size_t len, const char *what, struct token *out, struct err *err);
/* The token that a variable holds. */
bool token_from_variable(const struct ctx *ctx, const char *name, struct token *out, struct err *err);
/* What a variable holds that goes into a request's header (a job's request token): one line, and no more than a token may be.
 * The message names the variable. */
bool secret_from_variable(const struct ctx *ctx, const char *name, struct secret *out, struct err *err);
/* The token within what a program or service says: the text itself, or of a JSON object the member `field`, or (NULL) the first
 * of those that helpers use (id_token, token, value, oidcToken). Its "message" is told where there is none. */
bool token_from_text(const char *text, size_t len, const char *what, const char *field, struct token *out, struct err *err);
/* The same of an answer with status 200; any other, and a web page, is told with who answered. */
bool token_from_answer(const struct http_response *r, const char *who, const char *field, struct token *out, struct err *err);
/* iss and sub of a JWT as the fingerprint, its hash as the evidence. */
bool token_print(const struct token *t, const char *what, struct buf *out, struct buf *evidence, struct err *err);
/* Read a file that holds a secret: ours or root's, and nobody else may read it (the group of root's file aside, or we
 * could not). */
bool private_read(const char *path, struct buf *out, struct err *err);
/* Add a hash of a secret and a plain part, for sources whose caller is known by a request token. */
void hash_print(struct buf *out, const char *secret, const char *plain);
/* Say what is missing; returns SOURCE_ABSENT or SOURCE_BROKEN as given. */
enum source_state source_say(enum source_state state, struct err *why, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
