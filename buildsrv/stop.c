/*
 * What signals ask for.
 *
 * The end: no further build begins, and those that run have --stop-grace to
 * complete, while the API still answers and the event streams tell of them;
 * then they go back to the queue.  When none is left (queue_ended), the
 * listeners close, streams and webhooks end, answers under way go out
 * (answers_ended), a clean-up ends (cleanup_ended); then nobody can ask for
 * the gateway or the releases any more, and they end too.  Last the store,
 * with what all of them wrote.
 */
#include <signal.h>
#include <string.h>

#include "app.h"
#include "cleanup.h"
#include "events.h"
#include "gateway.h"
#include "lock.h"
#include "metrics.h"
#include "notify.h"
#include "queue.h"
#include "rollout.h"
#include "settings.h"
#include "testecho.h"
#include "tufrepo.h"
#include "webhooks.h"

enum { ANSWER_GRACE = 10000 };	/* ms for answers that are under way */

/* -- the last: the store -- */

static void
on_store_closed(void *arg)
{
	struct app	*a = arg;
	struct server	*s = &a->server;

	notify_free(a->notify);
	events_free(s->events);
	metrics_free(s->metrics);
	lock_drop(a->lock);
	a->lock = NULL;
	uv_close((uv_handle_t *)&a->sigint, NULL);
	uv_close((uv_handle_t *)&a->sigterm, NULL);
	uv_close((uv_handle_t *)&a->sighup, NULL);
	log_info(NULL, "stopped");
}

static void
part_ended(void *arg)
{
	struct app	*a = arg;

	if (--a->open == 0)
		store_close(a->server.store, on_store_closed, a);
}

/* -- what uses the store -- */

/* Answers and the clean-up ask the gateway and the releases, until the last of
 * the two has ended. */
static void
asker_ended(struct app *a)
{
	struct gateway	*g = a->server.gateway;

	if (--a->askers > 0)
		return;
	a->server.gateway = NULL;
	tufrepo_stop(a->server.tufrepo, part_ended, a);
	rollouts_stop(a->server.rollouts, part_ended, a);
	gateway_stop(g, part_ended, a);
}

static void
answers_ended(void *arg)
{
	struct app	*a = arg;

	a->server.httpd = NULL;
	asker_ended(a);
}

static void
cleanup_ended(void *arg)
{
	asker_ended(arg);
	part_ended(arg);
}

/* Those who wait for a build hear where to look for it. */
static void
waiting_end(struct server *s)
{
	struct call	*c;

	while (!list_empty(&s->waiting)) {
		c = LIST_ITEM(s->waiting.next, struct call, link);
		http_set(c->req, "Retry-After", "5");
		call_error(c, 503, NULL, "the server stops; job %s goes on "
		    "when it is back", json_str(c->job, "id", ""));
	}
}

static void
stop_listeners(struct app *a)
{
	struct server	*s = &a->server;
	struct streams	*streams = s->streams;
	struct webhooks	*webhooks = s->webhooks;

	s->streams = NULL;		/* requests find them gone */
	s->webhooks = NULL;
	streams_stop(streams, part_ended, a);
	webhooks_stop(webhooks, part_ended, a);
	a->notify = s->notify;
	s->notify = NULL;
	notify_stop(a->notify, part_ended, a);
	if (s->echo != NULL) {
		a->open++;
		testecho_stop(s->echo, part_ended, a);
		s->echo = NULL;
	}
}

static void
queue_ended(void *arg)
{
	struct app	*a = arg;

	a->server.queue = NULL;
	uv_close((uv_handle_t *)&a->grace, NULL);
	a->open = 7;	/* the gateway behind its askers, and the next */
	a->askers = 2;
	httpd_stop(a->server.httpd, ANSWER_GRACE, answers_ended, a);
	stop_listeners(a);
	cleanup_stop(&a->server, cleanup_ended, a);
	waiting_end(&a->server);
	orders_stop(&a->server);
}

/* -- builds that run -- */

static void
hand_back(struct app *a)
{
	queue_stop(a->server.queue, 1, queue_ended, a);
}

static void
on_grace(uv_timer_t *t)
{
	struct app	*a = t->data;

	log_warn(NULL, "%d builds are not done: back to the queue",
	    queue_running(a->server.queue));
	hand_back(a);
}

static void
on_stop(uv_signal_t *h, int signum)
{
	struct app	*a = h->data;
	int64_t		 grace = settings_int(a->server.settings,
			    "stop-grace");

	if (a->stopping) {
		log_warn(NULL, "stopping already");
		if (a->server.queue != NULL)
			hand_back(a);	/* now */
		return;
	}
	a->stopping = 1;
	log_info(NULL, "signal %d: stopping builds=%d", signum,
	    queue_running(a->server.queue));
	if (grace > 0) {
		uv_timer_start(&a->grace, on_grace, (uint64_t)grace, 0);
		queue_stop(a->server.queue, 0, queue_ended, a);
	} else
		hand_back(a);
}

static void
on_hup(uv_signal_t *h, int signum)
{
	struct app	*a = h->data;

	(void)signum;
	listen_reload(&a->server);
}

void
stop_watch(struct app *a)
{
	signal(SIGPIPE, SIG_IGN);
	uv_timer_init(a->server.loop, &a->grace);
	uv_signal_init(a->server.loop, &a->sigint);
	uv_signal_init(a->server.loop, &a->sigterm);
	uv_signal_init(a->server.loop, &a->sighup);
	a->sigint.data = a->sigterm.data = a->sighup.data = a;
	a->grace.data = a;
	uv_signal_start(&a->sigint, on_stop, SIGINT);
	uv_signal_start(&a->sigterm, on_stop, SIGTERM);
	uv_signal_start(&a->sighup, on_hup, SIGHUP);
}
