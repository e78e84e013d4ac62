/*
 * macOS 11 and later, with libSystem alone: no framework is needed, and so
 * none is linked.  The sample is in platform_macos_sample.c, what Linux has
 * too in platform_posix.c.
 */
#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <mach/mach_time.h>
#include <mach-o/dyld.h>
#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <uv.h>

#include "buf.h"
#include "log.h"
#include "platform.h"

const char	platform_os[] = "macos";

/* -- where things live -- */

static const struct place {
	const char	*which, *root, *home;
} places[] = {
	{ "state", "/Library/Application Support/muster",
	    "Library/Application Support/muster" },
	{ "run", "/var/run/muster",
	    "Library/Application Support/muster/run" },
	{ "log", "/Library/Logs/muster", "Library/Logs/muster" },
	{ "config", "/Library/Application Support/muster/config",
	    "Library/Application Support/muster/config" }
};

char *
platform_dir(const char *which)
{
	const struct place	*p = places;
	const char		*home = getenv("HOME");
	struct passwd		*pw;

	while (strcmp(p->which, which) != 0)
		if (++p == places + nitems(places))
			die(EXIT_BUG, "platform_dir: %s", which);
	if (platform_is_admin())
		return xstrdup(p->root);
	if ((home == NULL || home[0] != '/') &&
	    (pw = getpwuid(geteuid())) != NULL)
		home = pw->pw_dir;
	return xasprintf("%s/%s", home != NULL ? home : "", p->home);
}

/* -- who we are -- */

/* The hardware's UUID, which IOPlatformUUID is too. */
int
platform_machine_id(char *out, size_t n)
{
	struct timespec	 patience = { 1, 0 };
	uuid_string_t	 text;
	uuid_t		 id;

	if (gethostuuid(id, &patience) < 0)
		return -errno;
	uuid_unparse_upper(id, text);
	return snprintf(out, n, "%s", text) < (int)n ? 0 : -ERANGE;
}

int
platform_os_name(char *out, size_t n)
{
	struct utsname	 u;
	char		 version[32];
	size_t		 len = sizeof(version);

	if (uname(&u) < 0)
		return -errno;
	if (sysctlbyname("kern.osproductversion", version, &len, NULL, 0) < 0)
		snprintf(version, sizeof(version), "(unknown)");
	snprintf(out, n, "macOS %s, %s %s", version, u.sysname, u.release);
	return 0;
}

void
platform_boot_id(char out[40])
{
	size_t	n = 40;

	if (sysctlbyname("kern.bootsessionuuid", out, &n, NULL, 0) < 0)
		out[0] = '\0';
	out[39] = '\0';
}

/* By sysctl, which tells of other users' processes too. */
int64_t
platform_process_start(int64_t pid)
{
	int			 mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_PID,
				    (int)pid };
	struct kinfo_proc	 k;
	size_t			 n = sizeof(k);

	if (pid <= 0 || pid > INT32_MAX ||
	    sysctl(mib, nitems(mib), &k, &n, NULL, 0) < 0 || n == 0 ||
	    k.kp_proc.p_stat == SZOMB)
		return 0;
	return (int64_t)k.kp_proc.p_starttime.tv_sec * 1000000 +
	    k.kp_proc.p_starttime.tv_usec;
}

/* Nothing says that a parent has died but its end of our pipe. */
void
platform_become_part(const char *name)
{
	(void)name;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* macOS heeds no limit of private memory: the agent's look at the resident
 * size has to do. */
void
platform_limit_memory(int64_t bytes)
{
	struct rlimit	none = { 0, 0 };

	(void)bytes;
	setrlimit(RLIMIT_CORE, &none);
}

int
platform_process_cost(int64_t pid, int64_t *cpu_us, int64_t *rss)
{
	mach_timebase_info_data_t	unit;
	struct proc_taskinfo		t;

	if (proc_pidinfo((int)pid, PROC_PIDTASKINFO, 0, &t, sizeof(t)) !=
	    (int)sizeof(t))
		return errno != 0 ? -errno : -ESRCH;
	mach_timebase_info(&unit);
	*cpu_us = (int64_t)((t.pti_total_user + t.pti_total_system) *
	    unit.numer / unit.denom / 1000);
	*rss = (int64_t)t.pti_resident_size;
	return 0;
}

int
platform_self_path(char *out, size_t n)
{
	uint32_t	size = (uint32_t)n;

	return _NSGetExecutablePath(out, &size) == 0 ? 0 : -ENOBUFS;
}

int
platform_peer_cred(int fd, int64_t *uid, int64_t *pid)
{
	uid_t		u;
	gid_t		g;
	pid_t		p = 0;
	socklen_t	n = sizeof(p);

	if (getpeereid(fd, &u, &g) < 0)
		return errno == EBADF ? -EBADF : -ENOTSUP;
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &p, &n) < 0)
		return -errno;
	*uid = (int64_t)u;
	*pid = p;
	return 0;
}

/* poll(2) here tells a half-closed socket from a closed one on no release
 * that we know of. */
int
platform_peer_gone(int fd)
{
	(void)fd;
	return 0;
}

int
platform_sendfile(int to, int from, uint64_t off, size_t n, size_t *sent)
{
	off_t	len = (off_t)n;
	int	code = sendfile(from, to, (off_t)off, &len, NULL, 0);

	*sent = (size_t)len;		/* also where it stopped midway */
	if (code == 0 || len > 0)
		return 0;
	return errno == EINVAL || errno == ENOTSUP ? -ENOTSUP : -errno;
}

void
platform_cork(int fd, int on)
{
	(void)fd, (void)on;
}

/* -- locks: they belong to the open file description -- */

int
platform_lock(int fd, int shared, int wait)
{
	struct flock	l = { .l_type = shared ? F_RDLCK : F_WRLCK,
			      .l_whence = SEEK_SET };

	if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EWOULDBLOCK : -errno;
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
	struct flock	l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &l) < 0 ? -errno : 0;
}

int
platform_lock_held(int fd)
{
	struct flock	l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &l) < 0)
		return -errno;
	return l.l_type != F_UNLCK;
}

/* -- the program and its service -- */

char *
platform_program(void)
{
	char	path[PATH_MAX];
	size_t	n = sizeof(path);

	return uv_exepath(path, &n) < 0 ? NULL : xstrdup(path);
}

char *
platform_unit(int *user)
{
	*user = 0;
	return NULL;
}
