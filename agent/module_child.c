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
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "confine.h"
#include "json.h"
#include "log.h"
#include "module.h"
#include "module_lines.h"
#include "platform.h"

enum {
	CHANNEL_FD	= 0,
	FLUSH		= 32 * 1024	/* gathered so far: written at once */
};

struct lost {			/* by this channel */
	uint64_t	count;
	int64_t		from;
};

struct module {
	const struct module_type *type;
	void		*self;
	uv_loop_t	 loop;
	uv_pipe_t	 channel;
	uv_prepare_t	 round;		/* before the loop waits */
	struct buf	 in, out;
	size_t		 writing;	/* bytes that libuv holds */
	char		*state_dir;
	int64_t		 metrics_ms;
	int		 started;
	struct lost	 lost;		/* own events, on the way out */
	struct lost	 unheard;	/* others', on the way in */
};

struct module_call {
	struct module	*m;
	json_t		*request;
};

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

/* -- out -- */

struct written {
	uv_write_t	 req;
	struct module	*m;
	char		*text;
	size_t		 n;
};

static void
on_written(uv_write_t *req, int rc)
{
	struct written	*w = (struct written *)req;

	if (rc < 0)
		log_exit(EXIT_SYSTEM);	/* nobody to tell */
	w->m->writing -= w->n;
	free(w->text);
	free(w);
}

static void
flush(struct module *m)
{
	struct written	*w;
	uv_buf_t	 b;
	int		 n;

	if (m->out.len == 0)
		return;
	b = uv_buf_init(m->out.p, (unsigned)m->out.len);
	n = m->writing > 0 ? 0 : uv_try_write((uv_stream_t *)&m->channel, &b,
	    1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0)
		log_exit(EXIT_SYSTEM);
	buf_drop(&m->out, (size_t)n);
	if (m->out.len == 0)
		return;
	w = xcalloc(1, sizeof(*w));
	w->m = m;
	w->n = m->out.len;
	w->text = buf_take(&m->out);
	b = uv_buf_init(w->text, (unsigned)w->n);
	m->writing += w->n;
	if (uv_write(&w->req, (uv_stream_t *)&m->channel, &b, 1,
	    on_written) < 0)
		log_exit(EXIT_SYSTEM);
}

static void
put(struct module *m, json_t *take)
{
	lines_put(&m->out, take);
	json_decref(take);
	if (m->out.len >= FLUSH)
		flush(m);
}

/* Writes all that there is, the last thing of this process. */
static void
drain(struct module *m)
{
	uv_stream_set_blocking((uv_stream_t *)&m->channel, 1);
	flush(m);
	while (m->writing > 0 && uv_run(&m->loop, UV_RUN_ONCE) != 0)
		;
}

/* -- events -- */

static int
is_behind(const struct module *m)
{
	return m->writing + m->out.len > MODULE_MAX_PENDING;
}

static void
put_event(struct module *m, enum spool_class class, const char *type,
    json_t *data)
{
	json_t	*o = json_pack("{ss si s{ss ss sI so}}", "op", "event",
	    "class", (int)class, "record", "type", type, "module",
	    m->type->name, "t", (json_int_t)clock_wall_ms(), "data", data);

	if (o != NULL)			/* else a string was not UTF-8 */
		put(m, o);
}

static void
put_gap(struct module *m, const char *sensor, const char *where, int64_t from,
    int64_t to, uint64_t count)
{
	put_event(m, SPOOL_EVENT, "gap", json_pack("{ss ss sI sI sI}",
	    "sensor", sensor, "where", where, "from", (json_int_t)from,
	    "to", (json_int_t)to, "count", (json_int_t)count));
}

static void
tell_lost(struct module *m, struct lost *lost, const char *where)
{
	uint64_t	n = lost->count;

	if (n == 0)
		return;
	lost->count = 0;
	put_gap(m, m->type->name, where, lost->from, clock_wall_ms(), n);
}

static void
count_lost(struct lost *lost, uint64_t n)
{
	if (lost->count == 0)
		lost->from = clock_wall_ms();
	lost->count += n;
}

/* What was lost is told as soon as something fits again. */
static void
on_round(uv_prepare_t *p)
{
	struct module	*m = p->data;

	if (m->lost.count > 0 && !is_behind(m))
		tell_lost(m, &m->lost, "channel");
	flush(m);
}

void
module_event(struct module *m, enum spool_class class, const char *type,
    json_t *data)
{
	if (is_behind(m)) {
		count_lost(&m->lost, 1);
		json_decref(data);
		return;
	}
	tell_lost(m, &m->lost, "channel");
	put_event(m, class, type, data);
}

void
module_gap(struct module *m, const char *sensor, const char *where,
    int64_t from, int64_t to, uint64_t count)
{
	if (is_behind(m))
		count_lost(&m->lost, count);
	else
		put_gap(m, sensor, where, from, to, count);
}

void
module_source(struct module *m, const char *source, const char *why)
{
	json_t	*o = json_pack("{ss ss}", "op", "source", "source", source);

	if (why != NULL)
		json_object_set_new(o, "why", json_string(why));
	put(m, o);
}

static _Noreturn void
fail(struct module *m, const char *why, enum exit_code code)
{
	put(m, json_pack("{ss ss}", "op", "failed", "error", why));
	drain(m);
	log_exit(code);
}

void
module_fail(struct module *m, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	fail(m, buf_str(&b), EXIT_SYSTEM);
}

/* -- commands -- */

const char *
module_call_verb(const struct module_call *c)
{
	return json_str(c->request, "verb", "");
}

const json_t *
module_call_args(const struct module_call *c)
{
	return json_object_get(c->request, "args");
}

static json_t *
answer_new(const struct module_call *c)
{
	return json_pack("{ss sO}", "op", "answer", "id",
	    json_object_get(c->request, "id"));
}

/* A line that the agent would refuse is not sent. */
static void
put_answer(struct module_call *c, json_t *o)
{
	char	*text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (text == NULL || strlen(text) >= MODULE_MAX_LINE) {
		o = answer_new(c);
		json_object_set_new(o, "error",
		    json_string("the answer is too long for one line"));
		put(c->m, o);
	} else {
		buf_adds(&c->m->out, text);
		buf_addc(&c->m->out, '\n');
	}
	free(text);
}

void
module_answer_part(struct module_call *c, json_t *part)
{
	json_t	*o = answer_new(c);

	json_object_set_new(o, "part", part);
	put_answer(c, o);
	if (c->m->out.len >= FLUSH)
		flush(c->m);
}

void
module_answer(struct module_call *c, json_t *result, const char *error)
{
	json_t	*o = answer_new(c);

	json_object_set_new(o, "result", result != NULL ? result :
	    json_null());
	json_object_set_new(o, "error", json_string(error != NULL ? error :
	    ""));
	json_object_set_new(o, "done", json_true());
	put_answer(c, o);
	json_decref(c->request);
	free(c);
}

static void
run_command(struct module *m, json_t *request)
{
	struct module_call	*c = xcalloc(1, sizeof(*c));

	c->m = m;
	c->request = json_incref(request);
	if (strcmp(module_call_verb(c), "status") == 0)
		module_answer(c, m->type->status != NULL ?
		    m->type->status(m->self) : json_object(), NULL);
	else if (m->type->command != NULL)
		m->type->command(m->self, c);
	else
		module_answer(c, NULL, "the module has no such verb");
}

/* -- in -- */

static _Noreturn void
end(struct module *m)
{
	if (m->type->stop != NULL && m->started)
		m->type->stop(m->self);
	drain(m);
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
		fail(m, why != NULL ? why : errstr(rc), rc == -EINVAL ?
		    EXIT_USAGE : EXIT_SYSTEM);
	give_up(m);
	m->started = 1;
	put(m, json_pack("{ss}", "op", "ready"));
}

static void
hear(struct module *m, const json_t *o)
{
	json_int_t	lost = json_int(o, "lost", 0);

	if (lost > 0)
		count_lost(&m->unheard, (uint64_t)lost);
	tell_lost(m, &m->unheard, "hearing");
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
		put(m, json_pack("{ss}", "op", "pong"));
	else if (strcmp(op, "command") == 0 && m->started)
		run_command(m, o);
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
	uv_prepare_init(&m.loop, &m.round);
	m.round.data = &m;
	uv_prepare_start(&m.round, on_round);
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
