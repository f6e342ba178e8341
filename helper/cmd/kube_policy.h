/* Which plugins kubectl may start: its own policy. */
#ifndef DAYPASS_KUBE_POLICY_H
#define DAYPASS_KUBE_POLICY_H

#include "helper/base/env.h"

/* kubectl's policy about plugins (KEP 3104), in its preferences: KUBERC, else ~/.kube/kuberc. path: owned, NULL where there
 * is no such file. */
enum kube_policy { KUBE_ALLOWED, KUBE_DENIED, KUBE_UNLISTED, KUBE_REFUSED }; /* REFUSED: kubectl takes the file for wrong, and starts nothing */
enum kube_policy kube_policy_of(const struct env *env, const char *command, char **path);
/* What to write so that a plugin is listed: `kubectl kuberc set` would put it in the place of the whole list. Owned. */
char *kube_policy_hint(const char *command);

#endif
