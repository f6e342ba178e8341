/* The table of kube_flags.def, for the two files that read it. */
#ifndef DAYPASS_KUBE_FLAG_ROWS_H
#define DAYPASS_KUBE_FLAG_ROWS_H

#include "helper/cmd/kube_flags.h"

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

#endif
