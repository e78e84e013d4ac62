/* For tests of servers: a raw client on the loop that serves it. */
#ifndef MUSTER_T_RAW_H
#define MUSTER_T_RAW_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "buf.h"
#include "loop.h"

/* Lets the server work until cond or so many ms have gone. */
#define RUN_UNTIL(cond, ms)						\
	do {								\
		int64_t	run_end = clock_mono_ms() + (ms);		\
									\
		while (!(cond) && clock_mono_ms() < run_end)		\
			if (!uv_run(&loop, UV_RUN_NOWAIT))		\
				break;					\
	} while (0)

/* Reads what is there; 0 at the end of the stream. */
static int
slurp(int fd, struct buf *b)
{
	char	p[65536];
	ssize_t	n;

	while ((n = recv(fd, p, sizeof(p), 0)) > 0)
		buf_add(b, p, (size_t)n);
	return n < 0 && errno == EAGAIN;
}

static void
send_all(int fd, const char *p, size_t n)
{
	ssize_t	did;

	while (n > 0) {
		did = send(fd, p, n, MSG_NOSIGNAL);
		if (did < 0 && errno != EAGAIN)
			return;
		if (did > 0) {
			p += did;
			n -= (size_t)did;
		}
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

static void
put(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

#endif
