/*
 * The first message: NEW, then LOOKUP while the store is asked whose key it
 * is, then READY with the answer sent.  Whatever is wrong is told with its
 * code and ends the connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

/* The same token while it is valid: a session outlives its connections. */
static void
give_session(struct gateway_agent *a, struct auth_answer *answer)
{
	uint8_t	token[LINK_TOKEN_SIZE];
	char	text[BASE64_SIZE(LINK_TOKEN_SIZE)];
	int64_t	now = clock_wall_ms() / 1000;

	if (a != NULL && a->session != NULL && a->session_until > now + 60) {
		answer->session_token = xstrdup(a->session);
		answer->expires_at = a->session_until;
		return;
	}
	crypto_random(token, sizeof(token));
	answer->session_token = xstrdup(base64url_encode(token,
	    sizeof(token), text));
	answer->expires_at = now + GATEWAY_SESSION_S;
	if (a == NULL)
		return;
	free(a->session);
	a->session = xstrdup(answer->session_token);
	a->session_until = answer->expires_at;
}

/* Our half of the key exchange, into the answer and the connection. */
static int
exchange_keys(struct gateway_conn *c, struct auth_answer *answer)
{
	struct kx	k;
	uint8_t		eph_secret[X25519_SIZE];
	int		rc;

	auth_request_kx(c->auth, &k);
	memcpy(k.server_pub, answer->backend_key, sizeof(k.server_pub));
	memcpy(k.server_nonce, answer->server_nonce, sizeof(k.server_nonce));
	crypto_x25519_keypair(k.server_eph, eph_secret);
	rc = linkcrypt_start(&c->crypt, LINKCRYPT_SERVER, &k, eph_secret);
	crypto_wipe(eph_secret, sizeof(eph_secret));
	if (rc < 0)
		return rc;
	c->crypt.on = 0;		/* once the answer is out */
	answer->has_eph = 1;
	memcpy(answer->eph, k.server_eph, sizeof(answer->eph));
	kx_server_sign(&k, c->g->secret, answer->eph_signature);
	return 0;
}

static void
accept_agent(struct gateway_conn *c, struct gateway_agent *a)
{
	struct auth_answer	answer;
	int			sealed;

	memset(&answer, 0, sizeof(answer));
	crypto_random(answer.server_nonce, sizeof(answer.server_nonce));
	memcpy(answer.backend_key, c->g->secret + ED25519_SEED,
	    sizeof(answer.backend_key));
	sealed = c->auth->has_eph && c->g->o.encryption != LINK_OFF;
	if (sealed && exchange_keys(c, &answer) < 0) {
		conn_refuse(c, c->auth_id, GATEWAY_BAD_MESSAGE,
		    "eph is a point of low order");
		return;
	}
	answer.success = 1;
	answer.message = xstrdup("authenticated");
	answer.registered = a != NULL;
	if (a != NULL)
		memcpy(answer.agent_uid, a->uid, sizeof(a->uid));
	give_session(a, &answer);
	conn_answer(c, c->auth_id, LINK_CH_AUTH, auth_answer_json(&answer));
	auth_answer_release(&answer);
	c->crypt.on = sealed;
	c->agent_id = xstrdup(c->auth->agent_id);
	free(c->auth);
	c->auth = NULL;
	c->state = CONN_READY;
	if (a != NULL)
		conn_settle(c, a);
}

/* Whose key it is is known by now; a is NULL for nobody's. */
static void
auth_finish(struct gateway_conn *c, struct gateway_agent *a)
{
	const struct auth_request	*r = c->auth;
	uint8_t				 seen[ED25519_PUBLIC + LINK_NONCE_SIZE];

	if (a != NULL && strcmp(r->agent_id, a->uid) != 0 &&
	    (a->host_id == NULL || strcmp(r->agent_id, a->host_id) != 0)) {
		conn_refuse(c, c->auth_id, GATEWAY_UNKNOWN_AGENT,
		    "this key belongs to another agent_id");
		return;
	}
	memcpy(seen, r->public_key, ED25519_PUBLIC);
	memcpy(seen + ED25519_PUBLIC, r->nonce, LINK_NONCE_SIZE);
	if (!replay_fresh(a != NULL ? c->g->known : c->g->strange, seen,
	    sizeof(seen), clock_mono_ms())) {
		conn_refuse(c, c->auth_id, GATEWAY_REPLAY,
		    "this nonce was used before");
		return;
	}
	accept_agent(c, a);
}

static void
got_agent(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;
	struct gateway_agent	*a;

	if (!conn_drop(c))
		return;
	a = rc == 0 ? agent_load(c->g, doc) : NULL;
	if (a != NULL)
		auth_finish(c, a);
	else
		conn_refuse(c, c->auth_id, GATEWAY_INTERNAL,
		    "the record of this key cannot be read");
}

static void
got_key(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;

	if (!conn_drop(c))
		return;
	if (rc == -ENOENT)
		auth_finish(c, NULL);
	else if (rc < 0)
		conn_refuse(c, c->auth_id, GATEWAY_INTERNAL,
		    "the records cannot be read");
	else {
		conn_hold(c);
		store_get(c->g->o.store, "agent", json_str(doc, "uid", ""),
		    got_agent, c);
	}
}

static void
look_up(struct gateway_conn *c)
{
	struct gateway_agent	*a = agent_find_key(c->g, c->key);
	char			 hex[ED25519_PUBLIC * 2 + 1];

	c->state = CONN_LOOKUP;
	if (a != NULL) {
		auth_finish(c, a);
		return;
	}
	hex_encode(c->key, sizeof(c->key), hex);
	conn_hold(c);
	store_get(c->g->o.store, "agent-key", hex, got_key, c);
}

/* The agent's own signatures; 0, or refused. */
static int
check_signatures(struct gateway_conn *c)
{
	struct kx	k;

	auth_request_kx(c->auth, &k);
	if (!auth_request_verify(c->auth) || (c->auth->has_eph &&
	    !kx_agent_verify(&k, c->auth->eph_signature))) {
		conn_refuse(c, c->auth_id, GATEWAY_BAD_SIGNATURE,
		    "the signature is not by public_key");
		return -EBADMSG;
	}
	return 0;
}

void
auth_begin(struct gateway_conn *c, const struct envelope *e)
{
	struct json_err	err;
	char		why[256];
	int64_t		off;
	int		rc;

	memcpy(c->auth_id, e->id, strlen(e->id) + 1);
	c->auth = xcalloc(1, sizeof(*c->auth));
	if ((rc = auth_request_read(c->auth, e, &err)) < 0) {
		conn_refuse(c, e->id, rc == -EBADMSG ? GATEWAY_BAD_SIGNATURE :
		    GATEWAY_BAD_MESSAGE, "auth: %s",
		    json_err_str(&err, why, sizeof(why)));
		return;
	}
	off = c->auth->timestamp - clock_wall_ms() / 1000;
	if (off > LINK_WINDOW || off < -LINK_WINDOW) {
		conn_refuse(c, e->id, GATEWAY_CLOCK_SKEW, "the clock is"
		    " %" PRId64 " s off", off);
		return;
	}
	if (check_signatures(c) < 0)
		return;
	if (c->g->o.encryption == LINK_REQUIRE && !c->auth->has_eph) {
		conn_refuse(c, e->id, GATEWAY_ENCRYPTION_REQUIRED,
		    "eph is missing");
		return;
	}
	memcpy(c->key, c->auth->public_key, sizeof(c->key));
	look_up(c);
}
