/*
 * Document 004's protocol at /agent.  The first message is auth: NEW, then
 * LOOKUP while the store is asked for the agent's secret and its record (what
 * else comes in waits), then READY.  An agent of this kind has no key; in
 * its place stands a hash of its id, so that it is kept like the others.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "esjson.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

enum {
	MAX_QUEUED	= 64 * 1024,	/* bytes that may wait in LOOKUP */
	MAX_LOG_TEXT	= 500		/* of an agent's line in our log */
};

struct hmac {				/* of one connection */
	char		*secret;	/* NULL: not known yet */
	struct quick_key *key;		/* the same, once READY */
	struct hmaclink	 auth;		/* the first message, until READY */
	struct buf	 queued;	/* length and bytes of each text */
	struct gateway_agent *agent;	/* being written */
};

/* A key that no Ed25519 secret is known for. */
static void
key_of(const char *agent_id, uint8_t key[ED25519_PUBLIC])
{
	char	*text = xasprintf("muster document 004 %s", agent_id);

	crypto_sha256(text, strlen(text), key);
	free(text);
}

void
hmac_free(struct hmac *h)
{
	if (h == NULL)
		return;
	if (h->secret != NULL)
		crypto_wipe(h->secret, strlen(h->secret));
	free(h->secret);
	quick_key_free(h->key);
	hmaclink_release(&h->auth);
	buf_release(&h->queued);
	agent_free(h->agent);
	free(h);
}

/* -- what an agent says -- */

static void
take_metrics(struct gateway_conn *c, const json_t *payload)
{
	struct buf	b = BUF_INIT;

	if (json_is_object(payload))
		esjson_write(&b, payload, 0);
	if (b.len > 0 && b.len <= GATEWAY_MAX_METRICS)
		agent_metrics_text(c->agent, b.p, b.len);
	else
		log_warn("gateway", "agent %s: metrics must be an object of"
		    " at most %d bytes", c->agent->uid, GATEWAY_MAX_METRICS);
	buf_release(&b);
}

static void
take_log(struct gateway_conn *c, const json_t *payload, int64_t ts)
{
	if (json_is_object(payload))
		events_log(c->agent, c->g, payload, ts);
	log_info("gateway", "agent %s says %s: %.*s", c->agent->uid,
	    json_str(payload, "level", "info"), MAX_LOG_TEXT,
	    json_str(payload, "message", ""));
}

static void
take(struct gateway_conn *c, const struct hmaclink *m)
{
	json_t	*info, *labels;

	if (strcmp(m->type, HMACLINK_METRICS) == 0) {
		take_metrics(c, m->payload);
	} else if (strcmp(m->type, HMACLINK_RESULT) == 0) {
		command_answered(c->agent, m->payload);
	} else if (strcmp(m->type, HMACLINK_LOG) == 0) {
		take_log(c, m->payload, m->ts);
	} else if (strcmp(m->type, HMACLINK_AUTH) == 0) {
		/* who tells no labels has none */
		labels = json_object_get(m->payload, "labels");
		info = json_pack("{ss ss? ss? ss ss? ss? so}", "version",
		    json_str(m->payload, "version", ""), "os",
		    json_str(m->payload, "os", NULL), "arch",
		    json_str(m->payload, "arch", NULL), "name",
		    json_str(m->payload, "hostname", c->agent_id),
		    "machine_id", json_str(m->payload, "machineId", NULL),
		    "boot_id", json_str(m->payload, "bootId", NULL),
		    "labels", labels != NULL ? json_incref(labels) :
		    json_object());
		agent_info(c->g, c->agent, info);
		json_decref(info);
	}
	/* a heartbeat says no more than that it is there */
}

/* Closes with the server's time, by which an agent can set its own. */
static void
refuse_skew(struct gateway_conn *c)
{
	char	why[64];

	snprintf(why, sizeof(why), "clock_skew %" PRId64, clock_wall_ms());
	conn_close(c, CLOSE_POLICY, why);
}

/* Whether a message of this agent's is of now, and new; else it is refused. */
static int
is_fresh(struct gateway_conn *c, struct gateway_agent *a, int64_t ts,
    const char *nonce, size_t n)
{
	int64_t	off = ts - clock_wall_ms();

	if (off > HMACLINK_MAX_AGE || off < -HMACLINK_MAX_AGE) {
		refuse_skew(c);
		return 0;
	}
	if (replay_window_fresh(a->window, ts, nonce, n))
		return 1;
	log_warn("gateway", "%s: agent %s: a message was sent before",
	    ws_peer(c->ws), a->uid);
	conn_close(c, CLOSE_POLICY, "replay");
	return 0;
}

static void
heard(struct gateway_conn *c)
{
	c->last = clock_mono_ms();
	list_remove(&c->link);
	list_append(&c->g->settled, &c->link);
	agent_heard(c->g, c->agent);
}

static void
judge(struct gateway_conn *c, const struct hmaclink *m)
{
	if (!is_fresh(c, c->agent, m->ts, m->nonce, strlen(m->nonce)))
		return;
	take(c, m);
	if (!c->closing)
		heard(c);
}

static int
is_type(const struct quick *q, const char *type)
{
	return q->type_len == strlen(type) &&
	    memcmp(q->type, type, q->type_len) == 0;
}

/* Metrics and heartbeats in their usual form: 1, and it is done; else 0. */
static int
hear_quick(struct gateway_conn *c, const char *text, size_t n)
{
	struct quick	q;
	int		metrics;

	if (!quick_read(&q, text, n))
		return 0;
	metrics = is_type(&q, HMACLINK_METRICS);
	if ((!metrics && !is_type(&q, HMACLINK_HEARTBEAT)) ||
	    q.payload_len > GATEWAY_MAX_METRICS ||
	    q.agent_id_len != strlen(c->agent_id) ||
	    memcmp(q.agent_id, c->agent_id, q.agent_id_len) != 0)
		return 0;
	if (c->hmac->key == NULL)
		c->hmac->key = quick_key_new(c->hmac->secret);
	if (!quick_verify(&q, c->hmac->key))
		return 0;		/* the other way says so */
	if (!is_fresh(c, c->agent, q.ts, q.nonce, q.nonce_len))
		return 1;
	if (metrics)
		agent_metrics_text(c->agent, q.payload, q.payload_len);
	heard(c);
	return 1;
}

static void
hear(struct gateway_conn *c, const char *text, size_t n)
{
	struct hmaclink	m;
	struct json_err	err;

	if (hear_quick(c, text, n))
		return;
	if (hmaclink_parse(&m, text, n, &err) < 0) {
		conn_close(c, CLOSE_BAD_DATA, "invalid_json");
		return;
	}
	if (strcmp(m.agent_id, c->agent_id) != 0 ||
	    !hmaclink_verify(&m, c->hmac->secret))
		conn_close(c, CLOSE_POLICY, "invalid_signature");
	else
		judge(c, &m);
	hmaclink_release(&m);
}

/* -- the first message -- */

/* By which it asks for updates; written with its record. */
static void
keep_token(struct gateway_agent *a, const char *secret)
{
	char	token[HMACLINK_TOKEN_SIZE], hex[2 * SHA256_SIZE + 1];
	uint8_t	hash[SHA256_SIZE];

	hmaclink_token(secret, a->host_id, token);
	crypto_sha256(token, strlen(token), hash);
	crypto_wipe(token, sizeof(token));
	agent_set(&a->bootstrap, hex_encode(hash, sizeof(hash), hex));
}

static void
hmac_enter(struct gateway_conn *c, struct gateway_agent *a)
{
	struct hmac	*h = c->hmac;
	struct buf	 queued = h->queued;
	size_t		 at = 0, n;

	h->queued = (struct buf)BUF_INIT;
	c->state = CONN_READY;
	a->by_hmac = 1;
	if (a->window == NULL) {
		a->window = xcalloc(1, sizeof(*a->window));
		a->window->floor = a->link_ts;
	}
	/* an old auth, sent again, must not push out who is connected */
	if (is_fresh(c, a, h->auth.ts, h->auth.nonce,
	    strlen(h->auth.nonce))) {
		keep_token(a, h->secret);
		conn_settle(c, a);
		take(c, &h->auth);
	}
	hmaclink_release(&h->auth);
	while (at < queued.len && !c->closing) {
		memcpy(&n, queued.p + at, sizeof(n));
		at += sizeof(n);
		hear(c, queued.p + at, n);
		at += n;
	}
	buf_release(&queued);
}

static void
hmac_failed(struct gateway_conn *c, const char *what, int rc)
{
	log_error("gateway", "agent %s: %s: %s", c->agent_id, what,
	    errstr(rc));
	conn_close(c, CLOSE_ERROR, "internal");
}

static void
on_written(int rc, const json_t *result, void *arg)
{
	struct gateway_conn	*c = arg;
	struct gateway_agent	*a = c->hmac->agent;

	(void)result;
	if (rc == 0) {
		c->hmac->agent = NULL;
		a = agent_add(c->g, a);
		log_info("gateway", "agent %s is new: %s, of document 004",
		    a->uid, a->host_id);
	}
	if (!conn_drop(c))
		return;
	if (rc == 0)
		hmac_enter(c, a);
	else if (rc == -EEXIST)
		conn_close(c, CLOSE_POLICY, "agentId is another agent's");
	else
		hmac_failed(c, "its record cannot be written", rc);
}

static void
hmac_write_agent(struct gateway_conn *c)
{
	struct gateway_agent	*a;
	char			 uid[UUID_SIZE], hex[ED25519_PUBLIC * 2 + 1];
	json_t			*doc, *index;
	struct store_op		 ops[3];

	crypto_uuid(uid);
	c->hmac->agent = a = agent_new(uid, c->key);
	agent_set(&a->host_id, c->agent_id);
	agent_set(&a->address, ws_peer(c->ws));
	agent_set(&a->user, c->hmac_user);
	a->registered = a->last_seen = clock_wall_ms();
	a->saved = clock_mono_ms();
	doc = agent_doc(a);
	index = json_pack("{ss}", "uid", uid);
	hex_encode(c->key, sizeof(c->key), hex);
	ops[0] = (struct store_op){ STORE_ADD, "agent-key", hex, index };
	ops[1] = (struct store_op){ STORE_ADD, "agent-host", a->host_id,
	    index };
	ops[2] = (struct store_op){ STORE_ADD, "agent", uid, doc };
	conn_hold(c);
	store_write(c->g->o.store, ops, nitems(ops), on_written, c);
	json_decref(doc);
	json_decref(index);
}

static void
hmac_got_agent(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;
	struct gateway_agent	*a;

	if (!conn_drop(c))
		return;
	a = rc == 0 ? agent_load(c->g, doc) : NULL;
	if (a != NULL)
		hmac_enter(c, a);
	else
		hmac_failed(c, "its record cannot be read", rc);
}

static void
got_index(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;

	if (!conn_drop(c))
		return;
	if (rc == -ENOENT) {
		hmac_write_agent(c);
	} else if (rc < 0) {
		hmac_failed(c, "the records cannot be read", rc);
	} else {
		conn_hold(c);
		store_get(c->g->o.store, "agent", json_str(doc, "uid", ""),
		    hmac_got_agent, c);
	}
}

/* The first message is signed rightly; whose is it? */
static void
find_agent(struct gateway_conn *c)
{
	struct gateway_agent	*a;
	char			 hex[ED25519_PUBLIC * 2 + 1];

	key_of(c->agent_id, c->key);
	if ((a = agent_find_key(c->g, c->key)) != NULL) {
		hmac_enter(c, a);
		return;
	}
	hex_encode(c->key, sizeof(c->key), hex);
	conn_hold(c);
	store_get(c->g->o.store, "agent-key", hex, got_index, c);
}

static void
got_secret(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;
	struct hmac		*h = c->hmac;

	if (!conn_drop(c))
		return;
	if (rc < 0 && rc != -ENOENT) {
		hmac_failed(c, "its secret cannot be read", rc);
		return;
	}
	if (rc == 0) {
		h->secret = c->g->o.link_secret(doc, c->g->o.arg);
		agent_set(&c->hmac_user, json_str(doc, "user", NULL));
	}
	if (h->secret == NULL || !hmaclink_verify(&h->auth, h->secret)) {
		/* the same words for both: who asks learns no ids */
		log_warn("gateway", "%s: agent %s of document 004: %s",
		    ws_peer(c->ws), c->agent_id, h->secret == NULL ?
		    "no secret is known" : "the signature is wrong");
		conn_close(c, CLOSE_POLICY, "invalid_signature");
	} else {
		find_agent(c);
	}
}

static void
begin(struct gateway_conn *c, const char *text, size_t n)
{
	struct hmac	*h = xcalloc(1, sizeof(*h));
	struct json_err	 err;

	c->hmac = h;
	if (hmaclink_parse(&h->auth, text, n, &err) < 0) {
		conn_close(c, CLOSE_BAD_DATA, "invalid_json");
	} else if (strcmp(h->auth.type, HMACLINK_AUTH) != 0) {
		conn_close(c, CLOSE_POLICY, "not_authenticated");
	} else {
		c->state = CONN_LOOKUP;
		h->auth.text = NULL;	/* it goes, the message stays */
		c->agent_id = xstrdup(h->auth.agent_id);
		conn_hold(c);
		store_get(c->g->o.store, LINK_SECRET_KIND, c->agent_id,
		    got_secret, c);
	}
}

void
hmac_message(struct ws *ws, const char *text, size_t n, int is_text,
    void *arg)
{
	struct gateway_conn	*c = arg;

	(void)ws;
	(void)is_text;		/* the document's server takes both */
	if (c->closing)
		return;
	if (c->state == CONN_NEW && n > ENVELOPE_MAX_FIRST) {
		conn_close(c, CLOSE_POLICY, "too_large");
	} else if (c->state == CONN_NEW) {
		begin(c, text, n);
	} else if (c->state == CONN_READY) {
		hear(c, text, n);
	} else if (c->hmac->queued.len + n > MAX_QUEUED) {
		conn_close(c, CLOSE_POLICY, "too_large");
	} else {
		buf_add(&c->hmac->queued, &n, sizeof(n));
		buf_add(&c->hmac->queued, text, n);
	}
}

void
hmac_command(struct gateway_conn *c, const char *payload)
{
	struct hmaclink	m = { HMACLINK_COMMAND, c->agent_id, NULL,
		    clock_wall_ms(), NULL, NULL, NULL, 0 };
	struct buf	b = BUF_INIT;
	char		nonce[UUID_SIZE];

	crypto_uuid(nonce);
	m.nonce = nonce;
	hmaclink_write_text(&m, payload, c->hmac->secret, &b);
	conn_put(c, &b);
	buf_release(&b);
}

void
gateway_secret_changed(struct gateway *g, const char *agent_id)
{
	struct gateway_agent	*a = hmac_find(g, agent_id);

	if (a == NULL)
		return;
	agent_set(&a->bootstrap, NULL);		/* made of the old one */
	if (a->conn != NULL)
		conn_close(a->conn, CLOSE_POLICY, "secret_changed");
}

struct gateway_agent *
hmac_find(struct gateway *g, const char *agent_id)
{
	uint8_t	key[ED25519_PUBLIC];

	key_of(agent_id, key);
	return agent_find_key(g, key);
}
