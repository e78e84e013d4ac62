/*
 * The link to the server: CONNECT, then what the protocol of its path says
 * (link002.c, link004.c), then UP, all within one deadline.  Whatever fails
 * closes the WebSocket (CLOSING), and its end leads to WAIT, which connects
 * anew: after a delay that the server named, else one drawn from 0 to
 * min(60, 2^n) seconds (link_delay.c).  link_stop() ends it in every state;
 * memory goes when the WebSocket and the timers have closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "json.h"
#include "link_private.h"
#include "log.h"

enum link_event { EV_TIMER, EV_OPEN, EV_CLOSED };

static void	link_step(struct agent_link *, enum link_event);

int64_t
link_now(const struct agent_link *l)
{
	return l->skewed ? clock_mono_ms() + l->clock_off : clock_wall_ms();
}

/* -- sending -- */

void
link_put_text(struct agent_link *l, const struct buf *b)
{
	if (l->state != LINK_CLOSING)
		ws_text(l->ws, b->p, b->len);
}

int
link_send(struct agent_link *l, const char *channel, const json_t *o)
{
	if (l == NULL || l->state != LINK_UP)
		return -ENOTCONN;
	if (l->protocol->send == NULL)
		return -ENOTSUP;
	return l->protocol->send(l, channel, o);
}

void
link_status(const struct agent_link *l, struct link_status *s)
{
	int64_t	left = l->next_try - clock_mono_ms();

	s->connected = l->state == LINK_UP;
	s->why = s->connected ? NULL : l->why != NULL ? l->why : l->before;
	s->retry_ms = l->state != LINK_WAIT ? -1 : left > 0 ? left : 0;
}

/* -- timers -- */

static void
on_timer(uv_timer_t *t)
{
	link_step(t->data, EV_TIMER);
}

static void
on_beat(uv_timer_t *t)
{
	struct agent_link	*l = t->data;

	l->protocol->beat(l);
}

void
link_close(struct agent_link *l, int code, char *why_take)
{
	free(l->why);
	l->why = why_take;
	l->state = LINK_CLOSING;
	uv_timer_stop(&l->timer);
	uv_timer_stop(&l->beat);
	uv_timer_stop(&l->ping);
	ws_close(l->ws, code, code == CLOSE_NORMAL ? "stopping" : "");
}

static void
on_ping(uv_timer_t *t)
{
	struct agent_link	*l = t->data;

	if (l->pings == LINK_MAX_PINGS) {
		link_close(l, CLOSE_POLICY, xstrdup("the server is silent"));
		return;
	}
	l->pings++;
	link_ping(l);
}

/* One at a time, so that a pong tells how far the peer has read. */
void
link_ping(struct agent_link *l)
{
	if (l->pinging)
		return;
	l->pinging = 1;
	link_feed_ping(l);
	ws_ping(l->ws);
}

/* -- up and down -- */

void
link_up(struct agent_link *l)
{
	uint64_t	beat = (uint64_t)l->o.heartbeat_ms;

	l->state = LINK_UP;
	l->up_since = clock_mono_ms();
	l->pings = l->pinging = 0;
	uv_timer_stop(&l->timer);
	uv_timer_start(&l->beat, on_beat, beat, beat);
	uv_timer_start(&l->ping, on_ping, LINK_PING_MS, LINK_PING_MS);
	if (l->protocol->up != NULL)
		l->protocol->up(l);
	l->o.up(l->o.arg);
}

static void	link_end(struct agent_link *);

/* The WebSocket has closed, in whatever state. */
static void
link_down(struct agent_link *l)
{
	int		 was_up = l->up_since != 0;
	int64_t		 delay;
	uint32_t	 random;

	if (was_up)
		link_delay_was_up(&l->delay, clock_mono_ms() - l->up_since);
	l->up_since = 0;
	uv_timer_stop(&l->beat);
	uv_timer_stop(&l->ping);
	link_commands_end(l);
	link_feed_down(l);
	l->protocol->end(l);
	if (was_up && l->o.down != NULL)
		l->o.down(l->o.arg);
	if (l->done != NULL) {
		link_end(l);
		return;
	}
	crypto_random(&random, sizeof(random));
	delay = link_delay_next(&l->delay, random);
	log_warn("ws", "%s: %s; next try in %.1f s", was_up ?
	    "connection lost" : "connection failed", l->why,
	    (double)delay / 1000);
	l->state = LINK_WAIT;
	l->next_try = clock_mono_ms() + delay;
	uv_timer_start(&l->timer, on_timer, (uint64_t)delay, 0);
}

/* -- the WebSocket -- */

static void
on_message(struct ws *ws, const char *text, size_t len, int is_text,
    void *arg)
{
	struct agent_link	*l = arg;

	(void)ws;
	(void)is_text;
	l->pings = 0;
	if (l->state != LINK_CLOSING)
		l->protocol->message(l, text, len);
}


static void
on_open(struct ws *ws, void *arg)
{
	(void)ws;
	link_step(arg, EV_OPEN);
}

static void
on_pong(struct ws *ws, void *arg)
{
	struct agent_link	*l = arg;

	(void)ws;
	l->pings = l->pinging = 0;
	if (l->state == LINK_UP)
		link_feed_pong(l);
}

static void
on_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct agent_link	*l = arg;
	int			 after = ws_retry_after(ws);

	if (after >= 0 && l->delay.told_ms < 0)
		/* many were told the same second */
		link_delay_told(&l->delay, after * 1000.0 +
		    (double)(clock_wall_ms() % 1000));
	if (l->why == NULL && l->protocol->closed != NULL)
		l->protocol->closed(l, why);
	if (l->why == NULL)
		l->why = xasprintf("%s (%d)", why, code);
	l->ws = NULL;
	link_step(l, EV_CLOSED);
}

/* -- the moves -- */

static int
link_connect(struct agent_link *l)
{
	static const struct ws_events	events = {
		.open = on_open, .message = on_message, .pong = on_pong,
		.closed = on_closed
	};
	struct ws_options		options = {
		.tls = l->o.tls, .max_message = ENVELOPE_MAX,
		.timeout_ms = LINK_HANDSHAKE_MS, .proxy = l->o.proxy
	};
	const char			*why;

	if (l->why != NULL) {
		free(l->before);
		l->before = l->why;
		l->why = NULL;
	}
	l->delay.told_ms = -1;
	log_info("ws", "connecting to %s%s%s", l->o.url, l->o.proxy != NULL ?
	    " through " : "", l->o.proxy != NULL ? l->o.proxy : "");
	l->ws = ws_connect(l->o.loop, l->o.url, &options, &events, l, &why);
	if (l->ws == NULL) {	/* a proxy that is no address */
		l->why = xstrdup(why);
		return -EINVAL;
	}
	l->state = LINK_CONNECT;
	uv_timer_start(&l->timer, on_timer, LINK_HANDSHAKE_MS, 0);
	return 0;
}

static void
link_step(struct agent_link *l, enum link_event ev)
{
	switch (ev) {
	case EV_CLOSED:
		link_down(l);
		return;
	case EV_TIMER:
		if (l->state != LINK_WAIT)
			link_close(l, CLOSE_POLICY,
			    xstrdup("no answer in time"));
		else if (link_connect(l) < 0)
			link_down(l);
		return;
	case EV_OPEN:
		if (l->state != LINK_CONNECT)
			return;		/* it is closing */
		log_info("ws", "\xe2\x9c\x93 connected successfully");
		l->state = LINK_AUTH;
		l->protocol->open(l);
		return;
	}
}

/* -- begin and end -- */

struct agent_link *
link_start(const struct link_options *o)
{
	struct agent_link	*l = xcalloc(1, sizeof(*l));
	uv_timer_t		*timers[] = { &l->timer, &l->beat, &l->ping };
	size_t			 i;

	l->o = *o;
	l->protocol = o->secret != NULL ? &link004 : &link002;
	list_init(&l->commands);
	for (i = 0; i < nitems(timers); i++) {
		uv_timer_init(o->loop, timers[i]);
		timers[i]->data = l;
		l->open++;
	}
	link_feed_init(l);
	l->open++;
	l->state = LINK_WAIT;
	link_step(l, EV_TIMER);	/* at once: only returning waits */
	return l;
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct agent_link	*l = h->data;
	void			(*done)(void *) = l->done;
	void			*arg = l->done_arg;

	if (--l->open > 0)
		return;
	free(l->why);
	free(l->before);
	replay_window_release(&l->heard);
	crypto_wipe(l, sizeof(*l));
	free(l);
	done(arg);
}

static void
link_end(struct agent_link *l)
{
	link_feed_close(l);
	uv_close((uv_handle_t *)&l->feed.timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->beat, on_handle_closed);
	uv_close((uv_handle_t *)&l->ping, on_handle_closed);
}

void
link_stop(struct agent_link *l, void (*done)(void *), void *arg)
{
	if (l->done != NULL)
		return;
	l->done = done;
	l->done_arg = arg;
	if (l->state == LINK_WAIT)
		link_end(l);
	else if (l->state != LINK_CLOSING)
		link_close(l, CLOSE_NORMAL, NULL);
}
