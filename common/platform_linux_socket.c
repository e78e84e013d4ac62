/* Linux: what sockets tell of their peers, and files straight into them. */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <poll.h>

#include "platform.h"

int
platform_peer_cred(int fd, int64_t *uid, int64_t *pid)
{
	struct ucred	c;
	socklen_t	n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return -errno;
	if (c.pid == 0 && c.uid == (uid_t)-1)	/* TCP has no such peer */
		return -ENOTSUP;
	*uid = (int64_t)c.uid;
	*pid = c.pid;
	return 0;
}

/* A peer that only says no more (shutdown) still listens: no POLLHUP. */
int
platform_peer_gone(int fd)
{
	struct pollfd	p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* libuv 1.44 asks copy_file_range(2) first, which refuses sockets, and then
 * reads and writes 8 kB at a time: a third of what this gives. */
int
platform_sendfile(int to, int from, uint64_t off, size_t n, size_t *sent)
{
	off_t	at = (off_t)off;
	ssize_t	got;

	*sent = 0;
	if ((got = sendfile(to, from, &at, n)) < 0)
		return errno == EINVAL || errno == ENOSYS ? -ENOTSUP : -errno;
	*sent = (size_t)got;
	return 0;
}

void
platform_cork(int fd, int on)
{
	/* what is no TCP refuses, and needs none */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}
