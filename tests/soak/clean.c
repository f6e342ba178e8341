/* The folder of the locks is removed while one process is in its exchange and others wait for it: still one exchange,
 * and its token for all. Where that process dies too, one of the others takes its place. */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/soak/soak.h"

enum { WAITERS = 8 };

struct cleaning {
	struct client c;
	int inside[2], go[2], waiting[2], told[2];
};

/* A process that asks for the key and tells what it got. */
static pid_t ask(struct cleaning *x, unsigned number, unsigned key, bool hold)
{
	pid_t pid = client_fork(&x->c, number);
	if (pid != 0)
		return pid;
	close(x->go[1]);
	if (hold) {
		x->c.inside = x->inside[1];
		x->c.go = x->go[0];
	} else {
		x->c.clock.tell = x->waiting[1]; /* nothing sleeps in a request before the wait for the lock */
	}
	uint64_t serial = client_get(&x->c, key, NULL);
	_exit(write(x->told[1], &serial, sizeof serial) == sizeof serial ? 0 : 8);
}

/* Wait until so many have told there; false where one has got an answer before. */
static bool all_at(struct cleaning *x, int fd, unsigned count)
{
	char byte;
	struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = x->told[0], .events = POLLIN}};
	for (; count; count--) {
		if (poll(wait, COUNT_OF(wait), -1) < 0 || wait[1].revents) {
			ledger_wrong(x->c.l, LOST, "somebody has an answer and should wait for it");
			return false;
		}
		if (read(fd, &byte, 1) != 1)
			return false;
	}
	return true;
}

static void remove_files(const char *folder)
{
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static void remove_all(struct client *c)
{
	AUTO_STR top = tmp_path(&c->runtime.tmp, "daypass");
	tmp_empty(top);
	assert_int_equal(access(c->runtime.folder, F_OK), -1);
}

/* Everybody's token is the same, and it is the last one that was issued. */
static void hold_answers(struct cleaning *x, unsigned key, unsigned answers, uint64_t wanted)
{
	struct place *p = &x->c.l->places[key];
	for (unsigned i = 0; i < answers; i++) {
		uint64_t serial = 0;
		if (read(x->told[0], &serial, sizeof serial) != sizeof serial || serial != p->newest)
			ledger_wrong(x->c.l, LOST, "key %u: somebody has number %llu, not %llu", key, (unsigned long long)serial, (unsigned long long)p->newest);
	}
	if (p->exchanges != wanted)
		ledger_wrong(x->c.l, LOST, "key %u: %llu exchanges, not %llu", key, (unsigned long long)p->exchanges, (unsigned long long)wanted);
}

static bool one_round(struct cleaning *x, unsigned round, bool killed, bool only_files)
{
	bool ok = true;
	unsigned key = round % KEYS, first = round * (WAITERS + 1);
	uint64_t before = x->c.l->places[key].exchanges;
	pid_t pids[WAITERS];
	assert_int_equal(pipe(x->go), 0);
	pid_t holder = ask(x, first, key, true);
	ok = all_at(x, x->inside[0], 1); /* it is in its exchange now, */
	for (unsigned i = 0; i < WAITERS; i++)
		pids[i] = ask(x, first + 1 + i, key, false);
	ok = all_at(x, x->waiting[0], WAITERS) && ok; /* and these wait for its lock */
	if (only_files)
		remove_files(x->c.runtime.folder);
	else
		remove_all(&x->c);
	int status = 0;
	if (killed) {
		kill(holder, SIGKILL);
		ok = waitpid(holder, &status, 0) == holder && WIFSIGNALED(status) && ok;
	}
	close(x->go[0]);
	close(x->go[1]); /* it goes on */
	for (unsigned i = 0; i < WAITERS; i++)
		ok = client_reap(pids[i]) && ok;
	if (!killed)
		ok = client_reap(holder) && ok;
	if (ok)
		hold_answers(x, key, WAITERS + !killed, before + 1 + killed);
	remove_files(x->c.runtime.folder);
	return ok;
}

static int clean_run(struct cleaning *x, unsigned rounds)
{
	bool ok = true;
	unsigned killed = 0, emptied = 0;
	uint64_t exchanges = 0;
	int64_t start = x->c.clock.port.mono_ms(&x->c.clock.port);
	assert_true(pipe(x->inside) == 0 && pipe(x->waiting) == 0 && pipe(x->told) == 0);
	for (unsigned i = 0; ok && i < rounds; i++) {
		bool die = i % 4 == 1 || i % 4 == 2, only_files = i % 2;
		ok = one_round(x, i, die, only_files);
		killed += die;
		emptied += only_files;
	}
	for (unsigned k = 0; k < KEYS; k++)
		exchanges += x->c.l->places[k].exchanges;
	printf("soak: folder cleaned under a holder and %d waiters %u times (%u times only its files, %u times the holder killed): %llu exchanges", WAITERS, rounds, emptied, killed,
	       (unsigned long long)exchanges);
	ledger_print_end(x->c.l, start);
	int *const pipes[] = {x->inside, x->waiting, x->told};
	for (size_t i = 0; i < COUNT_OF(pipes); i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	return ok && exchanges == rounds + killed && !ledger_wrongs(x->c.l) ? 0 : 1;
}

int clean_part(const struct size *s, uint64_t seed)
{
	struct ledger *l = ledger_new(seed, (uint64_t)s->cleanings * (WAITERS + 1) + 1);
	struct cleaning *x = mem_alloc(sizeof *x);
	int status = client_begin(&x->c, l, seed, false) ? clean_run(x, s->cleanings) : MISSING;
	client_end(&x->c);
	free(x);
	ledger_free(l);
	return status;
}
