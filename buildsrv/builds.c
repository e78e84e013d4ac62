/* One job as the API has it: shown, cancelled; and the counts of all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "queue.h"

/* -- one job -- */

int
build_visible(struct call *c, int rc, const json_t *job)
{
	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)	/* no id at all */
		call_failed(c, rc);
	else if (rc < 0 || !call_may_see(c, json_str(job, "user", "")))
		call_error(c, 404, NULL, "no such job");
	else
		return 1;
	return 0;
}

static void
on_log(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	if (c->job != NULL) {		/* the detail carries the log's end */
		json_object_set(c->job, "log", json_object_get(page, "items"));
		detail_answer(c, c->record, json_pack("{sb sO}", "success", 1,
		    "job", c->job));
	} else
		call_json(c, 200, json_pack("{sb sO sO}", "success", 1,
		    "lines", json_object_get(page, "items"),
		    "next", json_object_get(page, "next")));
}

static void
on_job(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (!build_visible(c, rc, job) || detail_again(c, job))
		return;
	c->record = json_incref((json_t *)(uintptr_t)job);
	c->job = jobview(c->server, job);
	store_log_read(c->server->store, c->param, 0, MAX_LOG_LINES, on_log,
	    c);
}

void
build_get(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_get(c->server->store, c->param, on_job, c);
}

static void
on_job_log(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	int64_t		 from;

	if (!build_visible(c, rc, job))
		return;
	if (sse_wanted(c))
		sse_log(c, job);
	else if ((from = call_number(c, "from", 0, INT64_MAX / 2)) >= 0)
		store_log_read(c->server->store, c->param, from,
		    MAX_LOG_LINES, on_log, c);
}

void
build_log(struct call *c)
{
	if (call_query(c, "from") == 0)
		store_job_get(c->server->store, c->param, on_job_log, c);
}

static void
on_cancelled(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (rc == -EALREADY) {
		call_error(c, 409, NULL, "the job has ended: %s",
		    json_str(job, "status", "ended"));
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	queue_cancel(c->server->queue, c->param);
	call_json(c, 200, json_pack("{sb ss so}", "success", 1, "message",
	    json_bool(job, "cancel", 0) ? "Build job is being stopped" :
	    "Build job cancelled", "job", jobview(c->server, job)));
}

static void
on_job_cancel(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	json_t		*note;

	if (!build_visible(c, rc, job))
		return;
	note = audit_record(c, "build.cancel", c->param, "ok");
	store_job_cancel_ops(c->server->store, c->param, &(struct store_op){
	    STORE_APPEND, "audit", NULL, note }, 1, on_cancelled, c);
	json_decref(note);
}

void
build_cancel(struct call *c)
{
	if (c->req->body_len > 0 && call_body(c, NULL, 0) < 0)
		return;
	store_job_get(c->server->store, c->param, on_job_cancel, c);
}

static void
on_stats(int rc, const json_t *stats, void *arg)
{
	struct call	*c = arg;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	call_json(c, 200, json_pack("{sb sO sO so}", "success", 1, "stats",
	    stats, "measured", c->server->measured, "targets",
	    target_list(c->server)));
}

void
build_stats(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_stats(c->server->store, on_stats, c);
}
