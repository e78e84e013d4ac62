/* A stream without a network: what a fuzz target feeds is what "the peer"
 * says.  It stands in for stream.c, which is then not linked. */
#ifndef MUSTER_T_STREAM_FAKE_H
#define MUSTER_T_STREAM_FAKE_H

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "stream.h"

struct stream {
	const struct stream_events *ev;
	void		*arg;
	uv_loop_t	*loop;
	int		 ended, rc;
};

static struct stream	fake;

struct stream *
stream_connect(uv_loop_t *loop, const char *host, int port,
    const struct tls *tls, int64_t timeout_ms,
    const struct stream_events *ev, void *arg)
{
	(void)host, (void)port, (void)tls, (void)timeout_ms;
	fake = (struct stream){ ev, arg, loop, 0, UV_EOF };
	return &fake;
}

struct stream *
stream_connect_guarded(uv_loop_t *loop, const char *host, int port,
    const struct tls *tls, int64_t timeout_ms,
    int (*allow)(const struct sockaddr *), const struct stream_events *ev,
    void *arg)
{
	(void)allow;
	return stream_connect(loop, host, port, tls, timeout_ms, ev, arg);
}

struct stream *
stream_connect_path(uv_loop_t *loop, const char *path, int64_t timeout_ms,
    const struct stream_events *ev, void *arg)
{
	return stream_connect(loop, path, 0, NULL, timeout_ms, ev, arg);
}

void
stream_start_tls(struct stream *s, const struct tls *tls, const char *host,
    int64_t timeout_ms)
{
	(void)s, (void)tls, (void)host, (void)timeout_ms;
}

void
stream_write_take(struct stream *s, struct buf *b)
{
	(void)s;
	buf_release(b);
}

size_t
stream_pending(const struct stream *s)
{
	(void)s;
	return 0;
}

void
stream_abort(struct stream *s, int rc)
{
	s->ended = 1;
	s->rc = rc;
}

void
stream_close(struct stream *s)
{
	stream_abort(s, 0);
}

const char *
stream_why(const struct stream *s)
{
	(void)s;
	return "why";
}

const char *
stream_peer(const struct stream *s)
{
	(void)s;
	return "192.0.2.1";
}

uv_loop_t *
stream_loop(const struct stream *s)
{
	return s->loop;
}

void
stream_set_events(struct stream *s, const struct stream_events *ev,
    void *arg)
{
	s->ev = ev;
	s->arg = arg;
}

/* Says these bytes in pieces, each in memory of its own so that a read past
 * it is seen, then ends, and lets the loop close what is left. */
static void
fake_say(const uint8_t *p, size_t n, size_t piece)
{
	char	*copy;
	size_t	 k;

	if (fake.ev->ready != NULL)
		fake.ev->ready(&fake, fake.arg);
	for (; n > 0 && !fake.ended; p += k, n -= k) {
		k = piece != 0 && piece < n ? piece : n;
		copy = xmalloc(k);
		memcpy(copy, p, k);
		fake.ev->data(&fake, copy, k, fake.arg);
		free(copy);
	}
	fake.ev->closed(&fake, fake.rc, fake.arg);
	uv_run(fake.loop, UV_RUN_DEFAULT);
}

#endif
