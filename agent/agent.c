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
#include "aws.h"
#include "buf.h"
#include "child.h"
#include "clock.h"
#include "commands.h"
#include "confjson.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "linkauth.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "telemetry.h"
#include "tls.h"

enum {
	LOCK_BEAT_MS	= 60 * 1000,
	FIRST_SAMPLE_MS	= 250,	/* shares of time need a span to be of */
	LOOK_MS		= 10000	/* for what the link still lacks */
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
	if (link_send(a->link, LINK_CH_TELEMETRY, o) == 0 && !a->config.hmac)
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
on_look(uv_timer_t *t)
{
	agent_look(t->data);
}

static void
end_all(struct agent *a)
{
	uv_handle_t	*handles[] = {
		(uv_handle_t *)&a->sample, (uv_handle_t *)&a->beat,
		(uv_handle_t *)&a->look,
		(uv_handle_t *)&a->term, (uv_handle_t *)&a->intr,
		(uv_handle_t *)&a->hup
	};
	size_t		 i;

	local_stop(a->local);
	for (i = 0; i < nitems(handles); i++)
		uv_close(handles[i], NULL);
}

static void
on_link_stopped(void *arg)
{
	struct agent	*a = arg;

	a->link = NULL;
	if (a->stopping)
		end_all(a);
	else
		agent_look(a);
}

static void
on_stop_signal(uv_signal_t *s, int number)
{
	struct agent	*a = s->data;

	if (a->stopping++ > 0)
		return;			/* it is under way */
	log_info(NULL, "stopping (signal %d)", number);
	if (a->relink)
		return;			/* the link is stopping already */
	if (a->link != NULL)
		link_stop(a->link, on_link_stopped, a);
	else
		end_all(a);
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

/* An agent whose config.json is damaged works on without it. */
static void
open_conf(struct agent *a, const char *dir)
{
	char	*why;

	if (confjson_load(&a->conf, dir, &agent_confjson,
	    update_on_trial(dir), &why) < 0)
		log_error("config", "%s; it stays as it is, and nothing of it"
		    " is used", why);
	free(why);
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
	open_conf(a, dir);
	if (identity_load(&a->identity, dir, a->config.name, &why) < 0 ||
	    registration_load(&a->registration, dir, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
}

/* Only wss needs the certificates, which cost a MB and some ms.  0, or -errno
 * with *why, freed by the caller. */
static int
open_tls(struct agent *a, char **why)
{
	if (a->tls != NULL || a->config.url == NULL ||
	    strncmp(a->config.url, "wss:", 4) != 0)
		return 0;
	return tls_client(&a->tls, a->config.ca_file, NULL, 1, why);
}

static void
open_proxy(struct agent *a)
{
	const char	*given = settings_str(a->config.settings, "proxy");
	const char	*why;
	struct url	 u;

	if (given != NULL)
		a->proxy = strcmp(given, "none") != 0 ? xstrdup(given) : NULL;
	else if (a->config.url != NULL)
		a->proxy = proxy_for(a->config.url);
	if (a->proxy != NULL && (url_parse(a->proxy, &u, &why) < 0 || u.tls ||
	    u.socket[0] != '\0')) {		/* its text may hold a password */
		log_warn("ws", "the proxy of the environment cannot be used;"
		    " it must be http://HOST:PORT");
		free(a->proxy);
		a->proxy = NULL;
	}
}

static void
open_link(struct agent *a)
{
	const struct agent_config	*c = &a->config;
	struct link_options		 o = {
		.loop = &a->loop, .url = c->url, .tls = a->tls,
		.proxy = a->proxy,
		.identity = &a->identity, .registration = &a->registration,
		.registration_key = c->registration_key,
		.info = c->info, .encryption = c->encryption,
		.pin = c->has_pin ? c->pin : NULL,
		.secret = c->hmac ? a->secret : NULL,
		.agent_id = c->instance_id, .hello = c->hello,
		.commands = a->commands,
		.heartbeat_ms = c->heartbeat_ms, .started = a->started,
		.up = on_up, .down = on_down, .arg = a
	};

	a->link = link_start(&o);
}

/* The link's secret as it is known now, or NULL; the caller frees. */
static char *
find_secret(const struct agent *a)
{
	struct aws	 w;
	char		*secret = NULL, *why;

	if (a->config.ws_secret != NULL)
		return xstrdup(a->config.ws_secret);
	if (!a->config.ec2_auto)
		return NULL;
	if (aws_load(&w, settings_state_dir(a->config.settings), &why) < 0) {
		log_warn("ws", "%s", why);
		free(why);
	} else if (w.secret_key != NULL)
		secret = xstrdup(w.secret_key);
	aws_release(&w);
	return secret;
}

const char *
agent_missing(const struct agent *a)
{
	if (a->config.url == NULL)
		return "apiURL";
	return a->config.hmac && a->secret == NULL ? "secret" : NULL;
}

static void
set_secret(struct agent *a, char *take)
{
	if (a->secret != NULL)
		crypto_wipe(a->secret, strlen(a->secret));
	free(a->secret);
	a->secret = take;
}

/* Document 004's way to an address where none is configured. */
static void
on_address(const char *address, void *arg)
{
	struct agent	*a = arg;
	char		*why;

	a->asking = 0;
	if (a->stopping || address == NULL)
		return;			/* on_look() asks again */
	a->config.url = xasprintf("wss://%s/agent", address);
	log_info("ws", "%s: by the EC2 metadata service", a->config.url);
	if (open_tls(a, &why) < 0) {
		log_warn("ws", "%s", why);
		free(why);
		free(a->config.url);
		a->config.url = NULL;
		return;
	}
	open_proxy(a);
	agent_look(a);
}

static void
look_for_url(struct agent *a)
{
	if (a->config.url != NULL || !a->config.ec2_auto || a->asking)
		return;
	a->asking = 1;
	ec2_address(&a->loop, settings_str(a->config.settings,
	    "ec2-metadata-url"), on_address, a);
}

void
agent_look(struct agent *a)
{
	char		*secret = a->config.hmac ? find_secret(a) : NULL;
	const char	*missing;
	int		 same = a->secret == secret || (secret != NULL &&
	    a->secret != NULL && crypto_equal_str(secret, a->secret));

	if (a->stopping || (a->link != NULL && same)) {
		if (secret != NULL)
			crypto_wipe(secret, strlen(secret));
		free(secret);
		return;
	}
	if (a->link != NULL) {		/* which has the old one */
		if (secret != NULL)
			crypto_wipe(secret, strlen(secret));
		free(secret);
		if (!a->relink++)
			link_stop(a->link, on_link_stopped, a);
		return;
	}
	a->relink = 0;
	set_secret(a, secret);
	missing = agent_missing(a);
	if (missing == NULL)
		open_link(a);
	else
		look_for_url(a);
	if (missing != NULL && !uv_is_active((uv_handle_t *)&a->look)) {
		log_warn("ws", "not started, missing: %s", missing);
		uv_timer_start(&a->look, on_look, LOOK_MS, LOOK_MS);
	}
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
run(struct agent *a)
{
	int	rc;

	if ((rc = uv_loop_init(&a->loop)) < 0)
		die(EXIT_SYSTEM, "event loop: %s", errstr(rc));
	watch_signals(a);
	uv_timer_init(&a->loop, &a->sample);
	uv_timer_init(&a->loop, &a->beat);
	uv_timer_init(&a->loop, &a->look);
	a->sample.data = a->beat.data = a->look.data = a;
	uv_timer_start(&a->beat, on_lock_beat, LOCK_BEAT_MS, LOCK_BEAT_MS);
	a->commands = command_table_new();
	a->host_commands = host_commands_new(a->commands, &a->loop,
	    settings_state_dir(a->config.settings),
	    settings_str(a->config.settings, "service"));
	agent_look(a);
	a->local = local_start(a);
	a->telemetry = telemetry_new();
	uv_run(&a->loop, UV_RUN_DEFAULT);
	if ((rc = uv_loop_close(&a->loop)) < 0)
		die(EXIT_BUG, "event loop: %s at the end", errstr(rc));
}

int
main(int argc, char **argv)
{
	struct agent	a;
	char		*why;

	child_role(argc, argv);
	memset(&a, 0, sizeof(a));
	a.started = clock_mono_ms();
	crypto_init();
	config_load(&a.config, argc, argv);
	if (a.config.self_test) {
		config_release(&a.config);
		return selftest_main();
	}
	open_log(&a);
	open_state(&a);
	if (settings_has(a.config.settings, "log-paths"))
		log_warn(NULL, "logPaths: this version does not follow files");
	if (open_tls(&a, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
	open_proxy(&a);
	run(&a);
	host_commands_free(a.host_commands);
	command_table_free(a.commands);
	set_secret(&a, NULL);
	free(a.proxy);
	telemetry_free(a.telemetry);
	tls_free(a.tls);
	registration_release(&a.registration);
	identity_wipe(&a.identity);
	confjson_free(a.conf);
	config_release(&a.config);
	lock_drop(a.lock);
	log_info(NULL, "stopped");
	return EXIT_YES;
}
