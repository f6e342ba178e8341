/* A client's side of a protocol: hand text in, look at what comes out. */
#ifndef DAYPASS_TESTS_FACE_H
#define DAYPASS_TESTS_FACE_H

#include <fcntl.h>
#include <sys/mman.h>

#include "helper/base/file.h"
#include "protocols/protocol.h"
#include "tests/unit/fake.h"

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

/* argv ends with NULL. */
static inline struct call face_call(struct world *w, const struct protocol *face, char *const *argv, const char *input, size_t len)
{
	struct call c = {0};
	int argc = 0, in = given(input, len), out = memfd_create("out", MFD_CLOEXEC), line = memfd_create("line", MFD_CLOEXEC), saved = dup(2);
	while (argv[argc])
		argc++;
	w->ctx.in = in;
	w->ctx.out = out;
	dup2(line, 2);
	c.status = protocol_run(face, &w->ctx, argc, argv);
	dup2(saved, 2);
	c.out = taken(out);
	c.line = taken(line);
	const int all[] = {in, out, line, saved};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		close(all[i]);
	return c;
}

#endif
