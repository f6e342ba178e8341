/* What the SPIFFE Workload API says on the wire: protocol buffers in a gRPC frame. Source: spiffe.io, "SPIFFE Workload API"
 * (workload.proto), and grpc.io, "gRPC over HTTP2". */
#ifndef DAYPASS_SPIFFE_WIRE_H
#define DAYPASS_SPIFFE_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/buf.h"

/* Append the frame of a JWTSVIDRequest: one audience, and the SPIFFE id or NULL. */
void spiffe_request(struct buf *out, const char *audience, const char *id);
/* The JWT of the SVID with that id, or (NULL) of the first, in a frame with a JWTSVIDResponse; borrowed from data. Unknown
 * fields are passed over. False with what is wrong (a string constant). */
bool spiffe_response(const char *data, size_t len, const char *id, const char **jwt, size_t *jwt_len, const char **why);

#endif
