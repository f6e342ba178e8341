/* URLs as daypass accepts them: strict, ASCII, no user-info tricks. */
#ifndef DAYPASS_URL_H
#define DAYPASS_URL_H

#include <stdbool.h>

#include "helper/base/buf.h"

/* Parts of scheme://[user@]host[:port][/path][?query]. host is lower case; path is without its first '/', still
 * percent-encoded; port is 0 where none was written. All owned. */
struct url {
	char *scheme, *user, *host, *path, *query;
	int port;
};

#define AUTO_URL CLEANUP(url_free) struct url

/* False for anything that is not exactly of that form: control characters, blanks, backslashes, an empty host, host
 * bytes outside [A-Za-z0-9.-] (or a bracketed IPv6 literal), an empty label, a port above 65535, a fragment. */
bool url_parse(const char *text, struct url *out);
void url_free(struct url *u);
/* Is this name made of LDH labels, without a final dot and at most 253 bytes long? */
bool url_host_ok(const char *host);
/* A scheme's own port: 443, or 80 for anything but https. */
int url_own_port(const char *scheme);
/* 127.0.0.0/8, ::1, localhost. */
bool url_is_loopback(const char *host);
/* 169.254.0.0/16, and the two addresses by which AWS's machines reach the same over IPv6: [fd00:ec2::23], [fd00:ec2::254]. */
bool url_is_link_local(const char *host);
/* Does pattern cover host, where "*" stands for exactly one label? Both lower case. */
bool url_host_match(const char *pattern, const char *host);
/* Append s percent-encoded for a query or form value (RFC 3986 unreserved characters stay). */
bool url_encode(struct buf *to, const char *s);
/* Decode %XX in place of a path; false where a sequence is broken or yields a control character. */
bool url_decode(struct buf *to, const char *s);
/* "http://user:secret@proxy:3128" with its user-info replaced by "***@", for messages. */
void url_mask(struct buf *to, const char *url);

#endif
