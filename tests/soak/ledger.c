/* The ledger: who minted what, and what must not be seen after which moment. */
#include <inttypes.h>
#include <sys/mman.h>

#include "tests/soak/soak.h"

enum { SHORT_PAD = 1500, LONG_PAD = 30000, SHOWN = 3 };

static size_t ledger_size(uint64_t capacity)
{
	return sizeof(struct ledger) + capacity * sizeof(struct minted);
}

struct ledger *ledger_new(uint64_t salt, uint64_t capacity)
{
	struct ledger *l = mmap(NULL, ledger_size(capacity), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(l != MAP_FAILED);
	l->salt = salt;
	l->capacity = capacity;
	return l;
}

void ledger_free(struct ledger *l)
{
	munmap(l, ledger_size(l->capacity));
}

uint64_t ledger_tick(struct ledger *l)
{
	return atomic_fetch_add(&l->ticks, 1) + 1;
}

void ledger_raise(counter *c, uint64_t to)
{
	uint64_t seen = atomic_load(c);
	while (seen < to && !atomic_compare_exchange_weak(c, &seen, to))
		continue;
}

/* splitmix64's finisher: neighbours become strangers. */
uint64_t mix64(uint64_t n)
{
	n += 0x9e3779b97f4a7c15;
	n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
	n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
	return n ^ (n >> 31);
}

uint64_t ledger_mint(struct ledger *l, unsigned place, uint64_t asked)
{
	uint64_t serial = atomic_fetch_add(&l->serials, 1) + 1;
	if (serial >= l->capacity)
		fail_msg("more than %" PRIu64 " texts", l->capacity);
	struct minted *m = &l->minted[serial];
	m->place = place;
	m->asked = asked;
	atomic_store(&m->tick, ledger_tick(l));
	ledger_raise(&l->places[place].newest, serial);
	return serial;
}

/* Mostly short, sometimes of many pages: a write of these takes long enough to be caught in the middle. */
void ledger_text(const struct ledger *l, unsigned place, uint64_t serial, struct buf *out)
{
	uint64_t sum = mix64(l->salt ^ mix64(place) ^ mix64(serial));
	size_t n = sum % 4 ? sum % SHORT_PAD : sum % LONG_PAD;
	char pad[LONG_PAD];
	for (size_t i = 0; i < n; i++)
		pad[i] = (char)('a' + (sum + i) % 23);
	buf_addf(out, "soak.%u.%" PRIu64 ".%016" PRIx64 ".", place, serial, sum);
	buf_add(out, pad, n);
}

uint64_t ledger_read(struct ledger *l, unsigned place, const char *text, size_t len)
{
	char *end = NULL;
	unsigned long named = str_starts(text, "soak.") ? strtoul(text + 5, &end, 10) : PLACES;
	uint64_t serial = end && *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
	AUTO_BUF whole = buf_new(LONG_PAD + 256);
	if (named < PLACES && serial && serial < l->capacity)
		ledger_text(l, (unsigned)named, serial, &whole);
	if (!whole.len || whole.len != len || memcmp(whole.p, text, len) != 0)
		ledger_wrong(l, TORN, "place %u gives %zu bytes that are no whole text: %.60s", place, len, text);
	else if (!atomic_load(&l->minted[serial].tick) || l->minted[serial].place != named)
		ledger_wrong(l, MIXED, "place %u gives number %" PRIu64 ", which nobody minted", place, serial);
	else if (named != place)
		ledger_wrong(l, MIXED, "place %u gives number %" PRIu64 " of place %lu", place, serial, named);
	else
		return serial;
	return 0;
}

/* The first ones say what; all count. */
void ledger_wrong(struct ledger *l, enum wrong kind, const char *fmt, ...)
{
	static const char *const names[] = {[LOST] = "lost", [BACK] = "brought back", [TORN] = "torn", [MIXED] = "mixed up", [SILENT] = "unanswered"};
	char text[512];
	va_list list;
	va_start(list, fmt);
	vsnprintf(text, sizeof text, fmt, list);
	va_end(list);
	if (atomic_fetch_add(&l->wrong[kind], 1) < SHOWN)
		dprintf(STDERR_FILENO, "  %s: %s (process %d, tick %" PRIu64 ")\n", names[kind], text, (int)getpid(), atomic_load(&l->ticks));
}

uint64_t ledger_wrongs(const struct ledger *l)
{
	uint64_t n = 0;
	for (int i = 0; i < WRONGS; i++)
		n += l->wrong[i];
	return n;
}

void ledger_print_end(const struct ledger *l, int64_t since_ms)
{
	struct clock real = clock_real();
	printf(": %" PRIu64 " lost, %" PRIu64 " brought back, %" PRIu64 " torn, %" PRIu64 " mixed up, %" PRIu64 " unanswered (%.1f s)\n", l->wrong[LOST],
	       l->wrong[BACK], l->wrong[TORN], l->wrong[MIXED], l->wrong[SILENT], (double)(real.mono_ms(&real) - since_ms) / 1000);
	fflush(stdout);
}
