/* Users of a kubeconfig made to ask daypass (or kubelogin in another mode), and made as they were. Texts in, texts out. */
#ifndef DAYPASS_KUBE_CONVERT_H
#define DAYPASS_KUBE_CONVERT_H

#include "helper/cmd/kube_task.h"

struct kube_outcomes {
	struct kube_outcome *list;
	size_t count;
};

#define AUTO_OUTCOMES CLEANUP(kube_outcomes_free) struct kube_outcomes

void kube_outcomes_free(struct kube_outcomes *o);
/* Convert those users of a text who are meant. Who was converted before, and has not been touched since, begins again from
 * what it was. out is the new text, which may be the old one. False where nothing can be done with this file at all. */
bool kube_convert(const char *path, const struct buf *text, const struct kube_task *t, struct buf *out, struct kube_outcomes *done, struct err *err);
/* Undo that for those who are meant and noted: byte by byte where the entry was not touched since, else by its values. */
bool kube_undo(const char *path, const struct buf *text, const struct kube_task *t, struct buf *out, struct kube_outcomes *done, struct err *err);

#endif
