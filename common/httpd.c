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
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "httpd_impl.h"
#include "log.h"
#include "stream.h"

static void	conn_eat(struct http_conn *, const char *, size_t);
static void	on_next(uv_timer_t *);
static void	on_sweep(uv_timer_t *);
static void	stop_check(struct httpd *);

/* -- memory -- */

static struct request *
request_new(struct http_conn *c, const char *text, size_t n)
{
	struct request	*r = xmalloc(sizeof(*r) + n + 1);
	struct httpd	*h = c->server;
	uint64_t	 id = h->id_key + ++h->id_count * 0x9e3779b97f4a7c15;
	static const char hex[] = "0123456789abcdef";
	int64_t		 pid;
	int		 i;

	memset(r, 0, offsetof(struct request, head.field));
	memcpy(r->text, text, n);
	r->text[n] = '\0';
	/* Unlike each other and between servers; not secret (splitmix64). */
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9;
	id = (id ^ id >> 27) * 0x94d049bb133111eb;
	id ^= id >> 31;
	for (i = 0; i < 16; i++, id >>= 4)
		r->pub.id[i] = hex[id & 15];
	memccpy(r->peer, stream_peer(c->stream), '\0', sizeof(r->peer) - 1);
	r->pub.peer = r->peer;
	r->pub.method = r->pub.path = r->pub.query = r->pub.body = "";
	r->pub.uid = -1;
	r->pub.began = uv_hrtime();
	r->pub.tls = stream_is_tls(c->stream);
	r->pub.conn = c;
	if (c->local && stream_peer_cred(c->stream, &r->pub.uid, &pid) < 0)
		r->pub.uid = -1;
	c->req = r;
	return r;
}

static void
request_free(struct http_conn *c)
{
	struct request	*r = c->req;

	if (r == NULL)
		return;
	c->req = NULL;
	if (c->server != NULL)
		c->server->bodies -= r->body.len;
	buf_release(&r->body);
	buf_release(&r->extra);
	free(r);
}

static void
conn_free(struct http_conn *c)
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
	stop_check(h);
}

/* -- waiting -- */

void
conn_wait(struct http_conn *c, enum conn_wait kind)
{
	struct httpd	*h = c->server;

	c->since = (int64_t)uv_now(h->loop);
	c->wait = kind;
	list_remove(&c->waiting);
	if (kind != WAIT_NONE)
		list_append(&h->waits[kind], &c->waiting);
	if (kind == WAIT_SEND)
		c->unsent = stream_pending(c->stream);
	if (kind == WAIT_NEXT)
		uv_timer_start(&h->next, on_next, 0, 0);
}

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

static void
conn_close(struct http_conn *c)
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

static void
conn_refuse(struct http_conn *c, int status, const char *why)
{
	struct request	*r = c->req;

	if (r == NULL)
		r = request_new(c, "", 0);
	reply_refuse(r, status, why);
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
			conn_free(c);
		return;
	}
	if (!keep || c->server->stopping) {
		conn_close(c);
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
		conn_free(c);
}

/* -- a request comes in -- */

static void
dispatch(struct http_conn *c)
{
	struct request	*r = c->req;

	r->pub.body = buf_str(&r->body);
	r->pub.body_len = r->body.len;
	c->state = CONN_BUSY;
	conn_wait(c, WAIT_NONE);
	log_debug("http", "%s %s %s %s", r->pub.id, r->peer, r->pub.method,
	    r->pub.path);
	c->server->handler(&r->pub, c->server->arg);
}

static void
eat_body(struct http_conn *c)
{
	struct request	*r = c->req;
	struct httpd	*h = c->server;
	size_t		 had = r->body.len, take;
	int		 whole = 0, rc = 0;
	const char	*why = NULL;

	if (r->head.chunked) {
		rc = chunked_eat(&r->chunked, &c->rest, &c->rest_len, &r->body,
		    h->max_body, &whole, &why);
	} else {
		take = (size_t)r->head.length - had;
		take = take < c->rest_len ? take : c->rest_len;
		buf_add(&r->body, c->rest, take);
		c->rest += take;
		c->rest_len -= take;
		whole = r->body.len == r->head.length;
	}
	h->bodies += r->body.len - had;
	if (rc == 0 && h->bodies > HTTPD_MAX_BODIES) {
		rc = 503;
		why = "too many large requests at once";
	}
	if (rc != 0)
		conn_refuse(c, rc, why);
	else if (whole)
		dispatch(c);
}

static void
body_begin(struct http_conn *c)
{
	struct request	*r = c->req;

	if (!r->head.chunked && r->head.length > c->server->max_body) {
		conn_refuse(c, 413, "body too long");
		return;
	}
	if (!r->head.chunked && r->head.length == 0) {
		dispatch(c);
		return;
	}
	c->state = CONN_BODY;
	c->unsent = 0;			/* of its bytes, those that counted */
	conn_wait(c, WAIT_BODY);
	if (r->head.expects && c->rest_len == 0)
		stream_write(c->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Empty lines before a request are skipped (RFC 9112, 2.2). */
static void
skip_empty_lines(struct http_conn *c)
{
	while (c->rest_len >= 2 && c->rest[0] == '\r' && c->rest[1] == '\n') {
		c->rest += 2;
		c->rest_len -= 2;
		c->scanned = 0;
	}
}

/* Whether there is a reason to call again. */
static int
eat_head(struct http_conn *c)
{
	struct request	*r;
	const char	*why = NULL;
	size_t		 len;
	int		 rc;

	skip_empty_lines(c);
	rc = head_find(c->rest, c->rest_len, &c->scanned, &len, &why);
	if (rc != 0) {
		conn_refuse(c, rc, why);
		return 0;
	}
	if (len == 0) {
		if (c->wait != WAIT_HEAD)
			conn_wait(c, WAIT_HEAD);
		return 0;
	}
	r = request_new(c, c->rest, len);
	c->rest += len;
	c->rest_len -= len;
	if ((rc = head_parse(&r->head, r->text, len, &why)) != 0) {
		conn_refuse(c, rc, why);
		return 0;
	}
	r->pub.method = r->head.method;
	r->pub.path = r->head.path;
	r->pub.query = r->head.query;
	r->keep = r->head.keep;
	r->head_only = strcmp(r->head.method, "HEAD") == 0;
	body_begin(c);
	return 1;
}

/* Parses what waited in c->in and then p, as far as it goes now; the rest
 * waits in c->in.  The handler may do all sorts of things meanwhile. */
static void
conn_eat(struct http_conn *c, const char *p, size_t n)
{
	struct buf	old = c->in;

	c->in = (struct buf)BUF_INIT;
	if (old.len > 0) {
		buf_add(&old, p, n);
		p = old.p;
		n = old.len;
	}
	c->rest = p;
	c->rest_len = n;
	c->eating = 1;
	while (c->stream != NULL && c->rest_len > 0) {
		if (c->state == CONN_BODY)
			eat_body(c);
		else if (c->state != CONN_HEAD || !eat_head(c))
			break;
	}
	c->eating = 0;
	if (c->stream == NULL) {
		if (c->req == NULL)
			conn_free(c);
	} else if (c->state != CONN_CLOSING) {
		if (c->rest_len > 0)
			buf_add(&c->in, c->rest, c->rest_len);
		if (c->state == CONN_BUSY || c->state == CONN_FILE
		    || c->state == CONN_FLUSH)
			conn_pause(c);
		else if (c->state != CONN_STREAM)
			conn_resume(c);
	}
	buf_release(&old);
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
	conn_free(c);
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
		uv_timer_start(&h->sweep, on_sweep, HTTPD_SWEEP, HTTPD_SWEEP);
	c->stream = stream_accept(&l->h.stream, l->tls, HTTP_HEAD_TIMEOUT,
	    &ev, c);
	if (peer_enter(c))
		conn_wait(c, WAIT_HEAD);
	else
		conn_break(c);
}

/* -- time -- */

static void
expire(struct http_conn *c)
{
	size_t	unsent = stream_pending(c->stream);

	switch ((enum conn_wait)c->wait) {
	case WAIT_HEAD:
		if (c->in.len > 0)
			conn_refuse(c, 408, "the request's head took too long");
		else
			conn_close(c);
		break;
	case WAIT_BODY:		/* drops do not keep it alive */
		if (c->req->body.len - c->unsent < HTTPD_BODY_LEAST) {
			conn_refuse(c, 408, "the request's body took too long");
			break;
		}
		c->unsent = c->req->body.len;
		conn_wait(c, WAIT_BODY);
		break;
	case WAIT_IDLE:
		conn_close(c);
		break;
	case WAIT_SEND:
		if (unsent < c->unsent)
			conn_wait(c, WAIT_SEND);
		else
			conn_break(c);
		break;
	case WAIT_NEXT:
		conn_wait(c, WAIT_IDLE);
		conn_eat(c, NULL, 0);
		break;
	case WAIT_NONE:
	case WAIT_KINDS:
		break;
	}
}

/* Whoever is expired leaves the list's front, so this ends. */
static void
expire_list(struct httpd *h, enum conn_wait kind)
{
	struct link		*head = &h->waits[kind];
	struct http_conn	*c;
	int64_t			 now = (int64_t)uv_now(h->loop);

	while (!list_empty(head)) {
		c = LIST_ITEM(head->next, struct http_conn, waiting);
		if (now - c->since < h->limit[kind])
			break;
		expire(c);
	}
}

static void
on_sweep(uv_timer_t *t)
{
	struct httpd	*h = t->data;
	int		 kind;

	for (kind = 0; kind < WAIT_NEXT; kind++)
		expire_list(h, (enum conn_wait)kind);
}

/* Each that is in the list now gets one go. */
static void
on_next(uv_timer_t *t)
{
	struct httpd	*h = t->data;
	struct link	 todo, *from = &h->waits[WAIT_NEXT], *l, *n;

	list_init(&todo);
	LIST_EACH(l, n, from) {
		list_remove(l);
		list_append(&todo, l);
	}
	while (!list_empty(&todo))
		expire(LIST_ITEM(todo.next, struct http_conn, waiting));
}

/* -- the server -- */

struct httpd *
httpd_new(uv_loop_t *loop, http_handler handler, void *arg)
{
	static const int64_t	limit[WAIT_KINDS] = {
		[WAIT_HEAD] = HTTP_HEAD_TIMEOUT,
		[WAIT_BODY] = HTTP_BODY_TIMEOUT,
		[WAIT_IDLE] = HTTP_IDLE_TIMEOUT,
		[WAIT_SEND] = HTTP_SEND_TIMEOUT
	};
	struct httpd	*h = xcalloc(1, sizeof(*h));
	uv_timer_t	*timer[] = { &h->sweep, &h->next, &h->grace };
	size_t		 i;

	h->loop = loop;
	h->handler = handler;
	h->arg = arg;
	h->max_body = HTTP_MAX_BODY;
	h->max_conns = HTTP_MAX_CONNS;
	memcpy(h->limit, limit, sizeof(limit));
	for (i = 0; i < WAIT_KINDS; i++)
		list_init(&h->waits[i]);
	list_init(&h->conns);
	list_init(&h->listeners);
	for (i = 0; i < nitems(timer); i++, h->handles++) {
		uv_timer_init(loop, timer[i]);
		timer[i]->data = h;
	}
	crypto_random(&h->id_key, sizeof(h->id_key));
#ifdef SIGPIPE
	/* libuv and sendfile(2) would die of a peer that has gone. */
	signal(SIGPIPE, SIG_IGN);
#endif
	return h;
}

void
httpd_set_max_body(struct httpd *h, size_t n)
{
	h->max_body = n;
}

void
httpd_set_max_conns(struct httpd *h, size_t n)
{
	h->max_conns = n;
}

void
httpd_set_limit(struct httpd *h, enum conn_wait kind, int64_t ms)
{
	h->limit[kind] = ms;
}

void
httpd_observe(struct httpd *h, void (*answered)(const struct http_req *, int,
    void *), void *arg)
{
	h->answered = answered;
	h->answered_arg = arg;
}

size_t
httpd_connections(const struct httpd *h)
{
	return h->nconns;
}

/* -- its end -- */

void
httpd_handle_gone(uv_handle_t *handle)
{
	struct httpd	*h = handle->data;

	if (--h->handles > 0)
		return;
	if (h->stopped != NULL)
		h->stopped(h->stopped_arg);
	free(h);
}

/* The timers go last: they are three of the handles. */
static void
stop_check(struct httpd *h)
{
	if (!h->stopping || h->nconns > 0
	    || uv_is_closing((uv_handle_t *)&h->grace))
		return;
	uv_close((uv_handle_t *)&h->sweep, httpd_handle_gone);
	uv_close((uv_handle_t *)&h->next, httpd_handle_gone);
	uv_close((uv_handle_t *)&h->grace, httpd_handle_gone);
}

static void
on_grace(uv_timer_t *t)
{
	struct httpd	*h = t->data;
	struct link	*l, *n;

	LIST_EACH(l, n, &h->conns) {
		struct http_conn	*c;

		c = LIST_ITEM(l, struct http_conn, all);
		stream_abort(c->stream, UV_ECANCELED);
	}
}

void
httpd_stop(struct httpd *h, int64_t grace_ms, void (*done)(void *), void *arg)
{
	struct link	*l, *n;

	h->stopping = 1;
	h->stopped = done;
	h->stopped_arg = arg;
	LIST_EACH(l, n, &h->listeners)
		listener_close(LIST_ITEM(l, struct listener, link));
	LIST_EACH(l, n, &h->conns) {
		struct http_conn	*c;

		c = LIST_ITEM(l, struct http_conn, all);
		if (c->state == CONN_HEAD && c->in.len == 0 && !c->eating)
			conn_close(c);
	}
	uv_timer_start(&h->grace, on_grace, (uint64_t)grace_ms, 0);
	stop_check(h);
}
