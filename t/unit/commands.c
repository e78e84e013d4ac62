/* The table of commands: who may call, parts, cancelling, in every order. */
#include <string.h>

#include "commands.h"
#include "tap.h"

struct heard {
	int	 parts, dones;
	char	 error[64], result[64];
};

static void
on_part(const json_t *part, void *arg)
{
	struct heard	*h = arg;

	if (h->dones == 0 && json_is_integer(part))
		h->parts++;
}

static void
on_done(const json_t *result, const char *error, void *arg)
{
	struct heard	*h = arg;

	h->dones++;
	snprintf(h->error, sizeof(h->error), "%s", error);
	snprintf(h->result, sizeof(h->result), "%s",
	    json_is_string(result) ? json_string_value(result) : "");
}

/* Answers at once, with what it was given. */
static void
run_echo(struct command_call *c, const json_t *args, void *arg)
{
	(void)arg;
	command_part(c, json_integer(1));
	command_part(c, json_integer(2));
	command_done(c, json_incref(json_object_get(args, "say")), NULL);
}

static struct command_call	*held;
static int			 cancelled;

static void
run_hold(struct command_call *c, const json_t *args, void *arg)
{
	(void)args;
	(void)arg;
	held = c;
}

static void
on_cancel(struct command_call *c, void *arg)
{
	cancelled++;
	if (arg != NULL)
		command_done(c, NULL, "stopped");
}

static struct command_call *
start(struct command_table *t, const char *name, const json_t *args,
    unsigned who, struct heard *h)
{
	struct command_caller	caller = { who, on_part, on_done, h };

	memset(h, 0, sizeof(*h));
	return command_start(t, name, args, &caller);
}

int
main(void)
{
	struct command_table	*t = command_table_new();
	struct command_call	*c, *many[COMMAND_MAX_RUNNING];
	struct heard		 h, other;
	json_t			*args = json_pack("{ss}", "say", "hello");
	json_t			*list = json_array();
	int			 i;

	command_add(t, &(struct command){ "echo", "say it", COMMAND_LINK |
	    COMMAND_CONTROL, run_echo, NULL });
	command_add(t, &(struct command){ "hold", "wait", COMMAND_CONTROL,
	    run_hold, NULL });

	c = start(t, "echo", args, COMMAND_LINK, &h);
	ok("parts, then the answer, before start returns",
	    c == NULL && h.dones == 1 && h.parts == 2 && h.error[0] == '\0' &&
	    strcmp(h.result, "hello") == 0);
	ok("an unknown one is answered",
	    start(t, "nothing", NULL, COMMAND_LINK, &h) == NULL && h.dones ==
	    1 && strcmp(h.error, "command is not known") == 0);
	ok("what is of the host is not for the server",
	    start(t, "hold", NULL, COMMAND_LINK, &h) == NULL && h.dones == 1
	    && strstr(h.error, "not by the server") != NULL);
	ok("args must be an object",
	    start(t, "echo", list, COMMAND_LINK, &h) == NULL &&
	    strcmp(h.error, "args: must be an object") == 0);

	c = start(t, "hold", NULL, COMMAND_CONTROL, &h);
	ok("one that waits", c != NULL && c == held && h.dones == 0);
	command_part(c, json_integer(1));
	command_done(c, json_string("late"), "");
	ok("is heard later",
	    h.parts == 1 && h.dones == 1 && strcmp(h.result, "late") == 0);

	c = start(t, "hold", NULL, COMMAND_CONTROL, &h);
	command_on_cancel(c, on_cancel, NULL);
	command_cancel(c);
	command_cancel(c);
	command_part(c, json_integer(1));
	ok("one that is cancelled hears it once",
	    cancelled == 1 && h.parts == 0);
	command_done(c, json_string("late"), "");
	ok("and its caller nothing more", h.dones == 0);
	c = start(t, "hold", NULL, COMMAND_CONTROL, &h);
	command_on_cancel(c, on_cancel, t);
	command_cancel(c);
	ok("it may end while it is cancelled", cancelled == 2 && h.dones == 0);

	for (i = 0; i < COMMAND_MAX_RUNNING; i++)
		many[i] = start(t, "hold", NULL, COMMAND_CONTROL, &other);
	ok("only so many at once",
	    start(t, "echo", args, COMMAND_CONTROL, &h) == NULL &&
	    strcmp(h.error, "too many commands are under way") == 0);
	for (i = 0; i < COMMAND_MAX_RUNNING; i++)
		command_done(many[i], NULL, "");
	ok("and again when they have ended",
	    start(t, "echo", args, COMMAND_CONTROL, &h) == NULL && h.error[0]
	    == '\0');
	command_table_free(t);
	json_decref(args);
	json_decref(list);
	return done();
}
