/*
 * Commands that came over the link, in either protocol, while they run.  They
 * end with their connection: what nobody hears any more is cancelled.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "commands.h"
#include "link_private.h"
#include "log.h"

enum { MAX_RUNNING = 16 };	/* of one link: a server has few questions */

struct link_command {		/* one under way */
	struct link	 link;
	struct agent_link *l;
	struct command_call *call;	/* NULL: it is starting */
	char		*id, *name;
	json_t		*parts;		/* the protocol's, or NULL */
};

static void
forget(struct link_command *c)
{
	list_remove(&c->link);
	c->l->running--;
	json_decref(c->parts);
	free(c->id);
	free(c->name);
	free(c);
}

static void
on_part(const json_t *part, void *arg)
{
	struct link_command	*c = arg;

	c->l->protocol->part(c->l, c->id, &c->parts, part);
}

static void
on_done(const json_t *result, const char *error, void *arg)
{
	struct link_command	*c = arg;

	log_info("ws", "command result: %s%s%s", c->name,
	    *error != '\0' ? ": " : "", error);
	c->l->protocol->answer(c->l, c->id, c->name, c->parts, result, error);
	forget(c);
}

static struct link_command *
find(struct agent_link *l, const char *id)
{
	struct link		*i, *next;
	struct link_command	*c;

	LIST_EACH(i, next, &l->commands) {
		c = LIST_ITEM(i, struct link_command, link);
		if (strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

void
link_command(struct agent_link *l, const char *id, const char *name,
    const json_t *args)
{
	struct link_command	*c;
	struct command_caller	 caller = { COMMAND_LINK, on_part, on_done,
		NULL };
	struct command_call	*call;
	const char		*no = NULL;

	if (!envelope_id_ok(name)) {
		log_warn("ws", "a command without a name was refused");
		no = "command: must be a name";
		name = "";
	} else if (l->o.commands == NULL) {	/* the doctor's link */
		no = "this agent is only trying its link";
	} else if (l->running >= MAX_RUNNING) {
		no = "too many commands are under way";
	} else if (find(l, id) != NULL) {
		no = "id: a command with this one is under way";
	}
	if (no != NULL) {
		l->protocol->answer(l, id, name, NULL, NULL, no);
		return;
	}
	log_info("ws", "executing command: %s", name);
	c = xcalloc(1, sizeof(*c));
	c->l = l;
	c->id = xstrdup(id);
	c->name = xstrdup(name);
	list_append(&l->commands, &c->link);
	l->running++;
	caller.arg = c;
	call = command_start(l->o.commands, name, args, &caller);
	if (call != NULL)		/* else c is gone already */
		c->call = call;
}

void
link_command_cancel(struct agent_link *l, const char *id)
{
	struct link_command	*c = find(l, id);

	if (c == NULL)
		return;			/* it has ended meanwhile */
	log_info("ws", "command cancelled: %s", c->name);
	command_cancel(c->call);
	l->protocol->answer(l, c->id, c->name, c->parts, NULL, "cancelled");
	forget(c);
}

void
link_commands_end(struct agent_link *l)
{
	struct link		*i, *next;
	struct link_command	*c;

	LIST_EACH(i, next, &l->commands) {
		c = LIST_ITEM(i, struct link_command, link);
		command_cancel(c->call);
		forget(c);
	}
}
