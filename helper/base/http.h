/* One HTTP exchange as a port; http_curl.c is the real one, tests bring their own. */
#ifndef DAYPASS_HTTP_H
#define DAYPASS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/env.h"
#include "helper/base/err.h"

enum { HTTP_MAX_BODY = 256 * 1024 };

struct http_request {
	const char *method, *url;	/* url must be https, or http to loopback / link-local where local is set */
	const char *headers[8];		/* "Name: value", without secrets; NULL-terminated */
	const char *bearer_word;	/* "Bearer" or "bearer"; with bearer: Authorization: WORD TOKEN */
	const struct secret *bearer;
	const char *bearer_name;	/* this header instead, with the bare value: "X-IDENTITY-HEADER" */
	const struct secret *form;	/* body, sent as application/x-www-form-urlencoded unless headers say another Content-Type */
	int64_t deadline_ms;		/* clock.mono_ms at which all must be over */
	int64_t connect_ms;		/* how long connecting may take; 0: ten seconds */
	const char *connect_to;		/* "HOST:PORT": dial this instead, TLS still checks the URL's name */
	const char *ca_file, *ca_data;	/* trust only these certificates (path, PEM text) */
	bool direct;			/* never through a proxy */
	bool local;			/* http:// allowed, to loopback and link-local addresses, and on a unix socket */
	const char *unix_socket;	/* absolute path: dial this instead; direct is implied */
	bool http2;			/* HTTP/2 without TLS and without asking first, as gRPC on this machine wants it */
	const char *sigv4;		/* sign with AWS's Signature 4: "aws:amz:REGION:SERVICE" ... */
	const struct secret *sigv4_key; /* ... with "ACCESS_KEY_ID:SECRET_ACCESS_KEY"; headers and bearer are signed too */
};

struct http_response {
	long status;
	struct secret body;
	/* Header values, cut to size, made safe to show; "" where absent. */
	char content_type[80], retry_after[64], date[64], server[64], location[256], request_id[64], authenticate[256];
	char continuation[256]; /* x-ms-continuationtoken: there is another page */
	char metadata_flavor[32], grpc_status[8], grpc_message[256];
	bool from_entra; /* it carries x-ms-ests-server: no proxy or portal answered in its place */
};

struct http {
	/* False (ERR_NETWORK) where no complete answer came; any status is an answer. response is fresh or freed. */
	bool (*perform)(struct http *, const struct http_request *, struct http_response *, struct err *);
	const struct env *env;
	bool always_fork; /* do as with a libcurl that cannot leave its resolver behind; for tests */
	/* A face whose client has network settings of its own (git) sets prepare: it runs once, before the first request,
	 * and may set proxy ("" means none) and ca_file, which then go before the environment's. */
	void (*prepare)(struct http *, void *user);
	void *prepare_user;
	char *proxy, *ca_file; /* owned; NULL where not set */
	const char *proxy_name; /* what people call the setting that proxy comes from */
	bool proxy_always; /* NO_PROXY says nothing about it */
};

#define AUTO_RESPONSE CLEANUP(http_response_free) struct http_response

/* A body of HTTP_MAX_BODY at most, or of so much: for lists. */
struct http_response http_response_new(void);
struct http_response http_response_up_to(size_t most);
void http_response_free(struct http_response *r);
/* Is it JSON by its Content-Type (application/json, or +json)? */
bool http_is_json(const struct http_response *r);

/* The host that a URL names, for messages; owned. */
char *http_host(const char *url);

/* libcurl, opened on the first use. Honours HTTPS_PROXY, ALL_PROXY, NO_PROXY, DAYPASS_CA_FILE, SSL_CERT_FILE and
 * SSL_CERT_DIR from env. No redirects, no netrc, no cookies, TLS 1.2 or later. */
struct http http_curl(const struct env *env);
/* Release what prepare set. */
void http_end(struct http *http);

#endif
