/* What GET /metrics tells: the agent, each of its modules with what it costs,
 * and the host. */
#include <time.h>

#include "agent.h"
#include "buf.h"
#include "log.h"
#include "modules.h"
#include "node.h"
#include "settings.h"
#include "telemetry.h"

enum { MAX_MODULES = 16 };	/* there are seven */

static uint64_t
cpu_now_us(void)
{
	uv_rusage_t	r;

	if (uv_getrusage(&r) < 0)
		return 0;
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void
put_agent(struct buf *b, struct agent *a)
{
	struct link_status	s = { 0, NULL, -1 };
	int64_t			cpu, rss;

	if (a->link != NULL)
		link_status(a->link, &s);
	node_family(b, "muster_agent_build_info", "gauge", "The version.");
	node_value(b, "muster_agent_build_info", "{version=\"" MUSTER_VERSION
	    "\"}", 1, 1);
	node_single(b, "muster_agent_link_up", "gauge", "Whether the link to"
	    " the server stands.", (uint64_t)(s.connected != 0), 1);
	if (a->modules == NULL)
		return;
	modules_cost(a->modules, &cpu, &rss);
	node_single(b, "muster_agent_cpu_seconds_total", "counter", "Time of"
	    " all processes of the agent.", (uint64_t)cpu, 1000000);
	node_single(b, "muster_agent_resident_bytes", "gauge", "Memory of all"
	    " processes of the agent.", (uint64_t)rss, 1);
}

/* -- each module -- */

enum what { CPU, MEMORY, BYTES, EVENTS, LOST, STARTS, UP, WHATS };

static const struct {
	const char	*name, *type, *help;
	unsigned	 scale;
} families[WHATS] = {
	[CPU] = { "muster_module_cpu_seconds_total", "counter",
	    "Time that the module used.", 1000000 },
	[MEMORY] = { "muster_module_resident_bytes", "gauge",
	    "Memory that its process holds.", 1 },
	[BYTES] = { "muster_module_bytes_total", "counter",
	    "Bytes that it told the agent.", 1 },
	[EVENTS] = { "muster_module_events_total", "counter",
	    "Events among these.", 1 },
	[LOST] = { "muster_module_lost_total", "counter",
	    "Events that it, or the kernel for it, could not keep.", 1 },
	[STARTS] = { "muster_module_starts_total", "counter",
	    "Starts of its process.", 1 },
	[UP] = { "muster_module_up", "gauge",
	    "1: runs; 0.5: by a source that is not its best; 0: does not.",
	    10 },
};

static uint64_t
value(const struct modules_use *u, enum what what)
{
	switch (what) {
	case CPU:	return (uint64_t)u->cpu_us;
	case MEMORY:	return (uint64_t)u->rss;
	case BYTES:	return u->bytes;
	case EVENTS:	return u->events;
	case LOST:	return u->lost;
	case STARTS:	return u->starts;
	case UP:	return u->state == MODULE_RUNNING ? 10 :
			    u->state == MODULE_DEGRADED ? 5 : 0;
	case WHATS:	break;
	}
	return 0;
}

static void
put_modules(struct buf *b, const struct modules *m)
{
	struct modules_use	use[MAX_MODULES];
	char			labels[MAX_MODULES][64];
	size_t			i, n;
	int			k;

	for (i = n = 0; i < modules_number(m) && n < MAX_MODULES; i++) {
		modules_use(m, i, &use[n]);
		labels[n][0] = '\0';
		if (node_label(labels[n], sizeof(labels[n]), "module",
		    use[n].name) == 0 &&
		    node_labels_end(labels[n], sizeof(labels[n])) == 0)
			n++;
	}
	for (k = 0; k < WHATS; k++) {
		node_family(b, families[k].name, families[k].type,
		    families[k].help);
		for (i = 0; i < n; i++)
			node_value(b, families[k].name, labels[i],
			    value(&use[i], (enum what)k), families[k].scale);
	}
}

/* -- the host, where node_metrics() has nothing -- */

static void
put_host(struct buf *b, struct telemetry *t)
{
	static const struct {
		const char	*key, *name, *help;
	} numbers[] = {
		{ "cpuPercent", "muster_agent_host_cpu_percent",
		    "Time that the CPUs of the host were busy." },
		{ "memPercent", "muster_agent_host_memory_percent",
		    "Memory of the host in use." },
		{ "diskUsage", "muster_agent_host_disk_percent",
		    "Space of the root file system in use." },
	};
	json_t	*o = telemetry_sample(t), *v;
	size_t	 i;

	for (i = 0; i < nitems(numbers); i++)
		if ((v = json_object_get(o, numbers[i].key)) != NULL)
			node_single(b, numbers[i].name, "gauge",
			    numbers[i].help, (uint64_t)(json_number_value(v) *
			    10 + 0.5), 10);
	json_decref(o);
}

void
local_metrics(struct agent *a, struct telemetry *t, struct buf *b)
{
	uint64_t	start = cpu_now_us(), left_out = 0;
	size_t		before;

	put_agent(b, a);
	if (a->modules != NULL)
		put_modules(b, a->modules);
	before = b->len;
	node_metrics(b, &left_out);
	if (b->len == before)
		put_host(b, t);
	node_single(b, "muster_agent_metrics_left_out", "gauge", "Disks,"
	    " interfaces and such that this answer has no room for.",
	    left_out, 1);
	node_single(b, "muster_agent_scrape_cpu_seconds", "gauge", "Time that"
	    " it took to make this answer.", cpu_now_us() - start, 1000000);
}
