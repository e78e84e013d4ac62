/*
 * The runner's slots: claims jobs for those that are free, starts a run for
 * each (queue_run.c), and stops.
 *
 * A slot is busy from the claim until the run's end is on its way to the
 * store, so that the next claim shares its commit.  Nothing polls but for
 * leases of others that ran out: whoever adds a job calls queue_wake.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json.h"
#include "log.h"
#include "queue_run.h"
#include "tree.h"

enum { LEASE_MS = 30000, ATTEMPTS = 3 };

void
queue_ops_add(struct queue_ops *ops, enum store_verb verb, const char *kind,
    const char *key, json_t *value)
{
	ops->v = xrealloc(ops->v, (ops->n + 1) * sizeof(*ops->v));
	ops->v[ops->n++] = (struct store_op){ verb, xstrdup(kind),
	    xstrdup(key), value };
}

void
ops_clear(struct queue_ops *ops)
{
	union { const void *in; void *out; }	u;
	size_t					i;

	for (i = 0; i < ops->n; i++) {
		u.in = ops->v[i].kind;
		free(u.out);
		u.in = ops->v[i].key;
		free(u.out);
		u.in = ops->v[i].value;
		json_decref(u.out);
	}
	free(ops->v);
	*ops = (struct queue_ops){ NULL, 0 };
}

/* -- claiming -- */

static void	claim(struct queue *, int);

static void
hand_back(struct queue *q, const json_t *job)
{
	store_job_finish(q->o.store, json_str(job, "id", ""),
	    json_int(job, "fence", 0), "pending", NULL, NULL, 0, NULL, NULL);
}

static void
on_claim(int rc, const json_t *job, void *arg)
{
	struct queue	*q = arg;

	q->claims--;
	if (rc == 0 && !q->stopping) {
		run_start(q, job);
		return;
	}
	q->busy--;
	if (rc == 0)
		hand_back(q, job);
	else if (rc != -EAGAIN)
		log_warn("queue", "cannot claim a job: %s", errstr(rc));
	if (q->claims == 0 && q->again) {
		q->again = 0;
		claim(q, q->o.max_concurrent);
	}
	queue_stop_check(q);
}

/* For at most so many of the free slots. */
static void
claim(struct queue *q, int most)
{
	while (q->ready && !q->stopping && most-- > 0
	    && q->busy < q->o.max_concurrent) {
		q->busy++;
		q->claims++;
		store_job_claim(q->o.store, q->o.owner, q->o.lease_ms,
		    q->o.max_attempts, on_claim, q);
	}
}

void
queue_wake(struct queue *q)
{
	if (q == NULL)
		return;
	if (q->claims > 0)	/* they may come too early for what was added */
		q->again = 1;
	claim(q, q->o.max_concurrent);
}

void
queue_slot_free(struct queue *q)
{
	q->busy--;
	claim(q, 1);
}

int
queue_running(const struct queue *q)
{
	return q == NULL ? 0 : q->busy - q->claims;
}

void
queue_cancel(struct queue *q, const char *id)
{
	struct link	*l, *n;
	struct run	*r;

	if (q == NULL)
		return;
	LIST_EACH(l, n, &q->runs) {
		r = LIST_ITEM(l, struct run, link);
		if (strcmp(r->id, id) == 0)
			run_end(r, WHY_CANCEL);
	}
}

/* -- what an earlier life left -- */

static int
is_live(const struct queue *q, const char *path)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &q->runs)
		if (strcmp(LIST_ITEM(l, struct run, link)->dir, path) == 0)
			return 1;
	return 0;
}

/* A killed server's script may still be dying, and write: then once more. */
static void
sweep(struct queue *q)
{
	DIR		*d = opendir(q->o.work_dir);
	struct dirent	*e;
	char		*path;

	q->unswept = 0;
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strspn(e->d_name, "0123456789") != strlen(e->d_name))
			continue;		/* not by a run */
		path = file_join(q->o.work_dir, e->d_name);
		if (!is_live(q, path) && tree_remove(path) < 0)
			q->unswept = 1;
		free(path);
	}
	if (d != NULL)
		closedir(d);
}

static void
on_released(int rc, const json_t *result, void *arg)
{
	struct queue	*q = arg;
	int64_t		 n = json_int(result, "released", 0);

	q->claims--;
	q->busy--;
	if (rc < 0)
		log_warn("queue", "cannot release earlier jobs: %s",
		    errstr(rc));
	else
		q->ready = 1;
	if (n > 0)
		log_info("queue", "%lld interrupted jobs are taken again",
		    (long long)n);
	claim(q, q->o.max_concurrent);
	queue_stop_check(q);
}

static void
release(struct queue *q)
{
	q->busy++;
	q->claims++;
	store_job_release(q->o.store, q->o.owner, on_released, q);
}

/* -- beginning and end -- */

static void
on_poll(uv_timer_t *t)
{
	struct queue	*q = t->data;

	if (q->unswept)
		sweep(q);
	if (!q->ready && q->claims == 0)	/* the disk was full */
		release(q);
	claim(q, 1);
}

static void
queue_free(struct queue *q)
{
	union { const void *in; void *out; }	u;

	u.in = q->o.owner;
	free(u.out);
	u.in = q->o.pipeline;
	free(u.out);
	u.in = q->o.work_dir;
	free(u.out);
	u.in = q->o.artifact_dir;
	free(u.out);
	free(q);
}

int
queue_start(struct queue **out, uv_loop_t *loop, const struct queue_options *o)
{
	struct queue	*q;
	int		 rc;

	if ((rc = file_mkdirs(o->work_dir, 0700)) < 0
	    || (rc = file_mkdirs(o->artifact_dir, 0700)) < 0)
		return rc;
	q = xcalloc(1, sizeof(*q));
	q->o = *o;
	q->o.owner = xstrdup(o->owner);
	q->o.pipeline = xstrdup(o->pipeline);
	q->o.work_dir = xstrdup(o->work_dir);
	q->o.artifact_dir = xstrdup(o->artifact_dir);
	q->o.lease_ms = o->lease_ms > 0 ? o->lease_ms : LEASE_MS;
	q->o.max_attempts = o->max_attempts > 0 ? o->max_attempts : ATTEMPTS;
	q->loop = loop;
	list_init(&q->runs);
	sweep(q);
	uv_timer_init(loop, &q->poll);
	q->poll.data = q;
	uv_timer_start(&q->poll, on_poll, QUEUE_POLL_MS, QUEUE_POLL_MS);
	release(q);
	*out = q;
	return 0;
}

static void
on_poll_closed(uv_handle_t *h)
{
	struct queue	*q = h->data;
	void		(*stopped)(void *) = q->stopped;
	void		*arg = q->stopped_arg;

	queue_free(q);
	stopped(arg);
}

void
queue_stop_check(struct queue *q)
{
	if (q->stopping && q->claims == 0 && list_empty(&q->runs)
	    && !uv_is_closing((uv_handle_t *)&q->poll))
		uv_close((uv_handle_t *)&q->poll, on_poll_closed);
}

void
queue_stop(struct queue *q, int back, void (*done)(void *), void *arg)
{
	struct link	*l, *n;

	if (!q->stopping) {
		q->stopped = done;
		q->stopped_arg = arg;
	}
	q->stopping = 1;
	if (back)
		LIST_EACH(l, n, &q->runs)
			run_end(LIST_ITEM(l, struct run, link), WHY_HAND_BACK);
	queue_stop_check(q);
}
