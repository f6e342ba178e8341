/* The parts of the managed identity: what Azure Arc's agent wants to see before it gives a token. */
#ifndef DAYPASS_SOURCES_MANAGED_IDENTITY_H
#define DAYPASS_SOURCES_MANAGED_IDENTITY_H

#include "helper/base/buf.h"
#include "helper/base/err.h"

/* Answer the challenge "Basic realm=FOLDER/NAME.key": the file's content, which only the agent's group may read. Another
 * folder, another kind of file or a large one is not read: who listens on the port might not be the agent. */
bool arc_answer(const char *folder, const char *challenge, struct secret *out, struct err *err);

#endif
