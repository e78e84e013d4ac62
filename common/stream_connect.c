/*
 * The way to an open stream: look the name up (an address needs no look-up),
 * try each of its addresses in turn, each with its share of the time that is
 * left, so that one dead address cannot use up the limit of the others.
 *
 * The resolver runs in libuv's thread pool and has a patience of its own: a
 * stream that closes meanwhile lets go of its dial, which then frees itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "stream_impl.h"
#include "tls_session.h"

struct dial {
	union {				/* one after the other */
		uv_getaddrinfo_t	lookup;
		uv_connect_t		connect;
	} req;
	struct stream		*stream;	/* NULL: let go of */
	struct addrinfo		*found;		/* of a looked-up name */
	struct addrinfo		*next;		/* to try */
	struct addrinfo		 literal;	/* of an address */
	struct sockaddr_storage	 literal_addr;
	int			(*allow)(const struct sockaddr *);
	int64_t			 deadline;
	int			 busy;		/* req's callback will come */
	int			 rc;		/* of the last try */
};

static void
dial_free(struct dial *d)
{
	uv_freeaddrinfo(d->found);
	free(d);
}

void
dial_drop(struct stream *s)
{
	struct dial	*d = s->dial;

	if (d == NULL)
		return;
	s->dial = NULL;
	d->stream = NULL;
	if (!d->busy)
		dial_free(d);
	else if (d->req.lookup.type == UV_GETADDRINFO)
		uv_cancel((uv_req_t *)&d->req.lookup);
}

static void	try_next(struct stream *);

/* The socket of the last try has closed. */
static void
on_retry(uv_handle_t *h)
{
	struct stream	*s = h->data;

	if (s->state == STREAM_CLOSED) {	/* meanwhile */
		stream_handle_gone(h);
		return;
	}
	uv_tcp_init(s->timer.loop, &s->h.tcp);
	try_next(s);
}

static void
try_failed(struct stream *s, int rc)
{
	struct dial	*d = s->dial;

	uv_timer_stop(&s->timer);
	d->rc = rc;
	if (d->next == NULL || clock_mono_ms() >= d->deadline)
		stream_abort(s, rc);
	else
		uv_close(&s->h.handle, on_retry);
}

static void
on_connect(uv_connect_t *req, int rc)
{
	struct dial	*d = req->data;
	struct stream	*s = d->stream;

	d->busy = 0;
	if (s == NULL) {
		dial_free(d);
	} else if (rc == 0) {
		stream_limit(s, d->deadline - clock_mono_ms());
		dial_drop(s);
		stream_connected(s);
	} else if (!uv_is_closing(&s->h.handle)) {	/* else on_retry */
		try_failed(s, rc);
	}
}

/* Gives the next address its share of the time. */
static void
try_next(struct stream *s)
{
	struct dial	*d = s->dial;
	struct addrinfo	*a = d->next, *later;
	int64_t		 left = d->deadline - clock_mono_ms();
	int		 rc, n = 0;

	for (later = a; later != NULL; later = later->ai_next)
		n++;
	d->next = a->ai_next;
	d->req.connect.data = d;
	d->busy = 1;
	stream_limit(s, left / n);
	if (d->allow != NULL && !d->allow(a->ai_addr))
		rc = UV_EACCES;
	else
		rc = uv_tcp_connect(&d->req.connect, &s->h.tcp, a->ai_addr,
		    on_connect);
	if (rc < 0) {
		d->busy = 0;
		try_failed(s, rc);
	}
}

static void
on_lookup(uv_getaddrinfo_t *req, int rc, struct addrinfo *found)
{
	struct dial	*d = req->data;

	d->busy = 0;
	d->found = d->next = found;
	if (d->stream == NULL)
		dial_free(d);
	else if (rc < 0)
		stream_abort(d->stream, rc);
	else
		try_next(d->stream);
}

void
dial_timeout(struct stream *s)
{
	if (s->dial->next == NULL)
		stream_abort(s, UV_ETIMEDOUT);
	else
		try_failed(s, UV_ETIMEDOUT);
}

/* Whether host is an address; then it is the only one to try. */
static int
literal(struct dial *d, const char *host, int port)
{
	struct sockaddr_storage	*a = &d->literal_addr;

	if (uv_ip4_addr(host, port, (struct sockaddr_in *)a) < 0
	    && uv_ip6_addr(host, port, (struct sockaddr_in6 *)a) < 0)
		return 0;
	d->literal.ai_addr = (struct sockaddr *)a;
	d->next = &d->literal;
	return 1;
}

static int
look_up(struct stream *s, const char *host, int port)
{
	const struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM };
	struct dial		*d = s->dial;
	char			 service[12];
	int			 rc;

	snprintf(service, sizeof(service), "%d", port);
	d->req.lookup.data = d;
	rc = uv_getaddrinfo(s->timer.loop, &d->req.lookup, on_lookup, host,
	    service, &hints);
	d->busy = rc == 0;
	return rc;
}

static void
dial_new(struct stream *s, int64_t timeout_ms)
{
	s->dial = xcalloc(1, sizeof(*s->dial));
	s->dial->stream = s;
	s->dial->deadline = clock_mono_ms() + timeout_ms;
	stream_limit(s, timeout_ms);
}

struct stream *
stream_connect_guarded(uv_loop_t *loop, const char *host, int port,
    const struct tls *tls, int64_t timeout_ms,
    int (*allow)(const struct sockaddr *), const struct stream_events *ev,
    void *arg)
{
	struct stream	*s = stream_new(loop, UV_TCP, ev, arg);
	int		 rc;

	dial_new(s, timeout_ms);
	s->dial->allow = allow;
	if (tls != NULL && (rc = stream_use_tls(s, tls, host)) < 0)
		stream_abort(s, rc);
	else if (literal(s->dial, host, port))
		try_next(s);
	else if ((rc = look_up(s, host, port)) < 0)
		stream_abort(s, rc);
	return s;
}

struct stream *
stream_connect(uv_loop_t *loop, const char *host, int port,
    const struct tls *tls, int64_t timeout_ms,
    const struct stream_events *ev, void *arg)
{
	return stream_connect_guarded(loop, host, port, tls, timeout_ms, NULL,
	    ev, arg);
}

struct stream *
stream_connect_path(uv_loop_t *loop, const char *path, int64_t timeout_ms,
    const struct stream_events *ev, void *arg)
{
	struct stream	*s = stream_new(loop, UV_NAMED_PIPE, ev, arg);
	struct dial	*d;

	dial_new(s, timeout_ms);
	if (strlen(path) >= STREAM_MAX_PATH) {	/* libuv would cut it short */
		stream_abort(s, UV_ENAMETOOLONG);
		return s;
	}
	d = s->dial;
	d->req.connect.data = d;
	d->busy = 1;
	uv_pipe_connect(&d->req.connect, &s->h.pipe, path, on_connect);
	return s;
}
