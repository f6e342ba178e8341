/* What the steps of `daypass kube check` share. */
#ifndef DAYPASS_KUBE_CHECK_H
#define DAYPASS_KUBE_CHECK_H

#include "helper/cmd/configure_kube.h"
#include "helper/core/jwt.h"

/* What was found on the way; each step fills its part. Borrowed from the kubeconfigs unless said. */
struct kube_check {
	struct ctx *ctx;
	const char *context; /* --context, or NULL */
	struct kube_job files;
	struct kube_view *views; /* of files, in their order; owned */
	size_t count;		 /* of views that were read */
	const struct yaml *place; /* what the context says */

	const char *server; /* https://HOST[:PORT][/PATH] */
	const char *proxy, *tls_name;
	struct buf ca; /* PEM; empty: what this machine trusts */
	const struct yaml *cluster;

	const char *user, *user_file;
	const struct yaml *exec;
	const char *version; /* client.authentication.k8s.io/... */
	struct kube_stanza stanza;
	char **args; /* owned list */
	char *program; /* owned */
	bool own; /* it is this very program */

	struct secret token; /* empty where the answer is a client certificate */
	int64_t again_at; /* when kubectl asks the plugin again; 0: not before it ends */
	bool readable; /* claims are its claims */
	struct jwt claims;
};

/* The steps. Each appends what it found, in one line or more; false with what is wrong. */
bool kube_check_config(struct kube_check *k, struct buf *found, struct err *err);
bool kube_check_cluster(struct kube_check *k, struct buf *found, struct err *err);
bool kube_check_user(struct kube_check *k, struct buf *found, struct err *err);
bool kube_check_program(struct kube_check *k, struct buf *found, struct err *err);
bool kube_check_policy(struct kube_check *k, struct buf *found, struct err *err);
/* Runs the plugin as client-go does (plugin/pkg/client/auth/exec): its environment, and nothing on stdin. */
bool kube_check_plugin(struct kube_check *k, struct buf *found, struct err *err);
bool kube_check_token(struct kube_check *k, struct buf *found, struct err *err);
/* Asks the API server who that token is (SelfSubjectReview, Kubernetes 1.28; /version before). A refused token of ours is
 * replaced once by a fresh one. */
bool kube_check_server(struct kube_check *k, struct buf *found, struct err *err);

/* Ask the plugin for its token. afresh: one that it does not keep (ours only). notes: what it said on stderr, or NULL. */
bool kube_plugin_token(struct kube_check *k, bool afresh, struct buf *notes, struct err *err);
/* A stranger's name as it may stand in a command to type: itself, or instead where a shell would see more in it. Borrowed. */
const char *kube_plain(const char *name, const char *instead);
/* A path as the file means it: a relative one begins at the file's folder. Owned. */
char *kube_path(const char *file, const char *path);

#endif
