/*
 * Connections of agents (gateway_conn.c): accepted, authenticated
 * (gateway_auth.c), registered once (gateway_register.c), then heard
 * (gateway_hear.c).  Until it is an agent's, one stands in the list of the
 * fresh, which has a deadline; then in the list of the settled, ordered by
 * silence.  One timer sweeps both.  The gateway goes when all have gone and
 * the store has answered.
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
	SWEEP_MS	= 1000
};

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

void
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

static void
take_in(struct gateway *g, struct http_req *req, int at_004)
{
	static const struct ws_events	 events = {
		.message = conn_message, .closed = on_closed
	};
	static const struct ws_events	 events_004 = {
		.message = hmac_message, .closed = on_closed
	};
	struct gateway_conn		*c;

	if (g->stopping) {
		http_set(req, "Retry-After", "2");
		http_reply_error(req, 503, NULL, "the server is stopping");
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->g = g;
	c->at_004 = at_004;
	c->last = clock_mono_ms();
	list_append(&g->fresh, &c->link);
	g->conns++;
	c->ws = http_upgrade(req, at_004 ? &events_004 : &events, at_004 ?
	    HMACLINK_MAX : ENVELOPE_MAX, c);
	if (c->ws == NULL) {		/* it has answered with an error */
		list_remove(&c->link);
		conn_free(c);
	}
}

void
gateway_accept(struct gateway *g, struct http_req *req)
{
	take_in(g, req, 0);
}

void
gateway_accept_004(struct gateway *g, struct http_req *req)
{
	take_in(g, req, 1);
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
		if (c->at_004)
			conn_close(c, CLOSE_POLICY, "not_authenticated");
		else
			conn_refuse(c, "", GATEWAY_NOT_AUTHENTICATED,
			    "authentication or registration took too long");
	}
	LIST_EACH(l, next, &g->settled) {
		c = LIST_ITEM(l, struct gateway_conn, link);
		if (now - c->last < g->o.idle_ms)
			break;
		conn_close(c, CLOSE_AWAY, "idle");
	}
	commands_sweep(g, now, -ETIMEDOUT);
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
	list_init(&g->commands);
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
	char		 text[48];

	crypto_random(&random, sizeof(random));
	span = 1 + (double)c->g->conns / GATEWAY_BACK_RATE;
	after = GATEWAY_AWAY_S + span * random / UINT32_MAX;
	if (c->at_004) {
		snprintf(text, sizeof(text), "retry_after %.3f", after);
		conn_close(c, CLOSE_AWAY, text);
		return;
	}
	if (c->state == CONN_READY) {
		snprintf(text, sizeof(text), "closing_%" PRIu64, ++c->serial);
		o = json_pack("{sf}", "retry_after", after);
		conn_send(c, "request", text, LINK_CH_CLOSING, o);
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
	commands_sweep(g, INT64_MAX, -ENOTCONN);
	for (i = 0; i < nitems(lists); i++)
		LIST_EACH(l, next, lists[i])
			send_away(LIST_ITEM(l, struct gateway_conn, link));
	gateway_end(g);
}
