/* The server of `daypass exec`, one thread: connections, and the children that do for it what may take time. */
#ifndef DAYPASS_EXEC_SERVER_H
#define DAYPASS_EXEC_SERVER_H

#include <sys/types.h>

#include "helper/cmd/exec.h"

enum { CONNS_MAX = 256, JOBS_MAX = 16 };

/* A child that gets one token; whoever wants the same meanwhile waits for it too. */
struct job {
	pid_t pid; /* 0: free */
	int fd;	   /* its answer; -1 once that is whole */
	struct ask ask;
	struct buf answer;
	int64_t end_ms; /* killed then */
};

enum conn_state {
	CONN_READING,
	CONN_WAITING, /* for a child, or for a place for one */
	CONN_WRITING,
	CONN_ENDING,  /* what still comes is read and dropped: closed at once, an answer on its way could be lost */
};

struct conn {
	int fd;
	enum conn_state state;
	struct buf in, out;
	size_t sent;
	int64_t since_ms; /* of this state; while reading, of the first byte */
	uint64_t turn;	  /* counts up: who came first into its state */
	bool keep;	  /* another request may follow */
	bool used;	  /* had one already */
	bool continued;   /* was told to send its body */
	struct ask ask;
	struct job *job;
};

struct server {
	struct exec *x;
	const struct watch *watch;
	int signals, diag;
	struct conn conns[CONNS_MAX];
	size_t count, most; /* as many as descriptors allow, at most CONNS_MAX */
	uint64_t turns;
	struct job jobs[JOBS_MAX];
	bool crowded; /* nobody more is let in for a moment */
};

/* The answer as it lies in the cache, or a refusal that is certain; false where a child has to see to it. Nothing here
 * waits for the network. */
bool job_at_once(const struct exec *x, const struct ask *a, struct buf *out);
/* The child that is at it already, or a new one; NULL where there are too many. */
struct job *job_for(struct server *s, const struct ask *a);
/* Its pipe can be read. True where the answer is whole. */
bool job_read(struct job *j);
/* The answer in words, for one who waited. */
void job_reply(const struct exec *x, const struct job *j, const struct ask *a, struct buf *out);
void job_free(struct job *j);

#endif
