/*
 * Linux: /proc, /sys, XDG directories, open-file-description locks.
 *
 * A sample reads a fixed list of /proc files through descriptors that stay
 * open, line by line, in one static buffer: no allocation, and about a dozen
 * system calls.  A file that this kernel does not have leaves its values -1.
 */
#include <sys/file.h>
#include <sys/prctl.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

const char	platform_os[] = "linux";
#if defined(__x86_64__)
const char	platform_arch[] = "x64";
#elif defined(__aarch64__)
const char	platform_arch[] = "arm64";
#else
const char	platform_arch[] = "other";	/* document 000 names two */
#endif

enum {
	SAMPLE_BUF	= 8192,	/* of a file at once; longer lines are lost */
	SMALL_FILE	= 4096,	/* os-release, /proc/PID/stat and such */
	MAX_NUMBERS	= 24	/* in one line: diskstats has 17 */
};

/* -- where things live -- */

static const struct place {
	const char	*which, *root;	/* root's directory */
	const char	*var;		/* the XDG variable, */
	const char	*home;		/* what stands for it below $HOME, */
	const char	*tail;		/* and the rest */
} places[] = {
	{ "state", "/var/lib/muster", "XDG_STATE_HOME", ".local/state",
	    "muster" },
	{ "run", "/run/muster", "XDG_RUNTIME_DIR", NULL, "muster" },
	{ "log", "/var/log/muster", "XDG_STATE_HOME", ".local/state",
	    "muster/log" },
	{ "config", "/etc/muster", "XDG_CONFIG_HOME", ".config", "muster" }
};

static char *
home_dir(void)
{
	const char	*home = getenv("HOME");
	struct passwd	 pw, *found = NULL;
	char		 text[1024];

	if (home != NULL && home[0] == '/')
		return xstrdup(home);
	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 &&
	    found != NULL)
		return xstrdup(pw.pw_dir);
	return xstrdup("/");
}

char *
platform_dir(const char *which)
{
	const struct place	*p = places;
	const char		*base;
	char			*home, *dir;

	while (strcmp(p->which, which) != 0)
		if (++p == places + nitems(places))
			die(EXIT_BUG, "platform_dir: %s", which);
	if (platform_is_admin())
		return xstrdup(p->root);
	/* The XDG specification has relative paths ignored. */
	if ((base = getenv(p->var)) != NULL && base[0] == '/')
		return xasprintf("%s/%s", base, p->tail);
	if (p->home == NULL) {		/* no session made a run directory */
		home = platform_dir("state");
		dir = xasprintf("%s/run", home);
	} else {
		home = home_dir();
		dir = xasprintf("%s/%s/%s", home, p->home, p->tail);
	}
	free(home);
	return dir;
}

int
platform_is_admin(void)
{
	return geteuid() == 0;
}

int64_t
platform_uid(void)
{
	return (int64_t)geteuid();
}

/*
 * The directory is opened and only then looked at, so that what is changed
 * is what was checked.  Another user's directory is refused, not seized, and
 * so is a symbolic link, which another user may have put there.
 */
int
platform_private_dir(const char *path)
{
	char		*plain = xstrdup(path);
	size_t		 n = strlen(plain);
	struct stat	 st;
	int		 fd = -1, rc;

	while (n > 1 && plain[n - 1] == '/')
		plain[--n] = '\0';
	if ((rc = file_mkdirs(plain, 0700)) < 0)
		goto out;
	fd = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = -errno;
	else if (st.st_uid != geteuid())
		rc = -EPERM;
	else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		rc = -errno;
out:
	if (fd >= 0)
		close(fd);
	free(plain);
	return rc;
}

/* -- who we are -- */

/* A small file as a string without the newline at its end. */
static int
read_small(const char *path, char *out, size_t n)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t	got;

	if (fd < 0)
		return -errno;
	got = read(fd, out, n - 1);
	close(fd);
	if (got < 0)
		return -errno;
	if (got > 0 && out[got - 1] == '\n')
		got--;
	out[got] = '\0';
	return 0;
}

int
platform_machine_id(char *out, size_t n)
{
	static const char *const paths[] = {
		"/etc/machine-id", "/var/lib/dbus/machine-id"
	};
	char	text[64] = "";
	size_t	i;

	for (i = 0; i < nitems(paths); i++) {
		if (read_small(paths[i], text, sizeof(text)) < 0)
			continue;
		/* Not yet set at a first boot: empty or "uninitialized". */
		if (strspn(text, "0123456789abcdef") != 32 || text[32] != '\0')
			continue;
		return snprintf(out, n, "%s", text) < (int)n ? 0 : -ERANGE;
	}
	return -ENOENT;
}

/* The value of a line KEY=value or KEY="value" in text, cut out in place. */
static char *
shell_value(char *text, const char *key)
{
	size_t	 n = strlen(key);
	char	*line, *next = NULL;

	for (line = strtok_r(text, "\n", &next); line != NULL;
	    line = strtok_r(NULL, "\n", &next)) {
		if (strncmp(line, key, n) != 0 || line[n] != '=')
			continue;
		line += n + 1;
		n = strlen(line);
		if (n > 1 && (*line == '"' || *line == '\'') &&
		    line[n - 1] == *line) {
			line[n - 1] = '\0';
			line++;
		}
		return line;
	}
	return NULL;
}

int
platform_os_name(char *out, size_t n)
{
	char		 text[SMALL_FILE], *name = NULL;
	struct utsname	 u;

	if (uname(&u) < 0)
		return -errno;
	if (read_small("/etc/os-release", text, sizeof(text)) == 0 ||
	    read_small("/usr/lib/os-release", text, sizeof(text)) == 0)
		name = shell_value(text, "PRETTY_NAME");
	snprintf(out, n, "%s%s%s %s", name ? name : "", name ? ", " : "",
	    u.sysname, u.release);
	return 0;
}

void
platform_boot_id(char out[40])
{
	if (read_small("/proc/sys/kernel/random/boot_id", out, 40) < 0)
		out[0] = '\0';
}

/*
 * Field 22 of /proc/PID/stat.  The name, field 2, stands in parentheses and
 * may hold spaces and parentheses itself: fields are counted from the last.
 */
int64_t
platform_process_start(int64_t pid)
{
	char	 path[48], text[SMALL_FILE], *p;
	int64_t	 start;
	int	 field;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	if (pid <= 0 || read_small(path, text, sizeof(text)) < 0)
		return 0;
	if ((p = strrchr(text, ')')) == NULL || p[1] != ' ' ||
	    strchr("ZXx", p[2]) != NULL)
		return 0;
	p += 2;
	for (field = 3; field < 22; field++)
		if ((p = strchr(p, ' ')) == NULL)
			return 0;
		else
			p++;
	/* The first processes of a boot may have started in tick 0. */
	start = strtoll(p, NULL, 10);
	return start > 0 ? start : 1;
}

void
platform_become_part(const char *name)
{
	char	shown[16];

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(shown, sizeof(shown), "m-%s", name);
	prctl(PR_SET_NAME, shown);
}

void
platform_limit_memory(int64_t bytes)
{
	struct rlimit	r = { (rlim_t)bytes, (rlim_t)bytes };

	setrlimit(RLIMIT_DATA, &r);
	r.rlim_cur = r.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &r);
}

/* Fields 14 and 15 are ticks, 24 is pages. */
int
platform_process_cost(int64_t pid, int64_t *cpu_us, int64_t *rss)
{
	char	 path[48], text[SMALL_FILE], *p;
	int64_t	 v[25] = { 0 };
	int	 field, rc;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	if (pid <= 0 || (rc = read_small(path, text, sizeof(text))) < 0)
		return -ESRCH;
	if ((p = strrchr(text, ')')) == NULL || p[1] != ' ')
		return -EBADMSG;
	p += 3;
	for (field = 4; field <= 24; field++)
		v[field] = strtoll(p, &p, 10);
	*cpu_us = (v[14] + v[15]) * 1000000 / sysconf(_SC_CLK_TCK);
	*rss = v[24] * sysconf(_SC_PAGESIZE);
	return 0;
}

int
platform_self_path(char *out, size_t n)
{
	return (size_t)snprintf(out, n, "/proc/self/exe") < n ? 0 : -ENOBUFS;
}

int
platform_peer_cred(int fd, int64_t *uid, int64_t *pid)
{
	struct ucred	c;
	socklen_t	n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return -errno;
	if (c.pid == 0 && c.uid == (uid_t)-1)	/* TCP has no such peer */
		return -ENOTSUP;
	*uid = (int64_t)c.uid;
	*pid = c.pid;
	return 0;
}

/* A peer that only says no more (shutdown) still listens: no POLLHUP. */
int
platform_peer_gone(int fd)
{
	struct pollfd	p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* libuv 1.44 asks copy_file_range(2) first, which refuses sockets, and then
 * reads and writes 8 kB at a time: a third of what this gives. */
int
platform_sendfile(int to, int from, uint64_t off, size_t n, size_t *sent)
{
	off_t	at = (off_t)off;
	ssize_t	got;

	*sent = 0;
	if ((got = sendfile(to, from, &at, n)) < 0)
		return errno == EINVAL || errno == ENOSYS ? -ENOTSUP : -errno;
	*sent = (size_t)got;
	return 0;
}

size_t
platform_send_more(int to, const void *p, size_t n)
{
	ssize_t	sent = send(to, p, n, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent > 0 ? (size_t)sent : 0;	/* else the file's turn tells */
}

/* -- files as memory -- */

void *
platform_map(int fd, size_t n, int write)
{
	void	*p = mmap(NULL, n, PROT_READ | (write ? PROT_WRITE : 0),
		    MAP_SHARED | MAP_POPULATE, fd, 0);

	return p != MAP_FAILED ? p : NULL;
}

void
platform_unmap(void *p, size_t n)
{
	munmap(p, n);
}

/* -- locks: they belong to the open file description, fork and exec keep
 * them, and closing another descriptor of the file does not drop them -- */

void
platform_alarm(unsigned seconds, void (*late)(int))
{
	signal(SIGALRM, late);
	alarm(seconds);
}

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

/* -- the sample -- */

enum source { STAT, MEMINFO, DISKSTATS, NETDEV, LOADAVG, PSI_CPU, PSI_MEMORY,
	PSI_IO, UPTIME, STATM, PROC, SOURCES };

static const char *const source_paths[SOURCES] = {
	"/proc/stat", "/proc/meminfo", "/proc/diskstats", "/proc/net/dev",
	"/proc/loadavg", "/proc/pressure/cpu", "/proc/pressure/memory",
	"/proc/pressure/io", "/proc/uptime", "/proc/self/statm", "/proc"
};
static int	source_fds[SOURCES];
static _Alignas(8) char	sample_buf[SAMPLE_BUF];

static void
open_sources(void)
{
	static int	opened;
	int		i;

	if (opened)
		return;
	opened = 1;
	for (i = 0; i < SOURCES; i++)
		source_fds[i] = open(source_paths[i], O_RDONLY | O_CLOEXEC);
}

/*
 * Gives each line of a file, without its end, to fn until that returns
 * nonzero.  Read from the start each time: the kernel makes it anew.
 */
static int
read_lines(enum source src, int (*fn)(char *, struct platform_sample *),
    struct platform_sample *s)
{
	size_t	 have = 0;
	off_t	 at = 0;
	ssize_t	 n;
	char	*line, *end;

	for (;; at += n) {
		n = pread(source_fds[src], sample_buf + have,
		    sizeof(sample_buf) - 1 - have, at);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		have += (size_t)n;
		sample_buf[have] = '\0';
		for (line = sample_buf; (end = strchr(line, '\n')) != NULL;
		    line = end + 1) {
			*end = '\0';
			if (fn(line, s))
				return 0;
		}
		have = (size_t)(sample_buf + have - line);
		if (have == sizeof(sample_buf) - 1)
			have = 0;	/* the rest of it will mean nothing */
		memmove(sample_buf, line, have);
	}
}

/* The numbers of a text, at most max; how many there were. */
static int
numbers(const char *p, int64_t *v, int max)
{
	char	*end;
	int	 n;

	for (n = 0; n < max; n++, p = end) {
		v[n] = strtoll(p, &end, 10);
		if (end == p)
			break;
	}
	return n;
}

/* "cpu user nice system idle iowait irq softirq steal guest guest_nice",
 * guests counted in user and nice already; then one line for each CPU. */
static int
stat_line(char *line, struct platform_sample *s)
{
	int64_t	v[8] = { 0 };
	int	i;

	if (strncmp(line, "cpu", 3) != 0)
		return 1;
	if (line[3] != ' ') {
		s->cpus++;
		return 0;
	}
	numbers(line + 4, v, 8);
	s->cpu_user = v[0] + v[1];
	s->cpu_system = v[2] + v[5] + v[6];
	s->cpu_idle = v[3];
	s->cpu_iowait = v[4];
	s->cpu_steal = v[7];
	for (i = 0, s->cpu_total = 0; i < 8; i++)
		s->cpu_total += v[i];
	s->cpus = 0;
	return 0;
}

static int
meminfo_line(char *line, struct platform_sample *s)
{
	const struct { const char *name; int64_t *to; } want[] = {
		{ "MemTotal:", &s->mem_total },
		{ "MemAvailable:", &s->mem_available },
		{ "SwapTotal:", &s->swap_total },
		{ "SwapFree:", &s->swap_free }
	};
	size_t	i, n;

	for (i = 0; i < nitems(want); i++) {
		n = strlen(want[i].name);
		if (strncmp(line, want[i].name, n) == 0)
			*want[i].to = strtoll(line + n, NULL, 10) * 1024;
	}
	return strncmp(line, "SwapFree:", 9) == 0;
}

/*
 * Whole devices alone: below /sys/block are no partitions, and only what has
 * a device behind it is not made of others (dm, md, loop, zram).
 */
static int
is_disk(const char *name)
{
	char	path[96], *p;

	if (snprintf(path, sizeof(path), "/sys/block/%s/device", name) >=
	    (int)sizeof(path))
		return 0;
	for (p = path + strlen("/sys/block/"); *p != '\0' &&
	    strcmp(p, "/device") != 0; p++)
		if (*p == '/')
			*p = '!';	/* as sysfs writes cciss/c0d0 */
	return access(path, F_OK) == 0;
}

/* "major minor name reads merged sectors ms writes merged sectors ms ...",
 * sectors of 512 bytes whatever the device's are. */
static int
diskstats_line(char *line, struct platform_sample *s)
{
	char	name[64];
	int64_t	v[7];
	int	at = 0;

	if (sscanf(line, "%*d %*d %63s%n", name, &at) < 1 || at == 0)
		return 0;
	if (numbers(line + at, v, 7) < 7 || (v[2] == 0 && v[6] == 0) ||
	    !is_disk(name))
		return 0;
	s->disk_read += v[2] * 512;
	s->disk_written += v[6] * 512;
	return 0;
}

/* "name: bytes and seven more received, bytes and seven more sent"; the
 * name may touch the number. */
static int
netdev_line(char *line, struct platform_sample *s)
{
	char	*colon = strrchr(line, ':');
	int64_t	 v[9];

	line += strspn(line, " ");
	if (colon == NULL || strncmp(line, "lo:", 3) == 0 ||
	    numbers(colon + 1, v, 9) < 9)
		return 0;
	s->net_received += v[0];
	s->net_sent += v[8];
	return 0;
}

static int
loadavg_line(char *line, struct platform_sample *s)
{
	char	*end;
	int	 i;

	for (i = 0; i < 3; i++, line = end)
		s->load[i] = strtod(line, &end);
	return 1;
}

static int
uptime_line(char *line, struct platform_sample *s)
{
	s->uptime_s = strtoll(line, NULL, 10);
	return 1;
}

static int
statm_line(char *line, struct platform_sample *s)
{
	int64_t	v[2];

	if (numbers(line, v, 2) == 2)
		s->self_rss = v[1] * sysconf(_SC_PAGESIZE);
	return 1;
}

/* "some avg10=0.12 ..." */
static double
pressure(const char *line)
{
	const char	*p = strstr(line, "avg10=");

	return p != NULL ? strtod(p + 6, NULL) : -1;
}

static int
psi_cpu_line(char *line, struct platform_sample *s)
{
	s->pressure_cpu = pressure(line);
	return 1;
}

static int
psi_memory_line(char *line, struct platform_sample *s)
{
	s->pressure_memory = pressure(line);
	return 1;
}

static int
psi_io_line(char *line, struct platform_sample *s)
{
	s->pressure_io = pressure(line);
	return 1;
}

/* The kernel's own record; the C libraries disagree on it. */
struct proc_entry {
	uint64_t	ino;
	int64_t		off;
	unsigned short	reclen;
	unsigned char	type;
	char		name[];
};

/* Processes, which no file of /proc counts (loadavg's are threads). */
static int64_t
count_processes(void)
{
	struct proc_entry	*e;
	int64_t			 count = 0;
	long			 n, at;

	if (lseek(source_fds[PROC], 0, SEEK_SET) < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, source_fds[PROC], sample_buf,
	    sizeof(sample_buf))) > 0)
		for (at = 0; at < n; at += e->reclen) {
			e = (struct proc_entry *)(void *)(sample_buf + at);
			count += isdigit((unsigned char)e->name[0]) != 0;
		}
	return n < 0 ? -1 : count;
}

static void
sample_root_fs(struct platform_sample *s)
{
	struct statvfs	v;

	if (statvfs("/", &v) < 0)
		return;
	s->disk_total = (int64_t)(v.f_blocks * v.f_frsize);
	s->disk_used = (int64_t)((v.f_blocks - v.f_bfree) * v.f_frsize);
	s->disk_free = (int64_t)(v.f_bavail * v.f_frsize);
}

static void
sample_self_cpu(struct platform_sample *s)
{
	struct rusage	r;

	if (getrusage(RUSAGE_SELF, &r) < 0)
		return;
	s->self_cpu_us = (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL +
	    r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

int
platform_sample(struct platform_sample *s)
{
	int	rc;

	*s = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	open_sources();
	if ((rc = read_lines(STAT, stat_line, s)) < 0 ||
	    (rc = read_lines(MEMINFO, meminfo_line, s)) < 0)
		return rc;
	if (source_fds[DISKSTATS] >= 0 && access("/sys/block", F_OK) == 0) {
		s->disk_read = s->disk_written = 0;
		read_lines(DISKSTATS, diskstats_line, s);
	}
	if (source_fds[NETDEV] >= 0) {
		s->net_received = s->net_sent = 0;
		read_lines(NETDEV, netdev_line, s);
	}
	read_lines(LOADAVG, loadavg_line, s);
	read_lines(PSI_CPU, psi_cpu_line, s);
	read_lines(PSI_MEMORY, psi_memory_line, s);
	read_lines(PSI_IO, psi_io_line, s);
	read_lines(UPTIME, uptime_line, s);
	read_lines(STATM, statm_line, s);
	s->processes = count_processes();
	sample_root_fs(s);
	sample_self_cpu(s);
	return 0;
}

/* -- the program and its service -- */

char *
platform_program(void)
{
	static const char	gone[] = " (deleted)";
	char			path[PATH_MAX];
	size_t			n = sizeof(path), m = strlen(gone);

	if (uv_exepath(path, &n) < 0)
		return NULL;
	if (n > m && strcmp(path + n - m, gone) == 0)
		path[n - m] = '\0';
	return xstrdup(path);
}

int
platform_exec_program(char **argv)
{
	char	*path = platform_program();
	int	 rc = -ENOENT;

	if (path != NULL) {
		execv(path, argv);
		rc = -errno;
	}
	free(path);
	return rc;
}

/* INVOCATION_ID is passed on to children, so the cgroup has to agree. */
char *
platform_unit(int *user)
{
	struct buf	 b = BUF_INIT;
	char		*unit = NULL, *line, *end, *name;

	*user = 0;
	if (getenv("INVOCATION_ID") == NULL ||
	    file_read("/proc/self/cgroup", 65536, &b) < 0)
		goto out;
	if ((line = strstr(buf_str(&b), "0::/")) == NULL)
		goto out;
	if ((end = strchr(line, '\n')) != NULL)
		*end = '\0';
	name = strrchr(line, '/') + 1;
	*user = strstr(line, "/user@") != NULL;
	if (strlen(name) > strlen(".service") && strcmp(name + strlen(name) -
	    strlen(".service"), ".service") == 0 &&
	    strncmp(name, "user@", 5) != 0)
		unit = xstrdup(name);
out:
	buf_release(&b);
	return unit;
}
