/*
 * The parts of the server, in the order of main.c: directories and the lock,
 * the store, the signing helper, the gateway, the queue.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app.h"
#include "buf.h"
#include "cleanup.h"
#include "events.h"
#include "file.h"
#include "gateway.h"
#include "ipc.h"
#include "lock.h"
#include "metrics.h"
#include "platform.h"
#include "queue.h"
#include "rollout.h"
#include "settings.h"
#include "sockets.h"
#include "tls.h"
#include "transfers.h"
#include "tufrepo.h"
#include "webhooks.h"

enum {
	SIGN_TIMEOUT	= 5000,		/* ms for the helper's public key */
	LEASE		= 30000		/* ms of a build without a renewal */
};

static void
take_lock(struct app *a, const char *state)
{
	char	*path = file_join(state, "buildsrv.lock");
	int	 rc = lock_take(&a->lock, path, 0, 0, MUSTER_VERSION);

	if (rc == -EWOULDBLOCK || rc == -EAGAIN)
		die(EXIT_NO, "%s: another server runs on this state", path);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	free(path);
}

void
start_dirs(struct app *a)
{
	static const char *const names[] = { "work", "templates", "artifacts",
	    "store", "releases" };
	const char	*state = settings_state_dir(a->server.settings);
	const char	*run = settings_run_dir(a->server.settings);
	size_t		 i;
	int		 rc;

	if ((rc = platform_private_dir(state)) < 0)
		die(EXIT_SYSTEM, "%s: %s", state, errstr(rc));
	if ((rc = file_mkdirs(run, 0755)) < 0)
		die(EXIT_SYSTEM, "%s: %s", run, errstr(rc));
	for (i = 0; i < nitems(names); i++) {
		a->dirs[i] = file_join(state, names[i]);
		if ((rc = platform_private_dir(a->dirs[i])) < 0)
			die(EXIT_SYSTEM, "%s: %s", a->dirs[i], errstr(rc));
	}
	a->server.artifact_dir = a->dirs[2];
	a->server.release_dir = a->dirs[4];
	take_lock(a, state);
}

void
start_store(struct app *a)
{
	char	*where = xasprintf("lmdb:%s", a->dirs[3]), *why = NULL;
	int	 rc;

	rc = store_open(&a->server.store, a->server.loop, where, &why);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", where,
		    why != NULL ? why : errstr(rc));
	free(where);
	store_watch(a->server.store, detail_watch, &a->server);
	store_watch(a->server.store, build_watch, &a->server);
	a->server.transfers = transfers_new();
}

/* Without the helper nothing is signed, and so nothing is built. */
void
start_signer(struct app *a)
{
	struct server	*s = &a->server;
	json_t		*ask = json_pack("{ss}", "op", "public_key");
	json_t		*answer = NULL;
	int		 rc;

	a->sign_socket = settings_has(s->settings, "sign-socket") ?
	    file_absolute(settings_str(s->settings, "sign-socket")) :
	    file_join(settings_run_dir(s->settings), "sign.sock");
	if ((rc = ipc_ask(a->sign_socket, ask, SIGN_TIMEOUT, &answer)) < 0)
		die(EXIT_SYSTEM, "%s: the signing helper does not answer: %s "
		    "(start it: muster-sign --serve)", a->sign_socket,
		    errstr(rc));
	snprintf(s->update_key, sizeof(s->update_key), "%s",
	    json_str(answer, "public_key", ""));
	if (s->update_key[0] == '\0')
		die(EXIT_SYSTEM, "%s: the signing helper has no key: %s",
		    a->sign_socket, json_str(answer, "error", "no public_key"));
	json_decref(ask);
	json_decref(answer);
}

void
start_queue(struct app *a)
{
	const struct settings	*s = a->server.settings;
	struct queue_options o = {
		.store = a->server.store,
		.owner = "buildsrv",
		.max_concurrent = (int)settings_int(s,
		    "max-concurrent-builds"),
		.pipeline = a->pipeline,
		.work_dir = a->dirs[0],
		.artifact_dir = a->dirs[2],
		.lease_ms = LEASE,
		.max_attempts = (int)settings_int(s, "max-attempts"),
		.build_timeout_ms = settings_int(s, "build-timeout"),
		.env = a->env,
		.prepare = job_prepare,
		.secret = job_secret,
		.finish = job_finish,
		.arg = &a->server,
	};
	int	rc = queue_start(&a->server.queue, a->server.loop, &o);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", a->pipeline, errstr(rc));
}

void
start_gateway(struct server *s)
{
	struct gateway_options	o = {
		.store = s->store,
		.loop = s->loop,
		.identity_secret = s->identity_secret,
		.open_registration = settings_bool(s->settings,
		    "open-registration"),
		.link_secret = link_secret,
		.reported = agent_reported,
		.arg = s,
	};

	if ((s->gateway = gateway_new(&o)) == NULL)
		die(EXIT_SYSTEM, "the agents' gateway cannot start");
}

void
start_events(struct server *s)
{
	s->metrics = metrics_new(s);
	s->streams = streams_new(s);
	s->webhooks = webhooks_new(s);
	s->events = events_new(s);
	sockets_start(s);
}

void
start_updates(struct app *a)
{
	struct server	*s = &a->server;

	patch_load(s);
	s->tufrepo = tufrepo_new(s, settings_state_dir(s->settings),
	    a->sign_socket);
	s->rollouts = rollouts_new(s);
}

void
start_cleanup(struct app *a)
{
	const struct settings	*s = a->server.settings;
	const int64_t		 day = 24 * 3600 * 1000;

	cleanup_start(&a->server, &(struct cleanup_options){
	    .state_dir = settings_state_dir(s),
	    .work_dir = a->dirs[0], .template_dir = a->dirs[1],
	    .keep_jobs = settings_int(s, "keep-jobs") * day,
	    .keep_events = settings_int(s, "keep-events") * day,
	    .keep_reports = settings_int(s, "keep-reports") * day,
	    .keep_templates = settings_int(s, "keep-templates") * day,
	    .orphan_grace = settings_int(s, "orphan-grace"),
	    .interval = settings_int(s, "cleanup-interval") });
}

void
start_release(struct app *a)
{
	size_t	i;

	for (i = 0; i < nitems(a->dirs); i++)
		free(a->dirs[i]);
	for (i = 0; a->env[i] != NULL; i++)
		free(a->env[i]);
	free(a->env);
	free(a->pipeline);
	free(a->sign_socket);
	transfers_free(a->server.transfers);
	tls_free(a->server.tls);
	json_decref(a->server.measured);
	auth_release(&a->server);
	detail_free(&a->server);
	patch_free(&a->server);
	free(a->server.toolchain_dir);
	free(a->server.url);
}
