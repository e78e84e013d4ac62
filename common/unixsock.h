/* Listening on a Unix socket's path (a named pipe's name on Windows). */
#ifndef MUSTER_UNIXSOCK_H
#define MUSTER_UNIXSOCK_H

#include <stdint.h>

#include <uv.h>

struct unixsock {
	char		*path;		/* NULL: none */
	uint64_t	 dev, ino;	/* of the socket that we made */
};

#define UNIXSOCK_INIT	{ NULL, 0, 0 }

/*
 * Listens at path with an initialised pipe.  The socket appears whole: it
 * has its mode and is served before it has its name.  One that nobody serves
 * is replaced; 0, -EADDRINUSE for a served one, -EEXIST for what is no
 * socket, or -errno.  The caller closes the pipe, whatever comes.
 */
int	unixsock_listen(struct unixsock *, uv_pipe_t *, const char *path,
	    int mode, int backlog, uv_connection_cb);
/* Removes the socket unless another has its place by now; releases. */
void	unixsock_release(struct unixsock *);
/* A connected, non-blocking descriptor, or -errno: -EAGAIN while the server's
 * queue is full, -ENOTSUP on Windows. */
int	unixsock_connect(const char *path);

#endif
