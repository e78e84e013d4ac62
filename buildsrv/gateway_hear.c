/* What agents say once they are authenticated, and what is no such thing. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

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
	else if (strcmp(e->channel, LINK_CH_EVENTS) == 0)
		events_batch(c, e->id, o);
	else if (strcmp(e->channel, LINK_CH_COMMAND) == 0)
		command_response(c->agent, e->id, o);
	else
		agent_info(c->g, c->agent, o);
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
	{ "request",	LINK_CH_EVENTS,		1, take_json },
	{ "response",	LINK_CH_COMMAND,	1, take_json },
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

void
conn_message(struct ws *ws, const char *text, size_t len, int is_text,
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
