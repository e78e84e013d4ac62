/* The records' part of a pass: what runs, old jobs, tokens, old events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact.h"
#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "docwalk.h"

/* -- builds that run: before all else, for what is published from here on
 * is younger than any of them -- */

static void
on_running(int rc, const json_t *page, void *arg)
{
	struct pass	*p = arg;
	char		 fence[24];
	json_t		*job;
	size_t		 i;
	int64_t		 started;

	p->oldest_run = p->now;
	json_array_foreach(json_object_get(page, "items"), i, job) {
		started = json_int(job, "started", 0);
		if (started < p->oldest_run)
			p->oldest_run = started;
		snprintf(fence, sizeof(fence), "%lld",
		    (long long)json_int(job, "fence", 0));
		json_object_set_new(p->runs, fence, json_true());
	}
	/* More than a page at once: then no file is an orphan this time. */
	if (rc < 0 || !json_is_null(json_object_get(page, "next")))
		p->oldest_run = 0;
	pass_next(p, rc);
}

void
step_runs(struct pass *p)
{
	store_job_list(p->server->store, NULL, "running", NULL, 0, on_running,
	    p);
}

/* -- old jobs -- */

struct old_job {		/* whose token is looked at */
	struct pass	*pass;
	json_t		*job;
};

static void	jobs_page(struct pass *);

/* When nothing of this page is under way any more. */
static void
jobs_check(struct pass *p)
{
	if (--p->pending > 0)
		return;
	if (p->rc < 0 || p->last || pass_stopped(p))
		pass_next(p, 0);
	else
		pass_pause(p, jobs_page);
}

static void
on_job_deleted(int rc, const json_t *job, void *arg)
{
	struct pass	*p = arg;

	if (rc == 0) {
		p->n.jobs++;
		p->n.tokens += json_object_get(job, "tokenExpires") != NULL;
		pass_note(p, "job", json_str(job, "id", ""));
	} else if (rc != -ENOENT && rc != -EBUSY && p->rc == 0)
		p->rc = rc;
	jobs_check(p);
}

static void
job_remove(struct pass *p, const json_t *job)
{
	if (p->dry)
		on_job_deleted(0, job, p);
	else
		job_delete(p->server, job, NULL, on_job_deleted, p);
}

static void
on_job_token(int rc, const json_t *token, void *arg)
{
	struct old_job	*o = arg;
	struct pass	*p = o->pass;

	if (rc == -ENOENT || (rc == 0 && !artifact_live(token, p->now)))
		job_remove(p, o->job);
	else
		jobs_check(p);
	json_decref(o->job);
	free(o);
}

/* An old job goes; but not while its download can still be had. */
static void
job_look(struct pass *p, const json_t *job)
{
	int64_t		 ended = json_int(job, "ended", 0);
	struct old_job	*o;
	char		*key;

	if (ended == 0 || ended >= p->now - p->cleanup->keep_jobs)
		return;
	p->pending++;
	if (json_int(job, "tokenExpires", 0) <= p->now) {
		job_remove(p, job);
		return;
	}
	o = xcalloc(1, sizeof(*o));
	o->pass = p;
	o->job = json_deep_copy(job);
	key = xasprintf("%s/%s", json_str(job, "user", ""),
	    json_str(job, "id", ""));
	store_get(p->server->store, "token", key, on_job_token, o);
	free(key);
}

static void
on_oldest(int rc, const json_t *page, void *arg)
{
	struct pass	*p = arg;
	int64_t		 cut = p->now - p->cleanup->keep_jobs;
	const char	*next = json_str(page, "next", NULL);
	json_t		*job;
	size_t		 i;

	if (rc < 0 && p->rc == 0)
		p->rc = rc;
	free(p->cursor);
	p->cursor = next != NULL ? xstrdup(next) : NULL;
	p->last = next == NULL;
	p->pending++;			/* until all are sent off */
	json_array_foreach(json_object_get(page, "items"), i, job) {
		if (json_int(job, "created", 0) >= cut) {
			p->last = 1;	/* nor are those behind it old */
			break;
		}
		job_look(p, job);
	}
	jobs_check(p);
}

static void
jobs_page(struct pass *p)
{
	store_job_oldest(p->server->store, p->cursor, CLEANUP_JOBS, on_oldest,
	    p);
}

void
step_jobs(struct pass *p)
{
	jobs_page(p);
}

/* -- tokens: those that still give out a file are the roots -- */

static void
root_add(struct pass *p, const char *sha256)
{
	uint8_t	sum[SHA256_SIZE];

	if (hex_decode(sha256, sum, sizeof(sum)) < 0)
		return;
	if (p->n_roots == p->max_roots) {
		p->max_roots = p->max_roots > 0 ? 2 * p->max_roots : 64;
		p->roots = xrealloc(p->roots, p->max_roots * SHA256_SIZE);
	}
	memcpy(p->roots + p->n_roots++ * SHA256_SIZE, sum, sizeof(sum));
}

static int
root_compare(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_SIZE);
}

int
pass_is_root(const struct pass *p, const uint8_t *sum)
{
	return p->n_roots > 0 && bsearch(sum, p->roots, p->n_roots,
	    SHA256_SIZE, root_compare) != NULL;
}

static void
tokens_check(struct pass *p)
{
	if (--p->pending == 0)
		pass_next(p, 0);
}

static void
on_token_deleted(int rc, const json_t *unused, void *arg)
{
	struct pass	*p = arg;

	(void)unused;
	if (rc < 0 && p->rc == 0)
		p->rc = rc;
	tokens_check(p);
}

static void
on_token_record(const char *key, const json_t *token, void *arg)
{
	struct pass	*p = arg;
	int64_t		 expires = json_int(token, "expires", 0);

	if (artifact_live(token, p->now - ARTIFACT_LATE))
		root_add(p, json_str(token, "sha256", ""));
	else if (expires < p->now - p->cleanup->keep_jobs) {
		p->n.tokens++;
		pass_note(p, "token", key);
		if (p->dry)
			return;
		p->pending++;
		token_delete(p->server, key, token, on_token_deleted, p);
	}
}

static void
on_tokens_end(int rc, void *arg)
{
	struct pass	*p = arg;

	if (rc < 0 && p->rc == 0)
		p->rc = rc;
	p->all_roots = rc == 0;
	if (p->n_roots > 0)
		qsort(p->roots, p->n_roots, SHA256_SIZE, root_compare);
	tokens_check(p);
}

void
step_tokens(struct pass *p)
{
	p->pending = 1;			/* the walk */
	docwalk(p->server, "token", on_token_record, on_tokens_end, p);
}

/* -- events -- */

static void	events_go(struct pass *);

static void
on_trimmed(int rc, const json_t *result, void *arg)
{
	struct pass	*p = arg;
	int64_t		 n = json_int(result, "trimmed", 0);

	p->n.events += n;
	if (rc < 0 || n < CLEANUP_EVENTS || pass_stopped(p))
		pass_next(p, rc);
	else
		pass_pause(p, events_go);
}

static void
events_go(struct pass *p)
{
	store_event_trim(p->server->store, p->now - p->cleanup->keep_events,
	    CLEANUP_EVENTS, on_trimmed, p);
}

static void	events_find(struct pass *);

/* All up to low are old, all from high on are not. */
static void
on_event(int rc, const json_t *result, void *arg)
{
	struct pass	*p = arg;
	int64_t		 middle = p->low + (p->high - p->low) / 2;
	const json_t	*e = json_array_get(json_object_get(result, "items"),
			    0);

	if (rc < 0 || e == NULL) {
		pass_next(p, rc);
		return;
	}
	if (json_int(e, "t", 0) < p->now - p->cleanup->keep_events)
		p->low = middle;
	else
		p->high = middle;
	pass_pause(p, events_find);
}

/* Without a change: their times go up, so that the place is soon found. */
static void
events_find(struct pass *p)
{
	int64_t	middle = p->low + (p->high - p->low) / 2;

	if (p->high - p->low > 1) {
		store_event_read(p->server->store, middle - 1, NULL, 1,
		    on_event, p);
		return;
	}
	p->n.events = p->low - store_event_first(p->server->store) + 1;
	pass_next(p, 0);
}

void
step_events(struct pass *p)
{
	if (!p->dry) {
		events_go(p);
		return;
	}
	p->low = store_event_first(p->server->store) - 1;
	p->high = store_event_last(p->server->store) + 1;
	events_find(p);
}
