/*
 * Linux: each file of /proc is read once for a scrape, through a descriptor
 * that stays open, into one room; what it says is appended in the order of
 * the file.  A table of which each column is a family is gathered first:
 * node_table_linux.c, node_fs_linux.c, node_cpu_linux.c.
 *
 * The values are the kernel's own, in the units that Prometheus wants:
 * seconds, bytes.
 */
#include <sys/utsname.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "node.h"
#include "node_private.h"

enum {
	ROOM	= 256 * 1024,	/* /proc/stat of 1,000 processors, and its
				 * line of interrupts; pages that are not
				 * touched cost nothing */
	NAME	= 96		/* of a family that /proc names */
};

static char	room[ROOM];

char *
node_read(struct node_file *f)
{
	size_t	have = 0;
	ssize_t	n = 0;

	if (f->fd == 0)
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return NULL;
	while (have < ROOM - 1 && (n = pread(f->fd, room + have, ROOM - 1 -
	    have, (off_t)have)) > 0)
		have += (size_t)n;
	room[have] = '\0';
	return n < 0 ? NULL : room;
}

char *
node_line(char **at)
{
	char	*line = *at, *end;

	if (*line == '\0')
		return NULL;
	if ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		*at = end + 1;
	} else
		*at = line + strlen(line);
	return line;
}

int
node_numbers(const char *p, uint64_t *v, int max)
{
	int	n;

	for (n = 0; n < max; n++) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p < '0' || *p > '9')
			break;
		for (v[n] = 0; *p >= '0' && *p <= '9'; p++)
			v[n] = v[n] * 10 + (uint64_t)(*p - '0');
	}
	return n;
}

/* -- one value a line -- */

/* Whether a name of /proc can be one of Prometheus'; '(' and ')' of
 * "Active(anon)" become "_" and nothing. */
static int
family_name(char *out, size_t n, const char *prefix, const char *name,
    size_t len, const char *suffix)
{
	size_t	at = strlen(prefix), i;

	if (at + len + strlen(suffix) >= n)
		return 0;
	snprintf(out, n, "%s", prefix);
	for (i = 0; i < len; i++) {
		char	c = name[i];

		if (c == '(')
			out[at++] = '_';
		else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_')
			out[at++] = c;
		else if (c != ')')
			return 0;
	}
	strcpy(out + at, suffix);
	return 1;
}

/* "Name:    123 kB", "HugePages_Total:   0" */
static void
memory(struct buf *b)
{
	static struct node_file	f = { "/proc/meminfo", 0 };
	char			name[NAME], *text = node_read(&f), *line;
	uint64_t		v;
	size_t			n;
	int			kb;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		n = strcspn(line, ":");
		if (line[n] != ':' || node_numbers(line + n + 1, &v, 1) < 1)
			continue;
		kb = strstr(line + n, " kB") != NULL;
		if (family_name(name, sizeof(name), "node_memory_", line, n,
		    kb ? "_bytes" : ""))
			node_single(b, name, "gauge", "As /proc/meminfo has"
			    " it.", kb ? v * 1024 : v, 1);
	}
}

/* Of a hundred counters those that tell of paging and of memory's end. */
static void
vmstat(struct buf *b)
{
	static struct node_file	f = { "/proc/vmstat", 0 };
	static const char *const want[] = { "oom_kill", "pgpgin", "pgpgout",
		"pswpin", "pswpout", "pgfault", "pgmajfault" };
	char			name[NAME], *text = node_read(&f), *line;
	uint64_t		v;
	size_t			n, i;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		n = strcspn(line, " ");
		for (i = 0; i < nitems(want); i++)
			if (strlen(want[i]) == n && memcmp(want[i], line, n)
			    == 0)
				break;
		if (i < nitems(want) && node_numbers(line + n, &v, 1) == 1 &&
		    family_name(name, sizeof(name), "node_vmstat_", line, n,
		    ""))
			node_single(b, name, "untyped", "As /proc/vmstat has"
			    " it.", v, 1);
	}
}

/* "TCP: inuse 4 orphan 0 tw 0 alloc 6 mem 1", mem in pages */
static void
sockets(struct buf *b, struct node_file *f)
{
	char		 full[NAME], name[NAME], *text = node_read(f), *line;
	char		*word, *next;
	uint64_t	 v;
	size_t		 n;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		n = strcspn(line, ":");
		if (line[n] != ':' || !family_name(full, sizeof(full),
		    "node_sockstat_", line, n, "_"))
			continue;
		for (word = strtok_r(line + n + 1, " ", &next); word != NULL;
		    word = strtok_r(NULL, " ", &next)) {
			char	*number = strtok_r(NULL, " ", &next);

			if (number == NULL || node_numbers(number, &v, 1) < 1
			    || !family_name(name, sizeof(name), full, word,
			    strlen(word), ""))
				break;
			node_single(b, name, "gauge", "As /proc/net/sockstat"
			    " has it.", v, 1);
			if (strcmp(word, "mem") == 0 && family_name(name,
			    sizeof(name), full, word, strlen(word), "_bytes"))
				node_single(b, name, "gauge", "Memory of"
				    " these sockets.", v *
				    (uint64_t)sysconf(_SC_PAGESIZE), 1);
		}
	}
}

/* -- a few numbers in one line -- */

/* "0.25" in units of 1/100. */
static uint64_t
hundredths(const char *p)
{
	uint64_t	v[2] = { 0, 0 };

	node_numbers(p, &v[0], 1);
	if ((p = strchr(p, '.')) != NULL)
		node_numbers(p + 1, &v[1], 1);
	return v[0] * 100 + v[1] % 100;
}

/* "0.20 0.18 0.12 1/80 11206": the fourth is running/all threads. */
static void
load(struct buf *b)
{
	static struct node_file	f = { "/proc/loadavg", 0 };
	char			*text = node_read(&f), *word, *next, *slash;
	static const char *const names[] = { "node_load1", "node_load5",
		"node_load15" };
	uint64_t		v;
	size_t			i;

	if (text == NULL)
		return;
	word = strtok_r(text, " ", &next);
	for (i = 0; i < nitems(names) && word != NULL; i++) {
		node_single(b, names[i], "gauge", "Tasks that run or wait for"
		    " the disk, a mean.", hundredths(word), 100);
		word = strtok_r(NULL, " ", &next);
	}
	if (word != NULL && (slash = strchr(word, '/')) != NULL &&
	    node_numbers(slash + 1, &v, 1) == 1)
		node_single(b, "node_processes_threads", "gauge", "Threads of"
		    " all processes.", v, 1);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", us; then "full". */
static void
pressure(struct buf *b)
{
	static struct {
		struct node_file f;
		const char	*some, *full;
	} at[] = {
		{ { "/proc/pressure/cpu", 0 },
		    "node_pressure_cpu_waiting_seconds_total", NULL },
		{ { "/proc/pressure/io", 0 },
		    "node_pressure_io_waiting_seconds_total",
		    "node_pressure_io_stalled_seconds_total" },
		{ { "/proc/pressure/memory", 0 },
		    "node_pressure_memory_waiting_seconds_total",
		    "node_pressure_memory_stalled_seconds_total" },
	};
	char		*text, *line, *total;
	const char	*name;
	uint64_t	 v;
	size_t		 i;

	for (i = 0; i < nitems(at); i++) {
		text = node_read(&at[i].f);
		while (text != NULL && (line = node_line(&text)) != NULL) {
			name = strncmp(line, "some ", 5) == 0 ? at[i].some :
			    strncmp(line, "full ", 5) == 0 ? at[i].full :
			    NULL;
			total = strstr(line, "total=");
			if (name != NULL && total != NULL &&
			    node_numbers(total + 6, &v, 1) == 1)
				node_single(b, name, "counter", name ==
				    at[i].some ? "Time that some task waited"
				    " for it." : "Time that no task could go"
				    " on for want of it.", v, 1000000);
		}
	}
}

static void
one_number(struct buf *b, struct node_file *f, const char *name,
    const char *help)
{
	char		*text = node_read(f);
	uint64_t	 v;

	if (text != NULL && node_numbers(text, &v, 1) == 1)
		node_single(b, name, "gauge", help, v, 1);
}

/* allocated, unused, maximum */
static void
files(struct buf *b)
{
	static struct node_file	f = { "/proc/sys/fs/file-nr", 0 };
	char			*text = node_read(&f);
	uint64_t		v[3];

	if (text == NULL || node_numbers(text, v, 3) < 3)
		return;
	node_single(b, "node_filefd_allocated", "gauge", "Open files.", v[0],
	    1);
	node_single(b, "node_filefd_maximum", "gauge", "Files that could be"
	    " open.", v[2], 1);
}

/* The number of processes is that of /proc's directories that are numbers. */
static void
processes(struct buf *b)
{
	static struct node_file	pids = { "/proc/sys/kernel/pid_max", 0 };
	static struct node_file	threads = { "/proc/sys/kernel/threads-max",
				    0 };
	static DIR		*proc;
	struct dirent		*e;
	uint64_t		 n = 0;

	if (proc == NULL)
		proc = opendir("/proc");
	else
		rewinddir(proc);
	if (proc != NULL) {
		while ((e = readdir(proc)) != NULL)
			n += e->d_name[0] >= '0' && e->d_name[0] <= '9';
		node_single(b, "node_processes_pids", "gauge", "Processes.",
		    n, 1);
	}
	one_number(b, &pids, "node_processes_max_processes",
	    "Process ids that there can be.");
	one_number(b, &threads, "node_processes_max_threads",
	    "Threads that there can be.");
}

static void
system_names(struct buf *b)
{
	struct utsname	u;
	char		labels[NODE_LABELS] = "";

	if (uname(&u) < 0 ||
	    node_label(labels, sizeof(labels), "domainname", u.domainname) < 0
	    || node_label(labels, sizeof(labels), "machine", u.machine) < 0 ||
	    node_label(labels, sizeof(labels), "nodename", u.nodename) < 0 ||
	    node_label(labels, sizeof(labels), "release", u.release) < 0 ||
	    node_label(labels, sizeof(labels), "sysname", u.sysname) < 0 ||
	    node_label(labels, sizeof(labels), "version", u.version) < 0 ||
	    node_labels_end(labels, sizeof(labels)) < 0)
		return;
	node_family(b, "node_uname_info", "gauge", "What uname(2) says.");
	node_value(b, "node_uname_info", labels, 1, 1);
}

void
node_metrics(struct buf *b, uint64_t *left_out)
{
	static struct node_file	v4 = { "/proc/net/sockstat", 0 };
	static struct node_file	v6 = { "/proc/net/sockstat6", 0 };
	struct timespec		now;

	*left_out = 0;
	node_cpu(b, left_out);
	node_disks(b, left_out);
	files(b);
	node_filesystems(b, left_out);
	load(b);
	memory(b);
	node_network(b, left_out);
	pressure(b);
	processes(b);
	sockets(b, &v4);
	sockets(b, &v6);
	clock_gettime(CLOCK_REALTIME, &now);
	node_single(b, "node_time_seconds", "gauge", "The clock.",
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
	    1000000);
	system_names(b);
	vmstat(b);
}
