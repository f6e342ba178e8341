/* What is to be done with the users of a kubeconfig, and what became of one. */
#ifndef DAYPASS_KUBE_TASK_H
#define DAYPASS_KUBE_TASK_H

#include "helper/cmd/kube_flags.h"
#include "helper/cmd/kube_view.h"

enum kube_result {
	KUBE_OTHER,	/* has nothing to do with kubelogin or daypass */
	KUBE_ALREADY,	/* asks daypass, or says already what it shall say */
	KUBE_CHANGED,
	KUBE_FOREIGN,	/* stays, since it is not Azure's */
	KUBE_DOUBT,	/* stays, although it should change */
};

/* What becomes of one user. */
struct kube_outcome {
	char *name;
	enum kube_result result;
	char *why;	  /* it stays */
	char *server;	  /* the server id that the stanza asks for */
	bool by_values;	  /* undone, but not byte by byte */
	bool tokens_gone; /* a legacy auth-provider had cached tokens in the file */
	bool holds_secret; /* in its arguments, where it stays */
	char *note;	  /* what undoes it: JSON, without secrets; NULL: forget what was noted */
};

/* Which users, and how. */
struct kube_task {
	struct kube_options o;
	struct kube_said said;
	const char *command;	/* that is written */
	bool cluster_info;	/* the configuration binds servers, so daypass must be told which one asks */
	/* Is this user meant? */
	bool (*meant)(const void *data, const char *user);
	/* What was noted about a user; NULL where nothing is; owned. */
	char *(*noted)(const void *data, const char *user);
	const void *data;
};

#endif
