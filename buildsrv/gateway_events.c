/*
 * What agents report: events, alerts, log lines, measurements.  An agent of
 * document 002 sends them in batches, numbered, and gets its answer when they
 * are on the disk; one batch at a time, so that what is under way is bounded
 * and none can overtake another.  The log lines of document 004 have no
 * number and no answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

enum {
	MAX_EVENTS	= 1000,		/* in one batch */
	MAX_EVENT_WORD	= 64,		/* of a type, a module */
	MAX_SPOOL	= 64		/* of a spool's name: a UUID has 36 */
};

static const struct json_field batch_fields[] = {
	{ .name = "from", .kind = JSON_K_INT, .required = 1, .min = 1,
	    .max = INT64_MAX / 2 },
	{ .name = "spool", .kind = JSON_K_STR, .min = 1, .max = MAX_SPOOL },
	{ .name = "events", .kind = JSON_K_ARR, .required = 1,
	    .max = MAX_EVENTS, .element = JSON_K_OBJ },
};

static const struct json_field event_fields[] = {
	{ .name = "seq", .kind = JSON_K_INT, .min = 1, .max = INT64_MAX / 2 },
	{ .name = "class", .kind = JSON_K_STR,
	    .words = "metric|log|event|alert" },
	{ .name = "module", .kind = JSON_K_STR, .max = MAX_EVENT_WORD },
	{ .name = "type", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = MAX_EVENT_WORD },
	{ .name = "t", .kind = JSON_K_INT, .required = 1, .min = 0,
	    .max = INT64_C(1) << 53 },
	{ .name = "data", .kind = JSON_K_ANY },
};

/* A batch on its way to the disk. */
struct batch {
	struct gateway		*g;
	struct gateway_agent	*agent;
	struct gateway_conn	*conn;		/* NULL: nobody waits */
	char			 id[ENVELOPE_MAX_ID + 1];
	int64_t			 last;		/* of the agent's numbers */
	int			 refused;
};

/*
 * Each with its number; those that are not of the form are left out, for an
 * agent that sent one would send it for ever.
 */
static json_t *
number(struct batch *b, json_t *events, int64_t from)
{
	json_t		*taken = json_array(), *e;
	struct json_err	 err = { .line = 0 };
	char		 why[256];
	int64_t		 seq;
	size_t		 i;

	b->last = from - 1;
	json_array_foreach(events, i, e) {
		seq = json_int(e, "seq", i == 0 ? from : b->last + 1);
		if (json_check(e, event_fields, nitems(event_fields), &err)
		    < 0 || seq <= b->last) {
			b->refused++;
			b->last++;
			continue;
		}
		b->last = seq;
		json_object_set_new(e, "seq", json_integer(seq));
		json_array_append(taken, e);
	}
	if (b->refused > 0)
		log_warn("gateway", "agent %s: %d of its events are not of "
		    "the form: %s", b->agent->uid, b->refused,
		    json_err_str(&err, why, sizeof(why)));
	return taken;
}

/* The newest measurements that came this way. */
static void
note_metrics(struct gateway_agent *a, const json_t *events)
{
	const json_t	*e;
	size_t		 i = json_array_size(events);
	char		*text;

	while (i-- > 0) {
		e = json_array_get(events, i);
		if (strcmp(json_str(e, "class", ""), "metric") != 0 ||
		    strcmp(json_str(e, "type", ""), "metrics") != 0 ||
		    !json_is_object(json_object_get(e, "data")))
			continue;
		text = json_text(json_object_get(e, "data"));
		agent_metrics(a, text, strlen(text));
		free(text);
		return;
	}
}

static void
on_batch(int rc, const json_t *result, void *arg)
{
	struct batch		*b = arg;
	struct gateway		*g = b->g;
	struct gateway_conn	*c = b->conn;

	if (rc < 0)
		log_error("gateway", "agent %s: its events cannot be written:"
		    " %s", b->agent->uid, errstr(rc));
	else if (json_int(result, "added", 0) > 0 &&
	    g->o.reported != NULL)
		g->o.reported(b->agent->uid, g->o.arg);
	if (c == NULL) {
		gateway_settled(g);
	} else {
		c->batch = 0;
		if (!conn_drop(c))
			;		/* it will be sent again */
		else if (rc < 0)
			conn_complain(c, b->id, GATEWAY_INTERNAL,
			    "the events cannot be written");
		else
			conn_answer(c, b->id, LINK_CH_EVENTS,
			    json_pack("{sI si}", "ack", (json_int_t)b->last,
			    "refused", b->refused));
	}
	free(b);
}

void
events_batch(struct gateway_conn *c, const char *id, const json_t *o)
{
	struct json_err	 err;
	struct batch	*b;
	json_t		*taken;
	char		 why[256];

	if (json_check(o, batch_fields, nitems(batch_fields), &err) < 0) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE, "events: %s",
		    json_err_str(&err, why, sizeof(why)));
		return;
	}
	if (c->batch) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE,
		    "events: the batch before is not answered yet");
		return;
	}
	b = xcalloc(1, sizeof(*b));
	b->g = c->g;
	b->agent = c->agent;
	b->conn = c;
	memcpy(b->id, id, strlen(id) + 1);
	taken = number(b, json_object_get(o, "events"),
	    json_int(o, "from", 1));
	note_metrics(c->agent, taken);
	c->batch = 1;
	conn_hold(c);
	store_history_add(c->g->o.store, c->agent->uid,
	    json_str(o, "spool", "-"), taken, on_batch, b);
}

void
events_log(struct gateway_agent *a, struct gateway *g, const json_t *payload,
    int64_t t)
{
	struct batch	*b = xcalloc(1, sizeof(*b));
	json_t		*records = json_pack("[{ss ss sI sO}]", "class",
			    "log", "type", "log", "t", (json_int_t)t, "data",
			    payload);

	b->g = g;
	b->agent = a;
	g->calls++;
	store_history_add(g->o.store, a->uid, "-", records, on_batch, b);
}
