/* git's side of the credential protocol: hand text in, look at what comes out. */
#ifndef DAYPASS_TESTS_GIT_H
#define DAYPASS_TESTS_GIT_H

#include "tests/unit/face.h"

extern const struct protocol protocol_git;

static inline struct call git_call(struct world *w, const char *operation, const char *input)
{
	char word[32];
	char *const argv[] = {word, NULL};
	snprintf(word, sizeof word, "%s", operation);
	return face_call(w, &protocol_git, argv, input, strlen(input));
}

#endif
