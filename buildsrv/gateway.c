/*
 * One connection of an agent: accepted, authenticated (gateway_auth.c),
 * registered once (gateway_register.c), then heard.  Until it is an agent's
 * it stands in the list of the fresh, which has a deadline; then in the list
 * of the settled, ordered by silence.  One timer sweeps both.
 *
 * A connection goes when its WebSocket has closed and no call of the store
 * holds it; the gateway when all have gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "http.h"
#include "json.h"
#include "log.h"

enum {
	AUTH_TIMEOUT_MS	= 10 * 1000,
	IDLE_MS		= 300 * 1000,	/* as document 002 has it */
	SWEEP_MS	= 1000,
	CLOSE_POLICY	= 1008,		/* RFC 6455 */
	CLOSE_AWAY	= 1001
};

/* A code for each cause, for machines; words for people. */
static const struct {
	const char	*code, *words;
} errors[] = {
	[GATEWAY_NOT_AUTHENTICATED] =
	    { "not_authenticated", "agent not authenticated" },
	[GATEWAY_BAD_SIGNATURE] =
	    { "bad_signature", "signature verification failed" },
	[GATEWAY_CLOCK_SKEW] = { "clock_skew", "timestamp out of range" },
	[GATEWAY_REPLAY] = { "replay", "message was sent before" },
	[GATEWAY_UNKNOWN_AGENT] = { "unknown_agent", "agent is not known" },
	[GATEWAY_REGISTRATION_REFUSED] =
	    { "registration_refused", "registration refused" },
	[GATEWAY_ENCRYPTION_REQUIRED] =
	    { "encryption_required", "encryption is required" },
	[GATEWAY_BAD_MESSAGE] = { "bad_message", "bad message" },
	[GATEWAY_TOO_LARGE] = { "too_large", "message too large" },
	[GATEWAY_UNKNOWN_CHANNEL] =
	    { "unknown_channel", "channel is not known" },
	[GATEWAY_INTERNAL] = { "internal", "internal error" }
};

/* -- sending -- */

static void
conn_send(struct gateway_conn *c, const char *type, const char *id,
    const char *channel, const json_t *payload)
{
	struct envelope	 e = ENVELOPE_INIT;
	struct buf	 b = BUF_INIT;
	char		*text = json_text((json_t *)(uintptr_t)payload);

	e.id = id;
	e.type = type;
	e.channel = channel;
	e.timestamp = clock_wall_ms() / 1000;
	linkcrypt_write(&c->crypt, &e, text, strlen(text), &b);
	ws_text(c->ws, b.p, b.len);
	buf_release(&b);
	free(text);
}

void
conn_answer(struct gateway_conn *c, const char *id, const char *channel,
    json_t *payload)
{
	conn_send(c, "response", id, channel, payload);
	json_decref(payload);
}

static void
send_error(struct gateway_conn *c, const char *id, enum gateway_error error,
    const char *fmt, va_list ap)
{
	struct buf	 message = BUF_INIT;
	char		 own[32];
	json_t		*o;

	buf_vprintf(&message, fmt, ap);
	o = json_pack("{ss ss ss sI}", "error", errors[error].words,
	    "code", errors[error].code, "message", buf_str(&message),
	    "server_time", (json_int_t)(clock_wall_ms() / 1000));
	if (o == NULL)		/* the message quoted what is no UTF-8 */
		o = json_pack("{ss ss}", "error", errors[error].words,
		    "code", errors[error].code);
	snprintf(own, sizeof(own), "error_%" PRIu64, ++c->serial);
	log_debug("gateway", "%s: %s: %s", ws_peer(c->ws),
	    errors[error].code, buf_str(&message));
	conn_answer(c, *id != '\0' ? id : own, LINK_CH_ERROR, o);
	buf_release(&message);
}

void
conn_complain(struct gateway_conn *c, const char *id,
    enum gateway_error error, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	send_error(c, id, error, fmt, ap);
	va_end(ap);
}

void
conn_refuse(struct gateway_conn *c, const char *id,
    enum gateway_error error, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	send_error(c, id, error, fmt, ap);
	va_end(ap);
	conn_close(c, CLOSE_POLICY, errors[error].code);
}

void
conn_close(struct gateway_conn *c, int code, const char *why)
{
	if (c->closing)
		return;
	c->closing = 1;
	list_remove(&c->link);
	ws_close(c->ws, code, why);
}

/* -- the end of things -- */

static void
on_sweep_closed(uv_handle_t *h)
{
	struct gateway	*g = h->data;
	void		(*done)(void *) = g->done;
	void		*arg = g->done_arg;

	agent_free_all(g);
	replay_free(g->known);
	replay_free(g->strange);
	crypto_wipe(g, sizeof(*g));
	free(g);
	done(arg);
}

static void
gateway_end(struct gateway *g)
{
	uv_handle_t	*h = (uv_handle_t *)&g->sweep;

	if (g->stopping && g->conns == 0 && g->calls == 0 &&
	    !uv_is_closing(h))
		uv_close(h, on_sweep_closed);
}

void
gateway_settled(struct gateway *g)
{
	g->calls--;
	gateway_end(g);
}

static void
conn_free(struct gateway_conn *c)
{
	struct gateway	*g = c->g;

	register_free(c->reg);
	free(c->auth);
	free(c->agent_id);
	linkcrypt_wipe(&c->crypt);
	free(c);
	g->conns--;
	gateway_end(g);
}

void
conn_hold(struct gateway_conn *c)
{
	c->refs++;
	c->g->calls++;
}

int
conn_drop(struct gateway_conn *c)
{
	c->g->calls--;
	c->refs--;
	if (c->ws == NULL && c->refs == 0) {
		conn_free(c);
		return 0;
	}
	return c->ws != NULL && !c->closing;
}

static void
conn_unsettle(struct gateway_conn *c)
{
	struct gateway_agent	*a = c->agent;

	if (a == NULL)
		return;
	c->agent = NULL;
	a->conn = NULL;
	c->g->connected--;
	agent_save(c->g, a);
}

void
conn_settle(struct gateway_conn *c, struct gateway_agent *a)
{
	struct gateway_conn	*old = a->conn;

	if (old == c)
		return;
	if (old != NULL) {
		log_info("gateway", "agent %s is back on another connection"
		    " (%s, before %s)", a->uid, ws_peer(c->ws),
		    ws_peer(old->ws));
		conn_unsettle(old);
		conn_close(old, CLOSE_POLICY, "replaced");
	}
	a->conn = c;
	c->agent = a;
	c->g->connected++;
	agent_set(&a->address, ws_peer(c->ws));
	c->last = clock_mono_ms();
	list_remove(&c->link);
	list_append(&c->g->settled, &c->link);
	agent_heard(c->g, a);
}

/* -- what an agent says -- */

static void
take_telemetry(struct gateway_conn *c, const struct envelope *e,
    const struct buf *payload)
{
	if (agent_metrics(c->agent, buf_str(payload), payload->len) < 0)
		conn_complain(c, e->id, payload->len > GATEWAY_MAX_METRICS ?
		    GATEWAY_TOO_LARGE : GATEWAY_BAD_MESSAGE,
		    "telemetry: must be an object of at most %d bytes",
		    GATEWAY_MAX_METRICS);
}

/* What wants its payload read as JSON. */
static void
take_json(struct gateway_conn *c, const struct envelope *e,
    const struct buf *payload)
{
	struct json_err	 err;
	char		 why[256];
	json_t		*o;

	o = json_read(buf_str(payload), payload->len, &err);
	if (o == NULL)
		conn_complain(c, e->id, GATEWAY_BAD_MESSAGE, "%s: payload: %s",
		    e->channel, json_err_str(&err, why, sizeof(why)));
	else if (strcmp(e->channel, LINK_CH_REGISTER) == 0)
		register_begin(c, e->id, o);
	else if (strcmp(e->channel, LINK_CH_COMPLETE) == 0)
		register_complete(c, e->id, o);
	else
		agent_info(c->agent, o);
	json_decref(o);
}

static void
take_beat(struct gateway_conn *c, const struct envelope *e,
    const struct buf *payload)
{
	(void)e;
	(void)payload;
	log_debug("gateway", "%s: heartbeat", c->agent->uid);
}

static void
take_auth(struct gateway_conn *c, const struct envelope *e,
    const struct buf *payload)
{
	(void)payload;
	conn_complain(c, e->id, GATEWAY_BAD_MESSAGE,
	    "this connection is authenticated already");
}

static const struct {
	const char	*type, *channel;	/* NULL: any */
	int		 registered;	/* for agents alone */
	void		(*take)(struct gateway_conn *,
			    const struct envelope *, const struct buf *);
} takers[] = {
	{ "heartbeat",	NULL,			1, take_beat },
	{ "request",	LINK_CH_TELEMETRY,	1, take_telemetry },
	{ "request",	LINK_CH_INFO,		1, take_json },
	{ "request",	LINK_CH_REGISTER,	0, take_json },
	{ "request",	LINK_CH_COMPLETE,	0, take_json },
	{ "request",	LINK_CH_AUTH,		0, take_auth }
};

static void
dispatch(struct gateway_conn *c, const struct envelope *e,
    const struct buf *payload)
{
	size_t	i;

	for (i = 0; i < nitems(takers); i++)
		if (strcmp(takers[i].type, e->type) == 0 &&
		    (takers[i].channel == NULL ||
		    strcmp(takers[i].channel, e->channel) == 0))
			break;
	if (i == nitems(takers)) {
		if (strcmp(e->type, "request") == 0)
			conn_complain(c, e->id, GATEWAY_UNKNOWN_CHANNEL,
			    "no such channel");
	} else if (takers[i].registered && c->agent == NULL) {
		conn_refuse(c, e->id, GATEWAY_UNKNOWN_AGENT,
		    "this key is not registered");
	} else {
		takers[i].take(c, e, payload);
	}
}

/* The payload in clear; 0, or the connection was refused. */
static int
open_payload(struct gateway_conn *c, const struct envelope *e,
    struct buf *payload)
{
	/* a second auth carries its payload's signature; take_auth() tells */
	if (*e->signature != '\0' && strcmp(e->channel, LINK_CH_AUTH) != 0 &&
	    !envelope_verify(e, c->key)) {
		conn_refuse(c, e->id, GATEWAY_BAD_SIGNATURE,
		    "the envelope's signature is not by this agent's key");
		return -EBADMSG;
	}
	switch (linkcrypt_read(&c->crypt, e, payload)) {
	case 0:
		return 0;
	case -EPERM:
		conn_refuse(c, e->id, GATEWAY_BAD_MESSAGE, c->crypt.on ?
		    "what follows the key exchange must be sealed" :
		    "no keys were exchanged");
		break;
	case -EALREADY:
		conn_refuse(c, e->id, GATEWAY_REPLAY, "nonce is not new");
		break;
	case -EBADMSG:
		conn_refuse(c, e->id, GATEWAY_BAD_SIGNATURE,
		    "the payload was changed on its way");
		break;
	default:
		conn_refuse(c, e->id, GATEWAY_BAD_MESSAGE,
		    "payload or nonce is not base64 of its form");
	}
	return -EBADMSG;
}

static void
conn_hear(struct gateway_conn *c, const struct envelope *e)
{
	struct buf	payload = BUF_INIT;
	int64_t		off = e->timestamp - clock_wall_ms() / 1000;

	if (open_payload(c, e, &payload) == 0) {
		if (off > LINK_WINDOW || off < -LINK_WINDOW)
			conn_complain(c, e->id, GATEWAY_CLOCK_SKEW,
			    "the clock is %" PRId64 " s off", off);
		else
			dispatch(c, e, &payload);
	}
	buf_release(&payload);
	if (c->closing || c->agent == NULL)
		return;
	c->last = clock_mono_ms();
	list_remove(&c->link);
	list_append(&c->g->settled, &c->link);
	agent_heard(c->g, c->agent);
}

static void
on_message(struct ws *ws, const char *text, size_t len, int is_text,
    void *arg)
{
	struct gateway_conn	*c = arg;
	struct envelope		 e = ENVELOPE_INIT;
	struct json_err		 err;
	char			 why[256];

	(void)ws;
	if (c->closing)
		return;
	if (c->state != CONN_READY && len > ENVELOPE_MAX_FIRST)
		conn_refuse(c, "", GATEWAY_TOO_LARGE, "more than %d bytes"
		    " before authentication", ENVELOPE_MAX_FIRST);
	else if (!is_text)
		conn_refuse(c, "", GATEWAY_BAD_MESSAGE, "must be text");
	else if (envelope_parse(&e, text, len, &err) < 0)
		conn_refuse(c, "", c->state == CONN_READY ?
		    GATEWAY_BAD_MESSAGE : GATEWAY_NOT_AUTHENTICATED,
		    "envelope: %s", json_err_str(&err, why, sizeof(why)));
	else if (c->state == CONN_READY)
		conn_hear(c, &e);
	else if (c->state == CONN_NEW && strcmp(e.type, "request") == 0 &&
	    strcmp(e.channel, LINK_CH_AUTH) == 0)
		auth_begin(c, &e);
	else
		conn_refuse(c, e.id, GATEWAY_NOT_AUTHENTICATED,
		    "the first message must be auth, and be answered");
	envelope_release(&e);
}

static void
on_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct gateway_conn	*c = arg;

	log_debug("gateway", "%s: closed: %d %s", ws_peer(ws), code, why);
	c->ws = NULL;
	c->closing = 1;
	list_remove(&c->link);
	conn_unsettle(c);
	if (c->refs == 0)
		conn_free(c);
}

/* -- the whole -- */

void
gateway_accept(struct gateway *g, struct http_req *req)
{
	static const struct ws_events	 events = {
		.message = on_message, .closed = on_closed
	};
	struct gateway_conn		*c;

	if (g->stopping) {
		http_set(req, "Retry-After", "2");
		http_reply_error(req, 503, NULL, "the server is stopping");
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->g = g;
	c->last = clock_mono_ms();
	list_append(&g->fresh, &c->link);
	g->conns++;
	c->ws = http_upgrade(req, &events, ENVELOPE_MAX, c);
	if (c->ws == NULL) {		/* it has answered with an error */
		list_remove(&c->link);
		conn_free(c);
	}
}

static void
on_sweep(uv_timer_t *t)
{
	struct gateway		*g = t->data;
	struct gateway_conn	*c;
	struct link		*l, *next;
	int64_t			 now = clock_mono_ms();

	LIST_EACH(l, next, &g->fresh) {
		c = LIST_ITEM(l, struct gateway_conn, link);
		if (now - c->last < g->o.auth_timeout_ms)
			break;
		conn_refuse(c, "", GATEWAY_NOT_AUTHENTICATED,
		    "authentication or registration took too long");
	}
	LIST_EACH(l, next, &g->settled) {
		c = LIST_ITEM(l, struct gateway_conn, link);
		if (now - c->last < g->o.idle_ms)
			break;
		conn_close(c, CLOSE_AWAY, "idle");
	}
}

struct gateway *
gateway_new(const struct gateway_options *o)
{
	struct gateway	*g = xcalloc(1, sizeof(*g));
	int64_t		 every, window = 2 * LINK_WINDOW * INT64_C(1000);

	g->o = *o;
	memcpy(g->secret, o->identity_secret, sizeof(g->secret));
	g->o.identity_secret = NULL;
	if (g->o.auth_timeout_ms <= 0)
		g->o.auth_timeout_ms = AUTH_TIMEOUT_MS;
	if (g->o.idle_ms <= 0)
		g->o.idle_ms = IDLE_MS;
	list_init(&g->fresh);
	list_init(&g->settled);
	g->known = replay_new(GATEWAY_MAX_KNOWN, window);
	g->strange = replay_new(GATEWAY_MAX_STRANGE, window);
	every = g->o.auth_timeout_ms < g->o.idle_ms ?
	    g->o.auth_timeout_ms / 4 + 1 : g->o.idle_ms / 4 + 1;
	if (every > SWEEP_MS)
		every = SWEEP_MS;
	uv_timer_init(o->loop, &g->sweep);
	g->sweep.data = g;
	uv_timer_start(&g->sweep, on_sweep, (uint64_t)every, (uint64_t)every);
	uv_unref((uv_handle_t *)&g->sweep);
	agents_read(g);
	return g;
}

size_t
gateway_connected(const struct gateway *g)
{
	return g->connected;
}

/* Each agent gets its own second, so that the next server is not stormed. */
static void
send_away(struct gateway_conn *c)
{
	uint32_t	 random;
	double		 span, after;
	json_t		*o;
	char		 id[32];

	if (c->state == CONN_READY) {
		crypto_random(&random, sizeof(random));
		span = 1 + (double)c->g->conns / GATEWAY_BACK_RATE;
		after = 0.2 + span * random / UINT32_MAX;
		snprintf(id, sizeof(id), "closing_%" PRIu64, ++c->serial);
		o = json_pack("{sf}", "retry_after", after);
		conn_send(c, "request", id, LINK_CH_CLOSING, o);
		json_decref(o);
	}
	conn_close(c, CLOSE_AWAY, "server stops");
}

void
gateway_stop(struct gateway *g, void (*done)(void *), void *arg)
{
	struct link	*lists[2] = { &g->fresh, &g->settled };
	struct link	*l, *next;
	size_t		 i;

	g->stopping = 1;
	g->done = done;
	g->done_arg = arg;
	uv_timer_stop(&g->sweep);
	for (i = 0; i < nitems(lists); i++)
		LIST_EACH(l, next, lists[i])
			send_away(LIST_ITEM(l, struct gateway_conn, link));
	gateway_end(g);
}
