/*
 * Who did what: records that are only ever added, numbered without gaps
 * ("audit").  What can be is noted in the transaction that does it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "limits.h"

enum {
	MAX_OBJECT	= 200,	/* bytes of an object's name in a record */
	REFUSED_RATE	= 1,	/* records a second of what was refused, for */
	REFUSED_BURST	= 20	/* each user: nobody fills the disk with them */
};

void
audit_load(struct server *s)
{
	s->by_refusal = limits_new(REFUSED_RATE, REFUSED_BURST, LIMITS_MAX);
}

json_t *
audit_record(const struct call *c, const char *action, const char *object,
    const char *result)
{
	json_t	*r = json_pack("{ss sI ss ss ss ss}", "who",
		    c->user != NULL ? c->user : "",
		    "uid", (json_int_t)c->req->uid, "action", action,
		    "request", c->req->id, "address", c->req->peer,
		    "result", result);
	char	*name = xstrndup(object, strnlen(object, MAX_OBJECT));

	/* A path may be no UTF-8. */
	if (json_object_set_new(r, "object", json_string(name)) < 0)
		json_object_set_new(r, "object", json_string("?"));
	free(name);
	return r;
}

static void
on_noted(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0)
		log_error("audit", "a record was not written: %s", errstr(rc));
}

void
audit_write(struct server *s, json_t *r)
{
	store_write(s->store, &(struct store_op){ STORE_APPEND, "audit", NULL,
	    r }, 1, on_noted, NULL);
	json_decref(r);
}

void
audit_note(const struct call *c, const char *action, const char *object,
    const char *result)
{
	audit_write(c->server, audit_record(c, action, object, result));
}

void
audit_refused(const struct call *c)
{
	char	*action;

	if (limits_take(c->server->by_refusal, c->user, clock_mono_ms()) > 0)
		return;
	action = xasprintf("request.%s", c->req->method);
	audit_note(c, action, c->req->path, "refused");
	free(action);
}

/* -- GET /api/audit -- */

static void
on_page(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	int64_t		 next = c->number;
	json_t		*list, *item;
	size_t		 i;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	list = json_array();
	json_array_foreach(json_object_get(page, "items"), i, item) {
		item = json_object_get(item, "value");
		next = json_int(item, "seq", next);
		json_array_append(list, item);
	}
	call_json(c, 200, json_pack("{sb so sI}", "success", 1, "entries",
	    list, "next", (json_int_t)next));
}

void
audit_list(struct call *c)
{
	int64_t	limit, from;	/* an answered call is gone */
	char	after[24];

	if (call_query(c, "after|limit") < 0 ||
	    (limit = call_limit(c, MAX_PAGE)) < 0 ||
	    (from = call_number(c, "after", 0, INT64_MAX / 2)) < 0)
		return;
	c->number = from;
	snprintf(after, sizeof(after), "%020" PRId64, from);
	store_list(c->server->store, "audit", "", after, (size_t)limit, 0,
	    on_page, c);
}
