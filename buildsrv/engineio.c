/* The server: its limits, its end, and what an application asks of it.
 * Sessions are in engineio_session.c. */
#include <stdlib.h>

#include "buf.h"
#include "engineio_private.h"
#include "log.h"

static void
set_options(struct engineio_options *to, const struct engineio_options *from)
{
	if (from != NULL)
		*to = *from;
	if (to->ping_interval == 0)
		to->ping_interval = ENGINEIO_PING_INTERVAL;
	if (to->ping_timeout == 0)
		to->ping_timeout = ENGINEIO_PING_TIMEOUT;
	if (to->upgrade_timeout == 0)
		to->upgrade_timeout = ENGINEIO_UPGRADE_TIMEOUT;
	if (to->max_payload == 0)
		to->max_payload = ENGINEIO_MAX_PAYLOAD;
	if (to->max_sessions == 0)
		to->max_sessions = ENGINEIO_MAX_SESSIONS;
	if (to->max_buffered == 0)
		to->max_buffered = ENGINEIO_MAX_BUFFERED;
}

struct engineio *
engineio_new(uv_loop_t *loop, const struct engineio_options *o,
    const struct engineio_events *ev, void *arg)
{
	struct engineio	*e = xcalloc(1, sizeof(*e));

	e->loop = loop;
	e->events = *ev;
	e->arg = arg;
	set_options(&e->options, o);
	engineio_start_timers(e);
	return e;
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct engineio	*e = h->data;

	if (--e->timers > 0)
		return;
	if (e->stopped != NULL)
		e->stopped(e->stopped_arg);
	free(e);
}

void
engineio_stop_check(struct engineio *e)
{
	struct deadlines	*all[] = { &e->pings, &e->pongs, &e->upgrades,
				    &e->ends, &e->lingers };
	size_t			 i;

	if (!e->stopping || e->timers > 0 || e->n_sessions > 0
	    || e->n_wires > 0)
		return;
	e->timers = (int)nitems(all);
	for (i = 0; i < nitems(all); i++)
		deadlines_close(all[i], on_timer_closed, e);
}

void
engineio_stop(struct engineio *e, void (*done)(void *), void *arg)
{
	struct engineio_session	*s, *next;

	e->stopping = 1;
	e->stopped = done;
	e->stopped_arg = arg;
	for (s = e->sessions; s != NULL; s = next) {
		next = s->hh.next;
		engineio_end(s, END_CLOSE, "the server stops");
		engineio_forget(s);
	}
	engineio_stop_check(e);
}

/* -- what the application does -- */

int
engineio_text(struct engineio_session *s, const char *p, size_t n)
{
	return engineio_put(s, '4', p, n);
}

int
engineio_binary(struct engineio_session *s, const void *p, size_t n)
{
	return engineio_put(s, 'b', p, n);
}

void
engineio_close(struct engineio_session *s, const char *why)
{
	engineio_end(s, END_CLOSE, why);
}

size_t
engineio_pending(const struct engineio_session *s)
{
	return s->queued + (s->wire != NULL ? wire_pending(s->wire) : 0);
}

const char *
engineio_transport(const struct engineio_session *s)
{
	return s->wire != NULL ? "websocket" : "polling";
}

void
engineio_set_user(struct engineio_session *s, void *user)
{
	s->user = user;
}

void *
engineio_user(const struct engineio_session *s)
{
	return s->user;
}

size_t
engineio_sessions(const struct engineio *e)
{
	return HASH_COUNT(e->sessions);
}
