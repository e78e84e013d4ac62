/*
 * What a module's process says: lines, gathered and written when the loop has
 * done its round; events, and what was lost of them; its source, its fault.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "module_lines.h"
#include "module_private.h"

enum { FLUSH = 32 * 1024 };	/* gathered so far: written at once */

/* -- lines -- */

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

void
out_flush_full(struct module *m)
{
	if (m->out.len >= FLUSH)
		flush(m);
}

void
out_put(struct module *m, json_t *take)
{
	lines_put(&m->out, take);
	json_decref(take);
	out_flush_full(m);
}

void
out_line(struct module *m, const char *text)
{
	buf_adds(&m->out, text);
	buf_addc(&m->out, '\n');
}

void
out_drain(struct module *m)
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
		out_put(m, o);
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
out_start(struct module *m)
{
	uv_prepare_init(&m->loop, &m->round);
	m->round.data = m;
	uv_prepare_start(&m->round, on_round);
}

void
out_unheard(struct module *m, uint64_t n)
{
	if (n > 0)
		count_lost(&m->unheard, n);
	tell_lost(m, &m->unheard, "hearing");
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
	out_put(m, o);
}

void
out_fail(struct module *m, const char *why, enum exit_code code)
{
	out_put(m, json_pack("{ss ss}", "op", "failed", "error", why));
	out_drain(m);
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
	out_fail(m, buf_str(&b), EXIT_SYSTEM);
}
