/* Document 002: signed authentication, keys, registration in two steps, then
 * sealed messages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "envelope.h"
#include "json.h"
#include "settings.h"
#include "swarm.h"

static void
say(struct member *m, const char *type, const char *id, const char *channel,
    const char *payload)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;
	char		own[32];

	snprintf(own, sizeof(own), "m_%" PRIu64, ++m->serial);
	e.id = id != NULL ? id : own;
	e.type = type;
	e.channel = channel;
	e.timestamp = clock_wall_ms() / 1000;
	linkcrypt_write(&m->crypt, &e, payload, strlen(payload), &b);
	ws_text(m->ws, b.p, b.len);
	buf_release(&b);
}

static void
say_json(struct member *m, const char *channel, json_t *take)
{
	char	*text = json_text(take);

	say(m, "request", NULL, channel, text);
	free(text);
	json_decref(take);
}

void
member002_begin(struct member *m)
{
	struct auth_request	*r = m->auth = xcalloc(1, sizeof(*r));
	struct buf		 b = BUF_INIT;

	snprintf(r->agent_id, sizeof(r->agent_id), "%s", m->id);
	memcpy(r->public_key, m->pub, sizeof(r->public_key));
	r->timestamp = clock_wall_ms() / 1000;
	if (!settings_bool(m->swarm->settings, "clear")) {
		r->has_eph = 1;
		crypto_x25519_keypair(r->eph, m->eph_secret);
	}
	auth_request_sign(r, m->sec);
	auth_request_write(r, "auth", &b);
	ws_text(m->ws, b.p, b.len);
	buf_release(&b);
}

void
member002_end(struct member *m)
{
	free(m->auth);
	m->auth = NULL;
	linkcrypt_wipe(&m->crypt);
}

static void
fail(struct member *m, const char *why)
{
	m->swarm->errors++;
	ws_close(m->ws, 1000, why);
}

static void
enter(struct member *m)
{
	member_ready(m);
	say(m, "request", NULL, LINK_CH_INFO,
	    "{\"name\":\"swarm\",\"os\":\"linux\",\"version\":\"0\"}");
}

static void
got_auth(struct member *m, const json_t *o)
{
	struct auth_answer	a;
	struct json_err		err;
	struct kx		k;

	if (auth_answer_read(&a, o, &err) < 0 || !a.success) {
		fail(m, "auth");
		auth_answer_release(&a);
		return;
	}
	if (a.has_eph && m->auth->has_eph) {
		auth_request_kx(m->auth, &k);
		memcpy(k.server_pub, a.backend_key, sizeof(k.server_pub));
		memcpy(k.server_nonce, a.server_nonce,
		    sizeof(k.server_nonce));
		memcpy(k.server_eph, a.eph, sizeof(k.server_eph));
		if (!kx_server_verify(&k, a.eph_signature) ||
		    linkcrypt_start(&m->crypt, LINKCRYPT_AGENT, &k,
		    m->eph_secret) < 0) {
			fail(m, "key exchange");
			auth_answer_release(&a);
			return;
		}
	}
	free(m->auth);
	m->auth = NULL;
	if (a.registered) {
		enter(m);
	} else {
		char	pub[BASE64_SIZE(32)];

		m->state = REGISTERING;
		say_json(m, LINK_CH_REGISTER, json_pack("{ss ss ss*}",
		    "host_id", m->id, "public_key", base64_encode(m->pub,
		    sizeof(m->pub), pub), "registration_key",
		    m->swarm->registration_key));
	}
	auth_answer_release(&a);
}

static void
got_offer(struct member *m, const json_t *o)
{
	uint8_t	sig[64];
	char	text[BASE64_SIZE(64)];

	if (registration_sign(m->sec, json_str(o, "nonce", ""),
	    json_str(o, "server_time", ""), m->id, sig) < 0) {
		fail(m, "registration");
		return;
	}
	say_json(m, LINK_CH_COMPLETE, json_pack("{ss ss ss}",
	    "registration_id", json_str(o, "registration_id", ""), "host_id",
	    m->id, "signature", base64_encode(sig, sizeof(sig), text)));
}

static void
take(struct member *m, const struct envelope *e, const json_t *o)
{
	if (strcmp(e->channel, LINK_CH_AUTH) == 0 && m->auth != NULL) {
		got_auth(m, o);
	} else if (strcmp(e->channel, LINK_CH_REGISTER) == 0) {
		got_offer(m, o);
	} else if (strcmp(e->channel, LINK_CH_COMPLETE) == 0 &&
	    m->state == REGISTERING) {
		enter(m);
	} else if (strcmp(e->channel, LINK_CH_CLOSING) == 0) {
		member_away(m, json_number_value(json_object_get(o,
		    "retry_after")));
	} else if (strcmp(e->channel, LINK_CH_COMMAND) == 0) {
		m->swarm->commands++;
		say(m, "response", e->id, LINK_CH_COMMAND,
		    "{\"done\":true,\"error\":\"\",\"result\":\"pong\"}");
	} else {
		m->swarm->errors++;
	}
}

void
member002_hear(struct member *m, const char *text, size_t n)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	payload = BUF_INIT;
	struct json_err	err;
	json_t		*o = NULL;

	if (envelope_parse(&e, text, n, &err) < 0 ||
	    linkcrypt_read(&m->crypt, &e, &payload) < 0 ||
	    (o = json_read(buf_str(&payload), payload.len, &err)) == NULL)
		fail(m, "what the server says cannot be read");
	else
		take(m, &e, o);
	json_decref(o);
	buf_release(&payload);
	envelope_release(&e);
}

void
member002_metrics(struct member *m)
{
	char	text[128];

	snprintf(text, sizeof(text), "{\"cpuPercent\":%u.5,\"diskUsage\":60.1,"
	    "\"memPercent\":45.2}", (unsigned)(m->serial % 90));
	say(m, "request", NULL, LINK_CH_TELEMETRY, text);
}

void
member002_beat(struct member *m)
{
	say(m, "heartbeat", NULL, "", "{}");
}
