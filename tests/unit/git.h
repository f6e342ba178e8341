/* git's side of the credential protocol: hand text in, look at what comes out. */
#ifndef DAYPASS_TESTS_GIT_H
#define DAYPASS_TESTS_GIT_H

#include <fcntl.h>
#include <sys/mman.h>

#include "helper/base/file.h"
#include "protocols/protocol.h"
#include "tests/unit/fake.h"

extern const struct protocol protocol_git;

/* A descriptor that gives these bytes, then the end. */
static inline int given(const char *text, size_t len)
{
	int fd = memfd_create("given", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(file_write_fd(fd, text, len));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static inline char *taken(int fd)
{
	AUTO_BUF b = buf_new(1024 * 1024);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(file_read_fd(fd, &b));
	return buf_take(&b);
}

/* One call of the helper, with its stdout and stderr. */
struct call {
	char *out, *line;
	int status;
};

static inline void call_free(struct call *c)
{
	free(c->out);
	free(c->line);
	*c = (struct call){0};
}

#define CALL UNUSED CLEANUP(call_free) struct call

static inline struct call git_call(struct world *w, const char *operation, const char *input)
{
	struct call c = {0};
	char word[32];
	char *const argv[] = {word, NULL};
	snprintf(word, sizeof word, "%s", operation);
	int in = given(input, strlen(input)), out = memfd_create("out", MFD_CLOEXEC), line = memfd_create("line", MFD_CLOEXEC), saved = dup(2);
	w->ctx.in = in;
	w->ctx.out = out;
	dup2(line, 2);
	c.status = protocol_run(&protocol_git, &w->ctx, 1, argv);
	dup2(saved, 2);
	c.out = taken(out);
	c.line = taken(line);
	const int all[] = {in, out, line, saved};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		close(all[i]);
	return c;
}

#endif
