/* One daypass process as the parts start many: the real flow, cache and runtime store, a fake Entra that writes what it
 * issues into the ledger, and a clock that can be fast. */
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "helper/core/runtime_dir.h"
#include "tests/soak/soak.h"

enum { FOREVER_MS = 600000, REFRESH_MS = 3000, ANSWER_US = 800, ROWS = 8 };

static struct client *me; /* for the ports, which know only themselves */

/* --- the clock --------------------------------------------------------------------------------------------------- */
static struct clock real;

static int64_t fast_wall(struct clock *c)
{
	return real.wall(&real) + ((struct fast_clock *)(void *)c)->ahead;
}

static int64_t true_boot(struct clock *c UNUSED) { return real.boot(&real); }
static int64_t true_mono(struct clock *c UNUSED) { return real.mono_ms(&real); }
static void true_boot_id(struct clock *c UNUSED, char out[CLOCK_BOOT_ID]) { real.boot_id(&real, out); }

static void telling_sleep(struct clock *c, int64_t ms)
{
	struct fast_clock *f = (struct fast_clock *)(void *)c;
	atomic_fetch_add(f->sleeps, 1);
	if (f->tell >= 0 && write(f->tell, "w", 1) != 1)
		_exit(3);
	f->tell = -1;
	real.sleep_ms(&real, ms);
}

/* --- Entra ------------------------------------------------------------------------------------------------------- */
/* Ten clients with eight scopes each: keys that differ in one of both only. */
static void set_key(struct plan *p, unsigned key)
{
	struct err err = ERR_INIT;
	AUTO_STR client = str_printf("cccccccc-5555-6666-7777-8888888888%02u", key / ROWS);
	assert_true(config_set(p->id.set, KEY_CLIENT_ID, client, "soak", &err));
	free(p->resource);
	free(p->scope);
	p->resource = str_printf("499b84ac-1321-427f-aa17-267ca69757%02u", key % ROWS);
	p->scope = str_printf("%s/.default", p->resource);
}

static unsigned two_digits(const char *form, const char *name)
{
	const char *at = strstr(form, name);
	AUTO_STR digits = str_ndup(at ? at + strlen(name) + 34 : "", 2);
	return (unsigned)strtoul(digits, NULL, 10);
}

/* Where the token comes from is told by the request alone: what the plan says is not looked at. */
static bool issue(struct http *http UNUSED, const struct http_request *q, struct http_response *r, struct err *err UNUSED)
{
	struct ledger *l = me->l;
	const char *form = secret_reveal(q->form);
	unsigned key = two_digits(form, "client_id=") * ROWS + two_digits(form, "&scope=");
	assert_true(key < FIRST_VALUE);
	struct place *p = &l->places[key];
	/* The flow gives a refresh three seconds, and a request without a token all the time there is. */
	bool refresh = q->deadline_ms - real.mono_ms(&real) <= REFRESH_MS;
	atomic_fetch_add(refresh ? &p->refreshes : &p->exchanges, 1);
	AUTO_BUF token = buf_new(TOKEN_MAX);
	ledger_text(l, key, ledger_mint(l, key, me->asked), &token);
	char go;
	if (me->inside >= 0 && (write(me->inside, "i", 1) != 1 || read(me->go, &go, 1) != 0))
		_exit(4);
	struct timespec way = {.tv_nsec = pick(me, ANSWER_US) * 1000}; /* the answer's way back; nothing is proven by it */
	nanosleep(&way, NULL);
	r->status = 200;
	snprintf(r->content_type, sizeof r->content_type, "application/json");
	buf_addf(secret_buf(&r->body), "{\"token_type\":\"Bearer\",\"expires_in\":3600,%s\"access_token\":\"%s\"}", key >= KEYS ? "\"refresh_in\":120," : "", token.p);
	return true;
}

/* --- the process ------------------------------------------------------------------------------------------------- */
bool client_begin(struct client *c, struct ledger *l, uint64_t seed, bool sealed)
{
	*c = (struct client){.l = l, .seed = seed, .random = seed | 1, .sealed = sealed, .inside = -1, .go = -1};
	me = c;
	real = clock_real();
	if (!runtime_begin(&c->runtime)) {
		printf("soak: skipped: no tmpfs that this user can write to\n");
		return false;
	}
	c->clock = (struct fast_clock){.port = {fast_wall, true_boot, true_mono, telling_sleep, true_boot_id}, .tell = -1, .sleeps = &l->waits};
	world_begin(&c->w);
	c->w.http.port.perform = issue;
	c->w.ctx.clock = &c->clock.port;
	c->w.ctx.store = c->w.ctx.runtime = &c->runtime.store.port;
	for (unsigned k = 0; k < FIRST_VALUE; k++) {
		world_plan(&c->w, &c->plans[k]);
		set_key(&c->plans[k], k);
	}
	client_fresh(c);
	return true;
}

void client_end(struct client *c)
{
	if (c->runtime.folder) {
		for (unsigned k = 0; k < FIRST_VALUE; k++)
			plan_free(&c->plans[k]);
		world_end(&c->w);
	}
	runtime_end(&c->runtime);
}

void client_fresh(struct client *c)
{
	store_runtime_end(&c->runtime.store);
	store_runtime_init(&c->runtime.store, &c->runtime.env, &c->clock.port, c->sealed ? STORE_SEAL_ALWAYS : STORE_SEAL_AUTO);
	c->runtime.store.kernel = c->sealed ? KEYCTL_OK : KEYCTL_DENIED; /* so that the caller's kernel keyring is left alone */
}

pid_t client_fork(struct client *c, unsigned number)
{
	pid_t parent = getpid(), pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(5);
	alarm(LIMIT_S);
	c->random = mix64(c->seed ^ mix64(number)) | 1;
	client_fresh(c);
	return 0;
}

bool client_reap(pid_t pid)
{
	int status = -1;
	if (waitpid(pid, &status, 0) != pid || status == 0)
		return status == 0;
	fprintf(stderr, "  process %d: %s %d\n", (int)pid, WIFSIGNALED(status) ? "signal" : "exit status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

/* xorshift64* */
unsigned pick(struct client *c, unsigned below)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (unsigned)((c->random * 0x2545f4914f6cdd1d) >> 33) % below;
}

struct cache_key client_key(struct client *c, unsigned key)
{
	struct cache_key k;
	struct err err = ERR_INIT;
	assert_true(cache_key_make(&c->w.ctx, &c->plans[key], &k, &err));
	return k;
}

uint64_t client_get(struct client *c, unsigned key, bool *cached)
{
	struct ctx *ctx = &c->w.ctx;
	struct err err = ERR_INIT;
	AUTO_RESULT got = {.token = token_new()};
	uint64_t serial = 0;
	c->asked = ledger_tick(c->l);
	flow_begin(ctx);
	ctx->deadline_ms += FOREVER_MS; /* a busy machine is not what is tried here */
	if (flow_token(ctx, &c->plans[key], &got, &err))
		serial = ledger_read(c->l, key, secret_reveal(&got.token.value), secret_len(&got.token.value));
	else
		ledger_wrong(c->l, SILENT, "key %u: %s", key, err.msg);
	if (cached)
		*cached = got.cached;
	return serial;
}

/* --- values ------------------------------------------------------------------------------------------------------ */
void value_id(unsigned char id[STORE_ID], unsigned place)
{
	make_id(id, place);
}

uint64_t value_get(struct client *c, unsigned place, bool *miss)
{
	unsigned char id[STORE_ID];
	struct store *s = c->w.ctx.store;
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	value_id(id, place);
	*miss = !s->get(s, id, &data);
	return *miss ? 0 : ledger_read(c->l, place, data.p, data.len);
}

bool value_put(struct client *c, unsigned place, uint64_t serial, struct store_mark since)
{
	struct store *s = c->w.ctx.store;
	AUTO_BUF data = buf_new(STORE_RECORD_MAX);
	ledger_text(c->l, place, serial, &data);
	return s->put(s, since.id, &data, real.wall(&real) + 3600, since);
}

static void count_record(void *user, const unsigned char id[STORE_ID] UNUSED, const struct buf *data UNUSED)
{
	++*(unsigned *)user;
}

unsigned client_records(struct client *c)
{
	struct store *s = c->w.ctx.store;
	unsigned readable = 0, files = (unsigned)runtime_count(&c->runtime, runtime_dir_is_record);
	s->each(s, count_record, &readable);
	if (readable != files)
		ledger_wrong(c->l, TORN, "%u of %u records cannot be read", files - readable, files);
	return readable;
}

bool is_half_written(const char *name)
{
	return str_starts(name, "t.");
}
