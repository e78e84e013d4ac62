/* Files at offsets, by libuv's synchronous calls: the same everywhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include <uv.h>

#include "spool_private.h"

#ifndef O_CLOEXEC
#define O_CLOEXEC	0
#endif

int
disk_open(const char *path, int flags, int *fd)
{
	uv_fs_t	req;
	int	rc = uv_fs_open(NULL, &req, path, flags | O_CLOEXEC, 0600,
	    NULL);

	uv_fs_req_cleanup(&req);
	*fd = rc < 0 ? -1 : rc;
	return rc < 0 ? rc : 0;
}

void
disk_close(int *fd)
{
	uv_fs_t	req;

	if (*fd < 0)
		return;
	uv_fs_close(NULL, &req, *fd, NULL);
	uv_fs_req_cleanup(&req);
	*fd = -1;
}

/* Both pieces in one write, so that a killed process leaves all or nothing
 * of it but where the disk ends. */
int
disk_write(int fd, const void *a, size_t an, const void *b, size_t bn,
    uint64_t off)
{
	uv_buf_t	 bufs[2] = {
		uv_buf_init((char *)(uintptr_t)a, (unsigned)an),
		uv_buf_init((char *)(uintptr_t)b, (unsigned)bn)
	};
	uv_fs_t		 req;
	int		 rc;

	rc = uv_fs_write(NULL, &req, fd, bufs, bn > 0 ? 2 : 1, (int64_t)off,
	    NULL);
	uv_fs_req_cleanup(&req);
	if (rc < 0)
		return rc;
	return (size_t)rc == an + bn ? 0 : UV_ENOSPC;
}

int
disk_read(int fd, void *p, size_t max, uint64_t off, size_t *n)
{
	uv_buf_t	b = uv_buf_init(p, (unsigned)max);
	uv_fs_t		req;
	int		rc;

	rc = uv_fs_read(NULL, &req, fd, &b, 1, (int64_t)off, NULL);
	uv_fs_req_cleanup(&req);
	*n = rc > 0 ? (size_t)rc : 0;
	return rc < 0 ? rc : 0;
}

int
disk_truncate(int fd, uint64_t size)
{
	uv_fs_t	req;
	int	rc = uv_fs_ftruncate(NULL, &req, fd, (int64_t)size, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

int
disk_sync(int fd)
{
	uv_fs_t	req;
	int	rc = uv_fs_fdatasync(NULL, &req, fd, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

void
disk_unlink(const char *path)
{
	uv_fs_t	req;

	uv_fs_unlink(NULL, &req, path, NULL);
	uv_fs_req_cleanup(&req);
}
