/* The modules as a part of the agent: what they report goes to the server,
 * what is set of them into config.json. */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "commands.h"
#include "confjson.h"
#include "json.h"
#include "log.h"
#include "modules.h"
#include "settings.h"
#include "spool.h"
#include "telemetry.h"

/* The agent is all its processes, not only the one that took the sample. */
static void
add_cost(struct agent *a, json_t *metrics)
{
	int64_t	 cpu, rss, now = clock_mono_ms();
	json_t	*o;

	modules_cost(a->modules, &cpu, &rss);
	o = json_pack("{sI}", "rssBytes", (json_int_t)rss);
	if (a->cost_ms > 0 && now > a->cost_ms && cpu >= a->cost_us)
		json_object_set_new(o, "cpuPercent", telemetry_rounded((double)
		    (cpu - a->cost_us) / (10.0 * (double)(now - a->cost_ms)),
		    100));
	json_object_set_new(metrics, "agent", o);
	a->cost_us = cpu;
	a->cost_ms = now;
}

/* What cannot be kept is told to the log by the spool. */
static void
on_event(enum spool_class class, const json_t *record, void *arg)
{
	struct agent	*a = arg;
	json_t		*data = json_object_get(record, "data");

	if (class == SPOOL_METRIC && json_is_object(data) &&
	    strcmp(json_str(record, "type", ""), "metrics") == 0)
		add_cost(a, data);
	spool_add(a->spool, class, record);
}

static int
save(const char *module, const json_t *settings, void *arg)
{
	struct agent	*a = arg;
	char		*path = xasprintf("modules.%s", module);
	int		 rc = confjson_set(a->conf, path,
			    json_deep_copy(settings));

	free(path);
	return rc < 0 ? rc : confjson_save(a->conf);
}

/* -- a server that has just been reached need not wait for a sample -- */

static void
on_sampled(json_t *result, const char *error, void *arg)
{
	(void)arg;
	(void)error;			/* the module comes up by itself */
	json_decref(result);
}

void
reports_up(void *arg)
{
	struct agent	*a = arg;

	modules_call(a->modules, "telemetry", "sample", NULL, NULL,
	    on_sampled, NULL);
}

/* -- the command "modules" -- */

static void
on_part(json_t *part, void *arg)
{
	command_part(arg, part);
}

static void
on_done(json_t *result, const char *error, void *arg)
{
	command_done(arg, result, error);
}

static void
on_cancel(struct command_call *c, void *ask)
{
	(void)c;
	modules_cancel(ask);
}

static void
run_modules(struct command_call *c, const json_t *args, void *arg)
{
	const struct agent	*a = arg;
	struct modules_ask	*ask;

	ask = modules_control(a->modules, args, on_part, on_done, c);
	if (ask != NULL)
		command_on_cancel(c, on_cancel, ask);
}

/* -- the part -- */

void
reports_start(struct agent *a)
{
	struct command		c = { "modules", "list, start, stop, enable,"
		    " disable, configure and command the modules",
		    COMMAND_LINK | COMMAND_CONTROL, run_modules, a };
	struct modules_options	o = {
		.loop = &a->loop,
		.state_dir = settings_state_dir(a->config.settings),
		.metrics_ms = a->config.metrics_ms,
		.capabilities = json_object_get(a->config.info,
		    "capabilities"),
		.settings = confjson_get(a->conf, "modules"),
		.event = on_event, .save = save, .arg = a
	};

	a->modules = modules_new(&o);
	command_add(a->commands, &c);
}

static void
on_stopped(void *arg)
{
	part_stopped(arg);
}

int
reports_stop(struct agent *a)
{
	modules_stop(a->modules, on_stopped, a);
	return 1;
}

void
reports_release(struct agent *a)
{
	modules_free(a->modules);
}
