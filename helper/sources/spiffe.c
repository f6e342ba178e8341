/* SPIFFE: the Workload API of an agent on this machine (SPIRE's, or any other) writes a JWT-SVID. gRPC by libcurl, without a
 * library of its own. The agent knows its caller by the process, which is daypass itself. Sources: spiffe.io, "SPIFFE Workload
 * Endpoint" and "SPIFFE Workload API"; go-spiffe. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/sources/common.h"
#include "helper/sources/spiffe_wire.h"

enum { CONNECT_MS = 2000, INVALID = 3, DENIED = 7, UNIMPLEMENTED = 12, UNAVAILABLE = 14 };

static const char NAME[] = "spiffe", VARIABLE[] = "SPIFFE_ENDPOINT_SOCKET", METHOD[] = "/SpiffeWorkloadAPI/FetchJWTSVID";

/* Where the agent listens: a socket's path, or IP:PORT on this machine. Both owned. */
struct endpoint {
	char *socket, *url;
};

static void endpoint_free(struct endpoint *e)
{
	free(e->socket);
	free(e->url);
}

/* unix:///PATH or tcp://IP:PORT, nothing else in it (SPIFFE Workload Endpoint, 4). */
static bool read_endpoint(const char *text, struct endpoint *out)
{
	AUTO_URL u = {0};
	if (str_starts(text, "unix:///")) {
		const char *path = text + strlen("unix://");
		out->socket = str_dup(path);
		out->url = str_printf("http://localhost%s", METHOD);
		return path[1] && !strpbrk(path, "?#");
	}
	if (!url_parse(text, &u) || !str_eq(u.scheme, "tcp") || !u.port || *u.path || u.query || u.user || !url_is_loopback(u.host))
		return false;
	out->url = str_printf("http://%s:%d%s", u.host, u.port, METHOD);
	return true;
}

static bool find_endpoint(const struct ctx *ctx, const struct identity *id, struct endpoint *out, struct err *err)
{
	const char *own = identity_get(id, KEY_UNIX_SOCKET), *variable = env_get(&ctx->env, VARIABLE);
	AUTO_STR text = own ? str_printf("unix://%s", own) : str_dup(variable ? variable : "");
	return read_endpoint(text, out) ||
	       err_set(err, ERR_SOURCE, "export SPIFFE_ENDPOINT_SOCKET=unix:///run/spire/sockets/agent.sock", "%s is neither unix:///PATH nor tcp://IP:PORT on this machine", VARIABLE);
}

static enum source_state spiffe_detect(const struct ctx *ctx, const struct identity *id, struct err *why)
{
	CLEANUP(endpoint_free) struct endpoint e = {0};
	if (!env_get(&ctx->env, VARIABLE) && !(identity_get(id, KEY_UNIX_SOCKET) && str_eq(identity_get(id, KEY_SOURCE), NAME)))
		return source_say(SOURCE_ABSENT, why, "export SPIFFE_ENDPOINT_SOCKET=unix:///run/spire/sockets/agent.sock", "%s is not set", VARIABLE);
	return find_endpoint(ctx, id, &e, why) ? SOURCE_PRESENT : SOURCE_BROKEN;
}

static bool spiffe_fingerprint(const struct ctx *ctx, const struct identity *id, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	char boot[CLOCK_BOOT_ID];
	CLEANUP(endpoint_free) struct endpoint e = {0};
	const char *wanted = identity_get(id, KEY_SPIFFE_ID);
	if (!find_endpoint(ctx, id, &e, err))
		return false;
	ctx->clock->boot_id(ctx->clock, boot);
	return buf_addf(out, "%s\n%s\n%s\n%s\n%s", NAME, e.socket ? e.socket : "", e.url, wanted ? wanted : "", boot);
}

/* gRPC's word on it: in the trailer, or in the only header where there is no body. */
static bool refused(const struct http_response *r, const char *where, struct err *err)
{
	int64_t status = -1;
	if (!str_to_int(r->grpc_status, 99, &status))
		return err_set(err, ERR_SOURCE, "check SPIFFE_ENDPOINT_SOCKET", "what listens at %s does not speak gRPC (HTTP %ld)", where, r->status);
	err_set(err, ERR_SOURCE, NULL, "the SPIFFE agent at %s gave no token (gRPC status %d%s%.200s)", where, (int)status, r->grpc_message[0] ? ": " : "", r->grpc_message);
	if (status == DENIED)
		return err_hint(err, "it has no registration entry for this process: spire-server entry create, with a selector that daypass matches; a new entry takes seconds");
	if (status == UNAVAILABLE)
		return err_hint(err, "try again; spire-agent healthcheck");
	return err_hint(err, status == UNIMPLEMENTED ? "its Workload API has no JWT-SVIDs: another agent is needed" : status == INVALID ? "check spiffe-id and audience" : "look into the agent's log");
}

static bool spiffe_fetch(const struct ctx *ctx, const struct identity *id, const char *audience, struct token *out, struct err *err)
{
	CLEANUP(endpoint_free) struct endpoint e = {0};
	AUTO_SECRET body = secret_new(16 * 1024);
	AUTO_RESPONSE r = http_response_new();
	const char *jwt = NULL, *why = NULL, *wanted = identity_get(id, KEY_SPIFFE_ID);
	size_t len = 0;
	if (!find_endpoint(ctx, id, &e, err))
		return false;
	const char *where = e.socket ? e.socket : e.url;
	spiffe_request(secret_buf(&body), audience, wanted);
	struct http_request q = {.method = "POST", .url = e.url, .unix_socket = e.socket, .http2 = true, .form = &body, .local = true, .direct = true, .connect_ms = CONNECT_MS, .deadline_ms = ctx->deadline_ms,
				 .headers = {"Content-Type: application/grpc", "TE: trailers", "workload.spiffe.io: true", "grpc-timeout: 10S"}};
	if (!ctx->http->perform(ctx->http, &q, &r, err))
		return err_hint(err, "is the agent there? check %s: %s", identity_get(id, KEY_UNIX_SOCKET) ? "unix-socket" : VARIABLE, where);
	if (!str_eq(r.grpc_status, "0"))
		return refused(&r, where, err);
	if (!spiffe_response(secret_reveal(&r.body), secret_len(&r.body), wanted, &jwt, &len, &why))
		return err_set(err, ERR_SOURCE, "check spiffe-id, and the agent", "the answer of the SPIFFE agent at %s is not understood: %s", where, why);
	return token_take(jwt, len, "the SPIFFE agent's answer", out, err);
}

const struct source source_spiffe = {
	.name = NAME,
	.summary = "a JWT-SVID of the SPIFFE Workload API (SPIRE)",
	.automatic = AUTO_AMBIENT,
	.detect = spiffe_detect,
	.fingerprint = spiffe_fingerprint,
	.fetch = spiffe_fetch,
};
