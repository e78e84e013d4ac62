/*
 * The link to the server: CONNECT, AUTH, then, once in an agent's life,
 * REGISTER and COMPLETE, then UP; each state waits for one answer within one
 * deadline.  Whatever fails closes the WebSocket (CLOSING), and its end leads
 * to WAIT, which connects anew: after a delay that the server named, else
 * one drawn from 0 to min(60, 2^n) seconds.  link_stop() ends it in every
 * state; memory goes when the WebSocket and the timers have closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "json.h"
#include "link_private.h"
#include "log.h"

enum { CLOSE_NORMAL = 1000, CLOSE_POLICY = 1008 };

enum link_event { EV_TIMER, EV_OPEN, EV_ANSWER, EV_CLOSED };

/* One answer: the payload of a response. */
struct answer {
	const json_t	*payload;
	int64_t		 server_s;
};

static void	link_step(struct agent_link *, enum link_event,
		    const struct answer *);

int64_t
link_now(const struct agent_link *l)
{
	return l->skewed ? clock_mono_ms() + l->clock_off : clock_wall_ms();
}

/* -- sending -- */

void
link_put_text(struct agent_link *l, const struct buf *b)
{
	ws_text(l->ws, b->p, b->len);
}

void
link_put(struct agent_link *l, const char *type, const char *id,
    const char *channel, const char *json)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;

	e.id = id;
	e.type = type;
	e.channel = channel;
	e.timestamp = link_now(l) / 1000;
	linkcrypt_write(&l->crypt, &e, json, strlen(json), &b);
	link_put_text(l, &b);
	buf_release(&b);
}

void
link_put_json(struct agent_link *l, const char *word, const char *channel,
    const json_t *o)
{
	char	*text = json_text((json_t *)(uintptr_t)o);
	char	 id[ENVELOPE_MAX_ID];

	snprintf(id, sizeof(id), "%s_%" PRIu64, word, ++l->serial);
	link_put(l, "request", id, channel, text);
	crypto_wipe(text, strlen(text));	/* may hold a key */
	free(text);
}

int
link_send(struct agent_link *l, const char *channel, const json_t *o)
{
	if (l->state != LINK_UP)
		return -ENOTCONN;
	link_put_json(l, channel, channel, o);
	return 0;
}

/* -- timers -- */

static void
on_timer(uv_timer_t *t)
{
	link_step(t->data, EV_TIMER, NULL);
}

static void
on_beat(uv_timer_t *t)
{
	struct agent_link	*l = t->data;
	char			 id[64];

	snprintf(id, sizeof(id), "heartbeat_%" PRIu64, ++l->serial);
	link_put(l, "heartbeat", id, "", "{}");
	log_debug("ws", "heartbeat sent");
}

/* Closes for a reason of ours; the rest follows when it is closed. */
static void
link_close(struct agent_link *l, int code, char *why_take)
{
	free(l->why);
	l->why = why_take;
	l->state = LINK_CLOSING;
	uv_timer_stop(&l->timer);
	uv_timer_stop(&l->beat);
	uv_timer_stop(&l->ping);
	ws_close(l->ws, code, code == CLOSE_NORMAL ? "stopping" : "");
}

static void
on_ping(uv_timer_t *t)
{
	struct agent_link	*l = t->data;

	if (l->pings == LINK_MAX_PINGS) {
		link_close(l, CLOSE_POLICY, xstrdup("the server is silent"));
		return;
	}
	l->pings++;
	ws_ping(l->ws);
}

/* -- up and down -- */

static void
link_up(struct agent_link *l)
{
	uint64_t	beat = (uint64_t)l->o.heartbeat_ms;

	l->state = LINK_UP;
	l->up_since = clock_mono_ms();
	l->pings = 0;
	uv_timer_stop(&l->timer);
	uv_timer_start(&l->beat, on_beat, beat, beat);
	uv_timer_start(&l->ping, on_ping, LINK_PING_MS, LINK_PING_MS);
	if (l->ours)
		link_put_json(l, "info", LINK_CH_INFO, l->o.info);
	l->o.up(l->o.arg);
}

/* Full jitter: a fleet that was cut off together comes back spread out. */
static int64_t
next_delay(struct agent_link *l)
{
	int64_t		ceiling, told = l->retry_after_ms;
	uint32_t	random;

	if (l->at_once) {
		l->at_once = 0;
		return 0;
	}
	ceiling = l->attempt < 6 ? INT64_C(1000) << l->attempt :
	    LINK_MAX_DELAY_MS;
	l->attempt++;
	l->retry_after_ms = -1;
	if (told >= 0)
		return told > LINK_MIN_DELAY_MS ? told : LINK_MIN_DELAY_MS;
	crypto_random(&random, sizeof(random));
	return (int64_t)((double)ceiling * random / UINT32_MAX);
}

static void	link_end(struct agent_link *);

/* The WebSocket has closed, in whatever state. */
static void
link_down(struct agent_link *l)
{
	int	 was_up = l->up_since != 0;
	int64_t	 delay;

	if (was_up && clock_mono_ms() - l->up_since >= LINK_STABLE_MS)
		l->attempt = 0;
	l->up_since = 0;
	uv_timer_stop(&l->beat);
	uv_timer_stop(&l->ping);
	linkcrypt_wipe(&l->crypt);
	crypto_wipe(l->eph_secret, sizeof(l->eph_secret));
	if (was_up)
		l->o.down(l->o.arg);
	if (l->done != NULL) {
		link_end(l);
		return;
	}
	delay = next_delay(l);
	log_warn("ws", "%s: %s; next try in %.1f s", was_up ?
	    "connection lost" : "connection failed", l->why,
	    (double)delay / 1000);
	l->state = LINK_WAIT;
	uv_timer_start(&l->timer, on_timer, (uint64_t)delay, 0);
}

/* -- receiving -- */

/* What the server asks of us: nothing yet but to go away for a while. */
static void
take_request(struct agent_link *l, const struct envelope *e, const json_t *o)
{
	if (strcmp(e->channel, LINK_CH_CLOSING) == 0) {
		talk_retry_after(l, o);
		return;
	}
	log_warn("ws", "received message: type=%s channel=%s: not known",
	    e->type, e->channel);
	link_put(l, "response", e->id, LINK_CH_ERROR, "{\"error\":\"channel"
	    " is not known\",\"code\":\"unknown_channel\"}");
}

static void
take_message(struct agent_link *l, const struct envelope *e, const json_t *o)
{
	struct answer	answer = { o, e->timestamp };

	log_debug("ws", "received message: type=%s channel=%s", e->type,
	    e->channel);
	if (strcmp(e->channel, LINK_CH_ERROR) == 0) {
		talk_error(l, o);
		if (l->state != LINK_UP)
			link_close(l, CLOSE_NORMAL,
			    xstrdup("refused by the server"));
	} else if (strcmp(e->type, "response") == 0)
		link_step(l, EV_ANSWER, &answer);
	else if (strcmp(e->type, "request") == 0 && l->state == LINK_UP)
		take_request(l, e, o);
}

static void
on_message(struct ws *ws, const char *text, size_t len, int is_text,
    void *arg)
{
	struct agent_link	*l = arg;
	struct envelope		 e = ENVELOPE_INIT;
	struct buf		 payload = BUF_INIT;
	struct json_err		 err;
	json_t			*o = NULL;
	char			 words[300];
	int			 rc;

	(void)ws;
	(void)is_text;
	l->pings = 0;
	if (l->state == LINK_CLOSING)
		return;
	if (envelope_parse(&e, text, len, &err) < 0) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: %s",
		    json_err_str(&err, words, sizeof(words))));
	} else if ((rc = linkcrypt_read(&l->crypt, &e, &payload)) < 0) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: the"
		    " payload is not sealed as agreed: %s", errstr(rc)));
	} else if ((o = json_read(buf_str(&payload), payload.len,
	    &err)) == NULL) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: payload:"
		    " %s", json_err_str(&err, words, sizeof(words))));
	} else {
		take_message(l, &e, o);
	}
	json_decref(o);
	buf_release(&payload);
	envelope_release(&e);
}

static void
on_open(struct ws *ws, void *arg)
{
	(void)ws;
	link_step(arg, EV_OPEN, NULL);
}

static void
on_pong(struct ws *ws, void *arg)
{
	(void)ws;
	((struct agent_link *)arg)->pings = 0;
}

static void
on_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct agent_link	*l = arg;
	int			 after = ws_retry_after(ws);

	if (after >= 0 && l->retry_after_ms < 0) {
		/* many were told the same second */
		l->retry_after_ms = after > LINK_MAX_RETRY_AFTER_MS / 1000 ?
		    LINK_MAX_RETRY_AFTER_MS : (int64_t)after * 1000;
		l->retry_after_ms += clock_wall_ms() % 1000;
	}
	if (l->why == NULL)
		l->why = xasprintf("%s (%d)", why, code);
	l->ws = NULL;
	link_step(l, EV_CLOSED, NULL);
}

/* -- the moves -- */

static int
link_connect(struct agent_link *l)
{
	static const struct ws_events	events = {
		.open = on_open, .message = on_message, .pong = on_pong,
		.closed = on_closed
	};
	struct ws_options		options = {
		.tls = l->o.tls, .max_message = ENVELOPE_MAX,
		.timeout_ms = LINK_HANDSHAKE_MS
	};
	const char			*why;

	free(l->why);
	l->why = NULL;
	l->retry_after_ms = -1;
	l->ours = 0;
	log_info("ws", "connecting to %s", l->o.url);
	l->ws = ws_connect(l->o.loop, l->o.url, &options, &events, l, &why);
	if (l->ws == NULL) {	/* UNTESTED: main has checked the URL */
		l->why = xstrdup(why);
		return -EINVAL;
	}
	l->state = LINK_CONNECT;
	uv_timer_start(&l->timer, on_timer, LINK_HANDSHAKE_MS, 0);
	return 0;
}

/* The state's answer has come: what is next? */
static int
link_answer(struct agent_link *l, const struct answer *a, char **why)
{
	int	known = 0, rc = 0;

	switch (l->state) {
	case LINK_AUTH:
		rc = talk_auth_answer(l, a->payload, a->server_s, &known,
		    why);
		if (rc == 0 && known) {
			link_up(l);
		} else if (rc == 0) {
			l->state = LINK_REGISTER;
			rc = talk_register(l);
		}
		break;
	case LINK_REGISTER:
		l->state = LINK_COMPLETE;
		rc = talk_register_answer(l, a->payload, why);
		break;
	case LINK_COMPLETE:
		if ((rc = talk_complete_answer(l, a->payload, why)) == 0)
			link_up(l);
		break;
	default:
		break;			/* nobody waits for it */
	}
	return rc;
}

static void
link_step(struct agent_link *l, enum link_event ev, const struct answer *a)
{
	char	*why = NULL;

	switch (ev) {
	case EV_CLOSED:
		link_down(l);
		return;
	case EV_TIMER:
		if (l->state != LINK_WAIT)
			link_close(l, CLOSE_POLICY,
			    xstrdup("no answer in time"));
		else if (link_connect(l) < 0)
			link_down(l);
		return;
	case EV_OPEN:
		if (l->state != LINK_CONNECT)
			return;		/* it is closing */
		log_debug("ws", "\xe2\x9c\x93 connected successfully");
		l->state = LINK_AUTH;
		talk_auth(l);
		return;
	case EV_ANSWER:
		if (link_answer(l, a, &why) < 0)
			link_close(l, CLOSE_POLICY, why);
		return;
	}
}

/* -- begin and end -- */

struct agent_link *
link_start(const struct link_options *o)
{
	struct agent_link	*l = xcalloc(1, sizeof(*l));
	uv_timer_t		*timers[] = { &l->timer, &l->beat, &l->ping };
	size_t			 i;

	l->o = *o;
	for (i = 0; i < nitems(timers); i++) {
		uv_timer_init(o->loop, timers[i]);
		timers[i]->data = l;
		l->open++;
	}
	l->state = LINK_WAIT;
	link_step(l, EV_TIMER, NULL);	/* at once: only returning waits */
	return l;
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct agent_link	*l = h->data;
	void			(*done)(void *) = l->done;
	void			*arg = l->done_arg;

	if (--l->open > 0)
		return;
	free(l->why);
	free(l->registration_id);
	crypto_wipe(l, sizeof(*l));
	free(l);
	done(arg);
}

static void
link_end(struct agent_link *l)
{
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->beat, on_handle_closed);
	uv_close((uv_handle_t *)&l->ping, on_handle_closed);
}

void
link_stop(struct agent_link *l, void (*done)(void *), void *arg)
{
	if (l->done != NULL)
		return;
	l->done = done;
	l->done_arg = arg;
	if (l->state == LINK_WAIT)
		link_end(l);
	else if (l->state != LINK_CLOSING)
		link_close(l, CLOSE_NORMAL, NULL);
}
