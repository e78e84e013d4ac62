/*
 * The server: it has listeners (httpd_listen.c) and connections
 * (httpd_conn.c).  Stopped, it closes what rests, gives the others some time,
 * and is gone when the last connection and handle are.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "httpd_impl.h"
#include "log.h"
#include "stream.h"

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
httpd_set_large(struct httpd *h, const char *prefix, size_t n)
{
	h->large = prefix;
	h->max_large = n;
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
void
httpd_check_stopped(struct httpd *h)
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
			conn_finish(c);
	}
	uv_timer_start(&h->grace, on_grace, (uint64_t)grace_ms, 0);
	httpd_check_stopped(h);
}
