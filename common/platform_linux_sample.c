/*
 * Linux: the sample.  It reads a fixed list of /proc files through descriptors
 * that stay open, line by line, in one static buffer: no allocation, and about
 * a dozen system calls.  A file that this kernel does not have leaves its
 * values -1.
 */
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "platform.h"

enum { SAMPLE_BUF = 8192 };	/* of a file at once; longer lines are lost */

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
