/*
 * What agents reported long ago: agent after agent, some at once, each until
 * nothing old is left of it.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "gateway.h"

enum { AT_ONCE = 16 };		/* agents; one transaction takes them all */

struct reports {			/* of one agent, looked at */
	struct pass	*pass;
	char		*uid;
	int64_t		 n, after;
};

static void	agents_go(struct pass *);

static void
reports_done(struct reports *r, int rc)
{
	struct pass	*p = r->pass;

	if (rc < 0 && p->rc == 0)
		p->rc = rc;
	if (r->n > 0)
		pass_note(p, "reports", r->uid);
	p->n.reports += r->n;
	free(r->uid);
	free(r);
	if (--p->pending > 0)
		return;
	if (p->rc < 0 || json_array_size(p->agents) == 0 || pass_stopped(p))
		pass_next(p, 0);
	else
		pass_pause(p, agents_go);
}

static void	reports_trim(struct reports *);

static void
on_reports_trimmed(int rc, const json_t *result, void *arg)
{
	struct reports	*r = arg;
	int64_t		 n = json_int(result, "trimmed", 0);

	r->n += n;
	if (rc < 0 || n < CLEANUP_EVENTS || pass_stopped(r->pass))
		reports_done(r, rc);
	else
		reports_trim(r);
}

static void
reports_trim(struct reports *r)
{
	store_history_trim(r->pass->server->store, r->uid, r->pass->now -
	    r->pass->cleanup->keep_reports, CLEANUP_EVENTS, on_reports_trimmed, r);
}

static void	reports_count(struct reports *);

static void
on_reports_page(int rc, const json_t *page, void *arg)
{
	struct reports	*r = arg;
	const json_t	*items = json_object_get(page, "items");
	const json_t	*item;
	size_t		 i;
	int64_t		 old = r->pass->now - r->pass->cleanup->keep_reports;

	json_array_foreach((json_t *)(uintptr_t)items, i, item) {
		if (json_int(item, "at", 0) >= old)
			break;
		r->n++;
	}
	r->after = json_int(page, "next", r->after);
	if (rc < 0 || i < json_array_size(items) || i == 0 ||
	    pass_stopped(r->pass))
		reports_done(r, rc);
	else
		reports_count(r);
}

static void
reports_count(struct reports *r)
{
	store_history_read(r->pass->server->store, r->uid, r->after,
	    CLEANUP_EVENTS, on_reports_page, r);
}

static void
agents_go(struct pass *p)
{
	struct reports	*rows[AT_ONCE];
	size_t		 i, n = 0, left = json_array_size(p->agents);

	for (; n < AT_ONCE && left > 0; n++, left--) {
		rows[n] = xcalloc(1, sizeof(*rows[n]));
		rows[n]->pass = p;
		rows[n]->uid = xstrdup(json_string_value(json_array_get(
		    p->agents, left - 1)));
		json_array_remove(p->agents, left - 1);
	}
	if (n == 0) {
		pass_next(p, 0);
		return;
	}
	p->pending = (int)n;
	for (i = 0; i < n; i++)
		if (p->dry)
			reports_count(rows[i]);
		else
			reports_trim(rows[i]);
}

static void
reports_of(const struct gateway_view *v, void *arg)
{
	json_array_append_new(arg, json_string(v->uid));
}

void
step_reports(struct pass *p)
{
	p->agents = json_array();
	if (p->server->gateway != NULL)
		gateway_each(p->server->gateway, reports_of, p->agents);
	agents_go(p);
}
