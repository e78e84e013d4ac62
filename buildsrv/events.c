/*
 * The feed: what the store says it has is read in order, a chunk at a time,
 * and each event goes to all who listen now.
 */
#include <stdlib.h>

#include "buf.h"
#include "events.h"
#include "metrics.h"
#include "notify.h"
#include "webhooks.h"

enum { CHUNK = 100 };		/* events read at once */

struct events {
	struct server	*server;
	int64_t		 known;		/* on the disk */
	int64_t		 head;		/* and handed out */
	int		 reading;
};

static void	read_on(struct events *);

static void
on_events(int rc, const json_t *page, void *arg)
{
	struct events	*e = arg;
	struct server	*s = e->server;
	const json_t	*event;
	size_t		 i;

	e->reading = 0;
	if (rc < 0) {			/* the next event tries again */
		log_warn("events", "cannot be read: %s", errstr(rc));
		return;
	}
	json_array_foreach(json_object_get(page, "items"), i, event) {
		metrics_event(s->metrics, event);
		streams_event(s->streams, event);
		webhooks_event(s->webhooks, event);
	}
	e->head = json_int(page, "next", e->head);
	read_on(e);
}

static void
read_on(struct events *e)
{
	if (e->reading || e->head >= e->known)
		return;
	e->reading = 1;
	store_event_read(e->server->store, e->head, NULL, CHUNK, on_events,
	    e);
}

static void
on_stored(int64_t seq, const char *job, void *arg)
{
	struct events	*e = arg;

	if (job != NULL) {
		streams_lines(e->server->streams, job);
	} else if (seq > e->known) {
		e->known = seq;
		read_on(e);
	}
}

struct events *
events_new(struct server *s)
{
	struct events	*e = xcalloc(1, sizeof(*e));

	e->server = s;
	e->known = e->head = store_event_last(s->store);
	store_watch(s->store, on_stored, e);
	return e;
}

int64_t
events_head(const struct events *e)
{
	return e->head;
}

void
events_drop(struct server *s, const char *user)
{
	streams_drop(s->streams, user);
	if (s->notify != NULL)
		notify_drop(s->notify, user);
}

void
events_free(struct events *e)
{
	free(e);
}
