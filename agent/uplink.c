/*
 * What the link needs, and the link itself: it starts when its URL and its
 * secret are there, which may be later, and anew when they have changed.
 */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "aws.h"
#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "settings.h"
#include "tls.h"

enum { LOOK_MS = 10000 };		/* for what the link still lacks */

static void
on_look(uv_timer_t *t)
{
	agent_look(t->data);
}

static void
on_link_stopped(void *arg)
{
	struct agent	*a = arg;

	a->link = NULL;
	if (a->stopping)
		part_stopped(a);
	else
		agent_look(a);
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

char *
agent_proxy(const struct agent *a, const char *url)
{
	const char	*given = settings_str(a->config.settings, "proxy");

	if (given == NULL)
		return proxy_for(url);
	return strcmp(given, "none") != 0 ? xstrdup(given) : NULL;
}

static void
open_proxy(struct agent *a)
{
	const char	*why;
	struct url	 u;

	if (a->config.url != NULL)
		a->proxy = agent_proxy(a, a->config.url);
	if (a->proxy != NULL && (url_parse(a->proxy, &u, &why) < 0 || u.tls ||
	    u.socket[0] != '\0')) {		/* its text may hold a password */
		log_warn("ws", "the proxy of the environment cannot be used;"
		    " it must be http://HOST:PORT");
		free(a->proxy);
		a->proxy = NULL;
	}
}

/* For the policy module, which lets the way there open: a URL on a line. */
static void
tell_peer(const struct agent *a)
{
	char	*path = file_join(settings_state_dir(a->config.settings),
		    "link.peer");
	char	*text = xasprintf("%s\n%s%s", a->config.url, a->proxy != NULL ?
		    a->proxy : "", a->proxy != NULL ? "\n" : "");
	int	 rc = file_write(path, text, strlen(text), 0600);

	if (rc < 0)
		log_warn("ws", "%s: cannot be written: %s", path, errstr(rc));
	free(text);
	free(path);
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
		.commands = a->commands, .spool = a->spool,
		.heartbeat_ms = c->heartbeat_ms, .started = a->started,
		.up = reports_up, .arg = a
	};

	tell_peer(a);
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

/* Credentials that somebody has put there. */
static void
on_state_dir(uv_fs_event_t *h, const char *name, int events, int status)
{
	(void)events;
	if (status == 0 && name != NULL && strcmp(name, "aws.json") == 0)
		agent_look(h->data);
}

static void
watch_credentials(struct agent *a)
{
	int	rc;

	uv_fs_event_init(&a->loop, &a->credentials);
	a->credentials.data = a;
	if (!a->config.ec2_auto)
		return;
	rc = uv_fs_event_start(&a->credentials, on_state_dir,
	    settings_state_dir(a->config.settings), 0);
	if (rc < 0)			/* on_look() finds them, later */
		log_debug("ws", "credentials are not watched: %s",
		    errstr(rc));
}

void
uplink_start(struct agent *a)
{
	char	*why;

	uv_timer_init(&a->loop, &a->look);
	a->look.data = a;
	watch_credentials(a);
	if (open_tls(a, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
	open_proxy(a);
	agent_look(a);
}

int
uplink_stop(struct agent *a)
{
	uv_close((uv_handle_t *)&a->look, NULL);
	uv_close((uv_handle_t *)&a->credentials, NULL);
	if (a->link == NULL)
		return 0;
	if (!a->relink)			/* else it is stopping already */
		link_stop(a->link, on_link_stopped, a);
	return 1;
}

void
uplink_release(struct agent *a)
{
	set_secret(a, NULL);
	free(a->proxy);
	tls_free(a->tls);
}
