/*
 * A stream comes by stream_connect() or stream_accept(), shakes hands where
 * it is TLS, says ready(), carries data(), and ends on one of two ways:
 *
 * stream_end() (by us, by the peer's end, by a failure that leaves an alert
 * to send) lets the last bytes out and, where the peer still speaks, shuts
 * our side and waits for the peer's, because a close with unread input would
 * reset the connection and could take our last bytes with it;
 * stream_abort() closes now.
 *
 * Either way the handles are closed, and when the last one has, closed() is
 * called and the memory goes.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "platform.h"
#include "stream_impl.h"
#include "tls_session.h"

/* -- the end -- */

static void
stream_free(struct stream *s)
{
	tls_session_free(s->tls);
	buf_release(&s->saved);
	buf_release(&s->out);
	free(s->why);
	free(s);
}

void
stream_handle_gone(uv_handle_t *h)
{
	struct stream	*s = h->data;

	if (--s->handles > 0)
		return;
	if (s->ev->closed != NULL)
		s->ev->closed(s, s->rc, s->arg);
	stream_free(s);
}

void
stream_abort(struct stream *s, int rc)
{
	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	s->rc = rc;
	dial_drop(s);
	/* Between two addresses the socket is closing already. */
	if (!uv_is_closing(&s->h.handle))
		uv_close(&s->h.handle, stream_handle_gone);
	uv_close((uv_handle_t *)&s->timer, stream_handle_gone);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)status;		/* the read side will tell */
	free(req);
}

/* All is out: what is left is to hear the peer's end. */
void
stream_linger(struct stream *s)
{
	uv_shutdown_t	*req;

	if (s->eof || s->rc != 0) {
		stream_abort(s, s->rc);
		return;
	}
	req = xmalloc(sizeof(*req));
	s->state = STREAM_LINGERING;
	if (uv_shutdown(req, &s->h.stream, on_shutdown) < 0) {
		free(req);
		stream_abort(s, s->rc);
	}
}

void
stream_end(struct stream *s, int rc)
{
	enum stream_state	was = s->state;

	if (was >= STREAM_DRAINING)
		return;
	if (was == STREAM_CONNECTING) {
		stream_abort(s, rc);
		return;
	}
	s->rc = rc;
	if (s->tls != NULL && was == STREAM_OPEN)
		tls_session_bye(s->tls);
	if (s->state == STREAM_CLOSED) {	/* that write failed */
		s->rc = rc;
		return;
	}
	s->state = STREAM_DRAINING;
	stream_limit(s, STREAM_CLOSE_MS);
	if (!s->eof)				/* may be paused */
		stream_read_start(s);
	if (stream_pending(s) == 0)
		stream_linger(s);
}

void
stream_fail(struct stream *s, int rc, const char *why)
{
	if (why != NULL && s->why == NULL)
		s->why = xstrdup(why);
	stream_end(s, rc);
}

void
stream_close(struct stream *s)
{
	stream_end(s, 0);
}

/* -- turns and limits -- */

/* Each call may close, pause, or ask for another turn. */
static void
take_turn(struct stream *s)
{
	if (s->due_ready) {
		s->due_ready = 0;
		s->due_read = 1;
		if (s->ev->ready != NULL)
			s->ev->ready(s, s->arg);
	}
	if (s->state == STREAM_OPEN && s->due_read && !s->paused) {
		s->due_read = 0;
		stream_read_again(s);
	}
	if (s->state == STREAM_OPEN && s->due_drained) {
		s->due_drained = 0;
		if (stream_pending(s) == 0 && s->ev->drained != NULL)
			s->ev->drained(s, s->arg);
	}
}

static void
on_timer(uv_timer_t *t)
{
	struct stream	*s = t->data;

	switch (s->state) {
	case STREAM_CONNECTING:
		dial_timeout(s);
		break;
	case STREAM_HANDSHAKE:
		stream_fail(s, UV_ETIMEDOUT, "TLS handshake timed out");
		break;
	case STREAM_OPEN:
		take_turn(s);
		break;
	case STREAM_DRAINING:
		stream_abort(s, UV_ETIMEDOUT);
		break;
	case STREAM_LINGERING:
		stream_abort(s, s->rc);
		break;
	case STREAM_CLOSED:
		break;
	}
}

void
stream_limit(struct stream *s, int64_t ms)
{
	if (ms > 0)
		uv_update_time(s->timer.loop);	/* or it comes too early */
	uv_timer_start(&s->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

void
stream_next_turn(struct stream *s)
{
	if (s->state == STREAM_OPEN)
		stream_limit(s, 0);
}

/* -- the beginning -- */

struct stream *
stream_new(uv_loop_t *loop, uv_handle_type type,
    const struct stream_events *ev, void *arg)
{
	struct stream	*s = xcalloc(1, sizeof(*s));

	s->ev = ev;
	s->arg = arg;
	if (type == UV_NAMED_PIPE)
		uv_pipe_init(loop, &s->h.pipe, 0);
	else
		uv_tcp_init(loop, &s->h.tcp);
	s->h.handle.data = s;
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	s->handles = 2;
	return s;
}

int
stream_use_tls(struct stream *s, const struct tls *tls, const char *host)
{
	return tls_session_new(&s->tls, tls, host, stream_write_raw, s);
}

static void
note_peer(struct stream *s)
{
	struct sockaddr_storage	a;
	int			n = sizeof(a);

	if (s->h.handle.type == UV_NAMED_PIPE) {
		strcpy(s->peer, "unix");
	} else if (uv_tcp_getpeername(&s->h.tcp, (struct sockaddr *)&a, &n)
	    == 0) {
		uv_ip_name((struct sockaddr *)&a, s->peer, sizeof(s->peer));
	}
}

static void
shake_hands(struct stream *s)
{
	s->state = STREAM_HANDSHAKE;
	stream_read_start(s);
	stream_input(s, NULL, 0);		/* the first move */
}

void
stream_connected(struct stream *s)
{
	note_peer(s);
	if (s->h.handle.type == UV_TCP) {
		uv_tcp_nodelay(&s->h.tcp, 1);
		uv_tcp_keepalive(&s->h.tcp, 1, 60);
	}
	if (s->tls != NULL) {
		shake_hands(s);
		return;
	}
	s->state = STREAM_OPEN;
	s->due_ready = 1;
	stream_next_turn(s);
}

struct stream *
stream_accept(uv_stream_t *server, const struct tls *tls, int64_t timeout_ms,
    const struct stream_events *ev, void *arg)
{
	struct stream	*s = stream_new(server->loop, server->type, ev, arg);
	int		 rc;

	if ((rc = uv_accept(server, &s->h.stream)) < 0
	    || (tls != NULL && (rc = stream_use_tls(s, tls, NULL)) < 0)) {
		stream_abort(s, rc);
		return s;
	}
	stream_limit(s, timeout_ms);
	stream_connected(s);
	return s;
}

void
stream_start_tls(struct stream *s, const struct tls *tls, const char *host,
    int64_t timeout_ms)
{
	int	rc;

	if (s->state != STREAM_OPEN)
		return;
	assert(s->tls == NULL);
	if ((rc = stream_use_tls(s, tls, host)) < 0) {
		stream_abort(s, rc);
		return;
	}
	s->paused = s->due_read = s->due_drained = 0;
	stream_limit(s, timeout_ms);
	shake_hands(s);
}

/* -- questions -- */

const char *
stream_why(const struct stream *s)
{
	return s->why != NULL ? s->why : errstr(s->rc);
}

const char *
stream_peer(const struct stream *s)
{
	return s->peer[0] != '\0' ? s->peer : "unknown";
}

uv_loop_t *
stream_loop(const struct stream *s)
{
	return s->timer.loop;
}

int
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

int
stream_peer_cred(const struct stream *s, int64_t *uid, int64_t *pid)
{
	uv_os_fd_t	fd;

	if (s->h.handle.type != UV_NAMED_PIPE
	    || uv_fileno(&s->h.handle, &fd) < 0)
		return -ENOTSUP;
	return platform_peer_cred((int)(intptr_t)fd, uid, pid);
}

int
stream_peer_gone(const struct stream *s)
{
	uv_os_fd_t	fd;

	return s->h.handle.type == UV_NAMED_PIPE &&
	    uv_fileno(&s->h.handle, &fd) == 0 &&
	    platform_peer_gone((int)(intptr_t)fd);
}

int
stream_plain_fd(const struct stream *s)
{
#ifdef _WIN32
	(void)s;
	return -1;		/* a SOCKET is no descriptor */
#else
	uv_os_fd_t	fd;

	if (s->tls != NULL || s->state != STREAM_OPEN
	    || stream_pending(s) > 0 || uv_fileno(&s->h.handle, &fd) < 0)
		return -1;
	return fd;
#endif
}

void
stream_set_events(struct stream *s, const struct stream_events *ev,
    void *arg)
{
	s->ev = ev;
	s->arg = arg;
}
