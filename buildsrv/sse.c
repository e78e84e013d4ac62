/*
 * Server-sent events (WHATWG HTML, 9.2): a caller's events (sse_events.c),
 * the log of a job while it is built (sse_log.c), or what an agent reports
 * (sse_agent.c).
 *
 * A follower has all up to its cursor, and reads on from there.  Who reads
 * more slowly than things happen has them wait in the store, not in memory:
 * it is held, and looked at again when its connection has taken some.
 *
 * The peer's leaving comes by on_gone(), an end of ours is follower_end();
 * memory goes when no read is under way any more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sse_private.h"

static void	on_look(uv_timer_t *);
static void	on_turn(uv_timer_t *);

/* -- the end of a follower -- */

static void
follower_free(struct follower *f)
{
	if (f->req != NULL || f->reading)
		return;
	json_decref(f->end);
	free(f->account);
	free(f->user);
	free(f->job);
	free(f->agent);
	free(f);
}

static void
follower_leave(struct follower *f)
{
	list_remove(&f->link);
	list_remove(&f->again);
	f->streams->n--;
	f->req = NULL;
}

static void
on_gone(struct http_req *q)
{
	struct follower	*f = q->user;

	follower_leave(f);
	follower_free(f);
}

void
follower_end(struct follower *f)
{
	struct http_req	*q = f->req;

	follower_leave(f);
	http_stream_end(q);
	follower_free(f);
}

int
follower_gone(struct follower *f)
{
	f->reading = 0;
	if (f->req != NULL)
		return 0;
	follower_free(f);
	return 1;
}

/* -- what waits -- */

void
follower_again(struct follower *f)
{
	struct streams	*st = f->streams;

	list_remove(&f->again);
	list_append(&st->again, &f->again);
	uv_timer_start(&st->turn, on_turn, 0, 0);
}

int
follower_held(const struct follower *f)
{
	return http_stream_pending(f->req) > SSE_WAITING;
}

/* Those that want another turn when they had theirs get it in the next. */
static void
on_turn(uv_timer_t *t)
{
	struct streams	*st = t->data;
	struct follower	*f;
	struct link	 todo, *l, *next;

	list_init(&todo);
	LIST_EACH(l, next, &st->again) {
		list_remove(l);
		list_append(&todo, l);
	}
	while (!list_empty(&todo)) {
		f = LIST_ITEM(todo.next, struct follower, again);
		list_remove(&f->again);
		if (follower_held(f)) {
			list_append(&st->held, &f->again);
			uv_timer_start(&st->look, on_look, SSE_HELD_MS, 0);
		} else if (f->reading)
			f->more = 1;
		else if (f->job != NULL)
			follower_read_log(f);
		else if (f->agent != NULL)
			follower_read_reports(f);
		else
			follower_read_events(f);
	}
}

static void
on_look(uv_timer_t *t)
{
	struct streams	*st = t->data;
	struct link	*l, *next;

	LIST_EACH(l, next, &st->held)
		follower_again(LIST_ITEM(l, struct follower, again));
}

static void
on_beat(uv_timer_t *t)
{
	struct streams	*st = t->data;
	struct link	*l, *next;
	struct follower	*f;

	LIST_EACH(l, next, &st->followers) {
		f = LIST_ITEM(l, struct follower, link);
		if (!follower_held(f))
			http_stream_write(f->req, ":\n\n", 3);
	}
}

/* -- the beginning -- */

int
follower_fits(struct call *c)
{
	struct streams	*st = c->server->streams;
	struct link	*l, *next;
	int		 own = 0;

	if (st == NULL || st->stopping) {
		http_set(c->req, "Retry-After", "2");
		call_error(c, 503, NULL, "the server stops");
		return 0;
	}
	LIST_EACH(l, next, &st->followers)
		own += strcmp(LIST_ITEM(l, struct follower, link)->account,
		    c->user) == 0;
	if (own < SSE_OF_ONE && st->n < SSE_FOLLOWERS)
		return 1;
	http_set(c->req, "Retry-After", "5");
	call_error(c, 429, NULL, "too many open streams");
	return 0;
}

int
follower_last_id(struct call *c, int64_t *id)
{
	const char	*text = http_header(c->req, "last-event-id");
	size_t		 n;

	if (text == NULL || *text == '\0')
		return 0;
	n = strspn(text, "0123456789");
	if (text[n] == '\0' && n <= 18) {
		*id = strtoll(text, NULL, 10);
		return 1;
	}
	call_error(c, 400, "Last-Event-ID", "Last-Event-ID must be one that "
	    "was given out");
	return -1;
}

struct follower *
follower_new(struct call *c, int64_t cursor)
{
	struct streams	*st = c->server->streams;
	struct follower	*f = xcalloc(1, sizeof(*f));
	char		 text[32];
	int		 n;

	f->streams = st;
	f->req = c->req;
	f->account = xstrdup(c->user);
	f->cursor = cursor;
	list_append(&st->followers, &f->link);
	list_init(&f->again);
	st->n++;
	c->req->user = f;
	http_set(c->req, "Cache-Control", "no-store");
	http_set(c->req, "X-Accel-Buffering", "no");	/* nginx passes it on */
	http_stream_begin(c->req, 200, "text/event-stream", on_gone);
	n = snprintf(text, sizeof(text), "retry: %d\n\n", SSE_RETRY_MS);
	http_stream_write(f->req, text, (size_t)n);
	call_free(c);
	return f;
}

int
sse_wanted(const struct call *c)
{
	const char	*accept = http_header(c->req, "accept");

	return accept != NULL && strcasestr(accept, "text/event-stream");
}

/* -- the whole -- */

struct streams *
streams_new(struct server *s)
{
	struct streams	*st = xcalloc(1, sizeof(*st));

	st->server = s;
	list_init(&st->followers);
	list_init(&st->again);
	list_init(&st->held);
	uv_timer_init(s->loop, &st->beat);
	uv_timer_init(s->loop, &st->turn);
	uv_timer_init(s->loop, &st->look);
	st->beat.data = st->turn.data = st->look.data = st;
	st->timers = 3;
	uv_timer_start(&st->beat, on_beat, SSE_BEAT_MS, SSE_BEAT_MS);
	return st;
}

size_t
streams_count(const struct streams *st)
{
	return st != NULL ? st->n : 0;
}

void
streams_drop(struct streams *st, const char *user)
{
	struct link	*l, *next;
	struct follower	*f;

	if (st == NULL)
		return;
	LIST_EACH(l, next, &st->followers) {
		f = LIST_ITEM(l, struct follower, link);
		if (user == NULL || strcmp(f->account, user) == 0)
			follower_end(f);
	}
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct streams	*st = h->data;

	if (--st->timers > 0)
		return;
	st->stopped(st->stopped_arg);
	free(st);
}

void
streams_stop(struct streams *st, void (*done)(void *), void *arg)
{
	st->stopping = 1;
	st->stopped = done;
	st->stopped_arg = arg;
	streams_drop(st, NULL);
	uv_close((uv_handle_t *)&st->beat, on_timer_closed);
	uv_close((uv_handle_t *)&st->turn, on_timer_closed);
	uv_close((uv_handle_t *)&st->look, on_timer_closed);
}
