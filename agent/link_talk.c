/* What the agent says on the link, and what it makes of the answers. */
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

static int
fault(char **why, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
fault(char **why, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	*why = buf_take(&b);
	return -EPROTO;
}

/* -- authentication -- */

int
talk_auth(struct agent_link *l)
{
	struct auth_request	*a = &l->auth;
	struct buf		 b = BUF_INIT;
	char			 id[64];

	memset(a, 0, sizeof(*a));
	snprintf(a->agent_id, sizeof(a->agent_id), "%s",
	    l->o.identity->host_id);
	memcpy(a->public_key, l->o.identity->pub, sizeof(a->public_key));
	a->timestamp = link_now(l) / 1000;
	if (l->o.encryption != LINK_OFF) {
		a->has_eph = 1;
		crypto_x25519_keypair(a->eph, l->eph_secret);
	}
	auth_request_sign(a, l->o.identity->sec);
	snprintf(id, sizeof(id), "auth_msg_%" PRIu64, ++l->serial);
	log_debug("ws", "sending auth message");
	auth_request_write(a, id, &b);
	link_put_text(l, &b);
	buf_release(&b);
	return 0;
}

/* Whether this is the server that we want; and the keys, if it agrees. */
static int
agree_on_keys(struct agent_link *l, const struct auth_answer *answer,
    char **why)
{
	struct kx	k;
	int		rc;

	if (l->o.pin != NULL && (!answer->has_key || !crypto_equal(l->o.pin,
	    answer->backend_key, sizeof(answer->backend_key))))
		return fault(why, "the server's key is not the backend_key"
		    " of our configuration");
	if (!answer->has_eph || !l->auth.has_eph) {
		if (l->o.encryption == LINK_REQUIRE)
			return fault(why, "the server does not encrypt, and"
			    " we require it");
		return 0;
	}
	auth_request_kx(&l->auth, &k);
	memcpy(k.server_pub, answer->backend_key, sizeof(k.server_pub));
	memcpy(k.server_nonce, answer->server_nonce, sizeof(k.server_nonce));
	memcpy(k.server_eph, answer->eph, sizeof(k.server_eph));
	if (!kx_server_verify(&k, answer->eph_signature))
		return fault(why, "the server's signature of the key exchange"
		    " is wrong");
	rc = linkcrypt_start(&l->crypt, LINKCRYPT_AGENT, &k, l->eph_secret);
	crypto_wipe(l->eph_secret, sizeof(l->eph_secret));
	return rc < 0 ? fault(why, "the server's eph is a point of low"
	    " order") : 0;
}

/* Time stamps are whole seconds, cut off: the half more is the likelier. */
static void
tell_skew(int64_t server_s)
{
	int64_t	off = clock_wall_ms() - (server_s * 1000 + 500);

	if (off > LINK_SKEW_MS || off < -LINK_SKEW_MS)
		log_warn("ws", "this host's clock is %.1f s %s the server's",
		    (double)(off < 0 ? -off : off) / 1000,
		    off < 0 ? "behind" : "ahead of");
}

/* A session's token is written only where it has changed. */
static void
keep_session(struct registration *r, const struct auth_answer *answer)
{
	int	rc;

	if (answer->session_token == NULL || (r->session_token != NULL &&
	    strcmp(r->session_token, answer->session_token) == 0))
		return;
	free(r->session_token);
	r->session_token = xstrdup(answer->session_token);
	r->session_expires = answer->expires_at;
	if (r->server != NULL && (rc = registration_save(r)) < 0)
		log_warn("ws", "%s: cannot be written: %s", r->path,
		    errstr(rc));
}

int
talk_auth_answer(struct agent_link *l, const json_t *o, int64_t server_s,
    int *known, char **why)
{
	struct registration	*r = l->o.registration;
	struct auth_answer	 answer;
	struct json_err		 err;
	char			 words[300];
	int			 rc;

	if (auth_answer_read(&answer, o, &err) < 0)
		rc = fault(why, "answer to auth: %s",
		    json_err_str(&err, words, sizeof(words)));
	else if (!answer.success)
		rc = fault(why, "authentication refused: %s",
		    answer.message != NULL ? answer.message : "no reason");
	else if ((rc = agree_on_keys(l, &answer, why)) == 0) {
		log_info("ws", "\xe2\x9c\x93 authenticated as %s%s, %" PRId64
		    " ms after the start", l->o.identity->host_id,
		    l->crypt.on ? ", encrypted" : "",
		    clock_mono_ms() - l->o.started);
		tell_skew(server_s);
		l->ours = answer.ours;
		*known = registration_is_for(r, l->o.url);
		if (*known && answer.ours && !answer.registered)
			rc = fault(why, "the server does not know agent %s"
			    " any more; remove %s to register again",
			    r->agent_uid, r->path);
		else
			keep_session(r, &answer);
	}
	auth_answer_release(&answer);
	return rc;
}

/* -- registration -- */

int
talk_register(struct agent_link *l)
{
	char	 pub[BASE64_SIZE(32)];
	json_t	*o;

	base64_encode(l->o.identity->pub, sizeof(l->o.identity->pub), pub);
	o = json_pack("{ss ss}", "host_id", l->o.identity->host_id,
	    "public_key", pub);
	if (l->o.registration_key != NULL)
		json_object_set_new(o, "registration_key",
		    json_string(l->o.registration_key));
	link_put_json(l, "reg_init", LINK_CH_REGISTER, o);
	json_decref(o);
	return 0;
}

int
talk_register_answer(struct agent_link *l, const json_t *o, char **why)
{
	const char	*id = json_str(o, "registration_id", "");
	char		 text[BASE64_SIZE(64)];
	uint8_t		 sig[ED25519_SIG];
	json_t		*reply;

	if (!envelope_id_ok(id) || registration_sign(l->o.identity->sec,
	    json_str(o, "nonce", ""), json_str(o, "server_time", ""),
	    l->o.identity->host_id, sig) < 0)
		return fault(why, "answer to the registration: no"
		    " registration_id or nonce");
	free(l->registration_id);
	l->registration_id = xstrdup(id);
	reply = json_pack("{ss ss ss}", "registration_id", id, "host_id",
	    l->o.identity->host_id, "signature",
	    base64_encode(sig, sizeof(sig), text));
	link_put_json(l, "reg_complete", LINK_CH_COMPLETE, reply);
	json_decref(reply);
	return 0;
}

int
talk_complete_answer(struct agent_link *l, const json_t *o, char **why)
{
	struct registration	*r = l->o.registration;
	const char		*uid = json_str(o, "agent_uid", "");
	const char		*token = json_str(o, "bootstrap_token", "");
	int			 rc;

	if (!envelope_id_ok(uid) || strlen(token) > LINK_MAX_TOKEN)
		return fault(why, "answer to the registration: no agent_uid");
	free(r->server);
	free(r->agent_uid);
	free(r->bootstrap_token);
	free(r->registration_id);
	r->server = xstrdup(l->o.url);
	r->agent_uid = xstrdup(uid);
	r->bootstrap_token = xstrdup(token);
	r->registration_id = l->registration_id;
	l->registration_id = NULL;
	r->registered = link_now(l) / 1000;
	if ((rc = registration_save(r)) < 0)
		return fault(why, "%s: cannot be written: %s", r->path,
		    errstr(rc));
	log_info("ws", "\xe2\x9c\x93 registered as agent %s", uid);
	return 0;
}

/* -- errors -- */

void
talk_retry_after(struct agent_link *l, const json_t *o)
{
	const json_t	*after = json_object_get(o, "retry_after");

	if (json_is_number(after))
		link_delay_told(&l->delay, json_number_value(after) * 1000);
}

void
talk_skew(struct agent_link *l, int64_t server_ms)
{
	tell_skew(server_ms / 1000);
	log_info("ws", "using the server's time from now on");
	/* once without delay: what was wrong is mended */
	l->delay.at_once = !l->skewed;
	l->skewed = 1;
	l->clock_off = server_ms - clock_mono_ms();
}

void
talk_error(struct agent_link *l, const json_t *o)
{
	const char	*code = json_str(o, "code", "");
	int64_t		 server_s = json_int(o, "server_time", 0);

	log_warn("ws", "the server says: %s%s%s%s%s%s",
	    json_str(o, "error", "an error"), *code ? " (" : "", code,
	    *code ? ")" : "", json_str(o, "message", NULL) ? ": " : "",
	    json_str(o, "message", ""));
	talk_retry_after(l, o);
	if (strcmp(code, "clock_skew") != 0 || server_s <= 0)
		return;
	talk_skew(l, server_s * 1000 + 500);
	l->delay.at_once &= l->state == LINK_AUTH;
}
