/* Linux: locks.  They belong to the open file description: fork and exec keep
 * them, and closing another descriptor of the file does not drop them. */
#include <sys/file.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "platform.h"

/* Ours is one byte where no file has one, so that what other programs lock of
 * a file's contents does not meet it; one who locks all of it does. */
static const struct flock	our_byte = { .l_whence = SEEK_SET,
	.l_start = (off_t)1 << 62, .l_len = 1 };

static int
ofd_lock(int fd, struct flock l, int shared, int wait)
{
	l.l_type = shared ? F_RDLCK : F_WRLCK;
	if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EWOULDBLOCK : -errno;
}

int
platform_lock(int fd, int shared, int wait)
{
	return ofd_lock(fd, our_byte, shared, wait);
}

int
platform_lock_whole(int fd, int shared, int wait)
{
	const struct flock	l = { .l_whence = SEEK_SET,
		.l_len = our_byte.l_start };

	return ofd_lock(fd, l, shared, wait);
}

int
platform_flock(int fd, int shared, int wait)
{
	if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB)) ==
	    0)
		return 0;
	return errno == EWOULDBLOCK ? -EWOULDBLOCK : -errno;
}

int
platform_unlock(int fd)
{
	struct flock	l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &l) < 0 || flock(fd, LOCK_UN) < 0 ?
	    -errno : 0;
}

int
platform_lock_held(int fd)
{
	struct flock	l = our_byte;

	l.l_type = F_WRLCK;
	if (fcntl(fd, F_OFD_GETLK, &l) < 0)
		return -errno;
	return l.l_type != F_UNLCK;
}
