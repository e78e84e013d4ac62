/* Commands about the agent itself, for who is on this host and, where they
 * only tell, for the server. */
#include <stdlib.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "commands.h"
#include "control.h"
#include "errors.h"
#include "log.h"
#include "privileges.h"
#include "settings.h"
#include "spool.h"
#include "state.h"

static json_t *
link_json(const struct agent *a)
{
	const char		*missing = agent_missing(a);
	struct link_status	 s = { 0, NULL, -1 };
	json_t			*o;

	if (a->link != NULL)
		link_status(a->link, &s);
	o = json_pack("{ss sb}", "url", a->config.url != NULL ?
	    a->config.url : "", "connected", s.connected);
	if (missing != NULL)
		json_object_set_new(o, "missing", json_string(missing));
	if (s.why != NULL)
		json_object_set_new(o, "why", json_string(s.why));
	if (s.retry_ms >= 0)
		json_object_set_new(o, "next_retry_ms",
		    json_integer(s.retry_ms));
	return o;
}

static void
run_status(struct command_call *call, const json_t *args, void *arg)
{
	const struct agent	*a = arg;
	json_t			*o = state_json(a->state);

	(void)args;
	json_object_update_new(o, json_pack("{ss ss sI sI sI so so}", "name",
	    a->config.name, "version", MUSTER_VERSION, "pid",
	    (json_int_t)uv_os_getpid(), "uptimeSeconds",
	    (json_int_t)((clock_mono_ms() - a->started) / 1000),
	    "errorsKept", (json_int_t)errors_kept(a->errors), "link",
	    link_json(a), "privileges", privileges_json()));
	command_done(call, o, NULL);
}

static void
run_reload(struct command_call *call, const json_t *args, void *arg)
{
	(void)args;
	agent_reload(arg, call);
}

/* What waits for the server is on the disk, and errors are tried at once. */
static void
run_flush(struct command_call *call, const json_t *args, void *arg)
{
	struct agent	*a = arg;
	int		 rc = a->spool != NULL ? spool_sync(a->spool) : 0;

	(void)args;
	if (rc < 0) {
		command_done(call, NULL, errstr(rc));
		return;
	}
	errors_flush(a->errors);
	command_done(call, json_pack("{sI}", "errorsKept",
	    (json_int_t)errors_kept(a->errors)), NULL);
}

static void
run_rotate(struct command_call *call, const json_t *args, void *arg)
{
	struct agent	*a = arg;
	int		 rc = a->control != NULL ?
			    control_rotate(a->control) : 0;

	(void)args;
	command_done(call, NULL, rc < 0 ? errstr(rc) : NULL);
}

void
agent_commands_add(struct agent *a)
{
	const struct command	commands[] = {
		{ "status", "what the agent is doing",
		    COMMAND_LINK | COMMAND_CONTROL, run_status, a },
		{ "reload", "reopen the log, take up a changed configuration",
		    COMMAND_CONTROL, run_reload, a },
		{ "flush", "send what is kept, as far as it can be",
		    COMMAND_LINK | COMMAND_CONTROL, run_flush, a },
		{ "rotate_secret", "another secret for the control pipe",
		    COMMAND_CONTROL, run_rotate, a },
	};
	size_t			i;

	for (i = 0; i < nitems(commands); i++)
		command_add(a->commands, &commands[i]);
}
