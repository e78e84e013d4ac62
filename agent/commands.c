/*
 * What a server may ask this agent to do: document 004's five commands, each
 * by its name, none with a word of the server's in it.  All answer at once
 * but get_status, which asks the init system first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "child.h"
#include "clock.h"
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

struct commands {
	uv_loop_t	*loop;
	char		*state_dir, *service;
	int64_t		 started;	/* mono, ms */
};

struct status {				/* one get_status under way */
	struct commands	*c;
	char		*state;		/* the first line that was said */
	command_done	 done;
	void		*arg;
};

struct commands *
commands_new(uv_loop_t *loop, const char *state_dir, const char *service)
{
	struct commands	*c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->state_dir = xstrdup(state_dir);
	c->service = xstrdup(service);
	c->started = clock_mono_ms();
	return c;
}

void
commands_free(struct commands *c)
{
	if (c == NULL)
		return;
	free(c->state_dir);
	free(c->service);
	free(c);
}

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
check_state(const struct commands *c)
{
	char	*path = file_join(c->state_dir, "health.tmp"), *wrong = NULL;
	int	 rc = file_write(path, "", 0, 0600);

	if (rc < 0)
		wrong = xasprintf("cannot be written: %s", errstr(rc));
	else
		remove(path);
	free(path);
	return wrong;
}

static json_t *
health(const struct commands *c)
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
	add_check(checks, &ill, "state", check_state(c));
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
	    s->c->service, "uptimeSeconds",
	    (json_int_t)((clock_mono_ms() - s->c->started) / 1000));
	if (s->state != NULL)
		json_object_set_new(o, "state", json_string(s->state));
	s->done(o, s->state != NULL ? "" : timed_out ?
	    "systemctl did not answer" : "no systemd tells the service's"
	    " status here", s->arg);
	free(s->state);
	free(s);
}

static void
get_status(struct commands *c, command_done done, void *arg)
{
	static const struct child_events events = { on_line, on_ended };
	char			tool[] = "systemctl", verb[] = "is-active";
	char			*argv[] = { tool, verb, c->service, NULL };
	struct child_options	 o = { .argv = argv,
		.timeout_ms = STATUS_MS };
	struct status		*s = xcalloc(1, sizeof(*s));
	struct child		*child;
	int			 rc;

	s->c = c;
	s->done = done;
	s->arg = arg;
	if ((rc = child_start(&child, c->loop, &o, &events, s)) < 0) {
		done(NULL, errstr(rc), arg);
		free(s);
	}
}

/* -- the whole -- */

void
command_run(struct commands *c, const char *name, command_done done,
    void *arg)
{
	char	id[128];
	int	rc;

	if (strcmp(name, "ping") == 0) {
		done(json_string("pong"), "", arg);
	} else if (strcmp(name, "run_health_check") == 0) {
		done(health(c), "", arg);
	} else if (strcmp(name, "get_version") == 0) {
		done(json_string(MUSTER_VERSION), "", arg);
	} else if (strcmp(name, "get_machine_id") == 0) {
		if ((rc = platform_machine_id(id, sizeof(id))) < 0)
			done(NULL, errstr(rc), arg);
		else
			done(json_string(id), "", arg);
	} else if (strcmp(name, "get_status") == 0) {
		get_status(c, done, arg);
	} else {
		done(NULL, "command is not known", arg);
	}
}
