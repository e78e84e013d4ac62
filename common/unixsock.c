#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "unixsock.h"

#ifdef _WIN32

/* A named pipe goes with its last handle, so none is ever stale. */
int
unixsock_listen(struct unixsock *u, uv_pipe_t *pipe, const char *path,
    int mode, int backlog, uv_connection_cb cb)
{
	int	rc;

	(void)mode;		/* the default: its owner and administrators */
	if ((rc = uv_pipe_bind(pipe, path)) < 0
	    || (rc = uv_listen((uv_stream_t *)pipe, backlog, cb)) < 0)
		return rc;
	u->path = xstrdup(path);
	return 0;
}

void
unixsock_release(struct unixsock *u)
{
	free(u->path);
	*u = (struct unixsock)UNIXSOCK_INIT;
}

int
unixsock_connect(const char *path)
{
	(void)path;
	return -ENOTSUP;
}

#else

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
make_address(struct sockaddr_un *a, const char *path, const char *suffix)
{
	int	n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s%s", path, suffix);
	return n < 0 || (size_t)n >= sizeof(a->sun_path) ? -ENAMETOOLONG : 0;
}

static int
make_socket(void)
{
	int	fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* A server whose queue is full must not stop us in connect(). */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int
unixsock_connect(const char *path)
{
	struct sockaddr_un	a;
	int			fd, rc;

	if ((rc = make_address(&a, path, "")) < 0 || (rc = make_socket()) < 0)
		return rc;
	fd = rc;
	do
		rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* 0 when the path is free or a socket that nobody serves. */
static int
check_free(const char *path)
{
	struct stat	st;
	int		fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = unixsock_connect(path);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED || fd == -ENOENT ? 0
	    : fd >= 0 || fd == -EAGAIN ? -EADDRINUSE : fd;
}

static int
listen_at(int fd, const struct sockaddr_un *a, const char *path, int mode,
    int backlog)
{
	if (unlink(a->sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		return -errno;
	if (chmod(a->sun_path, (mode_t)mode) < 0 || listen(fd, backlog) < 0
	    || rename(a->sun_path, path) < 0) {
		int	rc = -errno;

		unlink(a->sun_path);
		return rc;
	}
	return 0;
}

int
unixsock_listen(struct unixsock *u, uv_pipe_t *pipe, const char *path,
    int mode, int backlog, uv_connection_cb cb)
{
	struct sockaddr_un	a;
	struct stat		st;
	int			fd, rc;

	if ((rc = make_address(&a, path, ".new")) < 0
	    || (rc = check_free(path)) < 0 || (rc = make_socket()) < 0)
		return rc;
	fd = rc;
	if ((rc = listen_at(fd, &a, path, mode, backlog)) < 0
	    || (rc = uv_pipe_open(pipe, fd)) < 0) {
		close(fd);
		return rc;
	}
	if ((rc = uv_listen((uv_stream_t *)pipe, backlog, cb)) < 0)
		return rc;
	u->path = xstrdup(path);
	if (lstat(path, &st) == 0) {
		u->dev = st.st_dev;
		u->ino = st.st_ino;
	}
	return 0;
}

void
unixsock_release(struct unixsock *u)
{
	struct stat	st;

	if (u->path != NULL && lstat(u->path, &st) == 0
	    && (uint64_t)st.st_dev == u->dev && st.st_ino == u->ino)
		unlink(u->path);
	free(u->path);
	*u = (struct unixsock)UNIXSOCK_INIT;
}

#endif
