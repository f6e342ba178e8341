/* Records of the cache: torn, forged or foreign, they are a miss or a token, never a crash. The runtime tier's file, and
 * behind it, where its checksum would stop the fuzzer, the decoding of tokens, failures and what is remembered of the
 * keyring. */
#include "tests/fuzz/fuzz.h"

#include "helper/core/cache.h"
#include "tests/unit/desk.h"
#include "tests/unit/runtime.h"

static struct runtime runtime;
static bool usable;

static void remove_folder(void)
{
	runtime_end(&runtime);
}

static void begin(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	usable = runtime_begin(&runtime);
	if (!usable)
		fprintf(stderr, "no tmpfs: the runtime tier's files are not tried\n");
	atexit(remove_folder);
}

static void as_a_file(const uint8_t *data, size_t size)
{
	AUTO_BUF out = buf_new(STORE_RECORD_MAX);
	AUTO_STR path = runtime_file(&runtime, 1);
	unsigned char id[STORE_ID];
	make_id(id, 1);
	write_file(path, data, size, 0600);
	if (runtime.store.port.get(&runtime.store.port, id, &out))
		must(out.len <= size && memmem(data, size, out.p, out.len));
}

static void put_raw(struct world *w, const unsigned char id[STORE_ID], const uint8_t *data, size_t size)
{
	AUTO_BUF b = buf_new(STORE_RECORD_MAX);
	if (buf_add(&b, data, size))
		must(w->store.port.put(&w->store.port, id, &b, NOW + 60, w->store.port.mark(&w->store.port, id)));
}

static void as_a_record(const uint8_t *data, size_t size)
{
	WORLD(w);
	AUTO_PLAN plan = {0};
	AUTO_TOKEN got = token_new();
	struct cache_key key;
	struct err err = ERR_INIT;
	world_plan(&w, &plan);
	must(cache_key_make(&w.ctx, &plan, &key, &err));
	put_raw(&w, key.token, data, size);
	put_raw(&w, key.failure, data, size);
	put_raw(&w, key.throttle, data, size);
	if (cache_get(&w.ctx, &key, &got) != CACHE_MISS) {
		must(str_is_token(secret_reveal(&got.value), secret_len(&got.value)));
		must(got.expires_at > NOW && got.expires_at > got.issued_at);
	}
	if (cache_failed(&w.ctx, &key, w.clock.up, &err))
		must(memchr(err.msg, 0, sizeof err.msg) && memchr(err.hint, 0, sizeof err.hint) && memchr(err.detail, 0, sizeof err.detail));
}

/* What is remembered of the keyring: it is asked again, or a bad answer stands for it. */
static void as_a_memory(const uint8_t *data, size_t size)
{
	DESK(d);
	d.ring.answer = KEYRING_LOCKED;
	must(ask(&d) == KEYRING_LOCKED && d.w.store.records[0].used && !d.w.store.records[1].used);
	struct buf *memory = &d.w.store.records[0].data;
	buf_clear(memory);
	buf_add(memory, data, size);
	d.ring.answer = KEYRING_OK;
	enum keyring_answer a = ask(&d);
	must(a <= KEYRING_NO_LIBRARY && (a == KEYRING_OK) == (d.ring.calls == 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	if (usable)
		as_a_file(data, size);
	as_a_record(data, size);
	as_a_memory(data, size);
	return 0;
}
