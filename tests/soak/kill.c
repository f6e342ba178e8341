/* kill -9 at random moments: whoever comes next finds the old record, or the new one, or a miss that costs one exchange. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/soak/soak.h"

/* TEMP_S of runtime_dir.c is an hour. A file's ctime cannot be set back, so the clock is set forward. */
enum { WORKERS = 2, TRIED = 8, DELAY_US = 3000, LATER_S = 3700, HEIR_S = 30 };

struct deaths {
	struct client c;
	int started[2];
};

static void work_until_killed(struct deaths *d)
{
	if (write(d->started[1], "s", 1) != 1)
		_exit(7);
	for (;;) {
		atomic_fetch_add(&d->c.l->steps, 1);
		mix_step(&d->c);
	}
}

/* What the dead were about may be done or not, and nobody will say: as if an erase had ended now. */
static void close_books(struct ledger *l)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (atomic_exchange(&l->places[i].erasing, 0))
			ledger_raise(&l->places[i].erase_ended, ledger_tick(l));
}

static void key_works(struct client *c, unsigned key)
{
	struct place *p = &c->l->places[key];
	bool cached = false, again = false;
	uint64_t before = p->exchanges, erase_began = p->erase_began;
	uint64_t first = client_get(c, key, &cached), more = p->exchanges - before;
	if (first && c->l->minted[first].tick < erase_began)
		ledger_wrong(c->l, BACK, "key %u: number %" PRIu64 " is there after its erase", key, first);
	if (more != !cached)
		ledger_wrong(c->l, LOST, "key %u: %" PRIu64 " exchanges for a token that was %s", key, more, cached ? "kept" : "not there");
	uint64_t second = client_get(c, key, &again);
	if (second != first || !again || p->exchanges != before + more)
		ledger_wrong(c->l, LOST, "key %u: number %" PRIu64 " was got, and then %" PRIu64, key, first, second);
}

static void lock_is_free(struct client *c, unsigned key)
{
	bool possible;
	struct store *s = c->w.ctx.store;
	struct cache_key k = client_key(c, key);
	int lock = s->lock(s, LOCK_TOKEN, k.token, 0, &possible);
	if (lock < 0)
		ledger_wrong(c->l, SILENT, "key %u: its lock is held by nobody and cannot be had", key);
	s->unlock(s, lock);
}

static void value_works(struct client *c, unsigned place)
{
	bool miss;
	struct store *s = c->w.ctx.store;
	unsigned char id[STORE_ID];
	value_id(id, place);
	value_get(c, place, &miss);
	uint64_t asked = ledger_tick(c->l);
	struct store_mark mark = s->mark(s, id);
	uint64_t serial = ledger_mint(c->l, place, asked);
	if (!value_put(c, place, serial, mark) || value_get(c, place, &miss) != serial)
		ledger_wrong(c->l, LOST, "place %u: what was put is not there", place);
}

/* A process that was started after the others died. */
static void look_around(struct client *c)
{
	client_records(c);
	for (unsigned i = 0; i < TRIED; i++) {
		lock_is_free(c, i);
		key_works(c, i);
		value_works(c, FIRST_VALUE + i);
	}
	client_records(c);
}

static bool one_round(struct deaths *d, unsigned round)
{
	pid_t pids[WORKERS];
	char byte;
	bool ok = true;
	for (unsigned i = 0; i < WORKERS; i++) {
		pids[i] = client_fork(&d->c, round * (WORKERS + 1) + i);
		if (pids[i] == 0)
			work_until_killed(d);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		ok = read(d->started[0], &byte, 1) == 1 && ok;
	for (unsigned i = 0; i < WORKERS; i++) { /* one dies while the other works; then that one */
		struct timespec delay = {.tv_nsec = pick(&d->c, DELAY_US) * 1000};
		nanosleep(&delay, NULL);
		kill(pids[i], SIGKILL);
		int status = 0;
		ok = waitpid(pids[i], &status, 0) == pids[i] && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && ok;
	}
	close_books(d->c.l);
	pid_t heir = client_fork(&d->c, round * (WORKERS + 1) + WORKERS);
	if (heir == 0) {
		alarm(HEIR_S); /* nothing that the dead left makes it wait */
		look_around(&d->c);
		_exit(0);
	}
	return client_reap(heir) && ok;
}

/* An erase that nobody could note any more costs an exchange that looks like one too many; so does a token that was
 * issued to who then died. No more than one each. */
static void count_exchanges(struct client *c, unsigned killed, uint64_t *exchanges, uint64_t *lifetimes)
{
	for (unsigned k = 0; k < TRIED; k++) {
		AUTO_TOKEN t = token_new();
		struct cache_key key = client_key(c, k);
		*exchanges += c->l->places[k].exchanges;
		*lifetimes += c->l->places[k].erased + (cache_get(&c->w.ctx, &key, &t) != CACHE_MISS);
	}
	if (*exchanges < *lifetimes || *exchanges > *lifetimes + killed)
		ledger_wrong(c->l, LOST, "%" PRIu64 " exchanges for %" PRIu64 " lifetimes and %u deaths", *exchanges, *lifetimes, killed);
}

/* What they left is bounded, and goes when it is old; records stay. */
static unsigned clean_up(struct client *c, unsigned killed, int *still)
{
	unsigned records = client_records(c), left = (unsigned)runtime_count(&c->runtime, is_half_written);
	if (left > killed)
		ledger_wrong(c->l, LOST, "%u half-written files of %u writers", left, killed);
	AUTO_STR one_more = str_printf("%s/t.0123456789abcdef", c->runtime.folder);
	write_text(one_more, "half a rec", 0600);
	value_works(c, FIRST_VALUE);
	if (runtime_count(&c->runtime, is_half_written) != (int)left + 1)
		ledger_wrong(c->l, LOST, "a half-written file was deleted while its writer might be at it");
	c->clock.ahead = LATER_S;
	value_works(c, FIRST_VALUE);
	c->clock.ahead = 0;
	*still = runtime_count(&c->runtime, is_half_written);
	if (*still)
		ledger_wrong(c->l, LOST, "%d half-written files stay although they are old", *still);
	if (client_records(c) != records)
		ledger_wrong(c->l, LOST, "of %u records %u are left", records, client_records(c));
	return left;
}

static int kill_run(struct deaths *d, unsigned kills)
{
	struct client *c = &d->c;
	unsigned killed = 0;
	bool ok = true;
	uint64_t exchanges = 0, lifetimes = 0;
	int64_t start = c->clock.port.mono_ms(&c->clock.port);
	c->few = true;
	assert_int_equal(pipe(d->started), 0);
	for (unsigned round = 0; ok && killed < kills; round++, killed += WORKERS)
		ok = one_round(d, round);
	close(d->started[0]);
	close(d->started[1]);
	client_fresh(c);
	count_exchanges(c, killed, &exchanges, &lifetimes);
	int still;
	unsigned left = clean_up(c, killed, &still);
	printf("soak: %u processes killed at random, %" PRIu64 " operations begun: %" PRIu64 " exchanges for %" PRIu64 " lifetimes known, %u half-written files left, %d when they are old",
	       killed, c->l->steps, exchanges, lifetimes, left, still);
	ledger_print_end(c->l, start);
	return ok && !ledger_wrongs(c->l) ? 0 : 1;
}

int kill_part(const struct size *s, uint64_t seed)
{
	enum { TEXTS_A_KILL = 2000 };
	struct ledger *l = ledger_new(seed, (uint64_t)s->kills * TEXTS_A_KILL);
	struct deaths *d = mem_alloc(sizeof *d);
	int status = client_begin(&d->c, l, seed, false) ? kill_run(d, s->kills) : MISSING;
	client_end(&d->c);
	free(d);
	ledger_free(l);
	return status;
}
