/*
 * Landlock: a module reads what its user may, writes below its directory
 * alone, executes nothing, and listens on no TCP port; where the kernel can,
 * it reaches neither other processes by signals nor abstract sockets.
 *
 * Reading is allowed everywhere: a fanotify reader is asked about any file,
 * and one that it may not read it would have to deny.
 *
 * What each ABI adds is written out here, for Debian 12's header has the
 * first alone.
 */
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "confine_private.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

enum {			/* of files, linux/landlock.h */
	FS_EXECUTE	= 1 << 0,
	FS_WRITE_FILE	= 1 << 1,
	FS_READ_FILE	= 1 << 2,
	FS_READ_DIR	= 1 << 3,
	FS_MAKE_CHAR	= 1 << 6,
	FS_MAKE_BLOCK	= 1 << 11,
	FS_ALL_1	= (1 << 13) - 1,
	FS_REFER_2	= 1 << 13,
	FS_TRUNCATE_3	= 1 << 14,
	FS_IOCTL_DEV_5	= 1 << 15,
	NET_BIND_4	= 1 << 0,
	NET_CONNECT_4	= 1 << 1,
	SCOPE_ABSTRACT_6 = 1 << 0,
	SCOPE_SIGNAL_6	= 1 << 1
};

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

struct ruleset {
	uint64_t	fs, net, scoped;
};

struct path_rule {
	uint64_t	allowed;
	int32_t		fd;
} __attribute__((packed));

static int
allow(int set, const char *path, uint64_t access)
{
	struct path_rule	r = { access, -1 };
	int			rc = 0;

	if ((r.fd = open(path, O_PATH | O_CLOEXEC)) < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, set, RULE_PATH_BENEATH, &r, 0) < 0)
		rc = -errno;
	close(r.fd);
	return rc;
}

/* What this ABI can refuse; the size of what it knows in *n. */
static void
refuse(struct ruleset *r, int abi, unsigned flags, size_t *n)
{
	memset(r, 0, sizeof(*r));
	r->fs = FS_ALL_1 | (abi >= 2 ? FS_REFER_2 : 0) |
	    (abi >= 3 ? FS_TRUNCATE_3 : 0) | (abi >= 5 ? FS_IOCTL_DEV_5 : 0);
	if (abi >= 4)
		r->net = NET_BIND_4 |
		    (flags & CONFINE_TCP ? 0 : NET_CONNECT_4);
	if (abi >= 6)
		r->scoped = SCOPE_ABSTRACT_6 | SCOPE_SIGNAL_6;
	*n = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

int
confine_landlock(const char *dir, const char *pins, unsigned flags)
{
	struct ruleset	r;
	uint64_t	writes;
	size_t		n;
	int		abi, set, rc;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_VERSION);
	/* EPERM: a container's filter, since this needs no privilege */
	if (abi < 0)
		return errno == EPERM ? -EOPNOTSUPP : -errno;
	refuse(&r, abi, flags, &n);
	writes = r.fs & ~(uint64_t)(FS_EXECUTE | FS_MAKE_CHAR |
	    FS_MAKE_BLOCK | FS_IOCTL_DEV_5);
	set = (int)syscall(SYS_landlock_create_ruleset, &r, n, 0);
	if (set < 0)
		return -errno;
	rc = allow(set, "/", FS_READ_FILE | FS_READ_DIR);
	if (rc == 0 && dir != NULL)
		rc = allow(set, dir, writes);
	if (rc == 0 && pins != NULL &&
	    (rc = allow(set, pins, writes)) == -ENOENT)
		rc = 0;
	if (rc == 0 && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		rc = -errno;
	close(set);
	return rc;
}
