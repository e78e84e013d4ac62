/*
 * wslay makes and takes the frames, checks their form and UTF-8, answers
 * pings and closes.  Its context is there only while it holds something.
 */
#include <string.h>

#include "crypto.h"
#include "log.h"
#include "ws_impl.h"

/* -- what wslay calls -- */

static ssize_t
on_recv(wslay_event_context_ptr ctx, uint8_t *p, size_t max, int flags,
    void *arg)
{
	struct ws	*w = arg;
	size_t		 n = w->in_len < max ? w->in_len : max;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(p, w->in, n);
	w->in += n;
	w->in_len -= n;
	return (ssize_t)n;
}

static ssize_t
on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags,
    void *arg)
{
	struct ws	*w = arg;

	(void)ctx;
	(void)flags;
	buf_add(&w->out, p, n);
	return (ssize_t)n;
}

static int
on_mask(wslay_event_context_ptr ctx, uint8_t *p, size_t n, void *arg)
{
	(void)ctx;
	(void)arg;
	crypto_random(p, n);
	return 0;
}

/* The lengths tell when wslay is between frames. */
static void
on_frame(wslay_event_context_ptr ctx,
    const struct wslay_event_on_frame_recv_start_arg *f, void *arg)
{
	struct ws	*w = arg;
	uint64_t	 n = f->payload_length;

	w->frame = 2 + (n > 0xffff ? 8 : n > 125 ? 2 : 0)
	    + (w->server ? 4 : 0) + (size_t)n;
	w->opcode = f->opcode;
	if (wslay_is_ctrl_frame(f->opcode))
		return;
	w->frames = f->fin ? 0 : w->frames + 1;
	if (w->frames > WS_MAX_FRAMES) {
		wslay_event_queue_close(ctx, WSLAY_CODE_POLICY_VIOLATION,
		    NULL, 0);
		wslay_event_shutdown_read(ctx);
	}
}

static void
on_piece(wslay_event_context_ptr ctx,
    const struct wslay_event_on_frame_recv_chunk_arg *c, void *arg)
{
	struct ws	*w = arg;

	(void)ctx;
	if (w->opcode == WSLAY_CONNECTION_CLOSE)
		buf_add(&w->goodbye, c->data, c->data_length);
}

/* The peer's code, and its words behind it. */
static void
got_close(struct ws *w)
{
	const unsigned char	*p = (unsigned char *)w->goodbye.p;
	size_t			 n = w->goodbye.len;

	w->code = n < 2 ? WSLAY_CODE_NO_STATUS_RCVD : p[0] << 8 | p[1];
	if (n > 2)
		ws_say(w, w->goodbye.p + 2, n - 2);
}

static void
on_frame_end(wslay_event_context_ptr ctx, void *arg)
{
	struct ws	*w = arg;

	(void)ctx;
	w->framed += w->frame;
	/* wslay 1.1 takes the later registered 1012 (restart), 1013 (busy)
	 * and 1014 for faults, and would not tell. */
	if (w->opcode == WSLAY_CONNECTION_CLOSE && w->goodbye.len >= 2
	    && w->goodbye.p[0] == 1012 >> 8
	    && (unsigned char)w->goodbye.p[1] >= (1012 & 0xff)
	    && (unsigned char)w->goodbye.p[1] <= (1014 & 0xff))
		got_close(w);
}

static void
on_msg(wslay_event_context_ptr ctx,
    const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws	*w = arg;

	(void)ctx;
	if (m->opcode == WSLAY_CONNECTION_CLOSE)
		got_close(w);
	if (w->state != WS_OPEN)
		return;
	if (m->opcode == WSLAY_TEXT_FRAME || m->opcode == WSLAY_BINARY_FRAME)
		w->ev->message(w, m->msg != NULL ? (const char *)m->msg : "",
		    m->msg_length, m->opcode == WSLAY_TEXT_FRAME, w->arg);
	else if (m->opcode == WSLAY_PONG && w->ev->pong != NULL)
		w->ev->pong(w, w->arg);
}

/* -- the context -- */

wslay_event_context_ptr
ws_context(struct ws *w)
{
	static const struct wslay_event_callbacks	calls = {
		on_recv, on_send, on_mask, on_frame, on_piece, on_frame_end,
		on_msg
	};
	int	rc;

	if (w->wslay != NULL)
		return w->wslay;
	rc = w->server ? wslay_event_context_server_init(&w->wslay, &calls, w)
	    : wslay_event_context_client_init(&w->wslay, &calls, w);
	if (rc != 0)
		die(EXIT_SYSTEM, "out of memory (WebSocket)");
	wslay_event_config_set_max_recv_msg_length(w->wslay, w->max);
	w->fed = w->framed = 0;
	return w->wslay;
}

void
ws_context_rest(struct ws *w)
{
	if (w->eating || w->state != WS_OPEN || w->frames > 0
	    || w->fed != w->framed)
		return;
	wslay_event_context_free(w->wslay);
	w->wslay = NULL;
}
