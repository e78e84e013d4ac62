/*
 * The server of local talk.  A connection collects a line (c->in), gives it
 * to the handler as a call, and reads no further until that is answered.
 * A call outlives its connection: then its answer is thrown away.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "ipc.h"
#include "json.h"
#include "list.h"
#include "log.h"
#include "platform.h"
#include "stream.h"
#include "unixsock.h"

enum { SWEEP = 500 };		/* ms: how exact the time limits are */

struct ipc {
	uv_pipe_t	 pipe;
	uv_timer_t	 sweep, next;
	struct unixsock	 socket;
	int		(*allowed)(int64_t, void *);
	ipc_handler	 handler;
	void		*arg;
	struct link	 conns;
	int		 nconns;
	int		 held;		/* a connection waits for room */
	int		 stopping;
	int		 handles;	/* not yet closed */
};

struct conn {
	struct ipc	*ipc;
	struct stream	*stream;
	struct link	 link;
	struct ipc_call	*call;		/* not yet answered */
	struct buf	 in;
	size_t		 scanned;	/* of in, without a line's end */
	int64_t		 uid, pid;
	int64_t		 since;		/* the last byte, or answer */
	int		 handling;
	int		 closing;
};

struct ipc_call {
	struct conn	*conn;		/* NULL once that has gone */
	void		(*gone)(void *);
	void		*gone_arg;
	int		 hang_up;
};

/* -- lines -- */

static void
conn_close(struct conn *c)
{
	c->closing = 1;
	stream_close(c->stream);
}

static void
write_line(struct conn *c, json_t *answer)
{
	struct buf	b = BUF_INIT;
	char		*text = json_text(answer);

	buf_adds(&b, text);
	buf_addc(&b, '\n');
	free(text);
	json_decref(answer);
	stream_write_take(c->stream, &b);
	c->since = (int64_t)uv_now(c->ipc->pipe.loop);
}

static void
refuse(struct conn *c, const char *why)
{
	log_debug("ipc", "uid %lld: %s", (long long)c->uid, why);
	write_line(c, json_pack("{sbss}", "success", 0, "error", why));
	conn_close(c);
}

/* Calls the handler, which may answer at once or close the server. */
static void
take_line(struct conn *c, const char *p, size_t n)
{
	struct json_err	e;
	json_t		*request = json_read(p, n, &e);
	char		 why[sizeof(e.path) + sizeof(e.text)];

	if (request == NULL) {
		refuse(c, json_err_str(&e, why, sizeof(why)));
	} else if (!json_is_object(request)) {
		refuse(c, "a request is a JSON object");
	} else {
		c->call = xcalloc(1, sizeof(*c->call));
		c->call->conn = c;
		c->ipc->handler(c->call, request, c->uid, c->pid,
		    c->ipc->arg);
	}
	json_decref(request);
}

/* Takes lines while none waits for its answer. */
static void
conn_step(struct conn *c)
{
	const char	*lf;
	size_t		 n;

	c->handling = 1;
	while (c->call == NULL && !c->closing && c->in.len > c->scanned) {
		lf = memchr(c->in.p + c->scanned, '\n', c->in.len - c->scanned);
		n = lf != NULL ? (size_t)(lf - c->in.p) : c->in.len;
		if (n > IPC_MAX_LINE) {
			refuse(c, "line too long");
			break;
		}
		c->scanned = n;
		if (lf == NULL)
			break;
		take_line(c, c->in.p, n);
		crypto_wipe(c->in.p, n);	/* there may be a secret */
		buf_drop(&c->in, n + 1);
		c->scanned = 0;
	}
	c->handling = 0;
	if (c->in.len == 0)
		buf_release(&c->in);
	if (c->call != NULL)
		stream_pause(c->stream);
	else
		stream_resume(c->stream);
}

/* What came behind an answered line, in a turn of its own: the caller of
 * ipc_answer() may be anywhere. */
static void
on_next(uv_timer_t *t)
{
	struct ipc	*ipc = t->data;
	struct link	*l, *n;

	LIST_EACH(l, n, &ipc->conns)
		conn_step(LIST_ITEM(l, struct conn, link));
}

void
ipc_answer(struct ipc_call *call, json_t *answer)
{
	struct conn	*c = call->conn;
	int		 hang_up = call->hang_up;

	free(call);
	if (c == NULL) {
		json_decref(answer);
		return;
	}
	c->call = NULL;
	write_line(c, answer);
	if (hang_up)
		conn_close(c);
	if (!c->handling && !c->closing)
		uv_timer_start(&c->ipc->next, on_next, 0, 0);
}

void
ipc_part(struct ipc_call *call, json_t *part)
{
	if (call->conn == NULL || call->conn->closing)
		json_decref(part);
	else
		write_line(call->conn, part);
}

void
ipc_on_gone(struct ipc_call *call, void (*gone)(void *), void *arg)
{
	call->gone = gone;
	call->gone_arg = arg;
}

int
ipc_gone(const struct ipc_call *call)
{
	return call->conn == NULL || stream_peer_gone(call->conn->stream);
}

void
ipc_hang_up(struct ipc_call *call)
{
	call->hang_up = 1;
}

/* -- connections -- */

static void	accept_one(struct ipc *);

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct conn	*c = arg;

	(void)s;
	if (c->closing)
		return;
	c->since = (int64_t)uv_now(c->ipc->pipe.loop);
	buf_add(&c->in, p, n);
	if (!c->handling)
		conn_step(c);
}

static void
on_closed(struct stream *s, int rc, void *arg)
{
	struct conn	*c = arg;
	struct ipc	*ipc = c->ipc;
	struct ipc_call	*call;

	(void)s;
	log_debug("ipc", "uid %lld: closed: %s", (long long)c->uid, errstr(rc));
	call = c->call;
	if (call != NULL)
		call->conn = NULL;
	list_remove(&c->link);
	if (--ipc->nconns == 0)
		uv_timer_stop(&ipc->sweep);
	buf_release(&c->in);
	free(c);
	if (call != NULL && call->gone != NULL)
		call->gone(call->gone_arg);
	if (ipc->held)
		accept_one(ipc);
	if (ipc->stopping)
		ipc_stop(ipc);
}

static int
allowed_by_default(int64_t uid, void *arg)
{
	(void)arg;
	return uid == 0 || uid == platform_uid();
}

/* Knows who speaks, and whether he may. */
static int
check_peer(struct conn *c)
{
	struct ipc	*ipc = c->ipc;
	struct link	*l, *n;
	int		 same = 0;

	if (stream_peer_cred(c->stream, &c->uid, &c->pid) < 0)
		c->uid = c->pid = -1;
	if (!ipc->allowed(c->uid, ipc->arg)) {
		log_warn("ipc", "%s: refused uid %lld (pid %lld)",
		    ipc->socket.path, (long long)c->uid, (long long)c->pid);
		return 0;
	}
	LIST_EACH(l, n, &ipc->conns)
		same += LIST_ITEM(l, struct conn, link)->uid == c->uid;
	if (same <= IPC_MAX_PER_UID)
		return 1;
	log_warn("ipc", "%s: uid %lld has too many connections",
	    ipc->socket.path, (long long)c->uid);
	return 0;
}

static void
on_ready(struct stream *s, void *arg)
{
	struct conn	*c = arg;

	(void)s;
	if (!check_peer(c))
		conn_close(c);
}

static void
on_sweep(uv_timer_t *t)
{
	struct ipc	*ipc = t->data;
	int64_t		 now = (int64_t)uv_now(t->loop), rest;
	struct link	*l, *n;
	struct conn	*c;

	LIST_EACH(l, n, &ipc->conns) {
		c = LIST_ITEM(l, struct conn, link);
		rest = now - c->since;
		if (c->closing)
			continue;
		if ((stream_pending(c->stream) > 0 && rest > IPC_TIMEOUT) ||
		    stream_pending(c->stream) > IPC_MAX_PENDING)
			stream_abort(c->stream, UV_ETIMEDOUT);
		else if (c->call != NULL)
			continue;
		else if (c->in.len > 0 && rest > IPC_TIMEOUT)
			refuse(c, "the line's end took too long");
		else if (rest > IPC_IDLE)
			conn_close(c);
	}
}

static void
accept_one(struct ipc *ipc)
{
	static const struct stream_events	ev = {
		.ready = on_ready, .data = on_data, .closed = on_closed
	};
	struct conn	*c;

	ipc->held = ipc->nconns >= IPC_MAX_CONNS;
	if (ipc->held || ipc->stopping)
		return;
	c = xcalloc(1, sizeof(*c));
	c->ipc = ipc;
	c->uid = -1;
	c->since = (int64_t)uv_now(ipc->pipe.loop);
	list_append(&ipc->conns, &c->link);
	if (ipc->nconns++ == 0)
		uv_timer_start(&ipc->sweep, on_sweep, SWEEP, SWEEP);
	c->stream = stream_accept((uv_stream_t *)&ipc->pipe, NULL, IPC_TIMEOUT,
	    &ev, c);
}

static void
on_connection(uv_stream_t *s, int rc)
{
	struct ipc	*ipc = s->data;

	if (rc == 0) {
		accept_one(ipc);
		return;
	}
	log_warn("ipc", "%s: cannot take a connection: %s", ipc->socket.path,
	    errstr(rc));
	uv_sleep(10);		/* out of descriptors: rather slow than spin */
}

/* -- the server -- */

static void
on_handle_closed(uv_handle_t *h)
{
	struct ipc	*ipc = h->data;

	if (--ipc->handles == 0)
		free(ipc);
}

/* Called again for each connection that goes; the last one frees. */
void
ipc_stop(struct ipc *ipc)
{
	struct link	*l, *n;

	if (!ipc->stopping) {
		ipc->stopping = 1;
		unixsock_release(&ipc->socket);
		uv_close((uv_handle_t *)&ipc->pipe, on_handle_closed);
		LIST_EACH(l, n, &ipc->conns)
			conn_close(LIST_ITEM(l, struct conn, link));
	}
	if (ipc->nconns > 0)
		return;
	uv_close((uv_handle_t *)&ipc->sweep, on_handle_closed);
	uv_close((uv_handle_t *)&ipc->next, on_handle_closed);
}

int
ipc_serve(struct ipc **out, uv_loop_t *loop, const char *path, int mode,
    int (*allowed)(int64_t, void *), ipc_handler handler, void *arg)
{
	struct ipc	*ipc = xcalloc(1, sizeof(*ipc));
	int		 rc;

	ipc->allowed = allowed != NULL ? allowed : allowed_by_default;
	ipc->handler = handler;
	ipc->arg = arg;
	list_init(&ipc->conns);
	uv_pipe_init(loop, &ipc->pipe, 0);
	uv_timer_init(loop, &ipc->sweep);
	uv_timer_init(loop, &ipc->next);
	ipc->handles = 3;
	ipc->pipe.data = ipc->sweep.data = ipc->next.data = ipc;
	rc = unixsock_listen(&ipc->socket, &ipc->pipe, path, mode,
	    IPC_MAX_CONNS, on_connection);
#ifdef SIGPIPE
	signal(SIGPIPE, SIG_IGN);	/* a peer that left before its answer */
#endif
	*out = rc == 0 ? ipc : NULL;
	if (rc < 0)
		ipc_stop(ipc);
	return rc;
}
