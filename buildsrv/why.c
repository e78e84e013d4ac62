/* GET .../jobs/:id/why: what a job waits for, and how long yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "settings.h"

struct why {			/* the answer in the making */
	char	*reason;
	int64_t	 ahead, running, slots;
	int64_t	 ms;		/* until it is built; -1: not known */
};

static void
why_pending(struct why *w, const struct server *s, const json_t *job)
{
	int64_t	attempts = json_int(job, "attempts", 0);
	char	*more;

	w->ms = estimate_ms(s, json_str(job, "target", ""), w->ahead,
	    w->running);
	if (w->ahead > 0)
		w->reason = xasprintf("%lld of %lld builds run; %lld %s first",
		    (long long)w->running, (long long)w->slots,
		    (long long)w->ahead, w->ahead == 1 ? "job goes" :
		    "jobs go");
	else if (w->running >= w->slots)
		w->reason = xasprintf("%lld of %lld builds run; it is next",
		    (long long)w->running, (long long)w->slots);
	else
		w->reason = xstrdup("it is about to start");
	if (attempts > 0) {
		more = xasprintf("%s; it was interrupted before (%lld)",
		    w->reason, (long long)attempts);
		free(w->reason);
		w->reason = more;
	}
}

static void
why_running(struct why *w, const struct server *s, const json_t *job)
{
	int64_t		 gone = clock_wall_ms() - json_int(job, "started", 0);
	const char	*step = json_str(job, "step", NULL);

	if (json_bool(job, "cancel", 0))
		w->reason = xstrdup("it is being stopped");
	else if (step != NULL)
		w->reason = xasprintf("it runs, at step %s", step);
	else
		w->reason = xstrdup("it has just started");
	w->ms = estimate_ms(s, json_str(job, "target", ""), 0, 0);
	if (w->ms >= 0)
		w->ms = w->ms > gone ? w->ms - gone : 0;
}

static void
why_ended(struct why *w, const json_t *job)
{
	const char	*status = json_str(job, "status", "");
	const char	*error = json_str(job, "error", NULL);

	w->ms = 0;
	w->reason = error != NULL ? xasprintf("it has ended, %s: %s", status,
	    error) : xasprintf("it has ended, %s", status);
}

static void
on_place(int rc, const json_t *place, void *arg)
{
	struct call	*c = arg;
	const char	*status = json_str(c->job, "status", "");
	struct why	 w = { .slots = settings_int(c->server->settings,
			    "max-concurrent-builds") };
	char		*words;

	if (rc < 0) {
		build_visible(c, rc, NULL);
		return;
	}
	w.ahead = json_int(place, "ahead", 0);
	w.running = json_int(place, "running", 0);
	if (strcmp(status, "pending") == 0)
		why_pending(&w, c->server, c->job);
	else if (strcmp(status, "running") == 0)
		why_running(&w, c->server, c->job);
	else
		why_ended(&w, c->job);
	words = json_int(c->job, "ended", 0) > 0 ? xstrdup("none") :
	    estimate_words(json_str(c->job, "target", ""), w.ms);
	call_json(c, 200, json_pack("{sb ss ss sI sI sI ss so}", "success", 1,
	    "status", status, "reason", w.reason, "ahead",
	    (json_int_t)w.ahead, "running", (json_int_t)w.running, "slots",
	    (json_int_t)w.slots, "estimatedTime", words, "estimatedMs",
	    w.ms < 0 ? json_null() : json_integer(w.ms)));
	free(words);
	free(w.reason);
}

static void
on_job(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (!build_visible(c, rc, job))
		return;
	c->job = json_deep_copy(job);
	store_job_place(c->server->store, c->param, on_place, c);
}

void
build_why(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_get(c->server->store, c->param, on_job, c);
}
