/* The flags of kubelogin: on the command line of a conversion, and in the stanza of a kubeconfig. */
#ifndef DAYPASS_KUBE_FLAGS_H
#define DAYPASS_KUBE_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/err.h"

enum kube_flag {
#define FLAG(id, name, letter, kind, ours_given, ours_kept, theirs_given, theirs_kept, own) KUBE_##id,
#include "helper/core/kube_flags.def"
#undef FLAG
	KUBE_FLAGS
};

/* Log-in modes, a bit each; KUBE_NONE: daypass's own way, the identity that is configured. */
enum kube_mode {
	KUBE_NONE = 1, KUBE_DEVICE = 2, KUBE_INTERACTIVE = 4, KUBE_SPN = 8, KUBE_ROPC = 16, KUBE_MSI = 32, KUBE_CLI = 64, KUBE_AZD = 128,
	KUBE_WORKLOAD = 256, KUBE_PIPELINES = 512, KUBE_ANY = 1023,
};
enum { KUBE_PERSON = KUBE_DEVICE | KUBE_INTERACTIVE | KUBE_ROPC }; /* modes in which somebody signs in */

/* What a conversion was asked for. All borrowed from argv. */
struct kube_options {
	bool theirs;			 /* it is written for kubelogin, by its converter's rules; else for daypass */
	const char *kubeconfig, *context, *user, *azure_dir;
	bool all, dry_run;
	const char *given[KUBE_FLAGS];	 /* the value of a switch is "true" or "false" */
	enum kube_mode mode;		 /* 0: as the stanza says */
};

/* What our own configuration and environment say already; NULL where they say nothing. */
struct kube_said {
	const char *tenant, *client, *cloud;
};

/* One stanza: what it says, and what it shall say. */
struct kube_stanza {
	char *const *args; /* "get-token" and what follows, or (daypass's own) "kube", "get-token" ...; NULL: there are none */
	size_t count;
	const char *old[KUBE_FLAGS]; /* what args say; for a legacy auth-provider, what that says */
	char **now;		     /* owned, each, and the list */
	size_t now_count;
};

#define AUTO_STANZA CLEANUP(kube_stanza_free) struct kube_stanza

void kube_stanza_free(struct kube_stanza *s);
/* The table of kube_flags.def. */
struct kube_flag_row {
	const char *name;
	char letter;
	enum { KUBE_VALUE, KUBE_SWITCH, KUBE_SECRET } kind;
	struct {
		int given, kept;
	} modes[2]; /* ours, theirs */
	int own;
};

extern const struct kube_flag_row kube_flag_rows[KUBE_FLAGS];

/* The flag of an argument, -1 where it is none that we know. *value_at: where its value stands in it, 0: it is the next
 * argument, or a switch without one. */
int kube_flag_find(const char *arg, size_t *value_at);

/* The word of a mode; the mode of a word, 0 where there is none. */
const char *kube_mode_name(enum kube_mode mode);
enum kube_mode kube_mode_of(const char *name);
/* Read the command line of `configure kube` or `convert-kubeconfig`. False (ERR_USAGE) with what is wrong. */
bool kube_options_read(int argc, char *const *argv, struct kube_options *o, struct err *err);
/* Read args into old. False (ERR_CONFIG; ERR_POLICY: it is none of Azure's) with the reason where these are not arguments of get-token that can be taken
 * apart without doubt. */
bool kube_stanza_read(struct kube_stanza *s, struct err *err);
/* Make now out of args, in their order: flags of get-token by the rules of kube_flags.def, all else as it is. False with the
 * reason (likewise) why this stanza stays. */
bool kube_stanza_plan(struct kube_stanza *s, const struct kube_options *o, const struct kube_said *said, struct err *err);
/* Is the value of this argument a secret, or could it be? next: it is the argument behind it. */
bool kube_arg_is_secret(const char *arg, bool *next);
/* Does any argument hold one? */
bool kube_args_hold_secret(char *const *args, size_t count);

#endif
