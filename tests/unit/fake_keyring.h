/* A keyring in memory: it keeps items by their attributes, answers what a test says, takes its time, and tells what it
 * was asked. Its replies go through the product's own wire. */
#ifndef DAYPASS_TESTS_FAKE_KEYRING_H
#define DAYPASS_TESTS_FAKE_KEYRING_H

#include <sys/wait.h>

#include "helper/base/keyring_wire.h"
#include "tests/unit/fake.h"

#define BUS "unix:path=/run/user/1000/bus"
#define OTHER_BUS "unix:path=/tmp/dbus-of-another-login"

enum { FAKE_ITEMS = 16 };

struct fake_item {
	char *schema;
	struct keyring_item is;
};

struct fake_keyring {
	struct keyring port; /* first */
	struct fake_clock *clock;
	enum keyring_answer answer; /* of every call; nothing is done where it is not KEYRING_OK */
	bool nevertheless;	    /* it does its part all the same: the trouble came afterwards */
	const char *program;	    /* what it calls itself; NULL: nothing */
	int64_t takes_ms;	    /* what each call takes: KEYRING_HUNG where that is more than it is given */
	size_t calls, asked[KEYRING_LOOK + 1];
	int64_t timeout_ms; /* of the last call */
	bool no_values;	    /* it wanted no secrets */
	size_t group, keep_count;
	int64_t keep_s; /* of the last put */
	/* Called once, when the keyring has done its part and the caller has not heard of it yet. */
	void (*during)(void *user);
	void *user;
	struct fake_item items[FAKE_ITEMS];
	size_t count;
};

static inline void fake_item_free(struct fake_item *i)
{
	free(i->schema);
	free(i->is.label);
	for (size_t k = 0; k < i->is.attr_count; k++) {
		free(i->is.attrs[k].name);
		free(i->is.attrs[k].value);
	}
	secret_free(&i->is.value);
	*i = (struct fake_item){0};
}

static inline size_t fake_attr_count(const struct keyring_call *call)
{
	size_t n = 0;
	while (n < KEYRING_ATTRS && call->attrs[n].name)
		n++;
	return n;
}

/* The schema, and the attributes that were asked for; others may be there too. */
static inline bool fake_matches(const struct fake_item *i, const struct keyring_call *call)
{
	bool yes = str_eq(i->schema, call->schema);
	for (size_t k = 0; k < fake_attr_count(call); k++)
		yes = yes && str_eq(keyring_attr_get(&i->is, call->attrs[k].name), call->attrs[k].value);
	return yes;
}

/* In a child, as the real one asks: what it changes in memory is lost. */
static inline bool fake_wanted(const struct keyring_call *call, const struct keyring_item *i)
{
	if (!call->wanted)
		return true;
#if defined(DAYPASS_TESTS_FUZZ_H) /* a child for each input takes too long */
	return call->wanted(i, call->user);
#else
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(call->wanted(i, call->user) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
#endif
}

static inline void fake_reply(struct buf *reply, uint32_t *count, const struct keyring_item *i, bool values)
{
	struct keyring_item shown = *i;
	if (!values)
		shown.value = secret_new(0);
	assert_true(keyring_wire_put(reply, &shown));
	++*count;
}

static inline void fake_keep(struct fake_keyring *k, const struct keyring_call *call)
{
	struct fake_item *i = NULL;
	for (size_t n = 0; n < k->count && !i; n++)
		if (fake_matches(&k->items[n], call) && k->items[n].is.attr_count == fake_attr_count(call))
			i = &k->items[n];
	if (!i) {
		assert_true(k->count < FAKE_ITEMS);
		i = &k->items[k->count++];
		*i = (struct fake_item){.schema = str_dup(call->schema), .is = {.label = str_dup(call->label), .value = secret_new(KEYRING_VALUE_MAX)}};
		for (size_t a = 0; a < fake_attr_count(call); a++) {
			i->is.attrs[a].name = str_dup(call->attrs[a].name);
			i->is.attrs[i->is.attr_count++].value = str_dup(call->attrs[a].value);
		}
	}
	i->is.modified = k->clock->now;
	assert_true(secret_set(&i->is.value, secret_reveal(call->value), secret_len(call->value)));
	k->group = call->group;
	k->keep_s = call->keep_s;
	k->keep_count = call->keep_count;
}

static inline void fake_look_through(struct fake_keyring *k, const struct keyring_call *call, struct buf *reply, uint32_t *count)
{
	bool values = call->op == KEYRING_FIND ? !call->no_values : call->wanted != NULL;
	for (size_t n = 0; n < k->count;) {
		struct fake_item *i = &k->items[n++];
		if (!fake_matches(i, call) || (call->op == KEYRING_REMOVE && !fake_wanted(call, &i->is)))
			continue;
		fake_reply(reply, count, &i->is, values);
		if (call->op == KEYRING_FIND)
			continue;
		fake_item_free(i);
		*i = k->items[--k->count];
		n--;
	}
}

static inline enum keyring_answer fake_do(struct fake_keyring *k, struct keyring_call *call)
{
	AUTO_BUF items = buf_new(KEYRING_REPLY_MAX);
	AUTO_BUF reply = buf_new(KEYRING_REPLY_MAX + sizeof(struct keyring_head));
	struct keyring_head head = {KEYRING_OK, 0};
	if (call->op == KEYRING_PUT)
		fake_keep(k, call);
	else if (call->op != KEYRING_LOOK)
		fake_look_through(k, call, &items, &head.count);
	else if (k->program)
		fake_reply(&items, &head.count, &(struct keyring_item){.label = (char *)(uintptr_t)k->program}, false);
	assert_true(buf_add(&reply, &head, sizeof head) && buf_add(&reply, items.p, items.len));
	return keyring_wire_read(&reply, &call->found);
}

static inline enum keyring_answer fake_answer(struct fake_keyring *k, struct keyring_call *call)
{
	enum keyring_answer done = k->answer == KEYRING_OK || k->nevertheless ? fake_do(k, call) : k->answer;
	return k->answer == KEYRING_OK ? done : k->answer;
}

static inline enum keyring_answer fake_keyring_call(struct keyring *port, struct keyring_call *call, int64_t timeout_ms)
{
	struct fake_keyring *k = (struct fake_keyring *)(void *)port;
	bool late = k->takes_ms > timeout_ms;
	assert_true(timeout_ms > 0); /* nobody asks without time for an answer */
	k->calls++;
	k->asked[call->op]++;
	k->timeout_ms = timeout_ms;
	k->no_values = call->no_values;
	pass_ms(k->clock, late ? timeout_ms : k->takes_ms);
	enum keyring_answer a = late ? KEYRING_HUNG : fake_answer(k, call);
	if (k->during) {
		void (*act)(void *) = k->during;
		k->during = NULL;
		act(k->user);
	}
	return a;
}

/* From now on this world has a keyring, and a bus where it can be reached. */
static inline void world_keyring(struct world *w, struct fake_keyring *k)
{
	*k = (struct fake_keyring){.port = {.call = fake_keyring_call, .env = &w->ctx.env}, .clock = &w->clock, .program = "fake-keyring"};
	w->ctx.keyring = &k->port;
	world_env(w, "DBUS_SESSION_BUS_ADDRESS", BUS);
}

static inline void fake_keyring_end(struct fake_keyring *k)
{
	while (k->count)
		fake_item_free(&k->items[--k->count]);
}

/* A new process: of its patience nothing is spent yet. */
static inline void fake_keyring_next_process(struct fake_keyring *k)
{
	k->port.spent_ms = 0;
}

#endif
