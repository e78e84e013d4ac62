/*
 * Registration in two steps: OFFERED answers the first with a nonce to sign,
 * WRITING follows the second.  A key that is registered already gets its old
 * uid again, so that a lost answer never makes a second agent.
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

static const struct json_field begin_fields[] = {
	{ .name = "host_id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "public_key", .kind = JSON_K_STR, .required = 1 },
	{ .name = "registration_key", .kind = JSON_K_STR, .min = 1,
	    .max = GATEWAY_MAX_KEY },
};

static const struct json_field complete_fields[] = {
	{ .name = "registration_id", .kind = JSON_K_STR, .required = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "host_id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "signature", .kind = JSON_K_STR, .required = 1 },
};

void
register_free(struct gateway_reg *r)
{
	if (r == NULL)
		return;
	agent_free(r->agent);
	free(r->build);
	free(r->user);
	free(r->agent_id);
	crypto_wipe(r, sizeof(*r));
	free(r);
}

static void
refuse(struct gateway_conn *c, const char *why)
{
	log_warn("gateway", "%s: registration of %s refused: %s",
	    ws_peer(c->ws), c->agent_id, why);
	conn_refuse(c, c->reg->request, GATEWAY_REGISTRATION_REFUSED, "%s",
	    why);
}

/* -- the first step -- */

static void
offer(struct gateway_conn *c)
{
	struct gateway_reg	*r = c->reg;
	uint8_t			 nonce[32];

	crypto_uuid(r->id);
	crypto_random(nonce, sizeof(nonce));
	base64_encode(nonce, sizeof(nonce), r->nonce);
	clock_rfc3339(clock_wall_ms(), r->server_time);
	r->stage = REG_OFFERED;
	conn_answer(c, r->request, LINK_CH_REGISTER,
	    json_pack("{ss ss ss}", "registration_id", r->id,
	    "nonce", r->nonce, "server_time", r->server_time));
}

static void
got_host(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;

	(void)doc;
	if (!conn_drop(c))
		return;
	if (rc == -ENOENT)
		offer(c);
	else if (rc == 0)
		refuse(c, "host_id is another agent's");
	else
		conn_refuse(c, c->reg->request, GATEWAY_INTERNAL,
		    "the records cannot be read");
}

static void
check_host(struct gateway_conn *c)
{
	conn_hold(c);
	store_get(c->g->o.store, "agent-host", c->agent_id, got_host, c);
}

static void
got_regkey(int rc, const json_t *doc, void *arg)
{
	struct gateway_conn	*c = arg;
	struct gateway_reg	*r = c->reg;
	int64_t			 expires;

	if (!conn_drop(c))
		return;
	if (rc == -ENOENT) {
		refuse(c, "registration_key is not known");
		return;
	}
	if (rc < 0) {
		conn_refuse(c, r->request, GATEWAY_INTERNAL,
		    "the records cannot be read");
		return;
	}
	expires = json_int(doc, "expires", 0);
	if (expires > 0 && expires <= clock_wall_ms()) {
		refuse(c, "registration_key has expired");
		return;
	}
	agent_set(&r->build, json_str(doc, "job", NULL));
	agent_set(&r->user, json_str(doc, "user", NULL));
	agent_set(&r->agent_id, json_str(doc, "agentId", NULL));
	check_host(c);
}

/* The key is looked up by its hash: how long that takes tells nothing. */
static void
check_key(struct gateway_conn *c, const char *key)
{
	uint8_t	hash[SHA256_SIZE];

	crypto_sha256(key, strlen(key), hash);
	hex_encode(hash, sizeof(hash), c->reg->key_hash);
	conn_hold(c);
	store_get(c->g->o.store, "regkey", c->reg->key_hash, got_regkey, c);
}

void
register_begin(struct gateway_conn *c, const char *id, const json_t *o)
{
	struct json_err	err;
	uint8_t		key[ED25519_PUBLIC];
	const char	*secret = json_str(o, "registration_key", NULL);
	char		why[256];

	if (c->reg != NULL && c->reg->stage != REG_OFFERED) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE,
		    "a registration is under way");
		return;
	}
	if (json_check(o, begin_fields, nitems(begin_fields), &err) < 0) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE, "registration: %s",
		    json_err_str(&err, why, sizeof(why)));
		return;
	}
	register_free(c->reg);
	c->reg = xcalloc(1, sizeof(*c->reg));
	snprintf(c->reg->request, sizeof(c->reg->request), "%s", id);
	if (envelope_unbase64(json_str(o, "public_key", ""), key,
	    sizeof(key)) < 0 || memcmp(key, c->key, sizeof(key)) != 0)
		refuse(c, "public_key is not the one that authenticated");
	else if (strcmp(json_str(o, "host_id", ""), c->agent_id) != 0)
		refuse(c, "host_id is not the agent_id that authenticated");
	else if (c->agent != NULL)
		offer(c);		/* proven by its key */
	else if (secret != NULL)
		check_key(c, secret);
	else if (c->g->o.open_registration)
		check_host(c);
	else
		refuse(c, "registration_key is missing");
}

/* -- the second step -- */

static void
answer_complete(struct gateway_conn *c, const struct gateway_agent *a)
{
	conn_answer(c, c->reg->request, LINK_CH_COMPLETE,
	    json_pack("{ss ss}", "agent_uid", a->uid,
	    "bootstrap_token", c->reg->bootstrap));
	register_free(c->reg);
	c->reg = NULL;
}

static void
written(int rc, const json_t *result, void *arg)
{
	struct gateway_conn	*c = arg;
	struct gateway_agent	*a = c->reg->agent;

	(void)result;
	if (rc == 0) {		/* it is registered, even if it left */
		c->reg->agent = NULL;
		a = agent_add(c->g, a);
		log_info("gateway", "agent %s registered as %s", a->uid,
		    a->host_id);
	}
	if (!conn_drop(c))
		return;
	if (rc == 0) {
		answer_complete(c, a);
		conn_settle(c, a);
	} else if (rc == -EEXIST || rc == -ENOENT)
		refuse(c, rc == -ENOENT ? "registration_key was withdrawn" :
		    "the key or host_id was registered meanwhile");
	else
		conn_refuse(c, c->reg->request, GATEWAY_INTERNAL,
		    "the record cannot be written");
}

/* The hash is kept, the token is the agent's alone. */
static void
make_bootstrap(struct gateway_reg *r, char **hash_text)
{
	uint8_t	token[LINK_TOKEN_SIZE], hash[SHA256_SIZE];
	char	hex[SHA256_SIZE * 2 + 1];

	crypto_random(token, sizeof(token));
	base64url_encode(token, sizeof(token), r->bootstrap);
	crypto_wipe(token, sizeof(token));
	crypto_sha256(r->bootstrap, strlen(r->bootstrap), hash);
	agent_set(hash_text, hex_encode(hash, sizeof(hash), hex));
}

static void
write_agent(struct gateway_conn *c)
{
	struct gateway_reg	*r = c->reg;
	struct gateway_agent	*a;
	char			 uid[UUID_SIZE], hex[ED25519_PUBLIC * 2 + 1];
	json_t			*doc, *index, *use;
	struct store_op		 ops[4];
	size_t			 n = 3;

	crypto_uuid(uid);
	r->stage = REG_WRITING;
	r->agent = a = agent_new(uid, c->key);
	agent_set(&a->host_id, c->agent_id);
	agent_set(&a->address, ws_peer(c->ws));
	agent_set(&a->build, r->build);
	agent_set(&a->user, r->user);
	agent_set(&a->agent_id, r->agent_id);
	make_bootstrap(r, &a->bootstrap);
	a->registered = a->last_seen = clock_wall_ms();
	a->saved = clock_mono_ms();
	doc = agent_doc(a);
	index = json_pack("{ss}", "uid", uid);
	use = json_pack("{si}", "uses", 1);
	hex_encode(c->key, sizeof(c->key), hex);
	ops[0] = (struct store_op){ STORE_ADD, "agent-key", hex, index };
	ops[1] = (struct store_op){ STORE_ADD, "agent-host", a->host_id,
	    index };
	ops[2] = (struct store_op){ STORE_ADD, "agent", uid, doc };
	if (*r->key_hash != '\0')
		ops[n++] = (struct store_op){ STORE_BUMP, "regkey",
		    r->key_hash, use };
	conn_hold(c);
	store_write(c->g->o.store, ops, n, written, c);
	json_decref(doc);
	json_decref(index);
	json_decref(use);
}

static void
renewed(int rc, const json_t *result, void *arg)
{
	struct gateway_conn	*c = arg;

	(void)result;
	if (!conn_drop(c))
		return;
	if (rc == 0 && c->agent != NULL)
		answer_complete(c, c->agent);
	else
		conn_refuse(c, c->reg->request, GATEWAY_INTERNAL,
		    "the record cannot be written");
}

/* An agent that has lost its registration: the same uid, a new token. */
static void
write_again(struct gateway_conn *c)
{
	struct store_op	 op = { STORE_MERGE, "agent", c->agent->uid, NULL };
	json_t		*o;

	make_bootstrap(c->reg, &c->agent->bootstrap);
	op.value = o = json_pack("{ss}", "bootstrap", c->agent->bootstrap);
	c->reg->stage = REG_WRITING;
	conn_hold(c);
	store_write(c->g->o.store, &op, 1, renewed, c);
	json_decref(o);
}

void
register_complete(struct gateway_conn *c, const char *id, const json_t *o)
{
	struct gateway_reg	*r = c->reg;
	struct json_err		 err;
	char			 why[256];

	if (r == NULL || r->stage != REG_OFFERED) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE,
		    "no registration was begun");
		return;
	}
	if (json_check(o, complete_fields, nitems(complete_fields),
	    &err) < 0) {
		conn_complain(c, id, GATEWAY_BAD_MESSAGE, "registration: %s",
		    json_err_str(&err, why, sizeof(why)));
		return;
	}
	snprintf(r->request, sizeof(r->request), "%s", id);
	if (!crypto_equal_str(json_str(o, "registration_id", ""), r->id) ||
	    strcmp(json_str(o, "host_id", ""), c->agent_id) != 0)
		refuse(c, "registration_id or host_id is another's");
	else if (!registration_verify(c->key, r->nonce, r->server_time,
	    c->agent_id, json_str(o, "signature", "")))
		conn_refuse(c, id, GATEWAY_BAD_SIGNATURE,
		    "the signature is not over nonce, server_time, host_id");
	else if (c->agent != NULL)
		write_again(c);
	else
		write_agent(c);
}
