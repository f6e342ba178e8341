/* One record that is replaced without a pause, and readers who look at it without a lock: never a miss, never half of it,
 * never what was replaced before they looked. */
#include <inttypes.h>

#include "tests/soak/soak.h"

enum { READERS = 3 };

static int replace_run(struct client *c, unsigned times)
{
	struct ledger *l = c->l;
	pid_t readers[READERS];
	int64_t start = c->clock.port.mono_ms(&c->clock.port);
	mix_store(c, FIRST_VALUE);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = client_fork(c, i);
		while (readers[i] == 0 && !atomic_load(&l->steps))
			mix_look(c, FIRST_VALUE);
		if (readers[i] == 0)
			_exit(0);
	}
	pid_t writer = client_fork(c, READERS);
	for (unsigned i = 0; writer == 0 && i < times; i++)
		mix_store(c, FIRST_VALUE);
	if (writer == 0)
		_exit(0);
	bool ok = client_reap(writer);
	atomic_store(&l->steps, 1); /* that is enough */
	for (unsigned i = 0; i < READERS; i++)
		ok = client_reap(readers[i]) && ok;
	printf("soak: one record replaced %u times under %d readers: %" PRIu64 " gets", times, READERS, l->seen);
	ledger_print_end(l, start);
	return ok && l->seen && !ledger_wrongs(l) ? 0 : 1;
}

int replace_part(const struct size *s, uint64_t seed)
{
	struct ledger *l = ledger_new(seed, s->replaced + 3);
	struct client *c = mem_alloc(sizeof *c);
	int status = client_begin(c, l, seed, false) ? replace_run(c, s->replaced) : MISSING;
	client_end(c);
	free(c);
	ledger_free(l);
	return status;
}
