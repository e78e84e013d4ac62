/*
 * The end of a run: what the job is to have, asked of finish(), is written
 * with the end in one transaction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "queue_run.h"

static void	finish_send(struct run *);

/* What finish() wanted stored can't be: the job fails with that as reason. */
static void
finish_refused(struct run *r, int rc)
{
	ops_clear(&r->ops);
	r->status = "failed";
	json_object_clear(r->patch);
	json_object_set(r->patch, "steps", r->steps);
	json_object_set_new(r->patch, "error", json_sprintf(
	    "publish: its record cannot be stored: %s", errstr(rc)));
	finish_send(r);
}

static void
on_retry(uv_timer_t *t)
{
	finish_send(t->data);
}

static void
on_finished(int rc, const json_t *job, void *arg)
{
	struct run	*r = arg;

	(void)job;
	r->calls--;
	if (strcmp(r->status, "completed") == 0 && (rc == -EINVAL
	    || rc == -EEXIST || rc == -ENOENT || rc == -ERANGE)) {
		finish_refused(r, rc);
		return;
	}
	if (rc == 0 || rc == -ESTALE || rc == -ENOENT) {
		if (rc < 0)
			log_warn("queue", "job %s: another has taken it over",
			    r->id);
		run_remove(r);
		return;
	}
	log_error("queue", "job %s: its end cannot be stored yet: %s", r->id,
	    errstr(rc));
	uv_timer_start(&r->flush, on_retry, QUEUE_RETRY_MS, 0);
}

static void
finish_send(struct run *r)
{
	r->calls++;
	store_job_finish(r->queue->o.store, r->id, r->fence, r->status,
	    r->patch, r->ops.v, r->ops.n, on_finished, r);
}

/* Members of the script's result, and what we know better. */
static void
patch_result(struct run *r)
{
	const char	*name;
	json_t		*v;

	json_object_foreach(r->result, name, v)
		if (!store_job_kept(name) && strcmp(name, "file") != 0)
			json_object_set(r->patch, name, v);
	json_object_set_new(r->patch, "checksum", json_string(r->checksum));
	json_object_set_new(r->patch, "size",
	    json_integer((json_int_t)r->size));
	json_object_set_new(r->patch, "progress", json_integer(100));
}

/* 0, or -errno where finish() says no. */
static int
finish_ask(struct run *r)
{
	const struct queue_options	*o = &r->queue->o;
	int				 rc;

	json_object_set_new(r->result, "checksum", json_string(r->checksum));
	json_object_set_new(r->result, "size",
	    json_integer((json_int_t)r->size));
	if (o->finish == NULL)
		return 0;
	rc = o->finish(r->job, r->result, r->patch, &r->ops, o->arg);
	if (rc < 0)
		ops_clear(&r->ops);
	return rc;
}

void
run_finish(struct run *r, const char *status)
{
	int	rc;

	r->patch = json_deep_copy(r->news);
	r->status = status;
	json_object_set(r->patch, "steps", r->steps);
	if (strcmp(status, "completed") == 0) {
		patch_result(r);
		if ((rc = finish_ask(r)) < 0) {
			r->status = "failed";
			r->error = xasprintf("publish: %s", errstr(rc));
		}
	}
	if (strcmp(r->status, "failed") == 0)
		json_object_set_new(r->patch, "error", json_string(r->error));
	r->state = RUN_FINISH;
	output_flush(r);
	finish_send(r);
	queue_slot_free(r->queue);
}

void
run_fail(struct run *r, char *error)
{
	free(r->error);
	r->error = error;
	log_info("queue", "job %s failed: %s", r->id, error);
	run_finish(r, "failed");
}
