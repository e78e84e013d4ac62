/*
 * Whether the server takes this agent.  One that runs has the link: it is
 * asked, for a second connection of its key would push it out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "control.h"
#include "crypto.h"
#include "doctor.h"
#include "file.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "settings.h"
#include "tls.h"

enum {
	LOOK_MS		= 100,
	STANDS_LOOKS	= 5,	/* document 004's server says nothing to who
				 * is right: half a second without a word */
	MAX_LOOKS	= 200	/* 20 s, the link's own limit */
};

/* A running agent has the link: it is asked, not pushed out. */
static enum doctor_verdict
ask_agent(const struct doctor *d, char **what, char **mend)
{
	char		*path = control_path(d->config->settings);
	json_t		*answer = NULL, *link;
	enum doctor_verdict v = DOCTOR_FAIL;
	int		 rc;

	rc = control_ask(path, "status", NULL, CONTROL_ASK_MS, NULL, NULL,
	    &answer);
	link = json_object_get(json_object_get(answer, "result"), "link");
	if (rc < 0 || link == NULL) {
		*what = xasprintf("an agent runs and does not answer at %s",
		    path);
		v = DOCTOR_WARN;
	} else if (json_bool(link, "connected", 0)) {
		*what = xstrdup("the running agent is connected");
		v = DOCTOR_OK;
	} else {
		*what = xasprintf("the running agent is not connected: %s",
		    json_str(link, "why", "no try yet"));
	}
	if (v == DOCTOR_FAIL)
		*mend = xstrdup("see muster-link(7), ERRORS, for the server's"
		    " words, and the agent's log");
	json_decref(answer);
	free(path);
	return v;
}

/* -- without one: the link itself is tried -- */

struct visit {
	struct agent_link *link;
	uv_timer_t	 timer;
	int		 looks, stands;
	char		*why;
};

static void
on_change(void *arg)
{
	(void)arg;			/* on_look() sees it */
}

static void
on_stopped(void *arg)
{
	struct visit	*v = arg;

	uv_close((uv_handle_t *)&v->timer, NULL);
}

static void
on_look(uv_timer_t *t)
{
	struct visit		*v = t->data;
	struct link_status	 s;

	link_status(v->link, &s);
	v->stands = s.connected ? v->stands + 1 : 0;
	if (!s.connected && s.why == NULL && ++v->looks < MAX_LOOKS)
		return;
	if (s.connected && v->stands < STANDS_LOOKS)
		return;
	if (!s.connected)
		v->why = xstrdup(s.why != NULL ? s.why :
		    "no answer in time");
	uv_timer_stop(t);
	link_stop(v->link, on_stopped, v);
}

static enum doctor_verdict
visit_server(struct doctor *d, const struct identity *id,
    struct registration *r, const char *secret, char **what, char **mend)
{
	const struct agent_config	*c = d->config;
	struct visit			 v = { .stands = 0 };
	struct tls			*tls = NULL;
	struct link_options		 o = {
		.loop = d->loop, .url = c->url, .proxy = d->proxy,
		.identity = id, .registration = r, .info = c->info,
		.encryption = c->encryption,
		.pin = c->has_pin ? c->pin : NULL, .secret = secret,
		.agent_id = c->instance_id, .hello = c->hello,
		.heartbeat_ms = c->heartbeat_ms, .started = clock_mono_ms(),
		.up = on_change, .down = on_change
	};

	if (d->server.tls && tls_client(&tls, c->ca_file, NULL, 1, what) < 0)
		return DOCTOR_FAIL;
	o.tls = tls;
	uv_timer_init(d->loop, &v.timer);
	v.timer.data = &v;
	uv_timer_start(&v.timer, on_look, LOOK_MS, LOOK_MS);
	v.link = link_start(&o);
	uv_run(d->loop, UV_RUN_DEFAULT);
	tls_free(tls);
	if (v.why == NULL) {
		*what = xstrdup("the server takes this agent");
		return DOCTOR_OK;
	}
	*what = v.why;
	*mend = xstrdup("see muster-link(7), Errors, for the server's words");
	return DOCTOR_FAIL;
}

/* With the identity that is there: a doctor makes none. */
static enum doctor_verdict
visit_as_agent(struct doctor *d, char **what, char **mend)
{
	const char		*dir = settings_state_dir(d->config->settings);
	char			*path = file_join(dir, "identity.json");
	char			*secret = NULL;
	struct identity		 id;
	struct registration	 r;
	enum doctor_verdict	 v = DOCTOR_FAIL;

	memset(&id, 0, sizeof(id));
	memset(&r, 0, sizeof(r));
	if (!d->config->hmac && !file_exists(path)) {
		*what = xstrdup("this agent has no identity yet");
		*mend = xstrdup("start it: it makes one, and registers");
		v = DOCTOR_SKIP;
	} else if (d->config->hmac) {
		secret = doctor_secret_of(d, what);
		v = secret == NULL ? DOCTOR_SKIP :
		    visit_server(d, &id, &r, secret, what, mend);
	} else if (identity_load(&id, dir, d->config->name, what) == 0 &&
	    registration_load(&r, dir, what) == 0) {
		if (registration_is_for(&r, d->config->url)) {
			v = visit_server(d, &id, &r, NULL, what, mend);
		} else {
			*what = xstrdup("not registered there yet");
			*mend = xstrdup("start the agent: it registers");
			v = DOCTOR_SKIP;
		}
	}
	registration_release(&r);
	identity_wipe(&id);
	if (secret != NULL)
		crypto_wipe(secret, strlen(secret));
	free(secret);
	free(path);
	return v;
}

enum doctor_verdict
doctor_auth(struct doctor *d, char **what, char **mend)
{
	char			*path = file_join(settings_state_dir(
	    d->config->settings), "agent.lock");
	struct lock_holder	 holder;
	int			 runs = lock_status(path, &holder) == 0 &&
	    holder.held;

	free(path);
	if (d->config->url == NULL)
		return DOCTOR_SKIP;
	if (runs)
		return ask_agent(d, what, mend);
	if (d->failed > 0)
		return DOCTOR_SKIP;
	return visit_as_agent(d, what, mend);
}
