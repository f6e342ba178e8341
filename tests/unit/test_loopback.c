/* Who is at the other end of a connection on loopback. */
#include "helper/base/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/check.h"

struct pair {
	int listener, port, client, server, diag;
};

static void pair_end(struct pair *p)
{
	int *const all[] = {&p->listener, &p->client, &p->server, &p->diag};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (*all[i] >= 0)
			close(*all[i]);
}

static int connect_to(int family, int port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool done = fd >= 0 && (family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof v4) : connect(fd, (struct sockaddr *)&v6, sizeof v6)) == 0;
	if (!done && fd >= 0)
		close(fd);
	return done ? fd : -1;
}

static int take_one(const struct pair *p)
{
	struct pollfd wait = {.fd = p->listener, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 60000), 1);
	return loopback_accept(p->listener);
}

static void pair_begin(struct pair *p, int family)
{
	*p = (struct pair){-1, 0, -1, -1, -1};
	p->listener = loopback_listen(&p->port);
	assert_true(p->listener >= 0 && p->port > 0);
	p->client = connect_to(family, p->port);
	if (p->client < 0)
		return;
	p->server = take_one(p);
	p->diag = loopback_diag();
	assert_true(p->server >= 0);
}

#define PAIR(p, family) CLEANUP(pair_end) struct pair p; pair_begin(&p, family)

static bool is(int diag, int server, uid_t wanted)
{
	uid_t uid = 12345;
	return loopback_uid(diag, server, &uid) && uid == wanted;
}

TEST(our_own_connection_is_ours_by_either_way)
{
	PAIR(p, AF_INET);
	if (p.diag >= 0)
		assert_true(is(p.diag, p.server, geteuid()));
	assert_true(is(-1, p.server, geteuid()));
}

TEST(an_ipv6_socket_may_connect_too)
{
	PAIR(p, AF_INET6);
	if (p.client < 0)
		SKIP("this machine has no IPv6");
	if (p.diag >= 0)
		assert_true(is(p.diag, p.server, geteuid()));
	assert_true(is(-1, p.server, geteuid()));
}

TEST(a_socket_that_nobody_holds_is_nobodys)
{
	PAIR(p, AF_INET);
	close(p.client);
	p.client = -1;
	uid_t uid;
	assert_false(loopback_uid(p.diag, p.server, &uid));
	assert_false(loopback_uid(-1, p.server, &uid));
}

TEST(another_user_is_another_user)
{
	enum { NOBODY = 65534 };
	if (geteuid() != 0)
		SKIP("only root can be another user");
	struct pair p = {-1, 0, -1, -1, loopback_diag()};
	int hold[2];
	p.listener = loopback_listen(&p.port);
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(hold[1]);
		if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(77);
		int fd = connect_to(AF_INET, p.port);
		_exit(fd >= 0 && read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	close(hold[0]);
	struct pollfd wait = {.fd = p.listener, .events = POLLIN};
	int status = 0;
	while (poll(&wait, 1, 10) == 0 && waitpid(pid, &status, WNOHANG) == 0)
		;
	bool may = !WIFEXITED(status) || WEXITSTATUS(status) != 77;
	if (may) {
		p.server = take_one(&p);
		if (p.diag >= 0)
			assert_true(is(p.diag, p.server, NOBODY));
		assert_true(is(-1, p.server, NOBODY));
	}
	close(hold[1]);
	if (may)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	pair_end(&p);
	if (!may)
		SKIP("no other user can be had here");
	assert_int_equal(status, 0);
}

TEST(each_connection_has_its_own_owner)
{
	PAIR(p, AF_INET);
	int second = connect_to(AF_INET, p.port), server = take_one(&p);
	close(p.client);
	p.client = -1;
	assert_false(is(p.diag, p.server, geteuid()));
	assert_true(is(p.diag, server, geteuid()));
	close(second);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(our_own_connection_is_ours_by_either_way), T(an_ipv6_socket_may_connect_too), T(a_socket_that_nobody_holds_is_nobodys), T(another_user_is_another_user), T(each_connection_has_its_own_owner)};
	return RUN(tests);
}
