/* Windows: files as memory, and locks. */
#include <windows.h>
#include <errno.h>
#include <io.h>
#include <stddef.h>

#include "platform.h"
#include "platform_windows.h"

void *
platform_map(int fd, size_t n, int write)
{
	HANDLE	 h = CreateFileMappingW((HANDLE)_get_osfhandle(fd), NULL,
		    write ? PAGE_READWRITE : PAGE_READONLY, 0, 0, NULL);
	void	*p = NULL;

	if (h != NULL) {
		p = MapViewOfFile(h, write ? FILE_MAP_WRITE : FILE_MAP_READ,
		    0, 0, n);
		CloseHandle(h);		/* the view keeps it */
	}
	if (p == NULL)
		errno = EIO;
	return p;
}

void
platform_unmap(void *p, size_t n)
{
	FlushViewOfFile(p, n);
	UnmapViewOfFile(p);
}

/* -- locks -- */

/* Locks here are mandatory: one byte far behind any content is locked, so
 * that the record at the start stays readable. */
#define LOCK_OFFSET_HIGH	0x7fffffff

static int
lock_byte(int fd, DWORD flags)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };
	HANDLE		h = (HANDLE)_get_osfhandle(fd);

	if (h == INVALID_HANDLE_VALUE)
		return -EBADF;
	if (LockFileEx(h, flags, 0, 1, 0, &o))
		return 0;
	switch (GetLastError()) {
	case ERROR_LOCK_VIOLATION:
	case ERROR_IO_PENDING:
		return -EWOULDBLOCK;
	default:
		return windows_last_error();
	}
}

int
platform_lock(int fd, int shared, int wait)
{
	return lock_byte(fd, (shared ? 0 : (DWORD)LOCKFILE_EXCLUSIVE_LOCK) |
	    (wait ? 0 : (DWORD)LOCKFILE_FAIL_IMMEDIATELY));
}

int
platform_flock(int fd, int shared, int wait)
{
	return platform_lock(fd, shared, wait);
}

int
platform_lock_whole(int fd, int shared, int wait)
{
	return platform_lock(fd, shared, wait);
}

int
platform_unlock(int fd)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };

	return UnlockFileEx((HANDLE)_get_osfhandle(fd), 0, 1, 0, &o) ? 0 :
	    windows_last_error();
}

/* Windows has no question, only the attempt: for that instant the lock is
 * ours, and somebody else's attempt may fail.  Our own lock counts too. */
int
platform_lock_held(int fd)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };
	int		rc = lock_byte(fd, LOCKFILE_EXCLUSIVE_LOCK |
			    LOCKFILE_FAIL_IMMEDIATELY);

	if (rc == 0)
		UnlockFileEx((HANDLE)_get_osfhandle(fd), 0, 1, 0, &o);
	return rc == -EWOULDBLOCK ? 1 : rc;
}
