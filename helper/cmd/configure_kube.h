/* What the files of `daypass configure kube` share. */
#ifndef DAYPASS_CONFIGURE_KUBE_H
#define DAYPASS_CONFIGURE_KUBE_H

#include "helper/base/file.h"
#include "helper/cmd/configure.h"
#include "helper/cmd/configure_docker_note.h"
#include "helper/cmd/kube_convert.h"

enum { KUBE_FILES_MAX = 64, KUBE_MAX_BYTES = 8 * 1024 * 1024 };

struct kube_job;

/* One kubeconfig. */
struct kube_file {
	struct kube_job *job;
	char *path, *real; /* as it was named; behind links */
	struct file_lock lock;
	struct buf old, new;
	struct kube_outcomes done;
	char **names; /* of its users */
	size_t name_count;
	bool changed;
};

/* One call. */
struct kube_job {
	const struct ctx *ctx;
	struct kube_task task;
	bool undo;
	const char *only; /* the user that is meant, NULL: all */
	struct kube_file *files;
	size_t count;
	struct note note;
	bool has_note;
	char *command;
	struct identity id;
	struct buf out; /* lines for people */
};

void kube_job_free(struct kube_job *j);
/* Find the kubeconfigs, lock them (unless nothing will be written) and read them. False with err. */
bool kube_job_open(struct kube_job *j, struct err *err);
/* Which user is meant. False where the context or the user is in none of the files. */
bool kube_job_select(struct kube_job *j, struct err *err);
/* The files as they shall be. */
bool kube_job_plan(struct kube_job *j, struct err *err);
/* Note what undoes it, then write. */
bool kube_job_write(struct kube_job *j, struct err *err);
/* Say what was done. Returns the exit status. */
int kube_job_tell(struct kube_job *j);

#endif
