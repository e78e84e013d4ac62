/*
 * Events on their way from the store to the listeners.  Each is read once
 * for all who are live; the rest of the work is for those who were away, or
 * read more slowly than things happen.
 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "notify_private.h"
#include "store.h"

/* From now on it reads by itself, when its client has taken what waits. */
static void
fall_behind(struct listener *l)
{
	l->live = 0;
	deadline_start(&l->notify->retries, &l->again);
}

/* Whether it could be sent; else the listener is behind. */
static int
listener_send(struct listener *l, const char *type, json_t *view,
    int64_t seq)
{
	char	number[24];

	if (socketio_pending(l->socket) > NOTIFY_HIGH) {
		fall_behind(l);
		return 0;
	}
	snprintf(number, sizeof(number), "%lld", (long long)seq);
	socketio_emit(l->socket, json_pack("[sOs]", type, view, number),
	    NULL, 0, NULL, NULL);
	l->cursor = seq;
	return 1;
}

/* What is shown of an event; NULL for nothing. */
static json_t *
view_of(struct notify *n, const json_t *event)
{
	json_t	*v = n->options.view(n->options.arg, event);

	if (v == NULL)
		return NULL;
	json_object_set_new(v, "seq", json_integer(json_int(event, "seq", 0)));
	return v;
}

/* -- for all who are live -- */

static void
give_out(struct notify *n, const json_t *event)
{
	const char		*user = json_str(event, "user", "");
	int64_t			 seq = json_int(event, "seq", 0);
	struct notify_audience	*a;
	struct listener		*l;
	struct link		*i, *next;
	json_t			*view;

	HASH_FIND_STR(n->audiences, user, a);
	if (a == NULL || (view = view_of(n, event)) == NULL)
		return;
	LIST_EACH(i, next, &a->listeners) {
		l = LIST_ITEM(i, struct listener, link);
		if (l->live && l->cursor < seq)
			listener_send(l, json_str(event, "type", ""), view,
			    seq);
	}
	json_decref(view);
}

static void	read_on(struct notify *);

static void
on_events(int rc, const json_t *result, void *arg)
{
	struct notify	*n = arg;
	const json_t	*items = json_object_get(result, "items");
	size_t		 i;

	n->reading = 0;
	if (rc < 0) {			/* the next event tries again */
		log_warn("notify", "events cannot be read: %s", errstr(rc));
		return;
	}
	for (i = 0; i < json_array_size(items); i++)
		give_out(n, json_array_get(items, i));
	n->head = json_int(result, "next", n->head);
	read_on(n);
}

/* Reads further, or until on_events() is called. */
static void
read_on(struct notify *n)
{
	if (n->audiences == NULL)	/* nobody to tell */
		n->head = n->known;
	if (n->reading || n->head >= n->known)
		return;
	n->reading = 1;
	store_event_read(n->options.store, n->head, NULL, NOTIFY_CHUNK,
	    on_events, n);
}

void
notify_watch(int64_t seq, const char *job, void *arg)
{
	struct notify	*n = arg;

	if (job != NULL || seq <= n->known)
		return;
	n->known = seq;
	read_on(n);
}

/* -- for one who is behind -- */

/* Whether it could be sent, or is not for users to see. */
static int
listener_show(struct listener *l, const json_t *event)
{
	json_t	*view = view_of(l->notify, event);
	int	 sent = view == NULL || listener_send(l, json_str(event,
		    "type", ""), view, json_int(event, "seq", 0));

	json_decref(view);
	return sent;
}

static void
on_missed(int rc, const json_t *result, void *arg)
{
	struct listener	*l = arg;
	const json_t	*items = json_object_get(result, "items");
	size_t		 i;

	l->reading = 0;
	if (l->socket == NULL) {
		listener_release(l);
		return;
	}
	if (rc < 0) {
		log_warn("notify", "missed events cannot be read: %s",
		    errstr(rc));
		fall_behind(l);
		return;
	}
	for (i = 0; i < json_array_size(items); i++)
		if (!listener_show(l, json_array_get(items, i)))
			return;
	/* Less than the cursor: the client knew another, longer log. */
	l->cursor = json_int(result, "next", l->cursor);
	l->live = l->cursor >= l->notify->head;
	if (!l->live)
		deadline_start(&l->notify->turns, &l->again);
}

void
listener_catch_up(struct deadline *d)
{
	struct listener	*l = LIST_ITEM(d, struct listener, again);

	if (socketio_pending(l->socket) > NOTIFY_HIGH) {
		fall_behind(l);
		return;
	}
	l->reading = 1;
	store_event_read(l->notify->options.store, l->cursor,
	    l->audience->user, NOTIFY_CHUNK, on_missed, l);
}

void
listener_begin(struct listener *l)
{
	/* A number that we never gave is looked into as well. */
	l->live = l->cursor == l->notify->head;
	if (!l->live)
		deadline_start(&l->notify->turns, &l->again);
}
