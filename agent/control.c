/*
 * The control pipe of this agent: "force" and "stop" by the state table,
 * everything else by the table of commands.  Who is to hear that we go must
 * hear it before the pipe closes, so the answer comes first, the event then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "commands.h"
#include "control.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "state.h"

char *
control_path(const struct settings *s)
{
	const char	*dir = settings_run_dir(s);

	/* Agents that were given another state directory and no run
	 * directory must not meet in the common one. */
	if (strcmp(settings_origin(s, "run-dir"), "default") == 0 &&
	    strcmp(settings_origin(s, "state-dir"), "default") != 0)
		dir = settings_state_dir(s);
	return xasprintf("%s/control.sock", dir);
}

/* -- to go -- */

static void
leave(struct agent *a, struct control_call *call, const char *word,
    enum state_event event)
{
	const char	*state = state_text(state_now(a->state));

	if (event == ON_FORCE && state_is_updating(a->state)) {
		state_event(a->state, event);	/* which logs that */
		control_end(call, CONTROL_BUSY, json_pack("{ss}", "state",
		    state));
		return;
	}
	if (!state_takes(a->state, event)) {
		state_event(a->state, event);
		control_end(call, CONTROL_REFUSED, json_pack("{ss ss}",
		    "error", "not in this state", "state", state));
		return;
	}
	log_info("control", "%s, by uid %" PRId64 ", process %" PRId64, word,
	    control_uid(call), control_pid(call));
	control_end(call, CONTROL_ACKNOWLEDGED, json_pack("{sI}", "pid",
	    (json_int_t)uv_os_getpid()));
	state_event(a->state, event);
	if (event == ON_FORCE)
		state_event(a->state, ON_LEAVE);
}

/* -- commands -- */

struct running {
	struct control_call	*control;
	struct command_call	*command;	/* NULL: it has ended */
	int			 starting;
};

static void
on_part(const json_t *part, void *arg)
{
	struct running	*r = arg;

	control_part(r->control, part != NULL ? json_deep_copy(part) :
	    json_null());
}

static void
on_done(const json_t *result, const char *error, void *arg)
{
	struct running	*r = arg;

	if (*error != '\0')
		control_end(r->control, CONTROL_FAILED, json_pack("{ss}",
		    "error", error));
	else
		control_end(r->control, CONTROL_DONE, json_pack("{so}",
		    "result", result != NULL ? json_deep_copy(result) :
		    json_null()));
	if (r->starting)
		r->starting = 0;	/* run() frees */
	else
		free(r);
}

static void
on_gone(void *arg)
{
	struct running	*r = arg;

	command_cancel(r->command);	/* of which nothing is heard then, */
	control_end(r->control, CONTROL_FAILED, NULL);	/* nor is this */
	free(r);
}

static void
run(struct agent *a, struct control_call *call, const char *command,
    const json_t *args)
{
	struct running		*r = xcalloc(1, sizeof(*r));
	struct command_caller	 caller = { .who = COMMAND_CONTROL,
		.part = on_part, .done = on_done, .arg = r };

	r->control = call;
	r->starting = 1;
	r->command = command_start(a->commands, command, args, &caller);
	if (!r->starting) {
		free(r);
		return;
	}
	r->starting = 0;
	control_on_gone(call, on_gone, r);
}

static void
on_command(struct control_call *call, const char *command,
    const json_t *args, void *arg)
{
	struct agent	*a = arg;

	if (strcmp(command, "force") == 0)
		leave(a, call, "asked to make room", ON_FORCE);
	else if (strcmp(command, "stop") == 0)
		leave(a, call, "asked to stop", ON_STOP);
	else
		run(a, call, command, args);
}

/* -- the whole -- */

void
control_start(struct agent *a)
{
	char	*path = control_path(a->config.settings);
	char	*dir = xstrndup(path, strlen(path) - strlen("/control.sock"));
	int	 rc = platform_private_dir(dir);

	if (rc == 0)
		rc = control_serve(&a->control, &a->loop, path, on_command,
		    a);
	if (rc < 0) {
		log_warn("control", "%s: no control pipe: %s", path,
		    errstr(rc));
		errors_report(a->errors, "control", "%s: no control pipe: %s",
		    path, errstr(rc));
	}
	free(dir);
	free(path);
}

int
control_end_all(struct agent *a)
{
	control_stop(a->control);
	a->control = NULL;
	return 0;
}
