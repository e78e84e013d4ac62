/* The text that Prometheus reads: each family with its help and type once,
 * then its samples. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "events.h"
#include "gateway.h"
#include "metrics_private.h"
#include "notify.h"
#include "queue.h"
#include "settings.h"
#include "rollout.h"
#include "tufrepo.h"
#include "webhooks.h"

const double	metrics_bounds[METRICS_BUCKETS - 1] = {
	0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900
};

static void
family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
one(struct buf *b, const char *name, const char *type, const char *help,
    uint64_t value)
{
	family(b, name, type, help);
	buf_printf(b, "%s %llu\n", name, (unsigned long long)value);
}

static void
labelled(struct buf *b, const char *name, const char *label,
    const char *value, uint64_t n)
{
	buf_printf(b, "%s{%s=\"%s\"} %llu\n", name, label, value,
	    (unsigned long long)n);
}

/* label is "" or "name=\"value\",". */
static void
histogram(struct buf *b, const char *name, const char *label,
    const struct histogram *h)
{
	size_t		 n = strlen(label);
	uint64_t	 sum = 0;
	int		 i;

	for (i = 0; i < METRICS_BUCKETS; i++) {
		sum += h->count[i];
		buf_printf(b, "%s_bucket{%sle=\"", name, label);
		if (i < METRICS_BUCKETS - 1)
			buf_printf(b, "%g", metrics_bounds[i]);
		else
			buf_adds(b, "+Inf");
		buf_printf(b, "\"} %llu\n", (unsigned long long)sum);
	}
	buf_printf(b, "%s_sum", name);
	if (n > 0)
		buf_printf(b, "{%.*s}", (int)n - 1, label);
	buf_printf(b, " %.3f\n%s_count", h->sum, name);
	if (n > 0)
		buf_printf(b, "{%.*s}", (int)n - 1, label);
	buf_printf(b, " %llu\n", (unsigned long long)sum);
}

/* -- builds -- */

static void
builds(struct buf *b, const struct metrics *m, const json_t *jobs)
{
	static const char *const status[] = { "pending", "running",
	    "completed", "failed", "cancelled" };
	const struct server	*s = m->server;
	size_t			 i;

	family(b, "muster_jobs", "gauge", "Jobs in the store by status.");
	for (i = 0; i < nitems(status); i++)
		labelled(b, "muster_jobs", "status", status[i],
		    (uint64_t)json_int(jobs, status[i], 0));
	one(b, "muster_queue_length", "gauge", "Jobs that wait for a build.",
	    (uint64_t)json_int(jobs, "pending", 0));
	one(b, "muster_builds_running", "gauge", "Builds that run now.",
	    (uint64_t)queue_running(s->queue));
	one(b, "muster_builds_slots", "gauge", "Builds that may run at once.",
	    (uint64_t)settings_int(s->settings, "max-concurrent-builds"));
	family(b, "muster_builds_ended_total", "counter",
	    "Builds that ended since the start, by how.");
	labelled(b, "muster_builds_ended_total", "status", "completed",
	    m->completed);
	labelled(b, "muster_builds_ended_total", "status", "failed",
	    m->failed);
	labelled(b, "muster_builds_ended_total", "status", "cancelled",
	    m->cancelled);
	family(b, "muster_build_duration_seconds", "histogram",
	    "Time from start to end of completed builds, by whether their "
	    "template was compiled.");
	histogram(b, "muster_build_duration_seconds", "template=\"cached\",",
	    &m->cached);
	histogram(b, "muster_build_duration_seconds",
	    "template=\"compiled\",", &m->compiled);
	family(b, "muster_build_wait_seconds", "histogram",
	    "Time from the request of a build to its first start.");
	histogram(b, "muster_build_wait_seconds", "", &m->waited);
}

/* -- the API, artifacts, agents -- */

static void
http(struct buf *b, const struct metrics *m)
{
	static const char	name[] = "muster_http_requests_total";
	const char		*method, *route;
	int			 tag, class;

	family(b, name, "counter",
	    "Answers by method, route and class of status.");
	for (tag = 0; tag < METRICS_ROUTES; tag++)
		for (class = 1; class < METRICS_CLASSES; class++)
			if (m->answers[tag][class] > 0) {
				api_route(tag, &method, &route);
				buf_printf(b, "%s{method=\"%s\",route=\"%s\","
				    "code=\"%dxx\"} %llu\n", name, method,
				    route, class, (unsigned long long)
				    m->answers[tag][class]);
			}
	one(b, "muster_http_connections", "gauge",
	    "Open HTTP connections.", httpd_connections(m->server->httpd));
}

static void
artifacts(struct buf *b, const struct metrics *m,
    const struct metrics_scan *scan)
{
	one(b, "muster_artifacts", "gauge", "Artifacts on the disk.",
	    scan->files);
	one(b, "muster_artifacts_bytes", "gauge",
	    "Bytes of the artifacts on the disk.", scan->bytes);
	one(b, "muster_downloads_total", "counter",
	    "Downloads that are complete, since the start.", m->downloads);
	one(b, "muster_download_bytes_total", "counter",
	    "Bytes of artifacts sent since the start.", m->download_bytes);
}

static void
listeners(struct buf *b, const struct server *s)
{
	struct webhooks_count	n;

	webhooks_count(s->webhooks, &n);
	if (s->gateway != NULL)
		one(b, "muster_agents_connected", "gauge",
		    "Agents that are connected now.",
		    gateway_connected(s->gateway));
	one(b, "muster_events_total", "counter",
	    "Events in the log since the store was made.",
	    (uint64_t)store_event_last(s->store));
	one(b, "muster_store_commits_total", "counter",
	    "Transactions that the store committed since the start.",
	    (uint64_t)store_commits(s->store));
	one(b, "muster_event_streams", "gauge",
	    "Open streams of server-sent events.", streams_count(s->streams));
	one(b, "muster_socketio_clients", "gauge",
	    "Socket.IO clients that are connected now.",
	    s->notify != NULL ? notify_listeners(s->notify) : 0);
	family(b, "muster_webhooks", "gauge", "Webhooks by state.");
	labelled(b, "muster_webhooks", "state", "active",
	    n.hooks - n.disabled);
	labelled(b, "muster_webhooks", "state", "disabled", n.disabled);
	family(b, "muster_webhook_deliveries_total", "counter",
	    "Tries to deliver an event since the start, by result.");
	labelled(b, "muster_webhook_deliveries_total", "result", "taken",
	    (uint64_t)n.delivered);
	labelled(b, "muster_webhook_deliveries_total", "result", "failed",
	    (uint64_t)n.failed);
}

/* -- the process, by the names that every Prometheus library has -- */

static void
process(struct buf *b, const struct metrics *m, uint64_t fds)
{
	unsigned long long	size = 0, resident = 0;
	long			page = sysconf(_SC_PAGESIZE);
	struct rusage		u;
	struct rlimit		l;
	FILE			*f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%llu %llu", &size, &resident) != 2)
			size = resident = 0;
		fclose(f);
	}
	getrusage(RUSAGE_SELF, &u);
	family(b, "process_cpu_seconds_total", "counter",
	    "Processor time used, user and system.");
	buf_printf(b, "process_cpu_seconds_total %.3f\n",
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	one(b, "process_resident_memory_bytes", "gauge",
	    "Resident memory.", resident * (unsigned long long)page);
	one(b, "process_virtual_memory_bytes", "gauge",
	    "Virtual memory.", size * (unsigned long long)page);
	one(b, "process_open_fds", "gauge", "Open file descriptors.", fds);
	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		one(b, "process_max_fds", "gauge",
		    "File descriptors that may be open.", l.rlim_cur);
	family(b, "process_start_time_seconds", "gauge",
	    "Start of the process since 1970.");
	buf_printf(b, "process_start_time_seconds %.3f\n",
	    (double)m->started / 1000);
}

/* Seconds until update metadata expires: below 0 it has. */
static void
updates(struct buf *b, const struct server *s)
{
	const struct tufrepo_role	*roles;
	size_t				 i, n;

	roles = tufrepo_roles(s->tufrepo, &n);
	family(b, "muster_tuf_expiry_seconds", "gauge",
	    "Until a role of the update metadata expires.");
	for (i = 0; i < n; i++)
		buf_printf(b, "muster_tuf_expiry_seconds{role=\"%s\"} %lld\n",
		    roles[i].role, (long long)(roles[i].expires -
		    clock_wall_ms() / 1000));
	if (s->rollouts != NULL)
		rollouts_metrics(s->rollouts, b);
}

char *
metrics_text(const struct metrics *m, const json_t *jobs,
    const struct metrics_scan *scan)
{
	struct buf	b = BUF_INIT;

	family(&b, "muster_build_info", "gauge", "The server's version.");
	labelled(&b, "muster_build_info", "version", MUSTER_VERSION, 1);
	builds(&b, m, jobs);
	http(&b, m);
	artifacts(&b, m, scan);
	listeners(&b, m->server);
	metrics_agents(&b, m->server->gateway,
	    settings_int(m->server->settings, "metrics-agents"));
	updates(&b, m->server);
	process(&b, m, scan->fds);
	return buf_take(&b);
}
