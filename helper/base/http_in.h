/* A request as our own server takes it: the few things it needs of HTTP/1.1, strictly (RFC 9112); all else is refused. */
#ifndef DAYPASS_HTTP_IN_H
#define DAYPASS_HTTP_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_IN_HEAD_MAX = 8 * 1024, HTTP_IN_BODY_MAX = 64 * 1024 };

/* The headers that anything is made of; each may stand once. */
enum http_in_header { IN_HOST, IN_IDENTITY, IN_SECRET, IN_METADATA, IN_AUTHORIZATION, IN_LENGTH, IN_ENCODING, IN_CONNECTION, IN_EXPECT, IN_HEADERS };

/* All text is borrowed from the head that was read. */
struct http_in {
	bool post;	       /* else GET */
	bool keep;	       /* the client may send another on this connection */
	bool waits;	       /* it sends the body only once it is told to (100-continue) */
	bool relayed;	       /* a browser's page or a proxy had a hand in it: no program of ours sends such headers */
	char *path;	       /* decoded, without a final slash */
	char *query;	       /* as it was sent; "" where there is none */
	const char *value[IN_HEADERS];
	size_t length;	       /* of the body */
};

/* How many bytes the head has, its empty line included; 0 where that is not there yet. */
size_t http_in_end(const char *text, size_t len);
/* Read a head of that length, which is cut up in place. 0, or the status to refuse it with and why in words. */
int http_in_read(char *head, size_t len, struct http_in *out, const char **why);
/* A parameter of a query or form, decoded ("%" that begins no pair stays, as Python sends URLs in clear); owned. NULL where
 * it is not there, stands twice (clients and servers disagree on which one counts), or decodes to a control character. */
char *http_in_param(const char *query, const char *name);

#endif
