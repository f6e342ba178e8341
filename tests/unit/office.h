/* The Docker face with a keyring on its bus, and a registry that answers. */
#ifndef DAYPASS_TESTS_OFFICE_H
#define DAYPASS_TESTS_OFFICE_H

#include "tests/unit/desk.h"
#include "tests/unit/docker.h"

#define LIFE (3 * 3600)
#define ENTRA {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"}
#define SCHEMA "io.docker.Credentials"
#define ALICE(server) "{\"ServerURL\":\"" server "\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}\n"

/* A desk, and the registry's good answer. */
struct office {
	struct desk d;
	char *token, *body;
};

static inline void office_end(struct office *o)
{
	desk_end(&o->d);
	free(o->token);
	free(o->body);
}

static inline void office_begin(struct office *o)
{
	desk_begin(&o->d);
	o->token = refresh_token("rt-1", REGISTRY, NOW, NOW + LIFE);
	o->body = exchange_body(o->token);
}

#define OFFICE(o) CLEANUP(office_end) struct office o; office_begin(&o)
#define GIVES(o) {200, .body = (o).body}

/* A process of its own. */
static inline struct call run(struct office *o, const char *verb, const char *input)
{
	fake_keyring_next_process(&o->d.ring);
	return docker_call(&o->d.w, verb, input);
}

static inline void answers(struct office *o, const char *verb, const char *input, const char *out, int status)
{
	CALL c = run(o, verb, input);
	assert_text(c.line, "");
	assert_text(c.out, out);
	assert_int_equal(c.status, status);
}

static inline void gets_a_token(struct office *o)
{
	CALL c = run(o, "get", REGISTRY);
	assert_says(c.out, "\"Username\":\"" DOCKER_GUID_USER "\",\"Secret\":\"eyJ");
}

/* What another helper kept, without our mark. */
static inline void others_item(struct office *o, const char *server, const char *user, const char *value)
{
	AUTO_SECRET secret = secret_new(100);
	secret_set(&secret, value, strlen(value));
	struct keyring_call call = {.op = KEYRING_PUT, .schema = SCHEMA, .label = server, .value = &secret,
				    .attrs = {{"label", "Docker Credentials"}, {"docker_cli", "1"}, {"server", server}, {"username", user}}};
	assert_int_equal(keyring_ask(&o->d.w.ctx, &call, NULL), KEYRING_OK);
	o->d.ring.asked[KEYRING_PUT] = 0;
}

#define KEEPS IDENTITY "[match ghcr.io]\nstore = keyring\n"

#endif
