/*
 * A module's process.  Its channel to the agent is descriptor 0, its log
 * goes to stderr, which the agent reads too.
 *
 * The first line says what to start with.  Then the module's start(), then
 * everything that it does not need is given up, then the loop: lines of the
 * agent come in (ping, command, hear, stop), events and answers go out.
 * They are gathered and written when the loop has done its round.  When the
 * channel ends the agent is gone, and so are we.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "confine.h"
#include "json.h"
#include "log.h"
#include "module_lines.h"
#include "module_private.h"
#include "platform.h"

enum { CHANNEL_FD = 0 };

uv_loop_t *
module_loop(struct module *m)
{
	return &m->loop;
}

const char *
module_state_dir(const struct module *m)
{
	return m->state_dir;
}

int64_t
module_metrics_ms(const struct module *m)
{
	return m->metrics_ms;
}

const struct module_type *
module_find(const char *name)
{
	size_t	i;

	for (i = 0; module_types[i] != NULL; i++)
		if (strcmp(module_types[i]->name, name) == 0)
			return module_types[i];
	return NULL;
}

/* -- in -- */

static _Noreturn void
end(struct module *m)
{
	if (m->type->stop != NULL && m->started)
		m->type->stop(m->self);
	out_drain(m);
	log_exit(EXIT_YES);
}

/* All that it does not need from here on.  One that cannot give it up does
 * not read a hostile byte. */
static void
give_up(struct module *m)
{
	char	*without = NULL, *why = NULL;

	if (confine(m->type->caps, m->state_dir, m->type->confine, &without,
	    &why) < 0)
		module_fail(m, "cannot give up privileges: %s", why != NULL ?
		    why : "");
	if (without != NULL)
		log_debug(NULL, "confined without %s", without);
	free(without);
}

static void
start(struct module *m, const json_t *first)
{
	const json_t	*config = json_object_get(first, "config");
	int64_t		 limit = json_int(first, "memory", 0);
	char		*why = NULL;
	int		 rc;

	log_init("muster-agent", (enum log_level)json_int(first, "log",
	    LOG_INFO), LOG_JSON);
	m->state_dir = xstrdup(json_str(first, "state_dir", "."));
	m->metrics_ms = json_int(first, "metrics_ms", 5000);
	if (limit > 0)
		platform_limit_memory(limit);
	rc = m->type->start(m, config, &m->self, &why);
	if (rc < 0)
		out_fail(m, why != NULL ? why : errstr(rc), rc == -EINVAL ?
		    EXIT_USAGE : EXIT_SYSTEM);
	give_up(m);
	m->started = 1;
	out_put(m, json_pack("{ss}", "op", "ready"));
}

static void
hear(struct module *m, const json_t *o)
{
	json_int_t	lost = json_int(o, "lost", 0);

	out_unheard(m, lost > 0 ? (uint64_t)lost : 0);
	if (m->type->hear != NULL)
		m->type->hear(m->self, json_object_get(o, "record"));
}

/* The agent is trusted: a line of its that is none is a bug. */
static void
on_line(const char *line, size_t n, void *arg)
{
	struct module	*m = arg;
	json_t		*o = json_loadb(line, n, 0, NULL);
	const char	*op = json_str(o, "op", "");

	if (strcmp(op, "start") == 0 && !m->started)
		start(m, o);
	else if (strcmp(op, "stop") == 0)
		end(m);
	else if (strcmp(op, "ping") == 0)
		out_put(m, json_pack("{ss}", "op", "pong"));
	else if (strcmp(op, "command") == 0 && m->started)
		call_run(m, o);
	else if (strcmp(op, "cancel") == 0 && m->started)
		call_cancel(m, json_int(o, "id", 0));
	else if (strcmp(op, "hear") == 0 && m->started)
		hear(m, o);
	else
		die(EXIT_BUG, "a line of the agent's is not understood");
	json_decref(o);
}

static void
on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	static char	room[8192];

	(void)h;
	(void)n;
	*b = uv_buf_init(room, sizeof(room));
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct module	*m = s->data;

	if (n < 0) {			/* the agent has gone */
		if (m->type->stop != NULL && m->started)
			m->type->stop(m->self);
		log_exit(EXIT_YES);
	}
	if (lines_feed(&m->in, b->base, (size_t)n, MODULE_MAX_LINE * 2,
	    on_line, m) < 0)
		die(EXIT_BUG, "a line of the agent's is too long");
}

static _Noreturn void
proc_module(const char *name)
{
	static struct module	 m;
	int			 rc;

	m.type = module_find(name);
	if (m.type == NULL)
		die(EXIT_USAGE, "-P module %s: not in this agent", name);
	platform_become_part(name);
	if ((rc = uv_loop_init(&m.loop)) < 0 ||
	    (rc = uv_pipe_init(&m.loop, &m.channel, 0)) < 0 ||
	    (rc = uv_pipe_open(&m.channel, CHANNEL_FD)) < 0)
		die(EXIT_USAGE, "-P module: for the agent's own use: %s",
		    errstr(rc));
	m.channel.data = &m;
	list_init(&m.calls);
	out_start(&m);
	uv_read_start((uv_stream_t *)&m.channel, on_alloc, on_read);
	uv_run(&m.loop, UV_RUN_DEFAULT);
	die(EXIT_BUG, "the loop of module %s has ended", name);
}

void
module_role(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[1], "-P") != 0 ||
	    strcmp(argv[2], "module") != 0)
		return;
	proc_module(argv[3]);
}
