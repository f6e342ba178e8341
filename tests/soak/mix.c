/* Many processes get, store and erase at random, and each holds what it sees against the ledger. */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "helper/base/keyctl.h"
#include "tests/soak/soak.h"

enum { FEW = 8, HOT = 4, FAST_S = 250, PROCESSES_MAX = 64 };

/* Half of the time one of a few places that all are at. */
static unsigned some(struct client *c, unsigned first, unsigned count)
{
	unsigned n = c->few ? FEW : count;
	return first + pick(c, pick(c, 2) ? HOT : n);
}

/* What is seen by who began when the last erase known was this old. The text's writer had its mark before it was minted:
 * minted before such an erase, and not what was erased, it must not have been written after it; nor may the erased one
 * itself be there. */
static void hold_against_erases(struct client *c, unsigned place, uint64_t serial, uint64_t erase_began)
{
	uint64_t minted = atomic_load(&c->l->minted[serial].tick);
	if (minted < erase_began)
		ledger_wrong(c->l, BACK, "place %u: number %" PRIu64 " of tick %" PRIu64 " is there after an erase that began at %" PRIu64, place, serial, minted, erase_began);
}

static void get(struct client *c, unsigned key)
{
	uint64_t erase_began = atomic_load(&c->l->places[key].erase_began);
	c->clock.ahead = key >= KEYS ? pick(c, FAST_S) : 0; /* the fast one refreshes a token that is fresh to the others */
	uint64_t serial = client_get(c, key, NULL);
	c->clock.ahead = 0;
	atomic_fetch_add(&c->l->seen, 1);
	if (!serial)
		return;
	hold_against_erases(c, key, serial, erase_began);
	c->last[key] = serial;
}

static bool same_text(const struct buf *data, void *user)
{
	const struct secret *value = user;
	return data->len == secret_len(value) && memcmp(data->p, secret_reveal(value), data->len) == 0;
}

/* Erase number serial of whatever place at this place. */
static bool erase_at(struct client *c, unsigned place, uint64_t serial)
{
	struct store *s = c->w.ctx.store;
	AUTO_SECRET value = secret_new(TOKEN_MAX);
	ledger_text(c->l, c->l->minted[serial].place, serial, secret_buf(&value));
	if (place >= FIRST_VALUE) {
		unsigned char id[STORE_ID];
		value_id(id, place);
		return s->erase(s, id, same_text, &value);
	}
	int64_t issued_at;
	struct cache_key key = client_key(c, place);
	return cache_erase(&c->w.ctx, &key, &value, &issued_at);
}

/* Nothing was erased although it is what this process got: it must have gone before, or be going just now; or it was
 * never kept, for there was an erase between the request for it and its end. */
static void hold_against_others(struct client *c, unsigned key, uint64_t serial)
{
	struct place *p = &c->l->places[key];
	bool others = atomic_load(&p->erasing) > 1;
	bool gone = atomic_load(&p->erase_ended) > c->l->minted[serial].asked, replaced = atomic_load(&p->newest) > serial;
	if (!others && !gone && !replaced)
		ledger_wrong(c->l, LOST, "key %u: the erase of number %" PRIu64 ", the only one there is, did nothing", key, serial);
}

static void erase(struct client *c, unsigned place, uint64_t serial)
{
	struct place *p = &c->l->places[place];
	struct minted *m = &c->l->minted[serial];
	if (!serial)
		return;
	bool foreign = m->place != place;
	atomic_fetch_add(&c->l->erases, 1);
	atomic_fetch_add(&p->erasing, 1);
	uint64_t began = ledger_tick(c->l);
	if (erase_at(c, place, serial)) {
		if (foreign)
			ledger_wrong(c->l, MIXED, "place %u: number %" PRIu64 " of place %u was erased there", place, serial, m->place);
		else if (atomic_exchange(&m->erased, 1))
			ledger_wrong(c->l, BACK, "place %u: number %" PRIu64 " was erased twice", place, serial);
		atomic_fetch_add(&p->erased, 1);
		ledger_raise(&p->erase_ended, ledger_tick(c->l));
		ledger_raise(&p->erase_began, began);
		c->gone[place] = serial;
	} else if (!foreign && place < FIRST_VALUE) {
		hold_against_others(c, place, serial);
	}
	atomic_fetch_sub(&p->erasing, 1);
}

/* A miss needs an erase that ended after the last put that is known began. */
void mix_look(struct client *c, unsigned place)
{
	struct place *p = &c->l->places[place];
	uint64_t erase_began = atomic_load(&p->erase_began), put_began = atomic_load(&p->put_began);
	bool miss;
	uint64_t serial = value_get(c, place, &miss);
	atomic_fetch_add(&c->l->seen, 1);
	if (miss && put_began && !atomic_load(&p->erasing) && atomic_load(&p->erase_ended) < put_began)
		ledger_wrong(c->l, LOST, "place %u is empty, put at tick %" PRIu64 ", erased at %" PRIu64, place, put_began, atomic_load(&p->erase_ended));
	if (!serial)
		return;
	uint64_t kept = atomic_load(&c->l->minted[serial].kept);
	hold_against_erases(c, place, serial, erase_began);
	if (kept && kept < put_began)
		ledger_wrong(c->l, LOST, "place %u: number %" PRIu64 ", kept at %" PRIu64 ", hides what was put at %" PRIu64, place, serial, kept, put_began);
	c->last[place] = serial;
}

static void mark(struct client *c, unsigned place)
{
	struct store *s = c->w.ctx.store;
	struct writer *w = &c->writer;
	unsigned char id[STORE_ID];
	value_id(id, place);
	uint64_t asked = ledger_tick(c->l);
	*w = (struct writer){.place = place, .steps = c->few ? 0 : pick(c, 4), .mark = s->mark(s, id)};
	w->serial = ledger_mint(c->l, place, asked);
}

/* It may be late: then there must have been an erase; and where there was one, it must be turned away. */
static void write_marked(struct client *c)
{
	struct writer *w = &c->writer;
	struct place *p = &c->l->places[w->place];
	struct minted *m = &c->l->minted[w->serial];
	uint64_t erase_began = atomic_load(&p->erase_began), put_began = ledger_tick(c->l);
	atomic_fetch_add(&c->l->stores, 1);
	if (value_put(c, w->place, w->serial, w->mark)) {
		atomic_store(&m->kept, ledger_tick(c->l));
		ledger_raise(&p->put_began, put_began);
		if (atomic_load(&m->tick) < erase_began)
			ledger_wrong(c->l, BACK, "place %u: a writer that was older than an erase was let in", w->place);
	} else {
		atomic_fetch_add(&c->l->late, 1);
		if (!atomic_load(&p->erasing) && atomic_load(&p->erase_ended) < m->asked)
			ledger_wrong(c->l, LOST, "place %u: a store was turned away, and nothing was erased", w->place);
	}
	*w = (struct writer){0};
}

void mix_store(struct client *c, unsigned place)
{
	mark(c, place);
	write_marked(c);
}

/* What can be done next, and how many times in a hundred. Who looks and then erases mostly finds it still there. */
enum action { GET, GET_AND_ERASE, ERASE_AGAIN, ERASE_GONE, ERASE_FOREIGN, LOOK, LOOK_AND_ERASE, STORE, ACTIONS };
static const unsigned weights[ACTIONS] = {[GET] = 42, [GET_AND_ERASE] = 12, [ERASE_AGAIN] = 4, [ERASE_GONE] = 3, [ERASE_FOREIGN] = 3, [LOOK] = 10, [LOOK_AND_ERASE] = 8, [STORE] = 18};

static enum action choose(struct client *c)
{
	unsigned dice = pick(c, 100), a = GET;
	while (dice >= weights[a])
		dice -= weights[a++];
	return a;
}

void mix_step(struct client *c)
{
	unsigned key = pick(c, 4) ? some(c, 0, KEYS) : some(c, KEYS, AGING), place = some(c, FIRST_VALUE, VALUES);
	enum action a = c->few && pick(c, 2) ? STORE : choose(c); /* to be killed in the middle of a write */
	client_fresh(c);
	if (c->writer.serial && c->writer.steps-- == 0)
		write_marked(c);
	else if (a == STORE && !c->writer.serial)
		mark(c, place);
	if (a == GET || a == GET_AND_ERASE)
		get(c, key);
	if (a == LOOK || a == LOOK_AND_ERASE)
		mix_look(c, place);
	if (a == GET_AND_ERASE || a == ERASE_AGAIN)
		erase(c, key, c->last[key]);
	if (a == LOOK_AND_ERASE)
		erase(c, place, c->last[place]);
	if (a == ERASE_GONE)
		erase(c, key, c->gone[key]);
	if (a == ERASE_FOREIGN)
		erase(c, key, c->last[(key + 1) % FIRST_VALUE]);
}

/* How many lifetimes the plain keys' tokens had: each ended by an erase, but for those that live still. Nobody can put
 * such a token while another is erased, for who exchanges holds the key's lock and has seen that there is none. A refresh
 * can: there is an exchange more where the erase falls between its look and its mark. */
static uint64_t count_lifetimes(struct client *c, uint64_t *exchanges, uint64_t *refreshes)
{
	uint64_t all = 0;
	*exchanges = *refreshes = 0;
	for (unsigned k = 0; k < FIRST_VALUE; k++) {
		struct place *p = &c->l->places[k];
		AUTO_TOKEN t = token_new();
		struct cache_key key = client_key(c, k);
		bool lives = cache_get(&c->w.ctx, &key, &t) != CACHE_MISS;
		uint64_t lifetimes = p->erased + lives;
		if (lifetimes < p->exchanges || lifetimes > p->exchanges + (k < KEYS ? 0 : p->refreshes))
			ledger_wrong(c->l, LOST, "key %u: %" PRIu64 " exchanges and %" PRIu64 " refreshes for %" PRIu64 " lifetimes", k, p->exchanges, p->refreshes, lifetimes);
		*exchanges += k < KEYS ? p->exchanges : 0;
		*refreshes += p->refreshes;
		all += k < KEYS ? lifetimes : 0;
	}
	return all;
}

static bool run_processes(struct client *c, const struct size *s)
{
	bool ok = true;
	int gate[2];
	pid_t pids[PROCESSES_MAX];
	assert_true(s->processes <= PROCESSES_MAX && pipe(gate) == 0);
	for (unsigned i = 0; i < s->processes; i++) {
		pids[i] = client_fork(c, i);
		if (pids[i] > 0)
			continue;
		char go;
		close(gate[1]);
		if (read(gate[0], &go, 1) != 0) /* until the parent closes its end */
			_exit(6);
		for (unsigned n = 0; n < s->operations; n++)
			mix_step(c);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	for (unsigned i = 0; i < s->processes; i++)
		ok = client_reap(pids[i]) && ok;
	return ok;
}

static int mix_run(struct client *c, const struct size *s, const char *how)
{
	uint64_t exchanges, refreshes;
	int64_t start = c->clock.port.mono_ms(&c->clock.port);
	bool ok = run_processes(c, s);
	client_fresh(c);
	uint64_t lifetimes = count_lifetimes(c, &exchanges, &refreshes);
	client_records(c);
	printf("soak: %u processes x %u operations over %d keys, %s: %" PRIu64 " gets, %" PRIu64 " stores, %" PRIu64 " erases, %" PRIu64 " exchanges for %" PRIu64
	       " lifetimes, %" PRIu64 " refreshes of %d more keys, %" PRIu64 " late writers turned away, %" PRIu64 " waits",
	       s->processes, s->operations, KEYS, how, c->l->seen, c->l->stores, c->l->erases, exchanges, lifetimes, refreshes, AGING, c->l->late, c->l->waits);
	ledger_print_end(c->l, start);
	if (!exchanges || !refreshes || !c->l->late)
		return fprintf(stderr, "  nothing is proven by this: a kind of event did not happen\n"), 1;
	return ok && !ledger_wrongs(c->l) ? 0 : 1;
}

static int mix_part(const struct size *s, uint64_t seed, bool sealed)
{
	struct ledger *l = ledger_new(seed, (uint64_t)s->processes * s->operations + 1);
	struct client *c = mem_alloc(sizeof *c);
	int status = client_begin(c, l, seed, sealed) ? mix_run(c, s, sealed ? "sealed" : "plain") : MISSING;
	client_end(c);
	free(c);
	ledger_free(l);
	return status;
}

int mix_plain(const struct size *s, uint64_t seed)
{
	return mix_part(s, seed, false);
}

static bool tell(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && file_write_fd(fd, text, strlen(text));
}

/* A user namespace has keyrings of its own: the caller's wrapping key is left alone. */
static bool enter_own_keyring(void)
{
	unsigned char key[KEYCTL_KEY];
	int32_t id;
	unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten with the old credentials */
	AUTO_STR users = str_printf("%u %u 1", uid, uid);
	AUTO_STR groups = str_printf("%u %u 1", gid, gid);
	tell("/proc/self/setgroups", "deny");
	return tell("/proc/self/uid_map", users) && tell("/proc/self/gid_map", groups) && geteuid() == uid && keyctl_find("daypass:soak", key, &id) == KEYCTL_ABSENT;
}

int mix_sealed(const struct size *s, uint64_t seed)
{
	if (enter_own_keyring())
		return mix_part(s, seed, true);
	printf("soak: skipped: no kernel keyring in a user namespace of our own\n");
	return MISSING;
}
