/* One user's stanza: looked at, changed, noted and changed back. For kube_convert.c. */
#ifndef DAYPASS_KUBE_EXEC_H
#define DAYPASS_KUBE_EXEC_H

#include "helper/base/yaml_edit.h"
#include "helper/cmd/kube_task.h"

/* What a user is to us, before anything is done: KUBE_CHANGED where it can be converted, with why for those who stay. */
enum kube_result kube_look(const struct kube_user *u, const struct kube_task *t, const char **why);
/* The edits that convert a user. False with the reason why it stays. */
bool kube_exec_convert(const struct kube_user *u, const struct kube_task *t, struct yaml_edits *e, struct kube_outcome *done, struct err *err);
/* What undoes the edits of a user who stood in `before` and stands in `after` now; secret: leave out what lay in it beside
 * names, tokens; owned. The edits are sorted. */
char *kube_note_make(const struct kube_view *before, const struct kube_user *was, const struct yaml_edits *e, const struct kube_view *after, const struct kube_user *now, bool secret);
/* The edits that undo a note. *exact: they are bytes, and give back what was there. False with the reason why not. */
bool kube_note_undo(const struct kube_view *v, const struct kube_user *u, const struct yaml *note, struct yaml_edits *e, bool *exact, struct err *err);
/* After exact edits: is the user's entry as it was before the conversion? */
bool kube_note_holds(const struct kube_view *v, const struct kube_user *u, const struct yaml *note);
/* Does a stanza's command name this program, whatever folder and ending? */
bool kube_command_is(const char *command, const char *program);

#endif
