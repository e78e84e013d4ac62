#include <stdlib.h>

#include "buf.h"
#include "clock.h"
#include "platform.h"
#include "telemetry.h"

/* Below this a delta of 10 ms ticks says nothing about a share of time. */
#define TELEMETRY_MIN_MS	200

struct telemetry {
	struct platform_sample	before, now;
	int64_t			before_ms, now_ms;
};

struct telemetry *
telemetry_new(void)
{
	struct telemetry	*t = xcalloc(1, sizeof(*t));

	if (platform_sample(&t->before) < 0)
		t->before = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	t->before_ms = clock_mono_ms();
	return t;
}

void
telemetry_free(struct telemetry *t)
{
	free(t);
}

/* -- values; a negative one is one that the system lacks -- */

static void
add_int(json_t *o, const char *key, int64_t v)
{
	if (v >= 0)
		json_object_set_new(o, key, json_integer(v));
}

/* Not negative, rounded to 1/unit; a whole one is written as 25, not 25.0. */
json_t *
telemetry_rounded(double v, int unit)
{
	json_int_t	n = (json_int_t)(v * unit + 0.5);

	return n % unit == 0 ? json_integer(n / unit) :
	    json_real((double)n / unit);
}

static void
add_real(json_t *o, const char *key, double v, int unit)
{
	if (v >= 0)
		json_object_set_new(o, key, telemetry_rounded(v, unit));
}

/* part of whole in percent, or -1; a counter that ran back counts as 0. */
static double
percent(int64_t part, int64_t whole)
{
	if (whole <= 0)
		return -1;
	return part <= 0 ? 0 : part >= whole ? 100 :
	    100 * (double)part / (double)whole;
}

/* Per second between two readings, or -1. */
static int64_t
rate(int64_t before, int64_t now, int64_t ms)
{
	if (ms < TELEMETRY_MIN_MS || before < 0 || now < before)
		return -1;
	return (int64_t)((double)(now - before) * 1000 / (double)ms);
}

static void
add_object(json_t *to, const char *key, json_t *o)
{
	if (json_object_size(o) > 0)
		json_object_set_new(to, key, o);
	else
		json_decref(o);
}

/* -- the parts, in the order of their keys -- */

static void
add_agent(json_t *to, const struct telemetry *t, int64_t ms)
{
	json_t	*o = json_object();

	if (ms >= TELEMETRY_MIN_MS && t->before.self_cpu_us >= 0)
		add_real(o, "cpuPercent", (double)(t->now.self_cpu_us -
		    t->before.self_cpu_us) / (10.0 * (double)ms), 100);
	add_int(o, "rssBytes", t->now.self_rss);
	add_object(to, "agent", o);
}

static void
add_cpu(json_t *to, const struct telemetry *t, int64_t ms)
{
	const struct platform_sample	*b = &t->before, *n = &t->now;
	int64_t				 total = -1, idle;
	json_t				*o = json_object();

	if (ms >= TELEMETRY_MIN_MS && b->cpu_total >= 0)
		total = n->cpu_total - b->cpu_total;
	idle = n->cpu_idle - b->cpu_idle;
	add_int(o, "count", n->cpus);
	add_real(o, "idle", percent(idle, total), 10);
	if (n->cpu_iowait >= 0) {
		add_real(o, "iowait",
		    percent(n->cpu_iowait - b->cpu_iowait, total), 10);
		idle += n->cpu_iowait - b->cpu_iowait;
	}
	if (n->cpu_steal >= 0)
		add_real(o, "steal",
		    percent(n->cpu_steal - b->cpu_steal, total), 10);
	add_real(o, "system", percent(n->cpu_system - b->cpu_system, total),
	    10);
	add_real(o, "user", percent(n->cpu_user - b->cpu_user, total), 10);
	add_object(to, "cpu", o);
	add_real(to, "cpuPercent", percent(total - idle, total), 10);
}

/* diskUsage is df(1)'s: of what users can have. */
static void
add_disk(json_t *to, const struct telemetry *t, int64_t ms)
{
	const struct platform_sample	*b = &t->before, *n = &t->now;
	json_t				*o = json_object();

	add_int(o, "freeBytes", n->disk_free);
	add_int(o, "readBytes", n->disk_read);
	add_int(o, "readPerSecond", rate(b->disk_read, n->disk_read, ms));
	add_int(o, "totalBytes", n->disk_total);
	add_int(o, "usedBytes", n->disk_used);
	add_int(o, "writtenBytes", n->disk_written);
	add_int(o, "writtenPerSecond",
	    rate(b->disk_written, n->disk_written, ms));
	add_object(to, "disk", o);
	add_real(to, "diskUsage",
	    percent(n->disk_used, n->disk_used + n->disk_free), 10);
}

static void
add_load(json_t *to, const struct telemetry *t)
{
	json_t	*a;
	int	 i;

	if (t->now.load[0] < 0)
		return;
	a = json_array();
	for (i = 0; i < 3; i++)
		json_array_append_new(a,
		    telemetry_rounded(t->now.load[i], 100));
	json_object_set_new(to, "load", a);
}

static void
add_mem(json_t *to, const struct telemetry *t)
{
	const struct platform_sample	*n = &t->now;
	int64_t				 used = -1;
	json_t				*o = json_object();

	if (n->mem_available >= 0)
		used = n->mem_total - n->mem_available;
	add_int(o, "availableBytes", n->mem_available);
	add_int(o, "totalBytes", n->mem_total);
	add_int(o, "usedBytes", used);
	add_object(to, "mem", o);
	if (used >= 0)
		add_real(to, "memPercent", percent(used, n->mem_total), 10);
}

static void
add_net(json_t *to, const struct telemetry *t, int64_t ms)
{
	const struct platform_sample	*b = &t->before, *n = &t->now;
	json_t				*o = json_object();

	add_int(o, "receivedBytes", n->net_received);
	add_int(o, "receivedPerSecond",
	    rate(b->net_received, n->net_received, ms));
	add_int(o, "sentBytes", n->net_sent);
	add_int(o, "sentPerSecond", rate(b->net_sent, n->net_sent, ms));
	add_object(to, "net", o);
}

static void
add_pressure(json_t *to, const struct telemetry *t)
{
	json_t	*o = json_object();

	add_real(o, "cpu", t->now.pressure_cpu, 100);
	add_real(o, "io", t->now.pressure_io, 100);
	add_real(o, "memory", t->now.pressure_memory, 100);
	add_object(to, "pressure", o);
}

static void
add_swap(json_t *to, const struct telemetry *t)
{
	json_t	*o = json_object();

	add_int(o, "freeBytes", t->now.swap_free);
	add_int(o, "totalBytes", t->now.swap_total);
	add_object(to, "swap", o);
}

json_t *
telemetry_sample(struct telemetry *t)
{
	int64_t	 ms;
	json_t	*o;

	if (platform_sample(&t->now) < 0)
		return NULL;
	t->now_ms = clock_mono_ms();
	ms = t->now_ms - t->before_ms;
	o = json_object();
	add_agent(o, t, ms);
	add_cpu(o, t, ms);
	add_disk(o, t, ms);
	add_load(o, t);
	add_mem(o, t);
	add_net(o, t, ms);
	add_pressure(o, t);
	add_int(o, "processes", t->now.processes);
	add_swap(o, t);
	add_int(o, "uptimeSeconds", t->now.uptime_s);
	if (ms >= TELEMETRY_MIN_MS) {
		t->before = t->now;
		t->before_ms = t->now_ms;
	}
	return o;
}
