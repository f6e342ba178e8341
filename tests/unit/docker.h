/* Docker's side of its credential helper protocol, and a cloud with a registry to answer from. */
#ifndef DAYPASS_TESTS_DOCKER_H
#define DAYPASS_TESTS_DOCKER_H

#include "protocols/docker.h"
#include "tests/unit/face.h"

#define REGISTRY "contoso.azurecr.io"
#define NOT_FOUND "credentials not found in native keychain\n"
#define LOGIN(server, user, secret) "{\"ServerURL\":\"" server "\",\"Username\":\"" user "\",\"Secret\":\"" secret "\"}"

extern const struct protocol protocol_docker;

static inline struct call docker_call(struct world *w, const char *verb, const char *input)
{
	char word[64];
	char *const argv[] = {word, NULL};
	snprintf(word, sizeof word, "%s", verb);
	return face_call(w, &protocol_docker, argv, input, strlen(input));
}

/* What was made of a call, before anything is decided. */
struct parsed {
	struct request r;
	struct exchange_state s;
	struct err err;
	bool ok;
};

static inline void parsed_end(struct parsed *p)
{
	request_free(&p->r);
	exchange_state_free(&p->s);
}

#define PARSED CLEANUP(parsed_end) struct parsed

static inline void parse_verb(struct parsed *p, const char *verb, const char *text, size_t len)
{
	char word[32];
	char *const argv[] = {word, NULL};
	*p = (struct parsed){.s = exchange_state_new(), .err = ERR_INIT};
	WORLD(w);
	snprintf(word, sizeof word, "%s", verb);
	w.ctx.in = given(text, len);
	p->ok = protocol_docker.parse(&w.ctx, 1, argv, &p->r, &p->s, &p->err);
	close(w.ctx.in);
}

#define PARSE(p, text) PARSED p; parse_verb(&p, "get", text, strlen(text))
#define STORE(p, text) PARSED p; parse_verb(&p, "store", text, strlen(text))

/* A registry's refresh token: made out to aud, good from iat to exp (0: it does not say), told apart by its name. */
static inline char *refresh_token(const char *name, const char *aud, int64_t iat, int64_t exp)
{
	AUTO_BUF claims = buf_new(4096);
	buf_addf(&claims, "{\"jti\":\"%s\",\"iss\":\"Azure Container Registry\",\"aud\":\"%s\"", name, aud);
	if (iat)
		buf_addf(&claims, ",\"iat\":%lld", (long long)iat);
	if (exp)
		buf_addf(&claims, ",\"exp\":%lld", (long long)exp);
	buf_addc(&claims, '}');
	return make_jwt(claims.p);
}

static inline char *exchange_body(const char *token)
{
	return str_printf("{\"refresh_token\":\"%s\"}", token);
}

#endif
