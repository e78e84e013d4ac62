/*
 * A stream of events.  It connects, and gives each event out as it comes;
 * what ends without event() having said so is a loss: after a pause, which
 * grows, it connects anew with Last-Event-ID, so that no event is missed and
 * none comes twice.  A server that is silent for FOLLOW_SILENCE, keep-alives
 * included, counts as lost; one that is lost for FOLLOW_PATIENCE is given up.
 *
 * follow_end() is the one way out: it ends the request and closes the timer,
 * and when both have gone ended() is called and the memory goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http.h"
#include "json.h"
#include "muster.h"
#include "muster_sse.h"

struct follow {
	const struct client		*client;
	const struct follow_events	*ev;
	void				*arg;
	char				*path;
	struct sse			 sse;
	struct httpc			*req;	/* NULL: none under way */
	uv_timer_t			 again;
	struct answer			 answer;	/* why it ended */
	enum follow_end			 end;
	int64_t				 lost_at;	/* 0: it is not */
	int64_t				 pause;
	unsigned			 begun : 1;	/* it has worked once */
	unsigned			 ending : 1;
	unsigned			 closed : 1;	/* the timer is */
};

/* -- the end -- */

static void
gone(struct follow *f)
{
	if (!f->closed || f->req != NULL)
		return;
	f->ev->ended(f->end, &f->answer, f->arg);
	answer_release(&f->answer);
	sse_release(&f->sse);
	free(f->path);
	free(f);
}

static void
on_closed(uv_handle_t *h)
{
	struct follow	*f = h->data;

	f->closed = 1;
	gone(f);
}

static void
follow_end(struct follow *f, enum follow_end how)
{
	if (f->ending)
		return;
	f->ending = 1;
	f->end = how;
	uv_close((uv_handle_t *)&f->again, on_closed);
	if (f->req != NULL)
		httpc_cancel(f->req);
}

void
follow_stop(struct follow *f)
{
	follow_end(f, FOLLOW_DONE);
}

/* -- the stream -- */

static int
on_event(const struct sse_event *e, void *arg)
{
	struct follow	*f = arg;

	return f->ev->event(e, f->arg) != 0 ? UV_ECANCELED : 0;
}

static int
on_bytes(const char *p, size_t n, void *arg)
{
	struct follow	*f = arg;
	int		 rc;

	f->begun = 1;
	f->lost_at = 0;
	f->pause = FOLLOW_PAUSE;
	if ((rc = sse_feed(&f->sse, p, n)) == UV_ECANCELED)
		follow_end(f, FOLLOW_DONE);
	if (rc == 0 && f->ev->alive != NULL)
		f->ev->alive(f->arg);
	return rc;
}

static void
on_head(const struct httpc_answer *a, void *arg)
{
	struct follow	*f = arg;
	const char	*type = httpc_header(a->req, "content-type");

	if (a->status == 200 && (type == NULL ||
	    strncmp(type, "text/event-stream", 17) != 0))
		follow_end(f, FOLLOW_PLAIN);
}

static void	connect_now(struct follow *);

static void
on_again(uv_timer_t *t)
{
	connect_now(t->data);
}

static void
try_again(struct follow *f)
{
	int64_t	now = clock_mono_ms(), wait = f->pause;

	if (f->lost_at == 0) {
		f->lost_at = now;
		if (f->ev->lost != NULL)
			f->ev->lost(f->answer.why, f->arg);
	}
	if (now - f->lost_at >= FOLLOW_PATIENCE) {
		follow_end(f, FOLLOW_FAILED);
		return;
	}
	if (f->sse.retry_ms > wait)
		wait = f->sse.retry_ms;
	if (f->answer.retry_s * 1000 > wait)
		wait = f->answer.retry_s * 1000 < FOLLOW_SILENCE ?
		    f->answer.retry_s * 1000 : FOLLOW_SILENCE;
	if ((f->pause *= 2) > FOLLOW_PAUSE_MAX)
		f->pause = FOLLOW_PAUSE_MAX;
	uv_timer_start(&f->again, on_again, (uint64_t)wait, 0);
}

/* Keeps why a connection ended, for who asks in the end. */
static void
keep_answer(struct follow *f, const struct httpc_answer *a)
{
	struct json_err	e;

	answer_release(&f->answer);
	f->answer = answer_of(a, &e);
	if (a->rc == 0)
		f->answer.why = xstrdup(a->status < 300 ? "the stream ended" :
		    http_status_text(a->status));
}

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct follow	*f = arg;
	int		 good = a->rc == 0 && a->status < 300;

	f->req = NULL;
	if (f->ending) {
		gone(f);
		return;
	}
	keep_answer(f, a);
	sse_restart(&f->sse);
	/* What is too long now will be too long again. */
	if (good || (f->begun && a->rc != -EMSGSIZE &&
	    answer_passes(&f->answer)))
		try_again(f);
	else
		follow_end(f, FOLLOW_FAILED);
}

static void
connect_now(struct follow *f)
{
	const struct client	*c = f->client;
	char			*url = client_url(c, f->path);
	char			 headers[128 + SSE_MAX_ID];
	struct httpc_options	 o = {
		.bearer = c->key, .tls = c->tls, .headers = headers,
		.timeout_ms = c->silence_ms != 0 ? c->silence_ms :
		    FOLLOW_SILENCE,
		.sink = on_bytes, .head = on_head
	};

	snprintf(headers, sizeof(headers),
	    "Accept: text/event-stream\r\nCache-Control: no-store\r\n%s%s%s",
	    f->sse.id[0] != '\0' ? "Last-Event-ID: " : "", f->sse.id,
	    f->sse.id[0] != '\0' ? "\r\n" : "");
	f->req = httpc_start(c->loop, url, &o, on_done, f);
	free(url);
}

struct follow *
follow_start(const struct client *c, const char *path,
    const struct follow_events *ev, void *arg)
{
	struct follow	*f = xcalloc(1, sizeof(*f));

	f->client = c;
	f->ev = ev;
	f->arg = arg;
	f->path = xstrdup(path);
	f->pause = FOLLOW_PAUSE;
	sse_init(&f->sse, on_event, f);
	uv_timer_init(c->loop, &f->again);
	f->again.data = f;
	connect_now(f);
	return f;
}

/* -- as a plain call -- */

struct run {
	const struct client	*client;
	int			(*event)(const struct sse_event *, void *);
	void			*arg;
	struct follow		*follow;
	enum follow_end		 end;
	int			 ended;
};

static int
run_event(const struct sse_event *e, void *arg)
{
	struct run	*r = arg;

	return r->event(e, r->arg);
}

/* With each chunk, keep-alives too. */
static void
run_alive(void *arg)
{
	(void)arg;
	out_flush();
}

static void
run_lost(const char *why, void *arg)
{
	const struct run	*r = arg;

	log_warn(NULL, "%s: %s; connecting anew", r->client->name, why);
}

static void
run_ended(enum follow_end end, const struct answer *a, void *arg)
{
	struct run	*r = arg;

	r->end = end;
	r->ended = 1;
	if (end == FOLLOW_FAILED)
		die(answer_code(a), "%s", answer_words(r->client, a));
}

enum follow_end
follow_run(const struct client *c, const char *path,
    int (*event)(const struct sse_event *, void *), void *arg)
{
	static const struct follow_events	events = {
		run_event, run_alive, run_lost, run_ended
	};
	struct run				r = {
		.client = c, .event = event, .arg = arg
	};

	r.follow = follow_start(c, path, &events, &r);
	while (!r.ended)
		uv_run(c->loop, UV_RUN_ONCE);
	out_flush();
	return r.end;
}
