/* The client of local talk, for tools that have no loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "ipc.h"
#include "json.h"

#ifdef _WIN32

int
ipc_ask(const char *path, const json_t *request, int64_t timeout_ms,
    json_t **answer)
{
	(void)path;
	(void)request;
	(void)timeout_ms;
	*answer = NULL;
	return -ENOTSUP;
}

#else

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "crypto.h"
#include "unixsock.h"

#ifndef MSG_NOSIGNAL		/* macOS: SIGPIPE is for the tool to ignore */
#define MSG_NOSIGNAL	0
#endif

enum { QUEUE_PAUSE = 10 };	/* ms between two tries at a full queue */

/* 0 once the descriptor can do what events say, or -ETIMEDOUT or so. */
static int
wait_for(int fd, short events, int64_t end)
{
	struct pollfd	p = { .fd = fd, .events = events };
	int64_t		left = end - clock_mono_ms();
	int		rc;

	if (left < 0)
		left = 0;
	rc = poll(&p, 1, left < INT32_MAX ? (int)left : INT32_MAX);
	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	return rc == 0 ? -ETIMEDOUT : 0;
}

static int
connect_until(const char *path, int64_t end)
{
	int	fd;

	while ((fd = unixsock_connect(path)) == -EAGAIN) {
		if (clock_mono_ms() >= end)
			return -ETIMEDOUT;
		poll(NULL, 0, QUEUE_PAUSE);
	}
	return fd;
}

static int
write_all(int fd, const char *p, size_t n, int64_t end)
{
	ssize_t	did;
	int	rc;

	while (n > 0) {
		did = send(fd, p, n, MSG_NOSIGNAL);
		if (did < 0 && errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		if (did < 0 && (rc = wait_for(fd, POLLOUT, end)) < 0)
			return rc;
		if (did > 0) {
			p += did;
			n -= (size_t)did;
		}
	}
	return 0;
}

static int
read_line(int fd, struct buf *b, int64_t end)
{
	const char	*lf;
	char		 p[4096];
	ssize_t		 n;
	int		 rc;

	for (;;) {
		lf = memchr(buf_str(b), '\n', b->len);
		if ((lf != NULL ? (size_t)(lf - b->p) : b->len) > IPC_MAX_LINE)
			return -EMSGSIZE;
		if (lf != NULL)
			return 0;
		n = recv(fd, p, sizeof(p), 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0 && (rc = wait_for(fd, POLLIN, end)) < 0)
			return rc;
		if (n > 0)
			buf_add(b, p, (size_t)n);
	}
}

int
ipc_ask(const char *path, const json_t *request, int64_t timeout_ms,
    json_t **answer)
{
	struct json_err	 e;
	struct buf	 line = BUF_INIT;
	const char	*lf;
	char		*text = NULL;
	int64_t		 end = clock_mono_ms() + timeout_ms;
	int		 fd, rc;

	*answer = NULL;
	if ((rc = fd = connect_until(path, end)) < 0)
		goto out;
	text = json_text(request);
	buf_adds(&line, text);
	buf_addc(&line, '\n');
	if ((rc = write_all(fd, line.p, line.len, end)) < 0)
		goto out;
	buf_clear(&line);
	if ((rc = read_line(fd, &line, end)) < 0)
		goto out;
	lf = memchr(line.p, '\n', line.len);
	*answer = json_read(line.p, (size_t)(lf - line.p), &e);
	if (!json_is_object(*answer)) {
		json_decref(*answer);
		*answer = NULL;
		rc = -EBADMSG;
	}
out:
	if (fd >= 0)
		close(fd);
	if (text != NULL)		/* there may be a secret in it */
		crypto_wipe(text, strlen(text));
	if (line.p != NULL)
		crypto_wipe(line.p, line.cap);
	free(text);
	buf_release(&line);
	return rc;
}

#endif
