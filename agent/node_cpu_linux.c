/* /proc/stat: the processors, and the counters that stand below them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "node.h"
#include "node_private.h"

enum {
	MAX_CPUS = 1024,	/* the largest machines; further: left out */
	MODES	= 8,
	COLUMNS	= 10		/* the modes, guest, guest_nice */
};

static const char *const modes[] = { "user", "nice", "system", "idle",
	"iowait", "irq", "softirq", "steal" };

static struct cpu {
	uint64_t	v[COLUMNS];
	unsigned	number;
	int		n;
} cpus[MAX_CPUS];

static void
put_cpus(struct buf *b, size_t n, uint64_t ticks)
{
	static const char	total[] = "node_cpu_seconds_total";
	static const char	guest[] = "node_cpu_guest_seconds_total";
	char			labels[64];
	size_t			i;
	int			k;

	node_family(b, total, "counter", "Time in each mode.");
	for (i = 0; i < n; i++)
		for (k = 0; k < MODES && k < cpus[i].n; k++) {
			snprintf(labels, sizeof(labels),
			    "{cpu=\"%u\",mode=\"%s\"}", cpus[i].number,
			    modes[k]);
			node_value(b, total, labels, cpus[i].v[k] * 100 /
			    ticks, 100);
		}
	node_family(b, guest, "counter", "Time for guests, which is in user"
	    " and nice too.");
	for (i = 0; i < n; i++)
		for (k = MODES; k < cpus[i].n; k++) {
			snprintf(labels, sizeof(labels),
			    "{cpu=\"%u\",mode=\"%s\"}", cpus[i].number,
			    modes[k - MODES]);
			node_value(b, guest, labels, cpus[i].v[k] * 100 /
			    ticks, 100);
		}
}

/* What is one number to a line; the first number of a line of many is their
 * sum. */
static const struct {
	const char	*key, *name, *type, *help;
} singles[] = {
	{ "intr ", "node_intr_total", "counter", "Interrupts." },
	{ "ctxt ", "node_context_switches_total", "counter",
	    "Context switches." },
	{ "btime ", "node_boot_time_seconds", "gauge",
	    "When the system was booted." },
	{ "processes ", "node_forks_total", "counter",
	    "Processes and threads ever made." },
	{ "procs_running ", "node_procs_running", "gauge",
	    "Threads that run or could." },
	{ "procs_blocked ", "node_procs_blocked", "gauge",
	    "Threads that wait for a disk." },
};

static void
put_single(struct buf *b, const char *line)
{
	uint64_t	v;
	size_t		i, n;

	for (i = 0; i < nitems(singles); i++) {
		n = strlen(singles[i].key);
		if (strncmp(line, singles[i].key, n) == 0 &&
		    node_numbers(line + n, &v, 1) == 1)
			node_single(b, singles[i].name, singles[i].type,
			    singles[i].help, v, 1);
	}
}

void
node_cpu(struct buf *b, uint64_t *left_out)
{
	static struct node_file	f = { "/proc/stat", 0 };
	char			*text = node_read(&f), *line;
	uint64_t		number, ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	size_t			n = 0, skip;
	int			put = 0;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		if (strncmp(line, "cpu", 3) == 0) {
			if (node_numbers(line + 3, &number, 1) < 1 ||
			    line[3] == ' ')
				continue;	/* all together */
			if (n == MAX_CPUS) {
				++*left_out;
				continue;
			}
			skip = 3 + strspn(line + 3, "0123456789");
			cpus[n].number = (unsigned)number;
			cpus[n].n = node_numbers(line + skip, cpus[n].v,
			    COLUMNS);
			n++;
			continue;
		}
		if (!put)
			put_cpus(b, n, ticks);
		put = 1;
		put_single(b, line);
	}
}
