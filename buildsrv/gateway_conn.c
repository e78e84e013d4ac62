/*
 * One agent's connection: what is sent on it, and whose it is.  It goes when
 * its WebSocket has closed and no call of the store holds it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

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

void
conn_put(struct gateway_conn *c, const struct buf *b)
{
	size_t	pending;

	if (c->closing)
		return;
	pending = ws_pending(c->ws);
	if (pending == 0 || pending + b->len <= GATEWAY_MAX_PENDING) {
		ws_text(c->ws, b->p, b->len);
		return;
	}
	log_warn("gateway", "%s: agent %s reads too slowly: %zu bytes wait",
	    ws_peer(c->ws), c->agent != NULL ? c->agent->uid : "?", pending);
	conn_close(c, CLOSE_SLOW, "reader too slow");
}

void
conn_send_text(struct gateway_conn *c, const char *type, const char *id,
    const char *channel, const char *json)
{
	struct envelope	 e = ENVELOPE_INIT;
	struct buf	 b = BUF_INIT;

	e.id = id;
	e.type = type;
	e.channel = channel;
	e.timestamp = clock_wall_ms() / 1000;
	linkcrypt_write(&c->crypt, &e, json, strlen(json), &b);
	conn_put(c, &b);
	buf_release(&b);
}

void
conn_send(struct gateway_conn *c, const char *type, const char *id,
    const char *channel, const json_t *payload)
{
	char	*text = json_text((json_t *)(uintptr_t)payload);

	conn_send_text(c, type, id, channel, text);
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

/* -- whose it is, and for how long -- */

void
conn_free(struct gateway_conn *c)
{
	struct gateway	*g = c->g;

	register_free(c->reg);
	free(c->auth);
	free(c->agent_id);
	hmac_free(c->hmac);
	free(c->hmac_user);
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

void
conn_unsettle(struct gateway_conn *c)
{
	struct gateway_agent	*a = c->agent;

	if (a == NULL)
		return;
	c->agent = NULL;
	a->conn = NULL;
	c->g->connected--;
	commands_lost(a);
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
		twin_replaced(c->g, a, ws_peer(old->ws), ws_peer(c->ws),
		    old->last);
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
