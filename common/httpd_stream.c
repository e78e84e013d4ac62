/* Answers that grow, or that become a WebSocket. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd_impl.h"
#include "log.h"
#include "stream.h"
#include "ws.h"
#include "ws_adopt.h"

/* -- growing answers -- */

static void
on_late_closed(uv_handle_t *h)
{
	free(h);
}

static void
on_late(uv_timer_t *t)
{
	struct http_conn	*c = t->data;
	struct request		*r = c->req;

	uv_close((uv_handle_t *)t, on_late_closed);
	if (r->gone != NULL)
		r->gone(&r->pub);
	conn_answered(c);
}

/* The peer went before the answer began: gone() still comes later. */
static void
begin_late(struct http_conn *c)
{
	uv_timer_t	*t = xmalloc(sizeof(*t));

	uv_timer_init(c->loop, t);
	t->data = c;
	uv_timer_start(t, on_late, 0, 0);
}

void
http_stream_begin(struct http_req *q, int status, const char *type,
    void (*gone)(struct http_req *))
{
	struct http_conn	*c = q->conn;
	struct request		*r = c->req;
	struct buf		 b = BUF_INIT;

	c->state = CONN_STREAM;
	r->gone = gone;
	if (c->stream == NULL) {
		begin_late(c);
		return;
	}
	r->chunks = r->head.minor > 0;
	if (!r->chunks)
		r->keep = 0;
	reply_head(r, &b, status, type,
	    r->chunks ? LENGTH_CHUNKED : LENGTH_NONE);
	conn_want_drained(c, 1);
	stream_write_take(c->stream, &b);
	if (!c->eating)
		conn_resume(c);		/* or its end would not be heard */
}

/* Notes what has left since, and how much waits now. */
static void
stream_put(struct http_conn *c, struct buf *b)
{
	if (c->wait == WAIT_SEND && stream_pending(c->stream) < c->unsent)
		conn_wait(c, WAIT_SEND);
	stream_write_take(c->stream, b);
	c->unsent = stream_pending(c->stream);
	if (c->unsent > HTTPD_MAX_PENDING)
		conn_break(c);
	else if (c->unsent > 0 && c->wait != WAIT_SEND)
		conn_wait(c, WAIT_SEND);
}

void
http_stream_write(struct http_req *q, const void *p, size_t n)
{
	struct http_conn	*c = q->conn;
	struct request		*r = c->req;
	struct buf		 b = BUF_INIT;

	if (c->stream == NULL || c->state != CONN_STREAM || n == 0
	    || r->head_only)
		return;
	buf_reserve(&b, n + 24);
	if (r->chunks)
		buf_printf(&b, "%zx\r\n", n);
	buf_add(&b, p, n);
	if (r->chunks)
		buf_add(&b, "\r\n", 2);
	stream_put(c, &b);
}

size_t
http_stream_pending(const struct http_req *q)
{
	const struct http_conn	*c = q->conn;

	return c->stream != NULL ? stream_pending(c->stream) : 0;
}

void
http_stream_end(struct http_req *q)
{
	struct http_conn	*c = q->conn;
	struct request		*r = c->req;

	r->gone = NULL;
	if (c->stream == NULL || c->state != CONN_STREAM)
		return;			/* on_late() or on_closed() frees */
	if (r->chunks && !r->head_only)
		stream_write(c->stream, "0\r\n\r\n", 5);
	conn_answered(c);
}

/* -- WebSocket -- */

/* 0, or the status to refuse the handshake with and *why. */
static int
check_handshake(const struct request *r, const char **key, const char **why)
{
	const struct head	*h = &r->head;
	const char		*version;

	*why = "this is for WebSocket clients";
	if (!head_has_token(head_value(h, "Upgrade"), "websocket"))
		return 426;
	version = head_value(h, "Sec-WebSocket-Version");
	if (version != NULL && strcmp(version, "13") != 0)
		return 426;
	*why = "bad WebSocket handshake";
	*key = head_value(h, "Sec-WebSocket-Key");
	if (strcmp(r->pub.method, "GET") != 0 || h->minor == 0
	    || version == NULL || *key == NULL
	    || !head_has_token(head_value(h, "Connection"), "upgrade")
	    || !ws_key_valid(*key))
		return 400;
	return 0;
}

struct ws *
http_upgrade(struct http_req *q, const struct ws_events *ev,
    size_t max_message, void *arg)
{
	struct http_conn	*c = q->conn;
	struct stream		*s = c->stream;
	struct buf		 b = BUF_INIT, left = BUF_INIT;
	const char		*key, *why;
	char			 accept[WS_ACCEPT_SIZE];
	struct ws		*ws;
	int			 status;

	status = check_handshake(c->req, &key, &why);
	if (status == 426) {
		http_set(q, "Upgrade", "websocket");
		http_set(q, "Sec-WebSocket-Version", "13");
	}
	if (status != 0 || s == NULL) {
		http_reply_error(q, status ? status : 400, NULL, "%s", why);
		return NULL;
	}
	ws_accept_key(key, accept);
	http_set(q, "Upgrade", "websocket");
	http_set(q, "Sec-WebSocket-Accept", accept);
	reply_head(c->req, &b, 101, NULL, LENGTH_NONE);
	stream_write_take(s, &b);
	if (c->eating)
		buf_add(&left, c->rest, c->rest_len);
	else
		buf_add(&left, c->in.p, c->in.len);
	conn_resume(c);
	conn_hand_over(c);
	ws = ws_adopt(s, left.p, left.len, ev, max_message, arg);
	buf_release(&left);
	return ws;
}
