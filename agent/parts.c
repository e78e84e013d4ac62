/*
 * The parts of a running agent, started in the order of the table and ended
 * the other way round, each when the one before has ended.  A new part is a
 * line here, and three functions in its own file.
 */
#include <stdlib.h>

#include "agent.h"
#include "commands.h"
#include "errors.h"
#include "file.h"
#include "log.h"
#include "settings.h"
#include "spool.h"

static void
start_spool(struct agent *a)
{
	const struct settings	*set = a->config.settings;
	char			*dir = file_join(settings_state_dir(set),
	    "spool"), *why;
	struct spool_options	 o = {
		.dir = dir, .loop = &a->loop,
		.max_bytes = settings_int(set, "spool-size") * 1024 * 1024,
		.max_age_ms = settings_int(set, "spool-age")
	};

	if (spool_open(&a->spool, &o, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
	free(dir);
}

static int
stop_spool(struct agent *a)
{
	spool_close(a->spool);
	a->spool = NULL;
	return 0;
}

static void
start_commands(struct agent *a)
{
	a->commands = command_table_new();
	a->host_commands = host_commands_new(a->commands, &a->loop,
	    settings_state_dir(a->config.settings),
	    settings_str(a->config.settings, "service"));
	agent_commands_add(a);
}

static void
release_commands(struct agent *a)
{
	host_commands_free(a->host_commands);
	command_table_free(a->commands);
}

static int
send_error(const json_t *record, void *arg)
{
	struct agent	*a = arg;

	return spool_add(a->spool, SPOOL_ALERT, record);
}

static void
start_errors(struct agent *a)
{
	a->errors = errors_new(&a->loop,
	    settings_state_dir(a->config.settings));
	errors_sender(a->errors, send_error, a);
}

static int
stop_errors(struct agent *a)
{
	errors_stop(a->errors);
	return 0;
}

static void
release_errors(struct agent *a)
{
	errors_free(a->errors);
}

static void
start_local(struct agent *a)
{
	a->local = local_start(a);
}

static int
stop_local(struct agent *a)
{
	local_stop(a->local);
	return 0;
}

static const struct part {
	const char	*name;
	/* Ends the process where the agent cannot do without. */
	void		(*start)(struct agent *);
	/* 0: its handles are closing; 1: part_stopped() follows.  NULL:
	 * there is nothing to stop. */
	int		(*stop)(struct agent *);
	/* Frees, when the loop has closed; may be NULL. */
	void		(*release)(struct agent *);
} parts[] = {
	{ "spool", start_spool, stop_spool, NULL },
	{ "errors", start_errors, stop_errors, release_errors },
	{ "commands", start_commands, NULL, release_commands },
	{ "link", uplink_start, uplink_stop, uplink_release },
	/* ended before the link, so that their last words go out by it */
	{ "modules", reports_start, reports_stop, reports_release },
	{ "logs", logs_start, logs_stop, logs_release },
	{ "local", start_local, stop_local, NULL },
	{ "update", update_start, update_stop, update_release },
	{ "control", control_start, control_end_all, NULL },
};

void
parts_start(struct agent *a)
{
	for (a->parts = 0; a->parts < nitems(parts); a->parts++)
		parts[a->parts].start(a);
}

void
part_stopped(struct agent *a)
{
	while (a->parts > 0) {
		a->parts--;
		if (parts[a->parts].stop != NULL && parts[a->parts].stop(a))
			return;		/* which calls this again */
	}
	agent_parts_ended(a);
}

const char *
parts_stopping(const struct agent *a)
{
	return parts[a->parts].name;
}

void
parts_release(struct agent *a)
{
	size_t	i;

	for (i = nitems(parts); i-- > 0;)
		if (parts[i].release != NULL)
			parts[i].release(a);
}
