/*
 * A configuration that has changed is taken up as at a start: this process
 * ends its parts in order and becomes its program anew, with the same process
 * id, so that no supervisor notices.  Before, another process of the program
 * checks what there is to read (--check-config): the agent runs on with the
 * old where the new is wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "child.h"
#include "commands.h"
#include "confjson.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "state.h"

enum { CHECK_MS = 30 * 1000 };

struct reload {
	struct agent		*a;
	struct command_call	*call;		/* or NULL */
	struct child		*child;
	char			*words;		/* the check's first */
};

static void
reopen_log(const struct agent *a)
{
	int	rc;

	if (a->config.log_file == NULL)
		return;
	if ((rc = log_to_file(a->config.log_file)) < 0)
		log_warn(NULL, "%s: cannot be reopened: %s",
		    a->config.log_file, errstr(rc));
	else
		log_info(NULL, "log reopened");
}

static void
answer(struct command_call *call, int restarts, const char *error)
{
	if (error != NULL)
		log_warn("config", "not taken up: %s", error);
	if (call != NULL)
		command_done(call, error == NULL ? json_pack("{sb}",
		    "restarts", restarts) : NULL, error);
}

static void
on_line(struct child *c, const char *line, size_t n, int err, void *arg)
{
	struct reload	*r = arg;

	(void)c;
	if (err && r->words == NULL)
		r->words = xstrndup(line, n);
}

static void
on_checked(struct child *c, int code, int signal, int timed_out, void *arg)
{
	struct reload	*r = arg;
	struct agent	*a = r->a;

	(void)c, (void)signal;
	a->reload = NULL;
	if (code == 0 && state_takes(a->state, ON_STOP)) {
		log_info("config", "it has changed: starting anew");
		answer(r->call, 1, NULL);
		a->anew = 1;
		state_event(a->state, ON_STOP);
	} else if (code == 0)
		answer(r->call, 0, "the agent stops");
	else
		answer(r->call, 0, timed_out ? "the check took too long" :
		    r->words != NULL ? r->words : "the check failed");
	free(r->words);
	free(r);
}

/* Our own command line with one word more. */
static int
check(struct agent *a, struct command_call *call)
{
	static const struct child_events events = { on_line, on_checked };
	struct child_options	 o = { .timeout_ms = CHECK_MS };
	static char		 check_flag[] = "--check-config";
	struct reload		*r = xcalloc(1, sizeof(*r));
	char			**argv, *self = platform_program();
	int			 i, rc = -ENOENT;

	r->a = a;
	r->call = call;
	argv = xcalloc((size_t)a->config.argc + 2, sizeof(*argv));
	for (i = 0; i < a->config.argc; i++)
		argv[i] = a->argv[i];
	argv[i] = check_flag;
	if (self != NULL) {
		argv[0] = self;
		o.argv = argv;
		rc = child_start(&r->child, &a->loop, &o, &events, r);
	}
	if (rc == 0)
		a->reload = r;
	else
		free(r);
	free(argv);
	free(self);
	return rc;
}

void
agent_reload(struct agent *a, struct command_call *call)
{
	char	*why;
	int	 rc;

	agent_look(a);
	reopen_log(a);
	rc = confjson_changed(a->conf, &why);
	if (rc < 0)
		answer(call, 0, why);
	else if (rc == 0 && !settings_file_changed(a->config.settings))
		answer(call, 0, NULL);
	else if (a->reload != NULL || !state_takes(a->state, ON_UPDATE))
		answer(call, 0, "busy");
	else if (strcmp(platform_os, "windows") == 0)
		answer(call, 0, "it counts from the next start on");
	else if ((rc = check(a, call)) < 0)
		answer(call, 0, errstr(rc));
	free(why);
}

void
reload_stop(struct agent *a)
{
	if (a->reload != NULL)
		child_kill(a->reload->child);
}
