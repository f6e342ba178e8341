/* A listening socket on 127.0.0.1, and who it is at the other end of a connection to it. */
#ifndef DAYPASS_LOOPBACK_H
#define DAYPASS_LOOPBACK_H

#include <stdbool.h>
#include <sys/types.h>

/* Listen on a port that the kernel chooses; not blocking, closed on exec. -1 with errno. */
int loopback_listen(int *port);
/* The next connection, likewise; -1 with errno. */
int loopback_accept(int listener);
/* A netlink socket for loopback_uid; -1 where this kernel or sandbox gives none. */
int loopback_diag(void);
/* The user whose socket is at the other end, asked for with NETLINK_SOCK_DIAG for the exact four-tuple (SO_PEERCRED on TCP
 * says -1); where netlink (diag) does not tell, /proc/net/tcp and tcp6 are read, the last resort. False where nobody
 * holds that socket any more (its uid would read 0) or it cannot be told. */
bool loopback_uid(int diag, int connection, uid_t *out);

#endif
