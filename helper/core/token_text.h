/* Access tokens as programs take them: what the Azure CLI, azd and kubectl's plugins print. Shared by the faces and by
 * `daypass token --format`. */
#ifndef DAYPASS_TOKEN_TEXT_H
#define DAYPASS_TOKEN_TEXT_H

#include <stdbool.h>

#include "helper/base/err.h"
#include "helper/core/token.h"

/* May it be written as it is into a header, into JSON or for a shell? False (ERR_NETWORK) where it holds other bytes than
 * a bearer token has. */
bool token_text_ok(const struct token *t, struct err *err);
/* "2026-11-23T12:11:14Z" into out[24]: RFC 3339 without fraction or offset, which azd's consumers insist on. */
void token_text_utc(char out[24], int64_t wall);
/* "2026-11-23 12:08:39.000000" into out[40]: az's expiresOn, in the local time of the caller's TZ. */
void token_text_local(char out[40], int64_t wall);
/* What `az account get-access-token` prints (azure-cli 2.91, captured): two blanks in, keys sorted, one line end.
 * subscription or tenant NULL are left out. */
void token_text_az(struct buf *out, const struct token *t, const char *subscription, const char *tenant);
/* What `azd auth token --output json` prints. Source: azure-dev, cli/azd/cmd/auth_token.go. */
void token_text_azd(struct buf *out, const struct token *t);
/* kubectl's ExecCredential in that version; its expiry a margin before the token's end: client-go asks again only when
 * that has passed. */
void token_text_exec_credential(struct buf *out, const struct token *t, const char *version);

#endif
