#include "helper/base/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "helper/base/file.h"
#include "helper/base/str.h"

int loopback_listen(int *port)
{
	enum { BACKLOG = 256 };
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
		*port = ntohs(at.sin_port);
		return fd;
	}
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return -1;
}

int loopback_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int loopback_diag(void)
{
	struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

/* Both ends as the client has them: local is its own. */
struct ends {
	struct sockaddr_in local, remote;
};

static bool find_ends(int connection, struct ends *e)
{
	socklen_t a = sizeof e->local, b = sizeof e->remote;
	return getpeername(connection, (struct sockaddr *)&e->local, &a) == 0 && getsockname(connection, (struct sockaddr *)&e->remote, &b) == 0;
}

/* An orphan has no inode, and another's uid. */
static bool answer_uid(const struct nlmsghdr *h, ssize_t len, const struct ends *e, uid_t *out)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	if (len < (ssize_t)NLMSG_LENGTH(sizeof *m) || h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	if (m->id.idiag_sport != e->local.sin_port || m->id.idiag_dport != e->remote.sin_port || !m->idiag_inode)
		return false;
	*out = m->idiag_uid;
	return true;
}

static bool ask_kernel(int diag, const struct ends *e, uid_t *out)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} q = {.h = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
	       .r = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
		     .id = {.idiag_sport = e->local.sin_port, .idiag_dport = e->remote.sin_port, .idiag_src = {e->local.sin_addr.s_addr}, .idiag_dst = {e->remote.sin_addr.s_addr},
			    .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
	union {
		struct nlmsghdr h;
		char bytes[2048];
	} a;
	if (diag < 0 || send(diag, &q, sizeof q, 0) != sizeof q)
		return false;
	ssize_t n = recv(diag, &a, sizeof a, 0);
	return n > 0 && answer_uid(&a.h, n, e, out);
}

/* The fields behind the two addresses: state, queues, timer, retransmissions, uid, timeout, inode. */
static bool line_uid(const char *rest, uid_t *out)
{
	enum { UID = 4, INODE = 6 };
	int64_t value[INODE + 1] = {0};
	for (int i = 0; i <= INODE; i++) {
		rest += strspn(rest, " ");
		size_t n = strcspn(rest, " \n");
		AUTO_STR word = str_ndup(rest, n);
		if ((i == UID || i == INODE) && !str_to_int(word, UINT32_MAX, &value[i]))
			return false;
		rest += n;
	}
	*out = (uid_t)value[UID];
	return value[INODE] != 0;
}

static bool look_in(const char *path, const char *prefix, const struct ends *e, uid_t *out)
{
	enum { TABLE_MAX = 8 * 1024 * 1024 };
	AUTO_BUF text = buf_new(TABLE_MAX);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_STR ends = str_printf(" %s%08X:%04X %s%08X:%04X ", prefix, e->local.sin_addr.s_addr, ntohs(e->local.sin_port), prefix, e->remote.sin_addr.s_addr, ntohs(e->remote.sin_port));
	if (fd < 0 || !file_read_fd(fd, &text))
		return false;
	const char *at = strstr(text.p, ends);
	return at && line_uid(at + strlen(ends), out);
}

bool loopback_uid(int diag, int connection, uid_t *out)
{
	struct ends e;
	/* How the kernel prints ::ffff: before an address depends on the machine's byte order. */
	AUTO_STR mapped = str_printf("0000000000000000%08X", htonl(0xffff));
	return find_ends(connection, &e) && (ask_kernel(diag, &e, out) || look_in("/proc/net/tcp", "", &e, out) || look_in("/proc/net/tcp6", mapped, &e, out));
}
