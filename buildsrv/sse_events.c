/*
 * A caller's events.  A follower that is live gets each as it is read for
 * all; one that is behind reads by itself until it has caught up.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sse_private.h"

/* What one event looks like on the wire; nothing for what nobody sees. */
static void
event_text(const struct server *s, const json_t *event, struct buf *b)
{
	json_t	*view = event_view(s, event);
	char	*text;

	if (view == NULL)
		return;
	text = json_text(view);
	buf_printf(b, "id: %lld\nevent: %s\ndata: %s\n\n",
	    (long long)json_int(event, "seq", 0), json_str(event, "type", ""),
	    text);
	free(text);
	json_decref(view);
}

void
streams_event(struct streams *st, const json_t *event)
{
	const json_t	*job = json_object_get(event, "data");
	const char	*user = json_str(event, "user", "");
	const char	*id = json_str(job, "id", "");
	int64_t		 seq = json_int(event, "seq", 0);
	struct buf	 text = BUF_INIT;
	struct link	*l, *next;
	struct follower	*f;

	if (st == NULL)
		return;
	LIST_EACH(l, next, &st->followers) {
		f = LIST_ITEM(l, struct follower, link);
		if (f->job != NULL) {
			if (strcmp(f->job, id) == 0)
				follower_job(f, job);
			continue;
		}
		if (f->agent != NULL || !f->live || f->cursor >= seq || (f->user != NULL &&
		    strcmp(f->user, user) != 0))
			continue;
		if (follower_held(f)) {
			f->live = 0;
			follower_again(f);
			continue;
		}
		if (text.len == 0)
			event_text(st->server, event, &text);
		http_stream_write(f->req, text.p, text.len);
		f->cursor = seq;
	}
	buf_release(&text);
}

static void
on_missed(int rc, const json_t *page, void *arg)
{
	struct follower	*f = arg;
	struct buf	 text = BUF_INIT;
	struct server	*s;
	json_t		*event;
	size_t		 i;

	if (follower_gone(f))
		return;
	if (rc < 0) {			/* it comes back, and goes on there */
		log_warn("events", "cannot be read: %s", errstr(rc));
		follower_end(f);
		return;
	}
	s = f->streams->server;
	if (json_bool(page, "gap", 0))
		buf_printf(&text, "event: gap\ndata: {\"first\":%lld}\n\n",
		    (long long)json_int(page, "first", 0));
	json_array_foreach(json_object_get(page, "items"), i, event)
		event_text(s, event, &text);
	http_stream_write(f->req, text.p, text.len);
	buf_release(&text);
	/* Less than it was, where the client knew another, longer log. */
	f->cursor = json_int(page, "next", f->cursor);
	f->live = f->cursor >= events_head(s->events);
	if (!f->live)
		follower_again(f);
}

void
follower_read_events(struct follower *f)
{
	f->reading = 1;
	f->more = 0;
	store_event_read(f->streams->server->store, f->cursor, f->user,
	    SSE_EVENTS, on_missed, f);
}

/* -- GET /api/events -- */

/*
 * Where to go on from is the caller's own last event, not the log's end:
 * that would tell of what others do.
 */
static void
on_page(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*list, *view;
	const json_t	*event;
	int64_t		 next = c->number, end = json_int(page, "next", 0);
	size_t		 i;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	list = json_array();
	json_array_foreach(json_object_get(page, "items"), i, event) {
		next = json_int(event, "seq", next);
		if ((view = event_view(c->server, event)) != NULL)
			json_array_append_new(list, view);
	}
	call_json(c, 200, json_pack("{sb so sI sb}", "success", 1, "events",
	    list, "next", (json_int_t)(next < end ? next : end),
	    "gap", json_bool(page, "gap", 0)));
}

static void
follow_events(struct call *c, int64_t after, const char *user)
{
	struct server	*s = c->server;
	struct follower	*f;
	char		*whose = user != NULL ? xstrdup(user) : NULL;

	if (!follower_fits(c)) {
		free(whose);
		return;
	}
	/* Without a number: what has not been handed out yet is new. */
	f = follower_new(c, after >= 0 ? after : events_head(s->events));
	f->user = whose;
	f->live = f->cursor == events_head(s->events);
	if (!f->live)
		follower_again(f);
}

void
event_list(struct call *c)
{
	enum { NOT_GIVEN = -2 };
	char		*follow = http_query(c->req, "follow");
	char		*all = http_query(c->req, "all");
	const char	*user = c->admin && all != NULL ? NULL : c->user;
	int		 stream = follow != NULL || sse_wanted(c);
	int64_t		 after, limit;

	free(follow);
	free(all);
	if (call_query(c, "after|limit|all|follow") < 0 ||
	    (after = call_number(c, "after", stream ? NOT_GIVEN : 0,
	    INT64_MAX / 2)) == -1 ||
	    (limit = call_number(c, "limit", MAX_PAGE, MAX_PAGE)) < 0)
		return;
	if (limit == 0) {
		call_error(c, 400, "limit", "limit must be from 1 to %d",
		    MAX_PAGE);
	} else if (!stream) {
		c->number = after;
		store_event_read(c->server->store, after, user,
		    (size_t)limit, on_page, c);
	} else if (follower_last_id(c, &after) >= 0)
		follow_events(c, after, user);
}
