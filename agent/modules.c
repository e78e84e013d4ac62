/* The module host: all modules, their events, their beginning and end. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "modules_impl.h"
#include "platform.h"

const char *const	module_state_names[] = {
	"disabled", "stopped", "starting", "running", "degraded", "failed"
};

/* Document 000's names of what an agent can be built with. */
static const struct {
	const char	*capability, *module;
} names[] = {
	{ "fileSystemMonitoring", "fs-monitor" },
	{ "processMonitoring", "process-monitor" },
	{ "networkMonitoring", "network-monitor" },
	{ "threatIntelligence", "threat-intel" },
};

static const char *
module_name(const char *capability)
{
	size_t	i;

	for (i = 0; i < nitems(names); i++)
		if (strcmp(names[i].capability, capability) == 0)
			return names[i].module;
	return capability;
}

static int
is_chosen(const struct modules_options *o, const char *module)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(o->capabilities, i, v)
		if (strcmp(module_name(json_string_value(v)), module) == 0)
			return 1;
	return 0;
}

static void
tell_missing(const struct modules_options *o)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(o->capabilities, i, v)
		if (module_find(module_name(json_string_value(v))) == NULL)
			log_warn(NULL, "%s: not in this agent",
			    json_string_value(v));
}

/* -- events -- */

static void
emit(struct module_proc *p, enum spool_class class, const json_t *record)
{
	struct modules	*m = p->host;
	size_t		 i;

	for (i = 0; m->listeners > 0 && i < m->n; i++)
		if (m->procs[i].type->hear != NULL && &m->procs[i] != p)
			proc_hear(&m->procs[i], record);
	m->o.event(class, record, m->o.arg);
}

/* Tells of the events that were refused until now. */
void
modules_tell_refused(struct module_proc *p)
{
	json_int_t	 now = clock_wall_ms();
	json_t		*gap;

	if (p->refused == 0)
		return;
	gap = json_pack("{ss ss sI s{ss ss sI sI sI}}", "type", "gap",
	    "module", p->type->name, "t", now, "data", "sensor",
	    p->type->name, "where", "rate", "from",
	    (json_int_t)p->refused_from, "to", now, "count",
	    (json_int_t)p->refused);
	p->gaps++;
	p->lost += p->refused;
	p->refused = 0;
	emit(p, SPOOL_EVENT, gap);
	json_decref(gap);
}

/* One that says more than anything could need is cut, and that is told. */
static int
is_too_fast(struct module_proc *p, int is_gap)
{
	int64_t	now = clock_wall_ms(), second = now / 1000;

	if (second != p->second) {
		p->second = second;
		p->in_second = 0;
		modules_tell_refused(p);
	}
	/* a gap stands for many events, and there are few of them */
	if (p->in_second < MAX_RATE + (is_gap ? MAX_GAPS : 0)) {
		p->in_second++;
		return 0;
	}
	if (p->refused++ == 0)
		p->refused_from = now;
	return 1;
}

void
modules_on_event(struct module_proc *p, const json_t *line)
{
	int64_t		 class = json_int(line, "class", -1);
	const json_t	*record = json_object_get(line, "record");
	const char	*type = json_str(record, "type", NULL);
	int		 is_gap;

	if (class < SPOOL_METRIC || class > SPOOL_ALERT || type == NULL ||
	    strcmp(json_str(record, "module", ""), p->type->name) != 0) {
		proc_kill(p, "reported what is no event");
		return;
	}
	is_gap = strcmp(type, "gap") == 0;
	if (is_too_fast(p, is_gap))
		return;
	p->events++;
	if (is_gap) {
		p->gaps++;
		p->lost += (uint64_t)json_int(json_object_get(record, "data"),
		    "count", 0);
	}
	emit(p, (enum spool_class)class, record);
}

/* -- begin and end -- */

static void
on_ping(uv_timer_t *t)
{
	struct modules	*m = t->data;
	size_t		 i;

	for (i = 0; i < m->n; i++)
		proc_watch(&m->procs[i]);
}

static void
proc_init(struct module_proc *p, struct modules *m,
    const struct module_type *type)
{
	json_t	*settings = json_object_get(m->o.settings, type->name);

	p->host = m;
	p->type = type;
	p->settings = json_is_object(settings) ? json_deep_copy(settings) :
	    json_object();
	p->enabled = json_bool(p->settings, "enabled",
	    is_chosen(&m->o, type->name));
	p->state = p->enabled ? MODULE_STOPPED : MODULE_DISABLED;
	list_init(&p->calls);
	uv_timer_init(m->o.loop, &p->timer);
	p->timer.data = p;
	m->open++;
	m->listeners += type->hear != NULL;
}

struct modules *
modules_new(const struct modules_options *o)
{
	struct modules	*m = xcalloc(1, sizeof(*m));
	uint64_t	 ping = (uint64_t)(o->ping_ms > 0 ? o->ping_ms :
	    MODULES_PING_MS);
	size_t		 i;

	m->o = *o;
	m->state_dir = xstrdup(o->state_dir);
	tell_missing(o);
	while (module_types[m->n] != NULL)
		m->n++;
	m->procs = xcalloc(m->n + 1, sizeof(*m->procs));
	for (i = 0; i < m->n; i++)
		proc_init(&m->procs[i], m, module_types[i]);
	m->o.settings = m->o.capabilities = NULL;	/* not kept */
	uv_timer_init(o->loop, &m->ping);
	m->ping.data = m;
	m->open++;
	uv_timer_start(&m->ping, on_ping, ping, ping);
	for (i = 0; i < m->n; i++)
		if (m->procs[i].enabled)
			proc_start(&m->procs[i]);
	return m;
}

static void
on_closed(uv_handle_t *h)
{
	struct modules	*m = h->data;

	if (--m->open == 0)
		m->done(m->done_arg);
}

static void
on_proc_closed(uv_handle_t *h)
{
	struct module_proc	*p = h->data;

	h->data = p->host;
	on_closed(h);
}

void
modules_on_gone(struct modules *m)
{
	size_t	i;

	if (m->done == NULL || uv_is_closing((uv_handle_t *)&m->ping))
		return;
	for (i = 0; i < m->n; i++)
		if (m->procs[i].run != NULL)
			return;
	for (i = 0; i < m->n; i++)
		uv_close((uv_handle_t *)&m->procs[i].timer, on_proc_closed);
	uv_close((uv_handle_t *)&m->ping, on_closed);
}

void
modules_stop(struct modules *m, void (*done)(void *), void *arg)
{
	size_t	i;

	if (m->done != NULL)
		return;
	m->done = done;
	m->done_arg = arg;
	for (i = 0; i < m->n; i++)
		proc_stop(&m->procs[i]);
	modules_on_gone(m);
}

void
modules_free(struct modules *m)
{
	size_t	i;

	if (m == NULL)
		return;
	for (i = 0; i < m->n; i++) {
		json_decref(m->procs[i].settings);
		free(m->procs[i].error);
		free(m->procs[i].source);
		free(m->procs[i].why);
	}
	free(m->procs);
	free(m->state_dir);
	free(m);
}

/* -- looks at it -- */

enum module_state
modules_state(const struct modules *m, const char *module)
{
	size_t	i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->procs[i].type->name, module) == 0)
			return m->procs[i].state;
	return MODULE_DISABLED;
}

void
modules_count(const struct modules *m, int counts[6])
{
	size_t	i;

	memset(counts, 0, 6 * sizeof(*counts));
	for (i = 0; i < m->n; i++)
		counts[m->procs[i].state]++;
}

size_t
modules_number(const struct modules *m)
{
	return m->n;
}

void
modules_use(const struct modules *m, size_t at, struct modules_use *u)
{
	const struct module_proc	*p = &m->procs[at];
	int64_t				 cpu;

	*u = (struct modules_use){ .name = p->type->name, .state = p->state,
		.cpu_us = p->cpu_before, .events = p->events,
		.lost = p->lost + p->refused, .bytes = p->bytes,
		.starts = p->starts };
	if (p->run != NULL && platform_process_cost(p->run->process.pid,
	    &cpu, &u->rss) == 0)
		u->cpu_us += cpu;
}

void
modules_cost(const struct modules *m, int64_t *cpu_us, int64_t *rss)
{
	struct modules_use	u;
	size_t			i;

	*cpu_us = *rss = 0;
	platform_process_cost(uv_os_getpid(), cpu_us, rss);
	for (i = 0; i < m->n; i++) {
		modules_use(m, i, &u);
		*cpu_us += u.cpu_us;
		*rss += u.rss;
	}
}
