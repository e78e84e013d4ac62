/*
 * GET /api/agents/build/jobs: newest first, by pages.  A cursor is the number
 * of the last job that was given out, so what is added meanwhile moves
 * nothing.  A filter by name reads on until the page is full, or until it has
 * read as many jobs as one call may: then the page is short, and there is a
 * cursor all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"

enum { MAX_READ = 10 * MAX_PAGE };	/* jobs read for one answer: ~20 ms */

struct listing {
	struct call	*call;
	char		*user, *status, *name;	/* NULL: any */
	size_t		 limit;
	size_t		 read;
	json_t		*jobs;
};

static void	listing_on(int, const json_t *, void *);

static void
listing_free(struct listing *l)
{
	free(l->user);
	free(l->status);
	free(l->name);
	json_decref(l->jobs);
	free(l);
}

static void
listing_read(struct listing *l, const char *cursor)
{
	store_job_list(l->call->server->store, l->user, l->status, cursor,
	    l->name != NULL ? MAX_PAGE : l->limit, listing_on, l);
}

/* Takes those that fit: whether the page is full, with the number of the
 * last one that was looked at. */
static int
listing_take(struct listing *l, const json_t *items, int64_t *last)
{
	json_t	*job;
	size_t	 i;

	json_array_foreach(items, i, job) {
		if (json_array_size(l->jobs) == l->limit)
			return 1;
		*last = json_int(job, "seq", 0);
		l->read++;
		if (l->name == NULL || strcmp(l->name,
		    json_str(job, "customName", "")) == 0)
			json_array_append_new(l->jobs,
			    jobview(l->call->server, job));
	}
	return 0;
}

static void
listing_on(int rc, const json_t *page, void *arg)
{
	struct listing	*l = arg;
	struct call	*c = l->call;
	const char	*next = json_str(page, "next", NULL);
	int64_t		 last = 0;
	int		 full;

	if (rc < 0) {
		if (rc == -EINVAL)
			call_error(c, 400, "cursor",
			    "is not one that was given out");
		else
			call_failed(c, rc);
		listing_free(l);
		return;
	}
	full = listing_take(l, json_object_get(page, "items"), &last);
	if (!full && next != NULL && l->read < MAX_READ &&
	    json_array_size(l->jobs) < l->limit) {
		listing_read(l, next);
		return;
	}
	call_json(c, 200, json_pack("{sb sO so}", "success", 1, "jobs",
	    l->jobs, "nextCursor", full || next != NULL ?
	    json_sprintf("%lld", (long long)last) : json_null()));
	listing_free(l);
}

static int
status_is_good(const char *s)
{
	static const char *const words[] = { "pending", "running",
	    "completed", "failed", "cancelled" };
	size_t	i;

	for (i = 0; i < nitems(words); i++)
		if (strcmp(s, words[i]) == 0)
			return 1;
	return 0;
}

void
build_list(struct call *c)
{
	struct listing	*l;
	int64_t		 limit;
	char		*cursor, *all;

	if (call_query(c, "status|name|limit|cursor|all") < 0 ||
	    (limit = call_limit(c, 50)) < 0)
		return;
	l = xcalloc(1, sizeof(*l));
	l->call = c;
	l->status = http_query(c->req, "status");
	l->name = http_query(c->req, "name");
	l->limit = (size_t)limit;
	all = http_query(c->req, "all");
	l->user = c->admin && all != NULL ? NULL : xstrdup(c->user);
	l->jobs = json_array();
	cursor = http_query(c->req, "cursor");
	if (l->status != NULL && !status_is_good(l->status)) {
		call_error(c, 400, "status", "status must be one of "
		    "pending|running|completed|failed|cancelled");
		listing_free(l);
	} else
		listing_read(l, cursor);
	free(cursor);
	free(all);
}
