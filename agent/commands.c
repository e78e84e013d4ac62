/*
 * The table of commands.  A call begins with command_start() and ends with
 * command_done(), which may come from within the former; between them it
 * belongs to the command.  When its caller goes, only the caller is
 * forgotten: the command hears of it, and still ends the call itself.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "commands.h"
#include "log.h"

enum { MAX_COMMANDS = 64 };	/* a dozen modules register a few each */

struct command_table {
	struct command	 commands[MAX_COMMANDS];
	size_t		 n;
	int		 running;
};

struct command_call {
	struct command_table	*table;
	struct command_caller	 caller;
	int			 gone;		/* nobody hears */
	int			 starting;	/* run() has not returned */
	int			 ended;		/* while it was starting */
	void			(*cancelled)(struct command_call *, void *);
	void			*cancelled_arg;
};

static void
list_commands(struct command_call *c, const json_t *args, void *arg)
{
	struct command_table	*t = arg;
	json_t			*list = json_array();
	size_t			 i;

	(void)args;
	for (i = 0; i < t->n; i++)
		if (t->commands[i].who & c->caller.who)
			json_array_append_new(list, json_pack("{ss ss}",
			    "about", t->commands[i].about, "name",
			    t->commands[i].name));
	command_done(c, list, "");
}

struct command_table *
command_table_new(void)
{
	struct command_table	*t = xcalloc(1, sizeof(*t));

	command_add(t, &(struct command){ .name = "commands",
	    .about = "list what this agent can be asked to do",
	    .who = COMMAND_LINK | COMMAND_CONTROL, .run = list_commands,
	    .arg = t });
	return t;
}

void
command_table_free(struct command_table *t)
{
	free(t);
}

static const struct command *
find(const struct command_table *t, const char *name)
{
	size_t	i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->commands[i].name, name) == 0)
			return &t->commands[i];
	return NULL;
}

void
command_add(struct command_table *t, const struct command *c)
{
	assert(t->n < MAX_COMMANDS && find(t, c->name) == NULL);
	t->commands[t->n++] = *c;
}

/* -- for callers -- */

/* Why it cannot be run for this caller, or NULL. */
static const char *
refusal(const struct command_table *t, const struct command *c,
    const json_t *args, unsigned who)
{
	if (c == NULL)
		return "command is not known";
	if (!(c->who & who))
		return who == COMMAND_LINK ? "not by the server: only on the"
		    " host itself" : "only by the server";
	if (args != NULL && !json_is_object(args))
		return "args: must be an object";
	if (t->running >= COMMAND_MAX_RUNNING)
		return "too many commands are under way";
	return NULL;
}

struct command_call *
command_start(struct command_table *t, const char *name, const json_t *args,
    const struct command_caller *caller)
{
	const struct command	*c = find(t, name);
	const char		*no = refusal(t, c, args, caller->who);
	struct command_call	*call;
	json_t			*none = NULL;

	if (no != NULL) {
		caller->done(NULL, no, caller->arg);
		return NULL;
	}
	call = xcalloc(1, sizeof(*call));
	call->table = t;
	call->caller = *caller;
	call->starting = 1;
	t->running++;
	if (args == NULL)
		args = none = json_object();
	c->run(call, args, c->arg);
	json_decref(none);
	call->starting = 0;
	if (!call->ended)
		return call;
	free(call);
	return NULL;
}

void
command_cancel(struct command_call *c)
{
	if (c->gone++)
		return;
	if (c->cancelled != NULL)
		c->cancelled(c, c->cancelled_arg);
}

/* -- for commands -- */

void
command_part(struct command_call *c, json_t *part)
{
	if (!c->gone && c->caller.part != NULL)
		c->caller.part(part, c->caller.arg);
	json_decref(part);
}

void
command_done(struct command_call *c, json_t *result, const char *error)
{
	assert(!c->ended);
	c->table->running--;
	c->ended = 1;
	if (!c->gone)
		c->caller.done(result, error != NULL ? error : "",
		    c->caller.arg);
	json_decref(result);
	if (!c->starting)
		free(c);
}

void
command_on_cancel(struct command_call *c,
    void (*cancelled)(struct command_call *, void *), void *arg)
{
	c->cancelled = cancelled;
	c->cancelled_arg = arg;
}

unsigned
command_who(const struct command_call *c)
{
	return c->caller.who;
}
