/*
 * What an agent reported: GET /api/agents/UID/events, a page of it, or from
 * some place on and each as it comes.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "gateway.h"
#include "sse_private.h"

enum { NEWEST = 100 };		/* reports, where no place is given */

static void
report_text(const json_t *report, struct buf *b)
{
	char	*text = json_text(report);

	buf_printf(b, "id: %lld\nevent: %s\ndata: %s\n\n",
	    (long long)json_int(report, "n", 0), json_str(report, "class",
	    "event"), text);
	free(text);
}

static void
on_reports(int rc, const json_t *page, void *arg)
{
	struct follower	*f = arg;
	const json_t	*items = json_object_get(page, "items"), *report;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	if (follower_gone(f))
		return;
	if (rc < 0) {			/* it comes back, and goes on there */
		log_warn("events", "cannot be read: %s", errstr(rc));
		follower_end(f);
		return;
	}
	if (json_bool(page, "gap", 0))
		buf_printf(&b, "event: gap\ndata: {\"first\":%lld}\n\n",
		    (long long)json_int(page, "first", 0));
	json_array_foreach(items, i, report)
		report_text(report, &b);
	f->cursor = json_int(page, "next", f->cursor);
	if (b.len > 0)
		http_stream_write(f->req, b.p, b.len);
	buf_release(&b);
	if (json_array_size(items) > 0 || f->more)
		follower_again(f);
}

void
follower_read_reports(struct follower *f)
{
	f->reading = 1;
	f->more = 0;
	store_history_read(f->streams->server->store, f->agent, f->cursor,
	    SSE_REPORTS, on_reports, f);
}

void
streams_reports(struct streams *st, const char *uid)
{
	struct link	*l, *next;
	struct follower	*f;

	if (st == NULL)
		return;
	LIST_EACH(l, next, &st->followers) {
		f = LIST_ITEM(l, struct follower, link);
		if (f->agent != NULL && strcmp(f->agent, uid) == 0)
			follower_again(f);
	}
}

void
agent_reported(const char *uid, void *arg)
{
	struct server	*s = arg;

	streams_reports(s->streams, uid);
}

/* -- GET /api/agents/UID/events -- */

static void
on_page(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	call_json(c, 200, json_pack("{sb sO sO sO}", "success", 1, "events",
	    json_object_get(page, "items"), "next",
	    json_object_get(page, "next"), "gap",
	    json_object_get(page, "gap")));
}

static void
follow_reports(struct call *c, int64_t after)
{
	struct follower	*f;
	char		*uid = c->param;

	if (!follower_fits(c) || follower_last_id(c, &after) < 0)
		return;
	c->param = NULL;		/* the call goes, the follower stays */
	f = follower_new(c, after);
	f->agent = uid;
	follower_again(f);
}

void
agent_events(struct call *c)
{
	enum { NOT_GIVEN = -2 };
	char	*follow = http_query(c->req, "follow");
	int	 stream = follow != NULL || sse_wanted(c);
	int64_t	 after, limit, last;

	free(follow);
	if (call_query(c, "after|limit|last|follow") < 0 ||
	    (after = call_number(c, "after", NOT_GIVEN, INT64_MAX / 2)) == -1
	    || (last = call_number(c, "last", stream ? 0 : NEWEST,
	    MAX_PAGE)) < 0 || (limit = call_limit(c, MAX_PAGE)) < 0)
		return;
	if (!gateway_knows(c->server->gateway, c->param,
	    c->admin ? NULL : c->user)) {
		call_error(c, 404, NULL, "no such agent");
		return;
	}
	if (after == NOT_GIVEN)		/* past the end is what comes next */
		after = last > 0 ? -last : INT64_MAX / 2;
	if (stream)
		follow_reports(c, after);
	else
		store_history_read(c->server->store, c->param, after,
		    (size_t)limit, on_page, c);
}
