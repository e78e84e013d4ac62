/*
 * Sessions: their beginning, heartbeat, queue and end.  A session polls
 * (engineio_polling.c) or has a wire (engineio_wire.c); what is sent goes
 * into its queue, and from there to the poll that waits or to the wire.
 *
 * engineio_end() is the one way out.  It leaves the transports, and in the
 * loop's next turn on_end() tells closed() and frees.  Where a last poll is
 * still owed an answer, the session lingers for it under its sid.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "engineio_private.h"
#include "http.h"
#include "log.h"

enum {
	LINGER = 10000,		/* ms for a last poll after the end */
	ITEM_COST = sizeof(struct engineio_item)
};

/* -- the queue -- */

struct engineio_item *
engineio_shift(struct engineio_session *s)
{
	struct engineio_item	*item;

	if (list_empty(&s->queue))
		return NULL;
	item = LIST_ITEM(s->queue.next, struct engineio_item, link);
	list_remove(&item->link);
	s->queued -= item->n + ITEM_COST;
	s->server->buffered -= item->n + ITEM_COST;
	return item;
}

/* Whether n bytes more may wait. */
static int
has_room(const struct engineio_session *s, size_t n)
{
	size_t	max = s->server->options.max_buffered;

	return n <= max && engineio_pending(s) <= max - n
	    && s->server->buffered <= ENGINEIO_MAX_TOTAL;
}

int
engineio_put(struct engineio_session *s, char type, const void *data,
    size_t n)
{
	struct engineio_item	*item;

	if (s->state != SESSION_OPEN)
		return -EPIPE;
	if (!has_room(s, n + ITEM_COST)) {
		engineio_end(s, END_AT_ONCE, "the client reads too slowly");
		return -ENOBUFS;
	}
	item = xmalloc(sizeof(*item) + n);
	item->type = type;
	item->n = n;
	memcpy(item->data, data, n);
	list_append(&s->queue, &item->link);
	s->queued += n + ITEM_COST;
	s->server->buffered += n + ITEM_COST;
	engineio_flush(s);
	return 0;
}

void
engineio_flush(struct engineio_session *s)
{
	if (s->wire != NULL)
		wire_flush(s);
	else if (!s->probed)
		polling_flush(s);
}

/* -- the end -- */

static void
session_hide(struct engineio_session *s)
{
	if (s->known)
		HASH_DEL(s->server->sessions, s);
	s->known = 0;
}

static void
session_free(struct engineio_session *s)
{
	struct engineio		*e = s->server;
	struct engineio_item	*item;

	session_hide(s);
	deadline_stop(&s->wait);
	while ((item = engineio_shift(s)) != NULL)
		free(item);
	e->n_sessions--;
	crypto_wipe(s->sid, sizeof(s->sid));
	free(s);
	engineio_stop_check(e);
}

void
engineio_forget(struct engineio_session *s)
{
	session_hide(s);
	if (s->state == SESSION_LINGERS)
		session_free(s);
}

/* What the transports still say.  Whether a poll may yet ask for more. */
static int
say_goodbye(struct engineio_session *s)
{
	wire_probe_drop(s);
	if (s->wire != NULL) {
		s->wire->session = NULL;
		wire_close(s->wire, s->server->stopping ? 1001 : 1000,
		    s->why);
		s->wire = NULL;
	} else if (s->poll != NULL) {	/* and so the queue is empty */
		polling_say(s, s->ending == END_NOOP ? '6' : '1');
	} else {
		return s->ending == END_NOOP
		    || (s->ending == END_CLOSE && !list_empty(&s->queue));
	}
	return 0;
}

void
engineio_end(struct engineio_session *s, enum engineio_ending ending,
    const char *why)
{
	if (s->state != SESSION_OPEN)
		return;
	s->state = SESSION_ENDED;
	s->ending = ending;
	s->why = why;
	log_debug("engineio", "session ended: %s", why);
	if (!say_goodbye(s) || s->server->stopping)
		session_hide(s);
	deadline_start(&s->server->ends, &s->wait);
}

static void
on_end(struct deadline *d)
{
	struct engineio_session	*s = LIST_ITEM(d, struct engineio_session,
				    wait);
	struct engineio		*e = s->server;

	e->events.closed(s, s->why, e->arg);
	s->state = SESSION_LINGERS;
	if (s->known && !e->stopping)
		deadline_start(&e->lingers, &s->wait);
	else
		session_free(s);
}

static void
on_linger_over(struct deadline *d)
{
	session_free(LIST_ITEM(d, struct engineio_session, wait));
}

/* -- the heartbeat -- */

static void
on_ping(struct deadline *d)
{
	struct engineio_session	*s = LIST_ITEM(d, struct engineio_session,
				    wait);

	s->pinged = 1;
	deadline_follow(&s->server->pongs, &s->wait);
	engineio_put(s, '2', "", 0);
}

static void
on_no_pong(struct deadline *d)
{
	engineio_end(LIST_ITEM(d, struct engineio_session, wait),
	    END_AT_ONCE, "no answer to a ping");
}

static void
on_no_upgrade(struct deadline *d)
{
	wire_probe_drop(LIST_ITEM(d, struct engineio_session, upgrade));
}

int
engineio_is_late(const struct engineio_session *s)
{
	return s->pinged && s->wait.due <= uv_now(s->server->loop);
}

static void
got_pong(struct engineio_session *s)
{
	if (!s->pinged)
		return;
	s->pinged = 0;
	deadline_start(&s->server->pings, &s->wait);
}

/* -- what comes in -- */

static int
got_bytes(struct engineio_session *s, const struct engineio_packet *p)
{
	struct buf	b = BUF_INIT;
	int		rc = engineio_packet_bytes(p, &b);

	if (rc == 0)
		s->server->events.message(s, buf_str(&b), b.len, 0,
		    s->server->arg);
	buf_release(&b);
	return rc;
}

int
engineio_take(struct engineio_session *s, const struct engineio_packet *p)
{
	switch (p->type) {
	case '1':
		engineio_end(s, END_NOOP, "closed by the client");
		return 0;
	case '3':
		got_pong(s);
		return 0;
	case '4':
		s->server->events.message(s, p->data, p->len, 1,
		    s->server->arg);
		return 0;
	case '5': case '6':		/* late, and harmless */
		return 0;
	case 'b':
		return got_bytes(s, p);
	default:			/* open and ping are the server's */
		return -EINVAL;
	}
}

/* -- the beginning -- */

static void
put_open(struct engineio_session *s, int upgrades)
{
	const struct engineio_options	*o = &s->server->options;
	struct buf			 b = BUF_INIT;

	buf_printf(&b, "{\"sid\":\"%s\",\"upgrades\":[%s],"
	    "\"pingInterval\":%lld,\"pingTimeout\":%lld,\"maxPayload\":%zu}",
	    s->sid, upgrades ? "\"websocket\"" : "",
	    (long long)o->ping_interval, (long long)o->ping_timeout,
	    o->max_payload);
	engineio_put(s, '0', b.p, b.len);
	buf_release(&b);
}

struct engineio_session *
engineio_begin(struct engineio *e, struct http_req *q, int upgrades)
{
	struct engineio_session	*s;
	uint8_t			 id[(ENGINEIO_SID_SIZE - 1) / 4 * 3];

	if (e->n_sessions >= e->options.max_sessions) {
		engineio_refuse(e, q, REFUSE_BUSY);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->server = e;
	list_init(&s->queue);
	deadline_init(&s->wait);
	deadline_init(&s->upgrade);
	crypto_random(id, sizeof(id));
	base64url_encode(id, sizeof(id), s->sid);
	e->n_sessions++;
	put_open(s, upgrades);
	if (e->events.open(s, q, e->arg) < 0) {
		session_free(s);
		engineio_refuse(e, q, REFUSE_FORBIDDEN);
		return NULL;
	}
	if (s->state != SESSION_OPEN) {		/* closed() is on its way */
		engineio_refuse(e, q, REFUSE_BUSY);
		return NULL;
	}
	s->known = 1;
	HASH_ADD_STR(e->sessions, sid, s);
	deadline_start(&e->pings, &s->wait);
	return s;
}

void
engineio_start_timers(struct engineio *e)
{
	const struct engineio_options	*o = &e->options;

	deadlines_init(&e->pings, e->loop, o->ping_interval, on_ping);
	deadlines_init(&e->pongs, e->loop, o->ping_timeout, on_no_pong);
	deadlines_init(&e->upgrades, e->loop, o->upgrade_timeout,
	    on_no_upgrade);
	deadlines_init(&e->ends, e->loop, 0, on_end);
	deadlines_init(&e->lingers, e->loop, LINGER, on_linger_over);
}
