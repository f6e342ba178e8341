/* The desktop's keyring (freedesktop.org's Secret Service) as a port: items with attributes, a label and a secret. */
#ifndef DAYPASS_KEYRING_H
#define DAYPASS_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/buf.h"
#include "helper/base/env.h"

/* The order is that of records (store_keyring.c): add at the end. */
enum keyring_answer {
	KEYRING_OK,
	KEYRING_OFF,	    /* not asked: a setting, or a CI job */
	KEYRING_NO_BUS,	    /* no session bus, or one that does not let us in */
	KEYRING_ABSENT,	    /* a bus, and nobody there who keeps secrets, or no default collection */
	KEYRING_LOCKED,	    /* or it would ask a person something */
	KEYRING_HUNG,	    /* no answer within the time */
	KEYRING_BROKEN,	    /* it failed, or its answers make no sense */
	KEYRING_NO_LIBRARY, /* libsecret is not installed */
};

enum { KEYRING_ATTRS = 8, KEYRING_VALUE_MAX = 160 * 1024 };

struct keyring_attr {
	const char *name, *value;
};

struct keyring_item {
	char *label;
	struct {
		char *name, *value;
	} attrs[KEYRING_ATTRS];
	size_t attr_count;
	struct secret value;
	int64_t modified; /* seconds since 1970 */
};

struct keyring_list {
	struct keyring_item *items;
	size_t count;
};

enum keyring_op {
	KEYRING_FIND,	/* every item that has these attributes, newest first, into found */
	KEYRING_PUT,	/* one item with exactly these attributes: replaced where there is one */
	KEYRING_REMOVE, /* delete those that have these attributes and are wanted; what was deleted, into found */
	KEYRING_LOOK,	/* is it there and open? found gets one item whose label names the program behind it */
};

struct keyring_call {
	enum keyring_op op;
	const char *schema;
	struct keyring_attr attrs[KEYRING_ATTRS]; /* up to the first without a name */
	bool no_values;				  /* find: leave the secrets where they are */
	bool afresh;	  /* whatever is remembered of the keyring (core/store_keyring.c) */
	bool despite_off; /* even where a setting says off: only to delete */
	/* Put: */
	const char *label;
	const struct secret *value;
	size_t group;	   /* not 0: the first so many attributes name a group, which is tidied when it is full: */
	size_t keep_count; /* when it has so many items */
	int64_t keep_s;	   /* what was not changed for so long goes, and the oldest until a quarter is free */
	/* Remove: NULL removes all. Runs in a child: what it changes in memory is lost. */
	bool (*wanted)(const struct keyring_item *, const void *user);
	const void *user;
	struct keyring_list found; /* owned by the caller: keyring_list_free */
};

struct keyring {
	/* One call, in timeout_ms at most. Never prompts, never starts a service, never unlocks, never writes to stderr. */
	enum keyring_answer (*call)(struct keyring *, struct keyring_call *call, int64_t timeout_ms);
	const struct env *env;
	int64_t spent_ms; /* of this process's patience; kept by core/store_keyring.c */
};

/* On libsecret, opened in a forked child (child.h): a service that hangs, lies or dies, and GLib's habit to abort or to
 * end the process when its bus goes, are then no more than an answer. Secrets come back by a pipe. */
struct keyring keyring_libsecret(const struct env *env);

#define AUTO_KEYRING_LIST CLEANUP(keyring_list_free) struct keyring_list

void keyring_list_free(struct keyring_list *l);
/* An attribute of an item, or NULL. Borrowed. */
const char *keyring_attr_get(const struct keyring_item *i, const char *name);
/* Is a session bus named here? DBUS_SESSION_BUS_ADDRESS, or a socket "bus" in $XDG_RUNTIME_DIR; never "autolaunch:",
 * which would start one. Looks at environment and file system only. */
bool keyring_bus_named(const struct env *env);

#endif
