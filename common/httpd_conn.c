/*
 * The server's connections.  One is at rest or collects a head (CONN_HEAD),
 * then a body (CONN_BODY); then the handler has the request (CONN_BUSY) and
 * nothing is read until it has answered, now or later.  conn_answered() ends
 * it: back to CONN_HEAD, or closed.  What follows meanwhile waits in c->in.
 *
 * An answer that takes time is CONN_FILE (httpd_file.c) or CONN_STREAM.  A
 * request that cannot be read is refused and the connection closed.
 *
 * on_closed() is the one way out.  A handler that has not yet answered still
 * owns its request: then the connection lives on as an orphan, without
 * stream and server, until the answer comes and is thrown away.
 */
#include <assert.h>
#include <stdlib.h>

#include "httpd_impl.h"
#include "log.h"
#include "stream.h"

/* -- memory -- */

void
conn_forget(struct http_conn *c)
{
	request_free(c);
	buf_release(&c->in);
	free(c);
}

/* Leaves the server; a connection that it held back may come in now. */
static void
conn_unlink(struct http_conn *c)
{
	struct httpd	*h = c->server;
	struct link	*l, *n;

	if (c->req != NULL)
		h->bodies -= c->req->body.len;
	list_remove(&c->all);
	list_remove(&c->waiting);
	peer_leave(c);
	c->server = NULL;
	c->stream = NULL;
	if (--h->nconns == 0)
		uv_timer_stop(&h->sweep);
	LIST_EACH(l, n, &h->listeners)
		if (LIST_ITEM(l, struct listener, link)->held)
			conn_accept(LIST_ITEM(l, struct listener, link));
	httpd_check_stopped(h);
}

/* -- its stream -- */

void
conn_pause(struct http_conn *c)
{
	c->paused = 1;
	stream_pause(c->stream);
}

void
conn_resume(struct http_conn *c)
{
	if (c->paused)
		stream_resume(c->stream);
	c->paused = 0;
}

void
conn_finish(struct http_conn *c)
{
	c->state = CONN_CLOSING;
	conn_wait(c, WAIT_NONE);	/* the stream has its own limit */
	buf_release(&c->in);
	stream_close(c->stream);
}

void
conn_break(struct http_conn *c)
{
	c->state = CONN_CLOSING;
	conn_wait(c, WAIT_NONE);
	stream_abort(c->stream, UV_ECONNABORTED);
}

/* -- after the answer -- */

/* At rest again, or the next request is here already. */
static void
conn_rest(struct http_conn *c)
{
	c->state = CONN_HEAD;
	c->scanned = 0;
	conn_want_drained(c, 0);
	if (c->eating) {
		conn_wait(c, WAIT_IDLE);
	} else if (c->in.len > 0) {
		/* Not now: the handler's caller may be anywhere. */
		conn_wait(c, WAIT_NEXT);
	} else {
		conn_wait(c, WAIT_IDLE);
		conn_resume(c);
	}
}

void
conn_answered(struct http_conn *c)
{
	int	keep = c->req->keep;

	request_free(c);
	if (c->stream == NULL) {
		if (!c->eating)
			conn_forget(c);
		return;
	}
	if (!keep || c->server->stopping) {
		conn_finish(c);
	} else if (stream_pending(c->stream) > HTTPD_FLUSH_ABOVE) {
		c->state = CONN_FLUSH;
		conn_want_drained(c, 1);
		conn_wait(c, WAIT_SEND);
	} else {
		conn_rest(c);
	}
}

void
conn_hand_over(struct http_conn *c)
{
	conn_unlink(c);
	request_free(c);
	if (!c->eating)
		conn_forget(c);
}

/* -- the stream's events -- */

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct http_conn	*c = arg;

	(void)s;
	if (c->state <= CONN_BODY && c->wait != WAIT_NEXT) {
		conn_eat(c, p, n);
	} else if (c->state != CONN_CLOSING) {
		buf_add(&c->in, p, n);
		if (c->in.len > HTTPD_READ_AHEAD)
			conn_pause(c);
	}
}

static void
on_drained(struct stream *s, void *arg)
{
	struct http_conn	*c = arg;

	(void)s;
	if (c->state == CONN_FLUSH)
		conn_rest(c);
	else if (c->state == CONN_FILE)
		file_step(c);
	else if (c->state == CONN_STREAM)
		conn_wait(c, WAIT_NONE);
}

static void
on_closed(struct stream *s, int rc, void *arg)
{
	struct http_conn	*c = arg;
	struct request		*r = c->req;
	uint8_t			 state = c->state;

	log_debug("http", "%s: closed: %s", stream_peer(s), errstr(rc));
	assert(!c->eating);
	conn_unlink(c);
	if (state == CONN_BUSY)
		return;			/* an orphan until it is answered */
	if (r != NULL && r->file != NULL)
		file_broken(r);
	if (r != NULL && r->gone != NULL)
		r->gone(&r->pub);
	conn_forget(c);
}

void
conn_want_drained(struct http_conn *c, int yes)
{
	static const struct stream_events	plain = {
		.data = on_data, .closed = on_closed
	}, flow = {
		.data = on_data, .drained = on_drained, .closed = on_closed
	};

	stream_set_events(c->stream, yes ? &flow : &plain, c);
}

/* Takes a connection, or leaves it with the kernel while there is no room. */
void
conn_accept(struct listener *l)
{
	static const struct stream_events	ev = {
		.data = on_data, .closed = on_closed
	};
	struct httpd		*h = l->server;
	struct http_conn	*c;

	l->held = h->nconns >= h->max_conns;
	if (l->held || h->stopping)
		return;
	c = xcalloc(1, sizeof(*c));
	c->server = h;
	c->loop = h->loop;
	c->local = l->local != 0;
	list_append(&h->conns, &c->all);
	list_init(&c->waiting);
	if (h->nconns++ == 0)
		uv_timer_start(&h->sweep, httpd_sweep, HTTPD_SWEEP,
		    HTTPD_SWEEP);
	c->stream = stream_accept(&l->h.stream, l->tls, HTTP_HEAD_TIMEOUT,
	    &ev, c);
	if (peer_enter(c))
		conn_wait(c, WAIT_HEAD);
	else
		conn_break(c);
}
