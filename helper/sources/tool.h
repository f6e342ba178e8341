/* Tools of Microsoft's that a person is logged in to (az, azd): run, they print an access token. */
#ifndef DAYPASS_SOURCES_TOOL_H
#define DAYPASS_SOURCES_TOOL_H

#include "helper/sources/common.h"

struct tool {
	const char *name, *product; /* "az", "the Azure CLI" */
	const char *login, *upgrade; /* what to type: "az login" */
};

/* A failing line for who is not logged in, path being what is not there. Returns SOURCE_BROKEN. */
enum source_state tool_absent(const struct tool *t, const char *path, struct err *why);
/* Which file, and which version of it: a tool rewrites it when somebody logs in. False where there is none. */
bool tool_print_file(const char *path, struct buf *out);
/* Run it with these arguments (14 at most), 15 s at most, with these variables added; never ourselves under its name.
 * text gets its stdout; false with what it said of an error. */
bool tool_run(const struct ctx *ctx, const struct tool *t, const char *const *args, const char *const *more, struct buf *text, struct err *err);
/* Take what it printed. expires: seconds since 1970; what is no time to come stands for not known, and the token is
 * kept for the shortest life that Entra gives. */
bool tool_take(const struct ctx *ctx, const struct tool *t, const char *value, int64_t expires, struct token *out, struct err *err);

#endif
