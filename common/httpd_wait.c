/*
 * What connections wait for, and for how long.  Each kind of wait has one
 * length, so each list is in the order of its ends: a sweep looks at fronts.
 */
#include "httpd_impl.h"
#include "stream.h"

static void	on_next(uv_timer_t *);

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

static void
expire(struct http_conn *c)
{
	size_t	unsent = stream_pending(c->stream);

	switch ((enum conn_wait)c->wait) {
	case WAIT_HEAD:
		if (c->in.len > 0)
			request_refuse(c, 408,
			    "the request's head took too long");
		else
			conn_finish(c);
		break;
	case WAIT_BODY:		/* drops do not keep it alive */
		if (c->req->body.len - c->unsent < HTTPD_BODY_LEAST) {
			request_refuse(c, 408,
			    "the request's body took too long");
			break;
		}
		c->unsent = c->req->body.len;
		conn_wait(c, WAIT_BODY);
		break;
	case WAIT_IDLE:
		conn_finish(c);
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

void
httpd_sweep(uv_timer_t *t)
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
