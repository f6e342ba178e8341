/* A kubeconfig as kubectl sees it: its users and contexts, with their places. */
#ifndef DAYPASS_KUBE_VIEW_H
#define DAYPASS_KUBE_VIEW_H

#include "helper/base/yaml.h"

/* Borrowed from the tree. NULL where absent. */
struct kube_user {
	const char *name;
	const struct yaml *item; /* the entry of the list */
	const struct yaml *user; /* what it says, a map */
	const struct yaml *exec, *provider; /* exec, auth-provider: maps */
};

struct kube_view {
	const char *path; /* for messages, while it is read */
	const struct buf *text;
	struct yaml root;
	struct kube_user *users;
	size_t count;
};

#define AUTO_VIEW CLEANUP(kube_view_free) struct kube_view

void kube_view_free(struct kube_view *v);
/* Read a kubeconfig. False with "PATH:LINE: why" where kubectl would not take it, or where it cannot be told for sure what
 * it means. An empty file has no users. text must outlive the view. */
bool kube_view_read(const char *path, const struct buf *text, struct kube_view *v, struct err *err);
/* By name; NULL where there is none. */
const struct kube_user *kube_view_user(const struct kube_view *v, const char *name);
/* The user of a context: NULL where the context is not there, "" where it names none. Borrowed. */
const char *kube_view_context(const struct kube_view *v, const char *context);
/* The bytes of a user's entry, to the end of its last line where it stands on lines of its own. */
size_t kube_user_from(const struct kube_view *v, const struct kube_user *u);
size_t kube_user_to(const struct kube_view *v, const struct kube_user *u);
/* The texts of a list; false where an entry is none. An absent or empty one has none. The list is owned, its texts are
 * borrowed. */
bool kube_texts(const struct yaml *list, char ***out, size_t *count);
/* The text with everything that may be secret in it as ***, line for line. */
void kube_hide(const struct buf *text, struct buf *out);

#endif
