/* The client of local talk, for tools that have no loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "ipc.h"
#include "json.h"

/* -- the way there: a descriptor or handle, each call with its end (mono,
 * ms); 0, -ETIMEDOUT, -ECONNRESET or -errno -- */

#ifdef _WIN32

#include <windows.h>

enum { BUSY_PAUSE = 50 };	/* ms at most between two tries */

typedef HANDLE	way;
#define NO_WAY	INVALID_HANDLE_VALUE

static int
last_error(void)
{
	switch (GetLastError()) {
	case ERROR_FILE_NOT_FOUND:	return UV_ENOENT;
	case ERROR_ACCESS_DENIED:	return UV_EACCES;
	case ERROR_BROKEN_PIPE:
	case ERROR_NO_DATA:
	case ERROR_PIPE_NOT_CONNECTED:	return -ECONNRESET;
	default:			return UV_EIO;
	}
}

/* Nobody at the other end may act in our name: identification only. */
static int
way_open(const char *path, int64_t end, way *w)
{
	DWORD	flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT |
		    SECURITY_IDENTIFICATION;

	for (;;) {
		*w = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL,
		    OPEN_EXISTING, flags, NULL);
		if (*w != NO_WAY)
			return 0;
		if (GetLastError() != ERROR_PIPE_BUSY)
			return last_error();
		if (clock_mono_ms() >= end)
			return -ETIMEDOUT;
		WaitNamedPipeA(path, BUSY_PAUSE);
	}
}

static void
way_close(way w)
{
	if (w != NO_WAY)
		CloseHandle(w);
}

/* Waits for what was begun; n is how many bytes went. */
static int
way_end(way w, BOOL begun, OVERLAPPED *o, int64_t end, DWORD *n)
{
	int64_t	left = end - clock_mono_ms();
	int	rc = 0;

	if (!begun && GetLastError() != ERROR_IO_PENDING)
		return last_error();
	if (WaitForSingleObject(o->hEvent, left > 0 ? (DWORD)left : 0) !=
	    WAIT_OBJECT_0) {
		CancelIo(w);
		rc = -ETIMEDOUT;
	}
	if (!GetOverlappedResult(w, o, n, TRUE) && rc == 0)
		rc = last_error();
	return rc;
}

static int
way_write(way w, const char *p, size_t n, int64_t end)
{
	OVERLAPPED	o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
	DWORD		did;
	int		rc = 0;

	for (; n > 0 && rc == 0; p += did, n -= did) {
		did = 0;
		rc = way_end(w, WriteFile(w, p, (DWORD)n, NULL, &o), &o, end,
		    &did);
	}
	CloseHandle(o.hEvent);
	return rc;
}

static int
way_read(way w, char *p, size_t max, int64_t end, size_t *n)
{
	OVERLAPPED	o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
	DWORD		did = 0;
	int		rc = way_end(w, ReadFile(w, p, (DWORD)max, NULL, &o),
			    &o, end, &did);

	CloseHandle(o.hEvent);
	*n = did;
	return rc;
}

#else

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unixsock.h"

#ifndef MSG_NOSIGNAL		/* macOS: SIGPIPE is for the tool to ignore */
#define MSG_NOSIGNAL	0
#endif

enum { QUEUE_PAUSE = 10 };	/* ms between two tries at a full queue */

typedef int	way;
#define NO_WAY	(-1)

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
way_open(const char *path, int64_t end, way *w)
{
	while ((*w = unixsock_connect(path)) == -EAGAIN) {
		if (clock_mono_ms() >= end)
			return -ETIMEDOUT;
		poll(NULL, 0, QUEUE_PAUSE);
	}
	return *w < 0 ? *w : 0;
}

static void
way_close(way w)
{
	if (w >= 0)
		close(w);
}

static int
way_write(way w, const char *p, size_t n, int64_t end)
{
	ssize_t	did;
	int	rc;

	while (n > 0) {
		did = send(w, p, n, MSG_NOSIGNAL);
		if (did < 0 && errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		if (did < 0 && (rc = wait_for(w, POLLOUT, end)) < 0)
			return rc;
		if (did > 0) {
			p += did;
			n -= (size_t)did;
		}
	}
	return 0;
}

static int
way_read(way w, char *p, size_t max, int64_t end, size_t *n)
{
	ssize_t	did;
	int	rc;

	while ((did = recv(w, p, max, 0)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if ((rc = wait_for(w, POLLIN, end)) < 0)
			return rc;
	}
	*n = (size_t)did;
	return did == 0 ? -ECONNRESET : 0;
}

#endif

/* -- lines -- */

/* Until b holds a whole line, whose length is *n. */
static int
read_line(way w, struct buf *b, int64_t end, size_t *n)
{
	const char	*lf;
	char		 p[4096];
	size_t		 got = 0;
	int		 rc;

	for (;;) {
		lf = memchr(buf_str(b), '\n', b->len);
		*n = lf != NULL ? (size_t)(lf - b->p) : b->len;
		if (*n > IPC_MAX_LINE)
			return -EMSGSIZE;
		if (lf != NULL)
			return 0;
		if ((rc = way_read(w, p, sizeof(p), end, &got)) < 0)
			return rc;
		buf_add(b, p, got);
	}
}

/* One line to line(): 1 when it was the last, 0, or -errno. */
static int
hear(way w, struct buf *b, int64_t timeout_ms,
    int (*line)(const json_t *, void *), void *arg)
{
	struct json_err	 e;
	json_t		*o;
	size_t		 n;
	int		 rc;

	if ((rc = read_line(w, b, clock_mono_ms() + timeout_ms, &n)) < 0)
		return rc;
	o = json_read(b->p, n, &e);
	rc = json_is_object(o) ? line(o, arg) : -EBADMSG;
	json_decref(o);
	crypto_wipe(b->p, n);
	buf_drop(b, n + 1);
	return rc;
}

int
ipc_talk(const char *path, const json_t *request, int64_t timeout_ms,
    int (*line)(const json_t *, void *), void *arg)
{
	struct buf	 b = BUF_INIT;
	char		*text = NULL;
	int64_t		 end = clock_mono_ms() + timeout_ms;
	way		 w = NO_WAY;
	int		 rc;

	if ((rc = way_open(path, end, &w)) < 0)
		goto out;
	text = json_text(request);
	buf_adds(&b, text);
	buf_addc(&b, '\n');
	rc = way_write(w, b.p, b.len, end);
	crypto_wipe(b.p, b.len);	/* there may be a secret in it */
	buf_clear(&b);
	while (rc == 0)
		rc = hear(w, &b, timeout_ms, line, arg);
out:
	way_close(w);
	if (text != NULL)
		crypto_wipe(text, strlen(text));
	free(text);
	buf_release(&b);
	return rc < 0 ? rc : 0;
}

static int
keep(const json_t *answer, void *arg)
{
	*(json_t **)arg = json_deep_copy(answer);
	return 1;
}

int
ipc_ask(const char *path, const json_t *request, int64_t timeout_ms,
    json_t **answer)
{
	*answer = NULL;
	return ipc_talk(path, request, timeout_ms, keep, answer);
}
