/*
 * The commands of document 004, about the host and the agent itself, none
 * with a word of the server's in it.  All answer at once but get_status,
 * which asks the init system first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "child.h"
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

enum {
	MAX_DISK	= 95,		/* percent in use: then it is ill */
	MAX_MEMORY	= 95,
	STATUS_MS	= 5000		/* for systemctl */
};

struct host_commands {
	uv_loop_t	*loop;
	char		*state_dir, *service;
	int64_t		 started;	/* mono, ms */
};

struct status {				/* one get_status under way */
	struct host_commands *h;
	char		*state;		/* the first line that was said */
	struct command_call *call;
	struct child	*child;
};

/* -- health -- */

/* Takes what is wrong, or NULL. */
static void
add_check(json_t *checks, int *ill, const char *name, char *wrong)
{
	json_object_set_new(checks, name, json_string(wrong != NULL ? wrong :
	    "ok"));
	*ill += wrong != NULL;
	free(wrong);
}

static char *
too_full(int64_t used, int64_t whole, int limit)
{
	double	percent = whole > 0 ? 100.0 * (double)used / (double)whole :
		    0;

	return percent >= limit ? xasprintf("%.1f %% in use", percent) : NULL;
}

/* Whether the state directory can be written, which updates and the
 * registration need. */
static char *
check_state(const struct host_commands *h)
{
	char	*path = file_join(h->state_dir, "health.tmp"), *wrong = NULL;
	int	 rc = file_write(path, "", 0, 0600);

	if (rc < 0)
		wrong = xasprintf("cannot be written: %s", errstr(rc));
	else
		remove(path);
	free(path);
	return wrong;
}

static json_t *
health(const struct host_commands *h)
{
	struct platform_sample	 s = PLATFORM_SAMPLE_NONE;
	json_t			*checks = json_object();
	int			 ill = 0, rc = platform_sample(&s);

	if (rc == 0) {
		add_check(checks, &ill, "disk", too_full(s.disk_used,
		    s.disk_used + s.disk_free, MAX_DISK));
		add_check(checks, &ill, "memory", too_full(s.mem_total -
		    s.mem_available, s.mem_total, MAX_MEMORY));
	}
	add_check(checks, &ill, "metrics", rc < 0 ?
	    xasprintf("cannot be read: %s", errstr(rc)) : NULL);
	add_check(checks, &ill, "state", check_state(h));
	return json_pack("{so ss}", "checks", checks, "status",
	    ill == 0 ? "healthy" : "unhealthy");
}

/* -- the service -- */

static void
on_line(struct child *child, const char *p, size_t n, int err, void *arg)
{
	struct status	*s = arg;

	(void)child;
	if (!err && s->state == NULL)
		s->state = xstrndup(p, n);
}

static void
on_ended(struct child *child, int code, int signal, int timed_out, void *arg)
{
	struct status	*s = arg;
	json_t		*o;

	(void)child;
	(void)signal;
	(void)code;		/* 3 for "inactive": the word says it */
	o = json_pack("{ss ss sI}", "agent", "running", "service",
	    s->h->service, "uptimeSeconds",
	    (json_int_t)((clock_mono_ms() - s->h->started) / 1000));
	if (s->state != NULL)
		json_object_set_new(o, "state", json_string(s->state));
	command_done(s->call, o, s->state != NULL ? "" : timed_out ?
	    "systemctl did not answer" : "no systemd tells the service's"
	    " status here");
	free(s->state);
	free(s);
}

static void
status_cancelled(struct command_call *call, void *arg)
{
	struct status	*s = arg;

	(void)call;
	child_kill(s->child);		/* on_ended() follows */
}

static void
run_status(struct command_call *call, const json_t *args, void *arg)
{
	static const struct child_events events = { on_line, on_ended };
	struct host_commands	*h = arg;
	char			tool[] = "systemctl", verb[] = "is-active";
	char			*argv[] = { tool, verb, h->service, NULL };
	struct child_options	 o = { .argv = argv,
		.timeout_ms = STATUS_MS };
	struct status		*s = xcalloc(1, sizeof(*s));
	int			 rc;

	(void)args;
	s->h = h;
	s->call = call;
	rc = child_start(&s->child, h->loop, &o, &events, s);
	if (rc < 0) {
		command_done(call, NULL, errstr(rc));
		free(s);
	} else {
		command_on_cancel(call, status_cancelled, s);
	}
}

/* -- what answers at once -- */

static void
run_ping(struct command_call *call, const json_t *args, void *arg)
{
	(void)args;
	(void)arg;
	command_done(call, json_string("pong"), "");
}

static void
run_health(struct command_call *call, const json_t *args, void *arg)
{
	(void)args;
	command_done(call, health(arg), "");
}

static void
run_version(struct command_call *call, const json_t *args, void *arg)
{
	(void)args;
	(void)arg;
	command_done(call, json_string(MUSTER_VERSION), "");
}

static void
run_machine_id(struct command_call *call, const json_t *args, void *arg)
{
	char	id[128];
	int	rc = platform_machine_id(id, sizeof(id));

	(void)args;
	(void)arg;
	command_done(call, rc < 0 ? NULL : json_string(id), rc < 0 ?
	    errstr(rc) : "");
}

/* -- the whole -- */

struct host_commands *
host_commands_new(struct command_table *t, uv_loop_t *loop,
    const char *state_dir, const char *service)
{
	static const struct command	five[] = {
		{ .name = "ping", .about = "say pong", .run = run_ping },
		{ .name = "run_health_check", .about = "disk, memory, metrics"
		    " and state directory", .run = run_health },
		{ .name = "get_version", .about = "the agent's version",
		    .run = run_version },
		{ .name = "get_machine_id", .about = "the host's stable id",
		    .run = run_machine_id },
		{ .name = "get_status", .about = "what the init system says of"
		    " the agent's service", .run = run_status },
	};
	struct host_commands		*h = xcalloc(1, sizeof(*h));
	struct command			 c;
	size_t				 i;

	h->loop = loop;
	h->state_dir = xstrdup(state_dir);
	h->service = xstrdup(service);
	h->started = clock_mono_ms();
	for (i = 0; i < nitems(five); i++) {
		c = five[i];
		c.who = COMMAND_LINK | COMMAND_CONTROL;
		c.arg = h;
		command_add(t, &c);
	}
	return h;
}

void
host_commands_free(struct host_commands *h)
{
	if (h == NULL)
		return;
	free(h->state_dir);
	free(h->service);
	free(h);
}
