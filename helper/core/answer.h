/* Was this answer the service's own, in JSON? Proxies, portals and sign-in pages answer too. */
#ifndef DAYPASS_ANSWER_H
#define DAYPASS_ANSWER_H

#include <stdbool.h>

#include "helper/base/http.h"
#include "helper/base/json.h"

/* The parsed body of any status that carries JSON; free with json_free. False (ERR_NETWORK) with the hop that probably
 * answered instead: a redirect (never followed: it would carry the credential along), a web page, something else. who
 * names the service in the message. */
bool answer_json(const struct http_response *r, const char *who, struct json **out, struct err *err);
/* The failing line for an answer that is not of this format ("XML") as who gives it. Returns false. */
bool answer_strange(const struct http_response *r, const char *who, const char *format, struct err *err);
/* Seconds to wait by a Retry-After header (a number or an HTTP date), at most 3,600; fallback where there is none. */
int64_t answer_retry_after(const struct http_response *r, int64_t now, int64_t fallback);

#endif
