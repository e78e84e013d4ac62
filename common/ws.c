/*
 * A WebSocket over a stream that has shaken hands; ws_wslay.c has the frames.
 *
 * It ends by a close frame from either side: the other answers, the stream is
 * closed in order.  A peer that does not answer, breaks the protocol or does
 * not read is left.  When the stream has closed the timer is closed, and then
 * closed() is called and the memory goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha1.h>

#include "crypto.h"
#include "log.h"
#include "ws_impl.h"

/* -- the end -- */

static void
on_gone(uv_handle_t *h)
{
	struct ws	*w = h->data;

	w->ev->closed(w, w->code, w->why != NULL ? w->why : "closed", w->arg);
	ws_dial_free(w->dial);
	wslay_event_context_free(w->wslay);
	buf_release(&w->goodbye);
	buf_release(&w->held);
	buf_release(&w->part);
	buf_release(&w->out);
	free(w->why);
	free(w);
}

void
ws_say(struct ws *w, const char *why, size_t n)
{
	if (w->why == NULL)
		w->why = xstrndup(why, n);
}

void
ws_stream_closed(struct stream *s, int rc, void *arg)
{
	struct ws	*w = arg;
	const char	*why = stream_why(s);

	if (rc == UV_EOF)
		why = w->state == WS_OPENING
		    ? "connection closed within the handshake"
		    : "connection closed without a close frame";
	ws_say(w, why, strlen(why));
	w->stream = NULL;
	w->state = WS_CLOSED;
	uv_close((uv_handle_t *)&w->timer, on_gone);
}

void
ws_fail(struct ws *w, int rc, const char *why)
{
	if (w->state == WS_CLOSED)
		return;
	ws_say(w, why, strlen(why));
	w->state = WS_CLOSED;
	stream_abort(w->stream, rc);
}

/* Both sides have said goodbye, or the peer no longer deserves one. */
static void
end_in_order(struct ws *w, const char *why)
{
	ws_say(w, why, strlen(why));
	if (w->state == WS_CLOSED)
		return;
	w->state = WS_CLOSED;
	uv_timer_stop(&w->timer);
	stream_close(w->stream);	/* has its own limit */
}

/* -- sending -- */

static void
flush(struct ws *w)
{
	if (wslay_event_send(w->wslay) != 0)
		ws_fail(w, UV_EPROTO, "cannot make a frame");
	if (w->out.len > 0 && w->stream != NULL && !w->corked)
		stream_write_take(w->stream, &w->out);
}

static void
queue(struct ws *w, uint8_t opcode, const void *p, size_t n)
{
	struct wslay_event_msg	m = { opcode, p, n };
	int			rc = wslay_event_queue_msg(ws_context(w), &m);

	if (rc == WSLAY_ERR_NOMEM)
		die(EXIT_SYSTEM, "out of memory (%zu bytes)", n);
	flush(w);
	ws_context_rest(w);
}

static int
send_message(struct ws *w, uint8_t opcode, const void *p, size_t n)
{
	if (w->state != WS_OPEN)
		return 0;
	if (n > WS_MAX_PENDING || ws_pending(w) > WS_MAX_PENDING - n) {
		ws_close(w, 1013, "reader too slow");
		return -ENOBUFS;
	}
	queue(w, opcode, p, n);
	return 0;
}

int
ws_text(struct ws *w, const char *p, size_t n)
{
	return send_message(w, WSLAY_TEXT_FRAME, p, n);
}

int
ws_binary(struct ws *w, const void *p, size_t n)
{
	return send_message(w, WSLAY_BINARY_FRAME, p, n);
}

void
ws_ping(struct ws *w)
{
	if (w->state == WS_OPEN)
		queue(w, WSLAY_PING, NULL, 0);
}

/* As much of the words as a close frame takes, without half a character. */
static size_t
reason_length(const char *s)
{
	size_t	n = strlen(s);

	if (n > WS_MAX_REASON)
		for (n = WS_MAX_REASON; n > 0 && (s[n] & 0xc0) == 0x80; n--)
			;
	return n;
}

void
ws_close(struct ws *w, int code, const char *why)
{
	if (why == NULL)
		why = "";
	if (w->state == WS_OPENING) {
		ws_fail(w, 0, *why != '\0' ? why : "closed by us");
		return;
	}
	if (w->state != WS_OPEN)
		return;
	w->state = WS_CLOSING;
	wslay_event_queue_close(ws_context(w), (uint16_t)code,
	    (const uint8_t *)why, reason_length(why));
	flush(w);
	if (w->held.len == 0)		/* else first its turn */
		ws_limit(w, WS_CLOSE_MS);
}

void
ws_cork(struct ws *w, int on)
{
	w->corked = on != 0;
	if (!on && w->out.len > 0 && w->stream != NULL)
		stream_write_take(w->stream, &w->out);
}

size_t
ws_pending(const struct ws *w)
{
	return w->stream != NULL ? stream_pending(w->stream) + w->out.len : 0;
}

/* -- receiving -- */

static const char *
fault_words(int code)
{
	switch (code) {
	case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA:
		return "the peer's text is not UTF-8";
	case WSLAY_CODE_MESSAGE_TOO_BIG:
		return "the peer's message is too large";
	case WSLAY_CODE_POLICY_VIOLATION:
		return "the peer's message has too many pieces";
	default:
		return "the peer broke the WebSocket protocol";
	}
}

/* wslay reads no further: the peer has closed or broken the rules. */
static void
input_ended(struct ws *w)
{
	int	sent = wslay_event_get_status_code_sent(w->wslay);

	if (wslay_event_get_close_received(w->wslay)
	    || w->code != WSLAY_CODE_ABNORMAL_CLOSURE)
		end_in_order(w, "closed by the peer");
	else
		end_in_order(w, fault_words(w->state == WS_OPEN ? sent : 0));
}

static void
input_whole(struct ws *w, const char *p, size_t n)
{
	wslay_event_context_ptr	ctx;
	int			rc;

	if (n == 0 || (w->state != WS_OPEN && w->state != WS_CLOSING))
		return;
	ctx = ws_context(w);
	w->in = p;
	w->in_len = n;
	w->fed += n;
	w->eating = 1;
	rc = wslay_event_recv(ctx);
	w->eating = 0;
	w->in_len = 0;
	flush(w);
	if (rc != 0 || !wslay_event_get_read_enabled(ctx))
		input_ended(w);
	else if (ws_pending(w) > WS_MAX_PENDING + WS_MAX_MESSAGE)
		ws_fail(w, UV_ENOBUFS, "the peer pings and does not read");
	else
		ws_context_rest(w);
}

/* What is left of the last frame comes before what is new. */
void
ws_input(struct ws *w, const char *p, size_t n)
{
	struct buf	all = w->part;
	size_t		used = 0;
	int		partial = 0;

	w->part = (struct buf)BUF_INIT;
	if (all.len > 0) {
		buf_add(&all, p, n);
		p = all.p;
		n = all.len;
	}
	if (w->state == WS_OPEN && w->wslay == NULL)
		used = ws_quick(w, p, n, &partial);
	if (partial)
		buf_add(&w->part, p + used, n - used);
	else
		input_whole(w, p + used, n - used);
	buf_release(&all);
}

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct ws	*w = arg;

	(void)s;
	if (w->held.len > 0)		/* its turn is still to come */
		buf_add(&w->held, p, n);
	else
		ws_input(w, p, n);
}

static void
on_drained(struct stream *s, void *arg)
{
	struct ws	*w = arg;

	(void)s;
	if (w->state == WS_OPEN)
		w->ev->drained(w, w->arg);
}

static void
on_timer(uv_timer_t *t)
{
	struct ws	*w = t->data;
	struct buf	 b = w->held;

	if (w->state == WS_OPENING) {
		ws_fail(w, UV_ETIMEDOUT, "no answer to the handshake in time");
	} else if (b.len > 0) {
		w->held = (struct buf)BUF_INIT;
		if (w->state == WS_CLOSING)
			ws_limit(w, WS_CLOSE_MS);
		ws_input(w, b.p, b.len);
		buf_release(&b);
	} else if (w->state == WS_CLOSING) {
		ws_fail(w, UV_ETIMEDOUT, "no answer to the close in time");
	}
}

void
ws_limit(struct ws *w, int64_t ms)
{
	if (ms > 0)
		uv_update_time(w->timer.loop);	/* or it comes too early */
	uv_timer_start(&w->timer, on_timer, (uint64_t)ms, 0);
}

/* -- the beginning -- */

struct ws *
ws_new(uv_loop_t *loop, const struct ws_events *ev, size_t max, void *arg)
{
	struct ws	*w = xcalloc(1, sizeof(*w));

	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	w->ev = ev;
	w->arg = arg;
	w->max = max != 0 ? max : WS_MAX_MESSAGE;
	w->code = WSLAY_CODE_ABNORMAL_CLOSURE;
	w->retry_after = -1;
	return w;
}

void
ws_opened(struct ws *w, struct stream *s)
{
	static const struct stream_events	plain = {
		.data = on_data, .closed = ws_stream_closed
	}, flow = {
		.data = on_data, .drained = on_drained,
		.closed = ws_stream_closed
	};

	w->stream = s;
	w->state = WS_OPEN;
	uv_timer_stop(&w->timer);
	snprintf(w->peer, sizeof(w->peer), "%s", stream_peer(s));
	stream_set_events(s, w->ev->drained != NULL ? &flow : &plain, w);
}

struct ws *
ws_adopt(struct stream *s, const char *leftover, size_t n,
    const struct ws_events *ev, size_t max, void *arg)
{
	struct ws	*w = ws_new(stream_loop(s), ev, max, arg);

	w->server = 1;
	ws_opened(w, s);
	if (n > 0) {
		buf_add(&w->held, leftover, n);
		ws_limit(w, 0);
	}
	return w;
}

void
ws_accept_key(const char *key, char out[WS_ACCEPT_SIZE])
{
	static const char	guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char		hash[20];
	char			*text = xasprintf("%s%s", key, guid);

	if (mbedtls_sha1((unsigned char *)text, strlen(text), hash) != 0)
		die(EXIT_BUG, "SHA-1 failed");
	free(text);
	base64_encode(hash, sizeof(hash), out);
}

int
ws_key_valid(const char *key)
{
	unsigned char	bytes[16];
	size_t		n;

	return base64_decode(key, strlen(key), bytes, sizeof(bytes), &n) == 0
	    && n == sizeof(bytes);
}

/* -- questions -- */

const char *
ws_peer(const struct ws *w)
{
	return w->peer[0] != '\0' ? w->peer : "unknown";
}

int
ws_refused_status(const struct ws *w)
{
	return w->status;
}

int
ws_retry_after(const struct ws *w)
{
	return w->retry_after;
}
