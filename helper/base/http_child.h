/* An HTTP transfer in a child, for libcurls that cannot leave their resolver behind: a name server that does not answer
 * would outlast every deadline (libcurl before 7.87 joins the thread that waits for it). */
#ifndef DAYPASS_HTTP_CHILD_H
#define DAYPASS_HTTP_CHILD_H

#include "helper/base/http.h"

/* One transfer of at most left_ms milliseconds. */
typedef bool (*http_transfer)(const struct http *, const struct http_request *, int64_t left_ms, struct http_response *, struct err *);

/* Fork, transfer there, kill the child at the deadline. The answer comes back by a pipe. */
bool http_in_child(http_transfer transfer, const struct http *http, const struct http_request *q, int64_t left_ms,
		   struct http_response *r, struct err *err);

#endif
