/*
 * An open stream's bytes, in and out, in clear or through tls_session.h.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream_impl.h"
#include "tls_session.h"

/* A write that the kernel did not take at once. */
struct chunk {
	uv_write_t	 req;
	struct stream	*stream;
	struct buf	 data;
};

/* -- writing -- */

static void	write_start(struct stream *, struct buf *, size_t skip);

static void
on_written(uv_write_t *req, int rc)
{
	struct chunk	*c = req->data;
	struct stream	*s = c->stream;

	buf_release(&c->data);
	free(c);
	s->writing = 0;
	if (s->state == STREAM_CLOSED)
		return;
	if (rc < 0) {
		stream_abort(s, s->eof ? s->rc : rc);
		return;
	}
	if (s->out.len > 0) {
		write_start(s, &s->out, 0);
		return;
	}
	buf_release(&s->out);
	if (s->state == STREAM_DRAINING)
		stream_linger(s);
	else if (s->state == STREAM_OPEN && s->ev->drained != NULL)
		s->ev->drained(s, s->arg);
}

/* Takes b's memory and sends what lies behind skip. */
static void
write_start(struct stream *s, struct buf *b, size_t skip)
{
	struct chunk	*c = xcalloc(1, sizeof(*c));
	uv_buf_t	 v;
	int		 rc;

	c->stream = s;
	c->req.data = c;
	c->data = *b;
	*b = (struct buf)BUF_INIT;
	v = uv_buf_init(c->data.p + skip, (unsigned)(c->data.len - skip));
	s->writing = v.len;
	rc = uv_write(&c->req, &s->h.stream, &v, 1, on_written);
	if (rc < 0) {
		s->writing = 0;
		buf_release(&c->data);
		free(c);
		stream_abort(s, rc);
	}
}

/* How much the kernel took at once; a failure closes. */
static size_t
write_try(struct stream *s, const char *p, size_t n)
{
	uv_buf_t	v;
	int		rc;

	if (stream_pending(s) > 0)
		return 0;
	v.base = (char *)(uintptr_t)p;		/* uv_buf_t has no const */
	v.len = n;
	rc = uv_try_write(&s->h.stream, &v, 1);
	if (rc == UV_EAGAIN || rc == UV_ENOSYS)
		return 0;
	if (rc < 0) {
		stream_abort(s, rc);
		return 0;
	}
	return (size_t)rc;
}

/* As it goes over the wire: clear, or tls.c's cipher text. */
void
stream_write_raw(const void *p, size_t n, void *arg)
{
	struct stream	*s = arg;
	size_t		 sent;

	if (s->state == STREAM_CLOSED || n == 0)
		return;
	sent = write_try(s, p, n);
	if (s->state == STREAM_CLOSED || sent == n)
		return;
	buf_add(&s->out, (const char *)p + sent, n - sent);
	if (s->writing == 0)
		write_start(s, &s->out, 0);
}

/* Where all left at once, drained() still comes, and from the loop. */
static void
write_noted(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->ev->drained == NULL
	    || stream_pending(s) > 0)
		return;
	s->due_drained = 1;
	stream_next_turn(s);
}

void
stream_write(struct stream *s, const void *p, size_t n)
{
	int	rc;

	assert(s->state >= STREAM_OPEN);	/* wait for ready() */
	if (s->state != STREAM_OPEN || n == 0)
		return;
	if (s->tls == NULL)
		stream_write_raw(p, n, s);
	else if ((rc = tls_session_write(s->tls, p, n)) < 0)
		stream_fail(s, rc, tls_session_why(s->tls));
	write_noted(s);
}

void
stream_write_take(struct stream *s, struct buf *b)
{
	size_t	sent;

	assert(s->state >= STREAM_OPEN);
	if (s->tls != NULL || s->out.len > 0) {
		stream_write(s, b->p, b->len);
	} else if (s->state == STREAM_OPEN && b->len > 0) {
		sent = write_try(s, b->p, b->len);
		if (s->state == STREAM_OPEN && s->writing > 0) {
			s->out = *b;
			*b = (struct buf)BUF_INIT;
		} else if (s->state == STREAM_OPEN && sent < b->len) {
			write_start(s, b, sent);
		}
		write_noted(s);
	}
	buf_release(b);
}

size_t
stream_pending(const struct stream *s)
{
	return s->writing + s->out.len;
}

/* -- reading -- */

/*
 * One buffer serves all streams, because alloc and read come in pairs; a
 * second pair within the first, from a loop run in a callback, gets memory
 * of its own.
 */
static char	shared[STREAM_READ_SIZE];
static int	shared_used;

static void
on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	(void)h;
	(void)hint;
	b->base = shared_used ? xmalloc(sizeof(shared)) : shared;
	b->len = sizeof(shared);
	if (b->base == shared)
		shared_used = 1;
}

static void
buffer_return(char *p)
{
	if (p == shared)
		shared_used = 0;
	else
		free(p);
}

static void
stream_opened(struct stream *s)
{
	if (s->state != STREAM_HANDSHAKE)	/* its last write failed */
		return;
	s->state = STREAM_OPEN;
	uv_timer_stop(&s->timer);
	if (s->ev->ready != NULL)
		s->ev->ready(s, s->arg);
}

static void
tls_trouble(struct stream *s, int rc)
{
	if (rc == UV_EOF) {
		s->eof = 1;
		stream_end(s, UV_EOF);
	} else {
		stream_fail(s, rc, tls_session_why(s->tls));
	}
}

/* Moves a TLS stream on as far as this input goes. */
static void
tls_pump(struct stream *s, const char *p, size_t n)
{
	char	plain[STREAM_TLS_SIZE];
	size_t	len;
	int	rc = 0;

	tls_session_input(s->tls, p, n);
	if (s->state == STREAM_HANDSHAKE
	    && (rc = tls_session_handshake(s->tls)) == 0)
		stream_opened(s);
	while (rc == 0 && s->state == STREAM_OPEN && !s->paused) {
		rc = tls_session_read(s->tls, plain, sizeof(plain), &len);
		if (rc == 0 && s->ev->data != NULL)
			s->ev->data(s, plain, len, s->arg);
	}
	if (rc < 0 && rc != UV_EAGAIN)
		tls_trouble(s, rc);
	n = tls_session_left(s->tls, &p);
	if (n > 0 && s->state == STREAM_OPEN)
		buf_add(&s->saved, p, n);
	tls_session_input(s->tls, NULL, 0);
}

void
stream_input(struct stream *s, const char *p, size_t n)
{
	if (s->state > STREAM_OPEN)
		return;				/* discarded */
	if (s->tls != NULL)
		tls_pump(s, p, n);
	else if (s->ev->data != NULL)
		s->ev->data(s, p, n, s->arg);
}

static void
input_ended(struct stream *s, int rc)
{
	s->eof = 1;
	uv_read_stop(&s->h.stream);
	if (s->state == STREAM_LINGERING)
		stream_abort(s, s->rc);
	else if (s->state == STREAM_DRAINING && rc != UV_EOF)
		stream_abort(s, rc);
	else if (s->state == STREAM_HANDSHAKE)
		stream_fail(s, rc == UV_EOF ? UV_ECONNRESET : rc,
		    "connection closed during the TLS handshake");
	else if (s->tls != NULL && rc == UV_EOF)
		stream_fail(s, UV_ECONNRESET,
		    "connection cut off (no TLS close_notify)");
	else if (rc == UV_EOF)
		stream_end(s, UV_EOF);
	else
		stream_abort(s, rc);
}

static void
on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
	struct stream	*s = h->data;

	if (n > 0)
		stream_input(s, b->base, (size_t)n);
	buffer_return(b->base);
	if (n < 0 && s->state != STREAM_CLOSED)
		input_ended(s, (int)n);
}

void
stream_read_start(struct stream *s)
{
	uv_read_start(&s->h.stream, on_alloc, on_read);
}

void
stream_pause(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->paused)
		return;
	s->paused = 1;
	uv_read_stop(&s->h.stream);
}

void
stream_resume(struct stream *s)
{
	if (s->state != STREAM_OPEN || !s->paused)
		return;
	s->paused = 0;
	s->due_read = 1;
	stream_next_turn(s);
}

/* What was read before the pause comes first. */
void
stream_read_again(struct stream *s)
{
	struct buf	b = s->saved;

	s->saved = (struct buf)BUF_INIT;
	if (s->tls != NULL)
		tls_pump(s, b.p, b.len);
	buf_release(&b);
	if (s->state == STREAM_OPEN && !s->paused && !s->eof)
		stream_read_start(s);
}

