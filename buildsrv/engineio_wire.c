/*
 * WebSockets: as a session's transport from its beginning, or as a probe
 * that becomes it.  The probe's client sends "2probe", hears "3probe", lets
 * its poll end and sends "5"; what is sent meanwhile waits in the queue.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "engineio_private.h"
#include "http.h"
#include "ws.h"

static int
packet_is(const char *p, size_t n, int text, const char *what)
{
	return text && n == strlen(what) && memcmp(p, what, n) == 0;
}

/* -- the probe -- */

void
wire_probe_drop(struct engineio_session *s)
{
	struct engineio_wire	*w = s->probe;

	deadline_stop(&s->upgrade);
	s->probe = NULL;
	s->probed = 0;
	if (w == NULL)
		return;
	w->session = NULL;
	wire_close(w, 1000, "not upgraded");
}

static void
probe_message(struct engineio_session *s, const char *p, size_t n, int text)
{
	if (packet_is(p, n, text, "2probe")) {
		s->probed = 1;
		ws_text(s->probe->ws, "3probe", 6);
		polling_say(s, '6');
	} else if (packet_is(p, n, text, "5") && s->probed) {
		deadline_stop(&s->upgrade);
		s->wire = s->probe;
		s->probe = NULL;
		s->probed = 0;
		polling_say(s, '6');	/* one that came since */
		wire_flush(s);
	} else {
		wire_probe_drop(s);
	}
}

/* -- what the WebSocket tells -- */

static void
on_wire_message(struct ws *ws, const char *p, size_t n, int text, void *arg)
{
	struct engineio_wire	*w = arg;
	struct engineio_session	*s = w->session;
	struct engineio_packet	 packet;

	(void)ws;
	if (s == NULL)
		return;
	if (w == s->probe)
		probe_message(s, p, n, text);
	else if (!text)
		s->server->events.message(s, p, n, 0, s->server->arg);
	else if (engineio_packet_read(&packet, p, n) < 0
	    || engineio_take(s, &packet) < 0)
		engineio_end(s, END_AT_ONCE, "not a packet");
}

static void
on_wire_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct engineio_wire	*w = arg;
	struct engineio_session	*s = w->session;
	struct engineio		*e = w->server;

	(void)ws;
	(void)code;
	(void)why;
	if (s != NULL && w == s->probe) {
		s->probe = NULL;
		wire_probe_drop(s);
	} else if (s != NULL) {
		s->wire = NULL;
		engineio_end(s, END_AT_ONCE, "the WebSocket was closed");
	}
	free(w);
	e->n_wires--;
	engineio_stop_check(e);
}

/* Answers the handshake; NULL where it was refused. */
static struct engineio_wire *
wire_new(struct engineio *e, struct http_req *q)
{
	static const struct ws_events	events = {
		.message = on_wire_message, .closed = on_wire_closed
	};
	struct engineio_wire	*w = xcalloc(1, sizeof(*w));

	w->server = e;
	w->ws = http_upgrade(q, &events, e->options.max_payload, w);
	if (w->ws == NULL) {
		free(w);
		return NULL;
	}
	e->n_wires++;
	return w;
}

/* -- what the session does -- */

void
wire_close(struct engineio_wire *w, int code, const char *why)
{
	if (w != NULL)
		ws_close(w->ws, code, why);
}

size_t
wire_pending(const struct engineio_wire *w)
{
	return ws_pending(w->ws);
}

/* A reader that does not keep up is closed by ws.c at the latest; then
 * on_wire_closed() ends the session. */
void
wire_flush(struct engineio_session *s)
{
	struct engineio_item	*item;
	struct buf		 b = BUF_INIT;

	while ((item = engineio_shift(s)) != NULL) {
		if (item->type == 'b') {
			ws_binary(s->wire->ws, item->data, item->n);
		} else {
			buf_clear(&b);
			buf_addc(&b, item->type);
			buf_add(&b, item->data, item->n);
			ws_text(s->wire->ws, b.p, b.len);
		}
		free(item);
	}
	buf_release(&b);
}

void
wire_begin(struct engineio *e, struct http_req *q)
{
	struct engineio_session	*s = engineio_begin(e, q, 0);

	if (s == NULL)
		return;
	s->wire = wire_new(e, q);
	if (s->wire == NULL) {
		engineio_end(s, END_AT_ONCE, "no WebSocket handshake");
		return;
	}
	s->wire->session = s;
	wire_flush(s);
}

/* A client with a transport or a probe gets no second one. */
void
wire_probe(struct engineio_session *s, struct http_req *q)
{
	struct engineio_wire	*w = wire_new(s->server, q);

	if (w == NULL)
		return;
	if (s->state != SESSION_OPEN || s->wire != NULL || s->probe != NULL) {
		wire_close(w, 1008, "the session has a WebSocket");
		return;
	}
	w->session = s;
	s->probe = w;
	deadline_start(&s->server->upgrades, &s->upgrade);
}
