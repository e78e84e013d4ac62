/*
 * HTTP long-polling.  One GET at a time waits for packets, POSTs bring them.
 * Two GETs at once would lose the order: both sides of the session end.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "engineio_private.h"
#include "http.h"

static const char	plain[] = "text/plain; charset=UTF-8";

void
polling_reply(struct engineio *e, struct http_req *q, int status,
    const char *type, const void *body, size_t n)
{
	http_set(q, "Cache-Control", "no-store");
	if (e->options.cors_origin != NULL)
		http_set(q, "Access-Control-Allow-Origin",
		    e->options.cors_origin);
	http_reply(q, status, type, body, n);
}

void
polling_say(struct engineio_session *s, char type)
{
	struct http_req	*q = s->poll;

	s->poll = NULL;
	if (q != NULL)
		polling_reply(s->server, q, 200, plain, &type, 1);
}

/* The whole queue as one payload. */
static void
take_queue(struct engineio_session *s, struct buf *b)
{
	struct engineio_item	*item;

	while ((item = engineio_shift(s)) != NULL) {
		engineio_payload_add(b, item->type, item->data, item->n);
		free(item);
	}
}

void
polling_flush(struct engineio_session *s)
{
	struct http_req	*q = s->poll;
	struct buf	 b = BUF_INIT;

	if (q == NULL || list_empty(&s->queue))
		return;
	s->poll = NULL;
	take_queue(s, &b);
	polling_reply(s->server, q, 200, plain, b.p, b.len);
	buf_release(&b);
}

/* The session is over, but for what this poll shall still hear. */
static void
last_poll(struct engineio_session *s, struct http_req *q)
{
	struct buf	b = BUF_INIT;

	if (s->ending == END_CLOSE)
		take_queue(s, &b);
	engineio_payload_add(&b, s->ending == END_NOOP ? '6' : '1', "", 0);
	polling_reply(s->server, q, 200, plain, b.p, b.len);
	buf_release(&b);
	engineio_forget(s);
}

static void
poll_wait(struct engineio_session *s, struct http_req *q)
{
	if (s->state != SESSION_OPEN) {
		last_poll(s, q);
	} else if (s->poll != NULL) {
		struct engineio	*e = s->server;

		engineio_end(s, END_AT_ONCE, "two polls at once");
		engineio_refuse(e, q, REFUSE_REQUEST);
	} else {
		s->poll = q;
		if (s->probed)
			polling_say(s, '6');
		else
			polling_flush(s);
	}
}

/* 0, or -EINVAL where one of the packets was none. */
static int
take_payload(struct engineio_session *s, const struct http_req *q)
{
	struct engineio_packet	 p;
	const char		*text = q->body;
	size_t			 n = q->body_len;
	int			 rc = -1;

	if (n == 0 || !engineio_utf8(text, n))
		return -1;
	while (s->state == SESSION_OPEN
	    && (rc = engineio_payload_next(&text, &n, &p)) > 0)
		if ((rc = engineio_take(s, &p)) < 0)
			break;
	return s->state == SESSION_OPEN ? rc : 0;
}

static void
post(struct engineio_session *s, struct http_req *q)
{
	struct engineio	*e = s->server;

	if (s->state != SESSION_OPEN) {
		engineio_refuse(e, q, REFUSE_SESSION);
	} else if (q->body_len > e->options.max_payload) {
		polling_reply(e, q, 413, plain, "too long", 8);
	} else if (take_payload(s, q) < 0) {
		engineio_end(s, END_AT_ONCE, "not a packet");
		engineio_refuse(e, q, REFUSE_REQUEST);
	} else {
		polling_reply(e, q, 200, plain, "ok", 2);
	}
}

void
polling_handle(struct engineio_session *s, struct http_req *q)
{
	struct engineio	*e = s->server;

	if (s->state == SESSION_OPEN && engineio_is_late(s)) {
		engineio_end(s, END_AT_ONCE, "no answer to a ping");
		engineio_refuse(e, q, REFUSE_SESSION);
	} else if (s->wire != NULL) {
		engineio_refuse(e, q, REFUSE_REQUEST);
	} else if (strcmp(q->method, "GET") == 0) {
		poll_wait(s, q);
	} else if (strcmp(q->method, "POST") == 0) {
		post(s, q);
	} else {
		engineio_refuse(e, q, REFUSE_REQUEST);
	}
}

void
polling_begin(struct engineio *e, struct http_req *q)
{
	struct engineio_session	*s = engineio_begin(e, q, 1);

	if (s == NULL)
		return;
	s->poll = q;
	polling_flush(s);
}
