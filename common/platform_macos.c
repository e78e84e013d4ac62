/*
 * macOS 11 and later, with libSystem alone: no framework is needed, and so
 * none is linked.  What only IOKit tells (bytes read and written by disks)
 * stays unknown; there is no pressure as Linux has it, and no wait for disks
 * in the CPU's time.
 */
#include <sys/types.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <mach/mach.h>
#include <mach/mach_time.h>
#include <mach-o/dyld.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/route.h>
#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <uv.h>

#include "buf.h"
#include "log.h"
#include "platform.h"

const char	platform_os[] = "macos";

enum {
	MAX_ROUTES	= 64 * 1024,	/* bytes of the interface list: 300 */
	MAX_PIDS	= 16384		/* more processes than kern.maxproc */
};

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

/* -- the sample -- */

/* Each call of mach_host_self() would add a reference to the port. */
static mach_port_t
host_port(void)
{
	static mach_port_t	port;

	if (port == MACH_PORT_NULL)
		port = mach_host_self();
	return port;
}

static int
sample_cpu(struct platform_sample *s)
{
	host_cpu_load_info_data_t	c = { 0 };
	mach_msg_type_number_t		n = HOST_CPU_LOAD_INFO_COUNT;
	int				cpus = 0;
	size_t				len = sizeof(cpus);

	if (host_statistics(host_port(), HOST_CPU_LOAD_INFO,
	    (host_info_t)&c, &n) != KERN_SUCCESS)
		return -EIO;
	s->cpu_user = (int64_t)c.cpu_ticks[CPU_STATE_USER] +
	    c.cpu_ticks[CPU_STATE_NICE];
	s->cpu_system = c.cpu_ticks[CPU_STATE_SYSTEM];
	s->cpu_idle = c.cpu_ticks[CPU_STATE_IDLE];
	s->cpu_total = s->cpu_user + s->cpu_system + s->cpu_idle;
	if (sysctlbyname("hw.activecpu", &cpus, &len, NULL, 0) == 0)
		s->cpus = cpus;
	return 0;
}

/* Inactive pages are the file cache: they are given up on demand. */
static void
sample_memory(struct platform_sample *s)
{
	vm_statistics64_data_t	v = { 0 };
	mach_msg_type_number_t	n = HOST_VM_INFO64_COUNT;
	struct xsw_usage	swap;
	uint64_t		total;
	size_t			len = sizeof(total);

	if (sysctlbyname("hw.memsize", &total, &len, NULL, 0) == 0)
		s->mem_total = (int64_t)total;
	if (host_statistics64(host_port(), HOST_VM_INFO64,
	    (host_info64_t)&v, &n) == KERN_SUCCESS)
		s->mem_available = ((int64_t)v.free_count +
		    v.inactive_count) * (int64_t)vm_kernel_page_size;
	len = sizeof(swap);
	if (sysctlbyname("vm.swapusage", &swap, &len, NULL, 0) == 0) {
		s->swap_total = (int64_t)swap.xsu_total;
		s->swap_free = (int64_t)swap.xsu_avail;
	}
}

static void
sample_root_fs(struct platform_sample *s)
{
	struct statfs	f;

	if (statfs("/", &f) < 0)
		return;
	s->disk_total = (int64_t)(f.f_blocks * f.f_bsize);
	s->disk_used = (int64_t)((f.f_blocks - f.f_bfree) * f.f_bsize);
	s->disk_free = (int64_t)(f.f_bavail * f.f_bsize);
}

/* The list with 64-bit counters; getifaddrs has 32 bits, and allocates. */
static void
sample_net(struct platform_sample *s)
{
	static _Alignas(8) char	 list[MAX_ROUTES];
	int			 mib[] = { CTL_NET, PF_ROUTE, 0, 0,
				    NET_RT_IFLIST2, 0 };
	struct if_msghdr2	*m;
	size_t			 n = sizeof(list), at;

	if (sysctl(mib, nitems(mib), list, &n, NULL, 0) < 0)
		return;
	s->net_received = s->net_sent = 0;
	for (at = 0; at + sizeof(struct if_msghdr) <= n;
	    at += m->ifm_msglen) {
		m = (struct if_msghdr2 *)(void *)(list + at);
		if (m->ifm_msglen == 0)
			return;
		if (m->ifm_type != RTM_IFINFO2 ||
		    m->ifm_flags & IFF_LOOPBACK)
			continue;
		s->net_received += (int64_t)m->ifm_data.ifi_ibytes;
		s->net_sent += (int64_t)m->ifm_data.ifi_obytes;
	}
}

static void
sample_times(struct platform_sample *s)
{
	static int	pids[MAX_PIDS];
	struct timeval	boot;
	size_t		len = sizeof(boot);
	int		n;

	if (getloadavg(s->load, 3) < 3)
		s->load[0] = s->load[1] = s->load[2] = -1;
	if (sysctlbyname("kern.boottime", &boot, &len, NULL, 0) == 0)
		s->uptime_s = time(NULL) - boot.tv_sec;
	if ((n = proc_listallpids(pids, sizeof(pids))) > 0)
		s->processes = n;
}

static void
sample_self(struct platform_sample *s)
{
	mach_task_basic_info_data_t	t = { 0 };
	mach_msg_type_number_t		n = MACH_TASK_BASIC_INFO_COUNT;
	struct rusage			r;

	if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&t,
	    &n) == KERN_SUCCESS)
		s->self_rss = (int64_t)t.resident_size;
	if (getrusage(RUSAGE_SELF, &r) == 0)
		s->self_cpu_us = (r.ru_utime.tv_sec + r.ru_stime.tv_sec) *
		    1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

int
platform_sample(struct platform_sample *s)
{
	int	rc;

	*s = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	if ((rc = sample_cpu(s)) < 0)
		return rc;
	sample_memory(s);
	sample_root_fs(s);
	sample_net(s);
	sample_times(s);
	sample_self(s);
	return 0;
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
