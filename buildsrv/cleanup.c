/*
 * Passes, one after another: the server's own, and one for each who asks.  A
 * pass is a row of steps, each of which works in small goes, on the loop or
 * in a worker, and then says pass_next.  Records go before the files that
 * they lead to, in transactions, and files go in two steps; so it may end,
 * or be killed, anywhere, and the next pass finds the rest.  A step that
 * fails is not the end of the others: on a full disk no record can be
 * changed, but files can go.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "clock.h"
#include "docwalk.h"

static void (*const steps[])(struct pass *) = {
	step_runs, step_jobs, step_tokens, step_events, step_reports, step_files,
	step_releases, step_dirs
};

static void	pass_start(struct cleanup *, struct call *, int dry);

/* -- the end of a pass -- */

static json_t *
pass_view(struct pass *p)
{
	const struct counts	*n = &p->n;

	return json_pack("{sb sb sI sI sI sI sI sI sI sI sI sI sI sO sb}",
	    "success", 1, "dryRun", p->dry, "jobs", (json_int_t)n->jobs,
	    "tokens", (json_int_t)n->tokens,
	    "events", (json_int_t)n->events,
	    "reports", (json_int_t)n->reports,
	    "orphans", (json_int_t)n->orphans,
	    "restored", (json_int_t)n->restored,
	    "files", (json_int_t)n->files, "bytes", (json_int_t)n->bytes,
	    "directories", (json_int_t)n->directories,
	    "temporary", (json_int_t)n->temporary,
	    "ms", (json_int_t)(clock_mono_ms() - p->began),
	    "items", p->items, "truncated", p->truncated);
}

static void
pass_tell(struct pass *p)
{
	const struct counts	*n = &p->n;

	if (p->rc < 0 && p->rc != UV_ECANCELED)
		log_warn("cleanup", "not all could be done: %s",
		    errstr(p->rc));
	if (!p->dry && n->jobs + n->tokens + n->events + n->reports +
	    n->orphans + n->restored + n->files + n->directories + n->temporary > 0)
		log_info("cleanup", "jobs=%" PRId64 " tokens=%" PRId64
		    " events=%" PRId64 " reports=%" PRId64 " orphans=%" PRId64
		    " restored=%" PRId64 " files=%" PRId64 " bytes=%" PRId64
		    " directories=%" PRId64 " temporary=%" PRId64, n->jobs,
		    n->tokens, n->events, n->reports, n->orphans, n->restored, n->files, n->bytes,
		    n->directories, n->temporary);
	if (p->call == NULL)
		return;
	if (p->rc == UV_ECANCELED)
		call_error(p->call, 503, NULL, "the server stops");
	else if (p->rc < 0)
		call_failed(p->call, p->rc);
	else
		call_json(p->call, 200, pass_view(p));
}

/* Whose turn is next, or the end of all. */
static void
cleanup_go_on(struct cleanup *c)
{
	struct call	*call;
	char		*dry;

	if (c->pass != NULL)
		return;
	if (!list_empty(&c->callers)) {
		call = LIST_ITEM(c->callers.next, struct call, link);
		list_remove(&call->link);
		if (c->stopping) {
			call_error(call, 503, NULL, "the server stops");
			cleanup_go_on(c);
			return;
		}
		dry = http_query(call->req, "dryRun");
		pass_start(c, call, dry != NULL);
		free(dry);
	} else if (!c->stopping && c->due) {
		c->due = 0;
		pass_start(c, NULL, 0);
	}
}

static void
cleanup_free(struct cleanup *c)
{
	void	(*stopped)(void *) = c->stopped;
	void	*arg = c->stopped_arg;

	c->server->cleanup = NULL;
	free(c->state_dir);
	free(c->work_dir);
	free(c->template_dir);
	free(c);
	stopped(arg);
}

static void
on_timer_closed(uv_handle_t *h)
{
	cleanup_free(h->data);
}

static void
cleanup_stop_check(struct cleanup *c)
{
	if (c->stopping && c->pass == NULL && list_empty(&c->callers) &&
	    !uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void
on_pass_closed(uv_handle_t *h)
{
	struct pass	*p = h->data;
	struct cleanup	*c = p->cleanup;

	c->pass = NULL;
	json_decref(p->items);
	json_decref(p->runs);
	json_decref(p->agents);
	free(p->cursor);
	free(p->roots);
	free(p->found);
	free(p);
	cleanup_go_on(c);
	cleanup_stop_check(c);
}

static void
pass_end(struct pass *p)
{
	pass_tell(p);
	uv_close((uv_handle_t *)&p->pause, on_pass_closed);
}

/* -- from step to step -- */

int
pass_stopped(const struct pass *p)
{
	return p->cleanup->stopping;
}

static void
on_pause(uv_timer_t *t)
{
	struct pass	*p = t->data;

	p->resume(p);
}

void
pass_pause(struct pass *p, void (*resume)(struct pass *))
{
	p->resume = resume;
	uv_timer_start(&p->pause, on_pause, CLEANUP_PAUSE, 0);
}

void
pass_next(struct pass *p, int rc)
{
	if (p->rc == 0)
		p->rc = rc;
	if (pass_stopped(p))
		p->rc = UV_ECANCELED;
	if (p->rc == UV_ECANCELED || p->step == nitems(steps))
		pass_end(p);
	else
		pass_pause(p, steps[p->step++]);
}

void
pass_note(struct pass *p, const char *what, const char *name)
{
	if (json_array_size(p->items) == CLEANUP_ITEMS)
		p->truncated = 1;
	else
		json_array_append_new(p->items, json_pack("[ss]", what,
		    name));
}

static void
pass_start(struct cleanup *c, struct call *call, int dry)
{
	struct pass	*p = xcalloc(1, sizeof(*p));

	c->pass = p;
	p->cleanup = c;
	p->server = c->server;
	p->call = call;
	p->dry = dry;
	p->now = clock_wall_ms();
	p->began = clock_mono_ms();
	p->items = json_array();
	p->runs = json_object();
	p->work.data = p;
	uv_timer_init(c->server->loop, &p->pause);
	p->pause.data = p;
	pass_next(p, 0);
}

/* -- POST /api/cleanup -- */

void
cleanup_post(struct call *call)
{
	struct cleanup	*c = call->server->cleanup;
	char		*dry;
	int		 bad, real;

	if (call_query(call, "dryRun") < 0 ||
	    (call->req->body_len > 0 && call_body(call, NULL, 0) < 0))
		return;
	dry = http_query(call->req, "dryRun");
	real = dry == NULL;
	bad = !real && strcmp(dry, "1") != 0;
	free(dry);
	if (bad) {
		call_error(call, 400, "dryRun", "dryRun must be 1");
		return;
	}
	if (c == NULL) {
		call_error(call, 503, NULL, "the server stops");
		return;
	}
	if (real)
		audit_note(call, "cleanup", "", "ok");
	list_append(&c->callers, &call->link);
	cleanup_go_on(c);
	cleanup_stop_check(c);
}

/* -- beginning and end -- */

static void
on_timer(uv_timer_t *t)
{
	struct cleanup	*c = t->data;

	c->due = 1;
	cleanup_go_on(c);
}

void
cleanup_start(struct server *s, const struct cleanup_options *o)
{
	struct cleanup	*c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->state_dir = xstrdup(o->state_dir);
	c->work_dir = xstrdup(o->work_dir);
	c->template_dir = xstrdup(o->template_dir);
	c->keep_jobs = o->keep_jobs;
	c->keep_events = o->keep_events;
	c->keep_reports = o->keep_reports;
	c->keep_templates = o->keep_templates;
	c->orphan_grace = o->orphan_grace;
	c->interval = o->interval;
	list_init(&c->callers);
	uv_timer_init(s->loop, &c->timer);
	c->timer.data = c;
	if (c->interval > 0)
		uv_timer_start(&c->timer, on_timer, 0,
		    (uint64_t)c->interval);
	s->cleanup = c;
}

void
cleanup_stop(struct server *s, void (*done)(void *), void *arg)
{
	struct cleanup	*c = s->cleanup;

	c->stopping = 1;
	c->stopped = done;
	c->stopped_arg = arg;
	uv_timer_stop(&c->timer);
	docwalk_stop(s);
	cleanup_go_on(c);
	cleanup_stop_check(c);
}
