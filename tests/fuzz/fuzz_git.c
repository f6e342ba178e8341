/* git's request parser, and the whole face behind it: whatever comes in, what goes out is a set of fields of ours. */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>

#include "helper/base/url.h"
#include "protocols/protocol.h"
#include "tests/unit/fake.h"

extern const struct protocol protocol_git;

static void check_request(const struct request *r)
{
	must(r->action != ACTION_GET || str_eq(r->scheme, "https") || str_eq(r->scheme, "http")); /* http only for what is kept */
	must(r->action != ACTION_GET || url_host_ok(r->host));
	for (const char *p = r->host; p && *p; p++)
		must(*p < 'A' || *p > 'Z');
	must(!r->path || (!str_has_control(r->path) && !str_starts(r->path, "../") && !strstr(r->path, "/../") && *r->path != '/'));
	must(!r->user || !strpbrk(r->user, "\r\n"));
}

/* Each line is one of the fields that the page beside the protocol lists. */
static void check_answer(char *text)
{
	static const char *const fields[] = {"capability[]=authtype", "capability[]=state", "authtype=Bearer", "credential=at-1", "ephemeral=1", "username=", "password=at-1", "password_expiry_utc=", "continue=1", "state[]=daypass:1:", "quit=1"};
	for (char *line = text; *line;) {
		char *end = strchr(line, '\n');
		bool known = false;
		must(end != NULL);
		*end = 0;
		must(!str_has_control(line));
		for (size_t i = 0; i < COUNT_OF(fields); i++)
			known = known || str_starts(line, fields[i]);
		must(known);
		line = end + 1;
	}
}

static int input(const uint8_t *data, size_t size)
{
	int fd = memfd_create("in", MFD_CLOEXEC);
	must(fd >= 0 && file_write_fd(fd, data, size) && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* True where the request may get a token: by https and its own port. */
static bool parse_only(struct world *w, const uint8_t *data, size_t size, char *const *argv)
{
	AUTO_REQUEST r = {0};
	AUTO_STATE s = exchange_state_new();
	struct err err = ERR_INIT;
	w->ctx.in = input(data, size);
	bool parsed = protocol_git.parse(&w->ctx, 1, argv, &r, &s, &err);
	if (parsed)
		check_request(&r);
	else
		must_be_clean(&err);
	close(w->ctx.in);
	return parsed && str_eq(r.scheme, "https") && r.port == 0;
}

static void whole(struct world *w, const uint8_t *data, size_t size, char *const *argv, bool may)
{
	AUTO_BUF out = buf_new(1024 * 1024);
	w->ctx.in = input(data, size);
	w->ctx.out = memfd_create("out", MFD_CLOEXEC);
	must(protocol_run(&protocol_git, &w->ctx, 1, argv) == 0);
	must(lseek(w->ctx.out, 0, SEEK_SET) == 0 && file_read_fd(w->ctx.out, &out));
	must(memchr(out.p, 0, out.len) == NULL);
	must(may || !strstr(out.p, "at-1"));
	check_answer(out.p);
	close(w->ctx.in);
	close(w->ctx.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char get[] = "get", erase[] = "erase";
	static const struct answer script[] = {{200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"}, {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"at-1\"}"}};
	char *const asks[] = {get, NULL}, *const erases[] = {erase, NULL};
	WORLD(w);
	world_script(&w, script, COUNT_OF(script));
	bool may = parse_only(&w, data, size, asks);
	whole(&w, data, size, asks, may);
	whole(&w, data, size, asks, may);
	whole(&w, data, size, erases, false);
	return 0;
}
