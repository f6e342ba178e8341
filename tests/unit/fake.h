/* A world to hand to the product: environment, clock, http, children and a source that do what a test says. */
#ifndef DAYPASS_TESTS_FAKE_H
#define DAYPASS_TESTS_FAKE_H

#include "helper/base/seal.h"
#include "helper/core/ctx.h"
#include "helper/core/flow.h"
#include "helper/core/plan.h"
#include "helper/core/policy.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_store.h"

#define TENANT "aaaaaaaa-1111-2222-3333-444444444444"
#define CLIENT "cccccccc-5555-6666-7777-888888888888"
#define OTHER_TENANT "bbbbbbbb-1111-2222-3333-444444444444"
#define OTHER_CLIENT "dddddddd-5555-6666-7777-888888888888"
#define IDENTITY "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = fake\n"
/* Where the fake clock starts: 2026-11-23 10:00:00 UTC. */
#define NOW ((int64_t)1795428000)

/* --- time: sleeping moves all three clocks ---------------------------------------------------------------------- */
struct fake_clock {
	struct clock port; /* first: the functions cast back */
	int64_t now, up, ms, slept;
	int64_t tick_ms; /* what each look at the clock takes */
	int boots;
};

static inline int64_t fake_wall(struct clock *c) { return ((struct fake_clock *)(void *)c)->now; }
static inline int64_t fake_boot(struct clock *c) { return ((struct fake_clock *)(void *)c)->up; }

static inline int64_t fake_mono(struct clock *c)
{
	struct fake_clock *f = (struct fake_clock *)(void *)c;
	int64_t ms = f->ms;
	f->ms += f->tick_ms;
	return ms;
}

static inline void pass_ms(struct fake_clock *c, int64_t ms)
{
	int64_t before = c->ms / 1000;
	c->ms += ms;
	c->now += c->ms / 1000 - before;
	c->up += c->ms / 1000 - before;
}

static inline void fake_sleep(struct clock *c, int64_t ms)
{
	struct fake_clock *f = (struct fake_clock *)(void *)c;
	f->slept += ms;
	pass_ms(f, ms);
}

/* One boot, as long as a test does not change it. */
static inline void fake_boot_id(struct clock *c, char out[CLOCK_BOOT_ID])
{
	snprintf(out, CLOCK_BOOT_ID, "boot-%d", ((struct fake_clock *)(void *)c)->boots);
}

static inline struct fake_clock fake_clock(void)
{
	return (struct fake_clock){.port = {fake_wall, fake_boot, fake_mono, fake_sleep, fake_boot_id}, .now = NOW, .up = 5000, .ms = 5000000};
}

/* --- http: a script of answers, and a record of what was asked --------------------------------------------------- */
struct answer {
	long status;
	const char *type, *body;
	const char *retry_after, *date, *location, *server, *request_id, *authenticate, *continuation, *flavor, *grpc_status, *grpc_message;
	size_t len; /* of body, where it holds NUL bytes */
	int64_t takes_ms;
	bool fails; /* no answer at all */
};

struct asked {
	char *method, *url, *form, *bearer, *headers, *connect_to, *ca_data, *unix_socket, *sigv4, *sigv4_key;
	bool direct, local, http2;
	int64_t deadline_ms, connect_ms;
};

enum { ASKED_MAX = 32 };

struct fake_http {
	struct http port; /* first */
	struct fake_clock *clock;
	const struct answer *script;
	size_t count, calls;
	size_t fail_at; /* this call gets no answer, counted from 1 */
	struct asked asked[ASKED_MAX];
};

static inline void fill_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static inline void asked_free(struct asked *a)
{
	char *const owned[] = {a->method, a->url, a->form, a->bearer, a->headers, a->connect_to, a->ca_data, a->unix_socket, a->sigv4, a->sigv4_key};
	for (size_t k = 0; k < COUNT_OF(owned); k++)
		free(owned[k]);
	*a = (struct asked){0};
}

static inline void note_request(struct fake_http *h, const struct http_request *q)
{
	struct asked *a = &h->asked[h->calls % ASKED_MAX];
	asked_free(a);
	AUTO_BUF headers = buf_new(8192);
	for (size_t i = 0; i < COUNT_OF(q->headers) && q->headers[i]; i++)
		buf_addf(&headers, "%s\n", q->headers[i]);
	*a = (struct asked){.method = str_dup(q->method), .url = str_dup(q->url), .headers = buf_take(&headers), .connect_to = str_dup(q->connect_to),
			    .ca_data = str_dup(q->ca_data), .unix_socket = str_dup(q->unix_socket), .sigv4 = str_dup(q->sigv4), .http2 = q->http2,
			    .direct = q->direct, .local = q->local, .deadline_ms = q->deadline_ms, .connect_ms = q->connect_ms};
	a->form = q->form ? str_dup(secret_reveal(q->form)) : NULL;
	a->sigv4_key = q->sigv4_key ? str_dup(secret_reveal(q->sigv4_key)) : NULL;
	if (q->bearer)
		a->bearer = str_printf("%s%s %s", q->bearer_name ? q->bearer_name : q->bearer_word, q->bearer_name ? ":" : "", secret_reveal(q->bearer));
}

static inline bool fake_perform(struct http *http, const struct http_request *q, struct http_response *r, struct err *err)
{
	struct fake_http *h = (struct fake_http *)(void *)http;
	note_request(h, q);
	size_t n = h->calls++;
	if (h->calls == h->fail_at || n >= h->count || h->script[n].fails)
		return err_set(err, ERR_NETWORK, "check the network", "the host cannot be reached (call %zu of the script)", h->calls);
	const struct answer *a = &h->script[n];
	pass_ms(h->clock, a->takes_ms);
	r->status = a->status;
	fill_text(r->content_type, sizeof r->content_type, a->type ? a->type : "application/json; charset=utf-8");
	fill_text(r->retry_after, sizeof r->retry_after, a->retry_after);
	fill_text(r->date, sizeof r->date, a->date);
	fill_text(r->location, sizeof r->location, a->location);
	fill_text(r->server, sizeof r->server, a->server);
	fill_text(r->request_id, sizeof r->request_id, a->request_id);
	fill_text(r->authenticate, sizeof r->authenticate, a->authenticate);
	fill_text(r->continuation, sizeof r->continuation, a->continuation);
	fill_text(r->metadata_flavor, sizeof r->metadata_flavor, a->flavor);
	fill_text(r->grpc_status, sizeof r->grpc_status, a->grpc_status);
	fill_text(r->grpc_message, sizeof r->grpc_message, a->grpc_message);
	return secret_set(&r->body, a->body ? a->body : "", a->len ? a->len : a->body ? strlen(a->body) : 0);
}

/* --- children: one scripted result ------------------------------------------------------------------------------- */
struct fake_proc {
	struct proc port; /* first */
	const char *out, *err;
	size_t out_len; /* where out holds NUL bytes */
	int status;
	bool fails;
	size_t calls;
	int64_t timeout_ms;
	char *line, *more; /* argv joined by blanks; added variables joined by line ends */
	char *in;	   /* what its stdin held; NULL: none */
	size_t became;	   /* how often we turned into that program; the test goes on as if it had ended */
};

static inline char *joined(const char *const *list, const char *between)
{
	AUTO_BUF b = buf_new(65536);
	for (size_t i = 0; list && list[i]; i++)
		buf_addf(&b, "%s%s", i ? between : "", list[i]);
	return buf_take(&b);
}

static inline void note_child(struct fake_proc *p, const char *const *argv, const char *const *more, const struct buf *in)
{
	free(p->line);
	free(p->more);
	free(p->in);
	p->line = joined(argv, " ");
	p->more = joined(more, "\n");
	p->in = in ? str_ndup(in->p, in->len) : NULL;
}

static inline bool fake_become(struct proc *proc, const struct proc_become *b, struct err *err)
{
	struct fake_proc *p = (struct fake_proc *)(void *)proc;
	p->became++;
	note_child(p, b->argv, b->more_env, b->in);
	return !p->fails || err_set(err, ERR_SOURCE, NULL, "%s: cannot be started: No such file or directory", b->path);
}

static inline bool fake_run(struct proc *proc, struct proc_run *r, struct err *err)
{
	struct fake_proc *p = (struct fake_proc *)(void *)proc;
	p->calls++;
	note_child(p, r->argv, r->more_env, r->in);
	p->timeout_ms = r->timeout_ms;
	if (p->fails)
		return err_set(err, ERR_SOURCE, NULL, "%s: cannot be started: No such file or directory", r->argv[0]);
	r->status = p->status;
	if (p->err && r->err)
		buf_adds(r->err, p->err);
	return buf_add(r->out, p->out ? p->out : "", p->out_len ? p->out_len : p->out ? strlen(p->out) : 0);
}

/* --- a source ---------------------------------------------------------------------------------------------------- */
struct fake_source_script {
	enum source_state state;
	bool access, fingerprint_fails;
	const char *print, *evidence;
	const char *tokens[4]; /* one a call, the last again and again; NULL: the call fails */
	size_t calls, fail_at;
};

static struct fake_source_script fake_script;

static inline enum source_state fake_detect(const struct ctx *ctx UNUSED, const struct identity *id UNUSED, struct err *why)
{
	if (fake_script.state != SOURCE_PRESENT)
		err_set(why, ERR_SOURCE, "mend the fake", "the fake is not there");
	return fake_script.state;
}

static inline bool fake_fingerprint(const struct ctx *ctx UNUSED, const struct identity *id UNUSED, struct buf *out, struct buf *evidence, struct err *err)
{
	if (fake_script.fingerprint_fails)
		return err_set(err, ERR_SOURCE, "mend the fake", "the fake has gone");
	unsigned char sum[SEAL_HASH];
	const char *e = fake_script.evidence ? fake_script.evidence : "";
	seal_sha256(sum, e, strlen(e));
	return buf_adds(out, fake_script.print ? fake_script.print : "caller") && (!*e || buf_add(evidence, sum, sizeof sum));
}

static inline bool fake_fetch(const struct ctx *ctx UNUSED, const struct identity *id UNUSED, const char *audience, struct token *out, struct err *err)
{
	size_t n = fake_script.calls++;
	const char *token = fake_script.tokens[n < COUNT_OF(fake_script.tokens) && fake_script.tokens[n] ? n : 0];
	if (fake_script.calls == fake_script.fail_at || !token)
		return err_set(err, ERR_SOURCE, "mend the fake", "the fake has no token for %s", audience);
	if (fake_script.access) {
		out->issued_at = NOW;
		out->expires_at = NOW + 3600;
	}
	return secret_set(&out->value, token, strlen(token));
}

static const struct source fake_source = {.name = "fake", .summary = "a fake", .automatic = AUTO_NEVER, .detect = fake_detect, .fingerprint = fake_fingerprint, .fetch = fake_fetch};
static const struct source fake_access_source = {
	.name = "fake-access", .summary = "a fake", .automatic = AUTO_NEVER, .yields_access_token = true, .detect = fake_detect, .fingerprint = fake_fingerprint, .fetch = fake_fetch};

#define SOURCE(s) extern const struct source s;
#include "helper/sources/sources.def"
#undef SOURCE

static const struct source *const all_sources[] = {
#define SOURCE(s) &s,
#include "helper/sources/sources.def"
#undef SOURCE
	&fake_source, &fake_access_source, NULL};

/* --- the whole ---------------------------------------------------------------------------------------------------- */
enum { VARS_MAX = 64 };

struct world {
	struct ctx ctx;
	struct fake_clock clock;
	struct fake_http http;
	struct fake_store store;
	struct fake_proc proc;
	struct config config;
	char *vars[VARS_MAX + 1];
	size_t vars_count;
};

/* A JWT with this payload; the caller frees it. */
static inline char *make_jwt(const char *payload)
{
	AUTO_BUF b = buf_new(TOKEN_MAX * 2);
	static const char head[] = "{\"alg\":\"RS256\",\"kid\":\"key-1\",\"typ\":\"JWT\"}";
	seal_b64url_encode(&b, head, strlen(head));
	buf_addc(&b, '.');
	seal_b64url_encode(&b, payload, strlen(payload));
	buf_adds(&b, ".c2lnbmF0dXJl");
	return buf_take(&b);
}

#define ASSERTION_CLAIMS "{\"iss\":\"https://issuer.example\",\"sub\":\"repo:o/r\",\"aud\":\"api://AzureADTokenExchange\",\"exp\":1795431600}"

/* Set a variable, in place of an older value; NULL takes it away. */
static inline void world_env(struct world *w, const char *name, const char *value)
{
	AUTO_STR head = str_printf("%s=", name);
	size_t at = 0;
	while (at < w->vars_count && !str_starts(w->vars[at], head))
		at++;
	assert_true(at < VARS_MAX);
	free(w->vars[at]);
	w->vars[at] = value ? str_printf("%s%s", head, value) : NULL;
	w->vars_count += at == w->vars_count && value;
	if (!value && at < w->vars_count) {
		w->vars[at] = w->vars[--w->vars_count];
		w->vars[w->vars_count] = NULL;
	}
}

static inline void world_config(struct world *w, const char *text)
{
	config_free(&w->config);
	w->config = (struct config){.env = &w->ctx.env, .trusted = {true, true}};
	w->config.broken = !config_parse(&w->config, 0, "/home/u/config", text, strlen(text), &w->config.err);
}

/* The answers from now on. */
static inline void world_script(struct world *w, const struct answer *script, size_t count)
{
	w->http.calls = 0;
	w->http.script = script;
	w->http.count = count;
}

#define SCRIPT(w, ...) \
	const struct answer script_[] = {__VA_ARGS__}; \
	world_script(w, script_, COUNT_OF(script_))

static inline void world_begin(struct world *w)
{
	*w = (struct world){.clock = fake_clock()};
	fake_script = (struct fake_source_script){.state = SOURCE_PRESENT};
	fake_script.tokens[0] = make_jwt(ASSERTION_CLAIMS);
	w->ctx = (struct ctx){.http = &w->http.port, .clock = &w->clock.port, .store = &w->store.port, .runtime = &w->store.port, .proc = &w->proc.port, .env = {w->vars},
			      .config = &w->config, .sources = all_sources, .in = -1, .out = -1};
	w->http.port = (struct http){.perform = fake_perform, .env = &w->ctx.env};
	w->http.clock = &w->clock;
	w->proc.port = (struct proc){.run = fake_run, .become = fake_become, .env = &w->ctx.env};
	w->store = fake_store();
	w->ctx.deadline_ms = w->clock.ms + 20000;
	world_config(w, IDENTITY);
}

static inline void world_end(struct world *w)
{
	for (size_t i = 0; i < ASKED_MAX; i++)
		asked_free(&w->http.asked[i]);
	for (size_t i = 0; i < w->vars_count; i++)
		free(w->vars[i]);
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script = (struct fake_source_script){.state = SOURCE_ABSENT};
	free(w->proc.line);
	free(w->proc.more);
	free(w->proc.in);
	fake_store_end(&w->store);
	config_free(&w->config);
}

#define WORLD(w) CLEANUP(world_end) struct world w; world_begin(&w)

/* A git request, as the protocol hands it to the core. */
static inline struct request git_request(const char *host, const char *path, const char *user)
{
	return (struct request){.kind = REQUEST_GIT, .action = ACTION_GET, .scheme = str_dup("https"), .host = str_dup(host), .path = str_dup(path), .user = str_dup(user)};
}

/* A Docker client's. */
static inline struct request docker_request(const char *host)
{
	return (struct request){.kind = REQUEST_DOCKER, .action = ACTION_GET, .scheme = str_dup("https"), .host = str_dup(host), .path = str_dup("")};
}

/* The plan for that request; the test fails where there is none. */
static inline void plan_of(struct world *w, const struct request *r, struct plan *p)
{
	struct err err = ERR_INIT;
	if (policy_plan(&w->ctx, r, p, &err) != PLAN_OURS)
		fail_msg("no plan: %s", err.msg);
}

/* For https://dev.azure.com/contoso. */
static inline void world_plan(struct world *w, struct plan *p)
{
	AUTO_REQUEST r = git_request("dev.azure.com", "contoso/_git/app", NULL);
	plan_of(w, &r, p);
}

/* For that registry. */
static inline void world_plan_registry(struct world *w, const char *host, struct plan *p)
{
	AUTO_REQUEST r = docker_request(host);
	plan_of(w, &r, p);
}

#endif
