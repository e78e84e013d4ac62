/*
 * One run of one job.  Its script runs (RUN_CHILD) with the lease renewed
 * every third of its time; when it has ended well a worker publishes the
 * artifact (RUN_PUBLISH); the store writes the end (RUN_FINISH); a worker
 * removes the directory (RUN_REMOVE); the handles close (RUN_GONE).
 *
 * Failures: the script's, or the publication's: the end is "failed".  A
 * cancel or a hand-back kills the script and makes the end another.  A store
 * without room: the end is tried again until it is written (queue_finish.c).
 * A fence that was overtaken: the script is killed, and nothing more written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "queue_run.h"
#include "tree.h"

extern char	**environ;

/* -- the way out -- */

static void
run_free(struct run *r)
{
	struct queue	*q = r->queue;

	list_remove(&r->link);
	output_release(r);
	ops_clear(&r->ops);
	json_decref(r->patch);
	json_decref(r->job);
	free(r->artifact_dir);
	free(r->error);
	free(r->dir);
	free(r);
	queue_stop_check(q);
}

/* Frees it when nobody can call back any more. */
static void
run_gone(struct run *r)
{
	if (r->state == RUN_GONE && r->handles == 0 && r->calls == 0)
		run_free(r);
}

void
run_answered(struct run *r)
{
	r->calls--;
	run_gone(r);
}

static void
on_closed(uv_handle_t *h)
{
	struct run	*r = h->data;

	r->handles--;
	run_gone(r);
}

static void
remove_work(uv_work_t *w)
{
	struct run	*r = w->data;

	tree_remove(r->dir);
}

static void
remove_after(uv_work_t *w, int status)
{
	struct run	*r = w->data;

	(void)status;
	r->state = RUN_GONE;
	uv_close((uv_handle_t *)&r->flush, on_closed);
	uv_close((uv_handle_t *)&r->renew, on_closed);
}

void
run_remove(struct run *r)
{
	r->state = RUN_REMOVE;
	uv_timer_stop(&r->flush);
	uv_timer_stop(&r->renew);
	uv_queue_work(r->queue->loop, &r->work, remove_work, remove_after);
}

/* -- the artifact -- */

/* Whether it ends before its time; then that was seen to. */
static int
run_cut_short(struct run *r)
{
	switch (r->why) {
	case WHY_NOT:
		return 0;
	case WHY_CANCEL:
		run_finish(r, "cancelled");
		return 1;
	case WHY_HAND_BACK:
		run_finish(r, "pending");
		return 1;
	case WHY_STALE:
		run_remove(r);
		queue_slot_free(r->queue);
		return 1;
	}
	return 0;
}

static void
publish_work(uv_work_t *w)
{
	publish(w->data);
}

static void
publish_after(uv_work_t *w, int status)
{
	struct run	*r = w->data;
	char		*error = r->error;

	(void)status;
	r->error = NULL;
	/* What is in its place may as well be completed: but for a cancel. */
	if ((error != NULL || r->why == WHY_CANCEL || r->why == WHY_STALE)
	    && run_cut_short(r)) {
		free(error);
		return;
	}
	if (error != NULL)
		run_fail(r, error);
	else
		run_finish(r, "completed");
}

/* -- the script -- */

static void
on_line(struct child *c, const char *s, size_t n, int err, void *arg)
{
	(void)c;
	output_line(arg, s, n, err);
}

/* Why a script that was not told to has ended without a result. */
static char *
fault(const struct run *r, int code, int sig, int timed_out)
{
	const char	*step = output_step(r);

	if (timed_out)
		return xasprintf("%s: not done after %lld s", step,
		    (long long)(r->queue->o.build_timeout_ms / 1000));
	if (sig != 0)
		return xasprintf("%s: killed by signal %d (%s)", step, sig,
		    strsignal(sig));
	if (code != 0 && r->last_err != NULL)
		return xasprintf("%s: %s", step, r->last_err);
	if (code != 0)
		return xasprintf("%s: exit code %d", step, code);
	if (r->result == NULL)
		return xasprintf("%s: the pipeline ended without a result",
		    step);
	return NULL;
}

static void
on_ended(struct child *c, int code, int sig, int timed_out, void *arg)
{
	struct run	*r = arg;
	char		*error;

	(void)c;
	r->child = NULL;
	output_end(r);
	if (run_cut_short(r))
		return;
	if ((error = fault(r, code, sig, timed_out)) != NULL) {
		run_fail(r, error);
		return;
	}
	r->state = RUN_PUBLISH;
	uv_queue_work(r->queue->loop, &r->work, publish_work, publish_after);
}

void
run_end(struct run *r, enum run_why why)
{
	if (r->why == WHY_NOT || why == WHY_STALE)
		r->why = why;
	if (r->child != NULL)
		child_kill(r->child);
}

/* -- the lease -- */

static void
on_renewed(int rc, const json_t *job, void *arg)
{
	struct run	*r = arg;

	if (rc == -ESTALE && r->state < RUN_FINISH) {
		log_warn("queue", "job %s: another has taken it over", r->id);
		run_end(r, WHY_STALE);
	} else if (rc < 0 && rc != -ESTALE) {
		log_warn("queue", "job %s: its lease cannot be renewed: %s",
		    r->id, errstr(rc));
	} else if (rc == 0 && json_bool(job, "cancel", 0)
	    && r->why == WHY_NOT) {
		run_end(r, WHY_CANCEL);
	}
	run_answered(r);
}

void
run_renew(struct run *r)
{
	r->calls++;
	store_job_update(r->queue->o.store, r->id, r->fence, r->news,
	    r->queue->o.lease_ms, on_renewed, r);
	json_object_clear(r->news);
}

static void
on_renew(uv_timer_t *t)
{
	struct run	*r = t->data;

	if (r->why != WHY_STALE)
		run_renew(r);
}

/* -- the start -- */

static char **
run_env(const struct run *r)
{
	char	*const *base = r->queue->o.env, **env;
	size_t	 n = 0, i;

	if (base == NULL)
		base = environ;
	while (base[n] != NULL)
		n++;
	env = xcalloc(n + 4, sizeof(*env));
	for (i = 0; i < n; i++)
		env[i] = xstrdup(base[i]);
	env[i++] = xasprintf("MUSTER_JOB_ID=%s", r->id);
	env[i++] = xasprintf("MUSTER_JOB_DIR=%s", r->dir);
	env[i++] = xasprintf("MUSTER_JOB_FILE=%s/job.json", r->dir);
	return env;
}

static int
run_files(const struct run *r)
{
	const struct queue_options	*o = &r->queue->o;
	char				*path, *text;
	int				 rc;

	if (mkdir(r->dir, 0700) < 0)
		return -errno;
	path = file_join(r->dir, "job.json");
	text = json_text(r->job);
	/* Not synced: when the machine goes down, so does the run. */
	rc = file_create(path, text, strlen(text), 0600);
	crypto_wipe(text, strlen(text));
	free(text);
	free(path);
	if (rc == 0 && o->prepare != NULL)
		rc = o->prepare(r->job, r->dir, o->arg);
	return rc;
}

static int
run_child(struct run *r)
{
	static const struct child_events	events = {
		.line = on_line, .ended = on_ended
	};
	char	*argv[2] = { NULL, NULL }, **env = run_env(r);
	size_t	 i;
	int	 rc;

	argv[0] = xstrdup(r->queue->o.pipeline);
	rc = child_start(&r->child, r->queue->loop, &(struct child_options){
	    .argv = argv, .env = env, .dir = r->dir,
	    .timeout_ms = r->queue->o.build_timeout_ms }, &events, r);
	for (i = 0; env[i] != NULL; i++)
		free(env[i]);
	free(env);
	free(argv[0]);
	return rc;
}

void
run_start(struct queue *q, const json_t *job)
{
	struct run	*r = xcalloc(1, sizeof(*r));
	uint64_t	 third = (uint64_t)(q->o.lease_ms + 2) / 3;
	int		 rc;

	r->queue = q;
	r->job = json_deep_copy(job);
	r->id = json_str(r->job, "id", "");
	r->fence = json_int(job, "fence", 0);
	r->dir = xasprintf("%s/%lld", q->o.work_dir, (long long)r->fence);
	r->artifact_dir = xstrdup(q->o.artifact_dir);
	r->work.data = r->flush.data = r->renew.data = r;
	list_append(&q->runs, &r->link);
	output_start(r);
	uv_timer_init(q->loop, &r->flush);
	uv_timer_init(q->loop, &r->renew);
	r->handles = 2;
	uv_timer_start(&r->renew, on_renew, third, third);
	if ((rc = run_files(r)) < 0)
		run_fail(r, xasprintf("prepare: %s", errstr(rc)));
	else if ((rc = run_child(r)) < 0)
		run_fail(r, xasprintf("cannot start %s: %s", q->o.pipeline,
		    errstr(rc)));
}
