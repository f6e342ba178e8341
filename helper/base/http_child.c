#include "helper/base/http_child.h"

#include "helper/base/child.h"
#include "helper/base/file.h"
#include "helper/base/str.h"

/* What a child reports: the plain parts; the body follows it on the pipe. */
struct report {
	bool ok;
	struct err err;
	struct http_response head;
};

struct job {
	http_transfer transfer;
	const struct http *http;
	const struct http_request *q;
	int64_t left_ms;
	struct http_response *r;
};

static bool work(int fd, void *user)
{
	struct job *j = user;
	struct report rep = {.err = ERR_INIT};
	rep.ok = j->transfer(j->http, j->q, j->left_ms, j->r, &rep.err);
	rep.head = *j->r;
	return file_write_fd(fd, &rep, sizeof rep) && file_write_fd(fd, secret_reveal(&j->r->body), secret_len(&j->r->body));
}

bool http_in_child(http_transfer transfer, const struct http *http, const struct http_request *q, int64_t left_ms,
		   struct http_response *r, struct err *err)
{
	struct job job = {transfer, http, q, left_ms, r};
	AUTO_BUF all = buf_new(sizeof(struct report) + secret_buf(&r->body)->max);
	AUTO_STR host = http_host(q->url);
	if (child_run(work, &job, left_ms, &all) != CHILD_DONE || all.len < sizeof(struct report))
		return err_set(err, ERR_NETWORK, "check the network and its name server", "%s did not answer in time", host);
	struct report rep;
	memcpy(&rep, all.p, sizeof rep);
	struct secret body = r->body;
	*r = rep.head;
	r->body = body;
	if (!rep.ok) {
		*err = rep.err;
		return false;
	}
	return secret_set(&r->body, all.p + sizeof rep, all.len - sizeof rep);
}
