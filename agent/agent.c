/*
 * muster-agent: settings, private state, lock, identity, link; then the loop
 * until a signal.  Stopping goes the same way back: the link closes in
 * order, the lock is dropped, exit 0.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "linkauth.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "telemetry.h"
#include "tls.h"

enum {
	LOCK_BEAT_MS	= 60 * 1000,
	FIRST_SAMPLE_MS	= 250	/* shares of time need a span to be of */
};

struct agent {
	struct agent_config	 config;
	struct identity		 identity;
	struct registration	 registration;
	struct lock		*lock;
	struct tls		*tls;
	struct telemetry	*telemetry;
	struct agent_link	*link;
	uv_loop_t		 loop;
	uv_timer_t		 sample, beat;
	uv_signal_t		 term, intr, hup;
	int			 stopping;
};

/* -- telemetry -- */

static void
on_sample(uv_timer_t *t)
{
	struct agent	*a = t->data;
	json_t		*o = telemetry_sample(a->telemetry);

	if (o == NULL) {
		log_warn("telemetry", "the system cannot be read");
		return;
	}
	if (link_send(a->link, LINK_CH_TELEMETRY, o) == 0)
		log_debug("ws", "metrics sent: cpu=%.1f mem=%.1f disk=%.1f",
		    json_number_value(json_object_get(o, "cpuPercent")),
		    json_number_value(json_object_get(o, "memPercent")),
		    json_number_value(json_object_get(o, "diskUsage")));
	json_decref(o);
}

static void
on_up(void *arg)
{
	struct agent	*a = arg;

	uv_timer_start(&a->sample, on_sample, FIRST_SAMPLE_MS,
	    (uint64_t)a->config.metrics_ms);
}

static void
on_down(void *arg)
{
	struct agent	*a = arg;

	uv_timer_stop(&a->sample);
}

/* -- signals -- */

static void
on_link_stopped(void *arg)
{
	struct agent	*a = arg;
	uv_handle_t	*handles[] = {
		(uv_handle_t *)&a->sample, (uv_handle_t *)&a->beat,
		(uv_handle_t *)&a->term, (uv_handle_t *)&a->intr,
		(uv_handle_t *)&a->hup
	};
	size_t		 i;

	for (i = 0; i < nitems(handles); i++)
		uv_close(handles[i], NULL);
}

static void
on_stop_signal(uv_signal_t *s, int number)
{
	struct agent	*a = s->data;

	if (a->stopping++ > 0)
		return;			/* it is under way */
	log_info(NULL, "stopping (signal %d)", number);
	link_stop(a->link, on_link_stopped, a);
}

static void
on_hangup(uv_signal_t *s, int number)
{
	struct agent	*a = s->data;
	int		 rc;

	(void)number;
	if (a->config.log_file == NULL)
		return;
	if ((rc = log_to_file(a->config.log_file)) < 0)
		log_warn(NULL, "%s: cannot be reopened: %s",
		    a->config.log_file, errstr(rc));
	else
		log_info(NULL, "log reopened");
}

static void
on_lock_beat(uv_timer_t *t)
{
	struct agent	*a = t->data;
	int		 rc = lock_beat(a->lock);

	if (rc < 0)
		log_warn(NULL, "agent.lock: cannot be written: %s",
		    errstr(rc));
}

/* -- the start, in order; each step ends the process where it fails -- */

static void
open_log(const struct agent *a)
{
	int	rc;

	if (a->config.log_file == NULL)
		return;
	if ((rc = log_to_file(a->config.log_file)) < 0)
		die(EXIT_SYSTEM, "%s: cannot be opened: %s",
		    a->config.log_file, errstr(rc));
}

static void
take_lock(struct agent *a, const char *dir)
{
	char			*path = file_join(dir, "agent.lock");
	struct lock_holder	 holder;
	int			 rc;

	rc = lock_take(&a->lock, path, 0, 0, MUSTER_VERSION);
	if (rc == -EWOULDBLOCK) {
		if (lock_status(path, &holder) == 0 && holder.pid > 0)
			die(EXIT_NO, "%s: another agent runs, process %"
			    PRId64, path, holder.pid);
		die(EXIT_NO, "%s: another agent runs", path);
	}
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: cannot be locked: %s", path,
		    errstr(rc));
	free(path);
}

static void
open_state(struct agent *a)
{
	const char	*dir = settings_state_dir(a->config.settings);
	char		*why;
	int		 rc;

	if ((rc = platform_private_dir(dir)) < 0)
		die(EXIT_SYSTEM, "%s: cannot be made private: %s", dir,
		    errstr(rc));
	take_lock(a, dir);
	if (identity_load(&a->identity, dir, a->config.name, &why) < 0 ||
	    registration_load(&a->registration, dir, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
}

/* Only wss needs the certificates, which cost a MB and some ms. */
static void
open_tls(struct agent *a)
{
	char	*why;

	if (strncmp(a->config.url, "wss:", 4) == 0 &&
	    tls_client(&a->tls, a->config.ca_file, NULL, 1, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
}

static void
open_link(struct agent *a, int64_t started)
{
	struct link_options	o = {
		.loop = &a->loop, .url = a->config.url, .tls = a->tls,
		.identity = &a->identity, .registration = &a->registration,
		.registration_key = a->config.registration_key,
		.info = a->config.info, .encryption = a->config.encryption,
		.pin = a->config.has_pin ? a->config.pin : NULL,
		.heartbeat_ms = a->config.heartbeat_ms, .started = started,
		.up = on_up, .down = on_down, .arg = a
	};

	a->link = link_start(&o);
}

static void
watch_signals(struct agent *a)
{
	uv_signal_t	*watchers[] = { &a->term, &a->intr, &a->hup };
	size_t		 i;

	for (i = 0; i < nitems(watchers); i++) {
		uv_signal_init(&a->loop, watchers[i]);
		watchers[i]->data = a;
	}
	uv_signal_start(&a->term, on_stop_signal, SIGTERM);
	uv_signal_start(&a->intr, on_stop_signal, SIGINT);
	/* on Windows it is the closing of the console */
	uv_signal_start(&a->hup, strcmp(platform_os, "windows") == 0 ?
	    on_stop_signal : on_hangup, SIGHUP);
#ifdef SIGPIPE
	signal(SIGPIPE, SIG_IGN);
#endif
}

static void
run(struct agent *a, int64_t started)
{
	int	rc;

	if ((rc = uv_loop_init(&a->loop)) < 0)
		die(EXIT_SYSTEM, "event loop: %s", errstr(rc));
	watch_signals(a);
	uv_timer_init(&a->loop, &a->sample);
	uv_timer_init(&a->loop, &a->beat);
	a->sample.data = a->beat.data = a;
	uv_timer_start(&a->beat, on_lock_beat, LOCK_BEAT_MS, LOCK_BEAT_MS);
	open_link(a, started);
	a->telemetry = telemetry_new();
	uv_run(&a->loop, UV_RUN_DEFAULT);
	if ((rc = uv_loop_close(&a->loop)) < 0)
		die(EXIT_BUG, "event loop: %s at the end", errstr(rc));
}

int
main(int argc, char **argv)
{
	struct agent	a;
	int64_t		started = clock_mono_ms();

	memset(&a, 0, sizeof(a));
	crypto_init();
	config_load(&a.config, argc, argv);
	if (a.config.self_test) {
		config_release(&a.config);
		return selftest_main();
	}
	open_log(&a);
	open_state(&a);
	open_tls(&a);
	run(&a, started);
	telemetry_free(a.telemetry);
	tls_free(a.tls);
	registration_release(&a.registration);
	identity_wipe(&a.identity);
	config_release(&a.config);
	lock_drop(a.lock);
	log_info(NULL, "stopped");
	return EXIT_YES;
}
