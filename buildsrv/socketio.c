/*
 * Clients: each is one Engine.IO session.  Its packets are read here and
 * given to its sockets, one for each namespace that it joined.  A client
 * that is in no namespace is closed after connect_timeout; one that breaks
 * the protocol at once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "crypto.h"
#include "http.h"
#include "log.h"
#include "socketio_private.h"

static const char	broken[] = "broke the protocol";

struct socketio_namespace *
nsp_find(const struct socketio *io, const char *name)
{
	struct socketio_namespace	*nsp;
	struct link			*l, *n;

	LIST_EACH(l, n, &io->namespaces) {
		nsp = LIST_ITEM(l, struct socketio_namespace, link);
		if (strcmp(nsp->name, name) == 0)
			return nsp;
	}
	return NULL;
}

/* -- packets -- */

static void
client_connect(struct socketio_client *c, const struct socketio_packet *p)
{
	struct socketio_namespace	*nsp = nsp_find(c->server, p->nsp);
	json_t				*none = NULL;

	if (socket_find(c, p->nsp) != NULL) {
		engineio_close(c->engine, broken);
	} else if (nsp == NULL) {
		socket_send_refusal(c, p->nsp, "Invalid namespace");
	} else if (c->n_sockets >= SOCKETIO_MAX_JOINED) {
		socket_send_refusal(c, p->nsp, "Too many namespaces");
	} else {
		if (p->data == NULL)
			none = json_object();
		socket_begin(c, nsp, p->data != NULL ? p->data : none);
		json_decref(none);
	}
}

/*
 * A packet with all its bytes.  One for a namespace that the server ended may
 * have been on its way: it is dropped.  One from a client that never was in
 * any is no Socket.IO.
 */
static void
client_packet(struct socketio_client *c, struct socketio_packet *p)
{
	struct socketio_socket	*s = socket_find(c, p->nsp);

	if (p->type == SOCKETIO_CONNECT)
		client_connect(c, p);
	else if (!c->greeted)
		engineio_close(c->engine, broken);
	else if (s == NULL || s->state != SOCKET_CONNECTED)
		log_debug("socketio", "%s: packet for namespace %s, which "
		    "the client is not in", c->peer, p->nsp);
	else if (p->type == SOCKETIO_DISCONNECT)
		socket_end(s, "left by the client");
	else
		socket_take(s, p, c->blobs, c->n_blobs);
}

static void
partial_clear(struct socketio_client *c)
{
	while (c->n_blobs > 0)
		free((void *)(uintptr_t)c->blobs[--c->n_blobs].data);
	socketio_packet_release(&c->packet);
	c->partial = 0;
}

static void
client_bytes(struct socketio_client *c, const char *p, size_t n)
{
	struct socketio_blob	*b = &c->blobs[c->n_blobs];
	void			*copy;

	if (!c->partial) {
		engineio_close(c->engine, broken);
		return;
	}
	copy = xmalloc(n);
	memcpy(copy, p, n);
	b->data = copy;
	b->len = n;
	if (++c->n_blobs < c->packet.n_blobs)
		return;
	client_packet(c, &c->packet);
	partial_clear(c);
}

static void
client_text(struct socketio_client *c, const char *p, size_t n)
{
	if (c->partial || socketio_packet_read(&c->packet, p, n) < 0) {
		engineio_close(c->engine, broken);
	} else if (c->packet.n_blobs > 0 && !c->greeted) {
		socketio_packet_release(&c->packet);
		engineio_close(c->engine, broken);
	} else if (c->packet.n_blobs > 0) {
		c->partial = 1;
	} else {
		client_packet(c, &c->packet);
		socketio_packet_release(&c->packet);
	}
}

/* -- Engine.IO's events -- */

static void
keep_headers(struct socketio_client *c, const struct http_req *q)
{
	const char *const	*names = c->server->headers;
	const char		*value;
	size_t			 i;

	for (i = 0; names != NULL && i < SOCKETIO_MAX_HEADERS
	    && names[i] != NULL; i++)
		if ((value = http_header(q, names[i])) != NULL)
			c->headers[i] = xstrdup(value);
}

static int
on_session_open(struct engineio_session *e, struct http_req *q, void *arg)
{
	struct socketio		*io = arg;
	struct socketio_client	*c = xcalloc(1, sizeof(*c));

	c->server = io;
	c->engine = e;
	list_init(&c->sockets);
	list_append(&io->clients, &c->link);
	deadline_init(&c->wait);
	deadline_start(&io->connects, &c->wait);
	memccpy(c->peer, q->peer, '\0', sizeof(c->peer) - 1);
	keep_headers(c, q);
	engineio_set_user(e, c);
	return 0;
}

static void
on_session_message(struct engineio_session *e, const char *p, size_t n,
    int text, void *arg)
{
	(void)arg;
	if (text)
		client_text(engineio_user(e), p, n);
	else
		client_bytes(engineio_user(e), p, n);
}

static void
on_session_closed(struct engineio_session *e, const char *why, void *arg)
{
	struct socketio_client	*c = engineio_user(e);
	struct link		*l, *n;
	size_t			 i;

	(void)arg;
	LIST_EACH(l, n, &c->sockets)
		socket_end(LIST_ITEM(l, struct socketio_socket, of_client),
		    why);
	partial_clear(c);
	deadline_stop(&c->wait);
	list_remove(&c->link);
	for (i = 0; i < SOCKETIO_MAX_HEADERS; i++) {
		if (c->headers[i] != NULL)	/* it may be a key */
			crypto_wipe(c->headers[i], strlen(c->headers[i]));
		free(c->headers[i]);
	}
	free(c);
}

static void
on_not_joined(struct deadline *d)
{
	engineio_close(LIST_ITEM(d, struct socketio_client, wait)->engine,
	    "joined no namespace in time");
}

/* -- the server -- */

struct socketio *
socketio_new(uv_loop_t *loop, const struct socketio_options *o)
{
	static const struct engineio_events	events = {
		on_session_open, on_session_message, on_session_closed
	};
	static const struct socketio_options	none;
	struct socketio				*io = xcalloc(1, sizeof(*io));

	if (o == NULL)
		o = &none;
	io->loop = loop;
	io->headers = o->headers;
	list_init(&io->namespaces);
	list_init(&io->clients);
	deadlines_init(&io->connects, loop, o->connect_timeout != 0 ?
	    o->connect_timeout : SOCKETIO_CONNECT_TIMEOUT, on_not_joined);
	deadlines_init(&io->acks, loop, o->ack_timeout != 0 ?
	    o->ack_timeout : SOCKETIO_ACK_TIMEOUT, wait_on_late);
	deadlines_init(&io->ends, loop, 0, socket_on_end);
	io->engine = engineio_new(loop, &o->engine, &events, io);
	return io;
}

void
socketio_namespace(struct socketio *io, const char *name,
    const struct socketio_events *ev, void *arg)
{
	struct socketio_namespace	*nsp = xcalloc(1, sizeof(*nsp));

	assert(name[0] == '/' && strlen(name) < sizeof(nsp->name));
	strcpy(nsp->name, name);
	nsp->events = *ev;
	nsp->arg = arg;
	list_init(&nsp->sockets);
	list_append(&io->namespaces, &nsp->link);
}

void
socketio_handle(struct socketio *io, struct http_req *q)
{
	engineio_handle(io->engine, q);
}

static void
on_io_timer_closed(uv_handle_t *h)
{
	struct socketio	*io = h->data;
	struct link	*l, *n;

	if (--io->timers > 0)
		return;
	LIST_EACH(l, n, &io->namespaces)
		free(LIST_ITEM(l, struct socketio_namespace, link));
	if (io->stopped != NULL)
		io->stopped(io->stopped_arg);
	free(io);
}

/* All sessions are gone; the last sockets have their turn to come. */
static void
on_engine_stopped(void *arg)
{
	struct socketio		*io = arg;
	struct deadlines	*all[] = { &io->connects, &io->acks,
				    &io->ends };
	struct link		*d;
	size_t			 i;

	while (!list_empty(&io->ends.waiting)) {
		d = io->ends.waiting.next;
		list_remove(d);
		socket_on_end(LIST_ITEM(d, struct deadline, link));
	}
	io->timers = (int)nitems(all);
	for (i = 0; i < nitems(all); i++)
		deadlines_close(all[i], on_io_timer_closed, io);
}

void
socketio_stop(struct socketio *io, void (*done)(void *), void *arg)
{
	io->stopped = done;
	io->stopped_arg = arg;
	engineio_stop(io->engine, on_engine_stopped, io);
}

/* -- questions -- */

const char *
socketio_header(const struct socketio_socket *s, const char *name)
{
	const char *const	*names = s->server->headers;
	size_t			 i;

	if (s->client == NULL || names == NULL)
		return NULL;
	for (i = 0; i < SOCKETIO_MAX_HEADERS && names[i] != NULL; i++)
		if (strcasecmp(names[i], name) == 0)
			return s->client->headers[i];
	return NULL;
}

const char *
socketio_peer(const struct socketio_socket *s)
{
	return s->client != NULL ? s->client->peer : "gone";
}

const char *
socketio_transport(const struct socketio_socket *s)
{
	return s->client != NULL ? engineio_transport(s->client->engine) :
	    "none";
}

size_t
socketio_pending(const struct socketio_socket *s)
{
	return s->client != NULL ? engineio_pending(s->client->engine) : 0;
}

void
socketio_set_user(struct socketio_socket *s, void *user)
{
	s->user = user;
}

void *
socketio_user(const struct socketio_socket *s)
{
	return s->user;
}
