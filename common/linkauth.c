#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "linkauth.h"
#include "log.h"

enum { MAX_NONCE = 256 };	/* bytes of a registration's */

static const struct json_field request_fields[] = {
	{ .name = "agent_id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "public_key", .kind = JSON_K_STR, .required = 1 },
	{ .name = "timestamp", .kind = JSON_K_INT, .required = 1, .min = 0,
	    .max = INT64_C(1) << 40 },
	{ .name = "nonce", .kind = JSON_K_STR, .required = 1 },
	{ .name = "signature", .kind = JSON_K_STR, .required = 1 },
	{ .name = "eph", .kind = JSON_K_STR },
	{ .name = "eph_signature", .kind = JSON_K_STR },
};

static int
fault(struct json_err *e, int rc, const char *path, const char *text)
{
	*e = (struct json_err){ .line = 0 };
	snprintf(e->path, sizeof(e->path), "%s", path);
	snprintf(e->text, sizeof(e->text), "%s", text);
	return rc;
}

static void
signed_text(const struct auth_request *a, struct buf *b)
{
	buf_adds(b, a->agent_id);
	buf_addc(b, ':');
	envelope_base64(b, a->public_key, sizeof(a->public_key));
	buf_printf(b, ":%" PRId64 ":", a->timestamp);
	envelope_base64(b, a->nonce, sizeof(a->nonce));
}

void
auth_request_kx(const struct auth_request *a, struct kx *k)
{
	memset(k, 0, sizeof(*k));
	k->agent_id = a->agent_id;
	k->timestamp = a->timestamp;
	memcpy(k->agent_pub, a->public_key, sizeof(k->agent_pub));
	memcpy(k->agent_nonce, a->nonce, sizeof(k->agent_nonce));
	memcpy(k->agent_eph, a->eph, sizeof(k->agent_eph));
}

void
auth_request_sign(struct auth_request *a, const uint8_t sec[64])
{
	struct buf	b = BUF_INIT;
	struct kx	k;

	crypto_random(a->nonce, sizeof(a->nonce));
	signed_text(a, &b);
	crypto_ed25519_sign(sec, b.p, b.len, a->signature);
	buf_release(&b);
	if (a->has_eph) {
		auth_request_kx(a, &k);
		kx_agent_sign(&k, sec, a->eph_signature);
	}
}

int
auth_request_verify(const struct auth_request *a)
{
	struct buf	b = BUF_INIT;
	int		good;

	signed_text(a, &b);
	good = crypto_ed25519_verify(a->public_key, b.p, b.len,
	    a->signature);
	buf_release(&b);
	return good;
}

static void
set_base64(json_t *o, const char *name, const void *p, size_t n)
{
	char	text[BASE64_SIZE(64)];

	json_object_set_new(o, name, json_string(base64_encode(p, n, text)));
}

void
auth_request_write(const struct auth_request *a, const char *id,
    struct buf *b)
{
	struct envelope	 e = ENVELOPE_INIT;
	struct buf	 payload = BUF_INIT;
	char		 nonce[BASE64_SIZE(LINK_NONCE_SIZE)];
	char		 sig[BASE64_SIZE(64)], *text;
	json_t		*o = json_object();

	json_object_set_new(o, "agent_id", json_string(a->agent_id));
	set_base64(o, "public_key", a->public_key, sizeof(a->public_key));
	json_object_set_new(o, "timestamp", json_integer(a->timestamp));
	set_base64(o, "nonce", a->nonce, sizeof(a->nonce));
	set_base64(o, "signature", a->signature, sizeof(a->signature));
	if (a->has_eph) {
		set_base64(o, "eph", a->eph, sizeof(a->eph));
		set_base64(o, "eph_signature", a->eph_signature,
		    sizeof(a->eph_signature));
	}
	text = json_text(o);
	envelope_base64(&payload, text, strlen(text));
	e.id = id;
	e.type = "request";
	e.channel = LINK_CH_AUTH;
	e.payload = buf_str(&payload);
	e.timestamp = a->timestamp;
	e.nonce = base64_encode(a->nonce, sizeof(a->nonce), nonce);
	e.signature = base64_encode(a->signature, sizeof(a->signature), sig);
	envelope_write(&e, b);
	json_decref(o);
	free(text);
	buf_release(&payload);
}

static int
request_parse(struct auth_request *a, const json_t *o, struct json_err *err)
{
	const char	*eph = json_str(o, "eph", NULL);
	const char	*eph_signature = json_str(o, "eph_signature", NULL);

	if (json_check(o, request_fields, nitems(request_fields), err) < 0)
		return -EINVAL;
	snprintf(a->agent_id, sizeof(a->agent_id), "%s",
	    json_str(o, "agent_id", ""));
	if (!envelope_id_ok(a->agent_id))
		return fault(err, -EINVAL, "agent_id",
		    "has control characters");
	a->timestamp = json_int(o, "timestamp", 0);
	if (envelope_unbase64(json_str(o, "public_key", ""), a->public_key,
	    sizeof(a->public_key)) < 0)
		return fault(err, -EINVAL, "public_key",
		    "must be 32 bytes in base64");
	if (envelope_unbase64(json_str(o, "nonce", ""), a->nonce,
	    sizeof(a->nonce)) < 0)
		return fault(err, -EINVAL, "nonce",
		    "must be 16 bytes in base64");
	if (envelope_unbase64(json_str(o, "signature", ""), a->signature,
	    sizeof(a->signature)) < 0)
		return fault(err, -EINVAL, "signature",
		    "must be 64 bytes in base64");
	if (eph == NULL && eph_signature == NULL)
		return 0;
	a->has_eph = 1;
	if (eph == NULL || envelope_unbase64(eph, a->eph, sizeof(a->eph)) < 0)
		return fault(err, -EINVAL, "eph",
		    "must be 32 bytes in base64");
	if (eph_signature == NULL || envelope_unbase64(eph_signature,
	    a->eph_signature, sizeof(a->eph_signature)) < 0)
		return fault(err, -EINVAL, "eph_signature",
		    "must be 64 bytes in base64");
	return 0;
}

/* The envelope of an auth request repeats what its payload says. */
static int
compare_outer(const struct auth_request *a, const struct envelope *e,
    struct json_err *err)
{
	char	text[BASE64_SIZE(64)];

	if (e->timestamp != a->timestamp)
		return fault(err, -EBADMSG, "timestamp",
		    "differs from the payload's");
	base64_encode(a->nonce, sizeof(a->nonce), text);
	if (*e->nonce != '\0' && strcmp(e->nonce, text) != 0)
		return fault(err, -EBADMSG, "nonce",
		    "differs from the payload's");
	base64_encode(a->signature, sizeof(a->signature), text);
	if (*e->signature != '\0' && strcmp(e->signature, text) != 0 &&
	    !envelope_verify(e, a->public_key))
		return fault(err, -EBADMSG, "signature",
		    "is neither the payload's nor the envelope's");
	return 0;
}

int
auth_request_read(struct auth_request *a, const struct envelope *e,
    struct json_err *err)
{
	struct buf	 b = BUF_INIT;
	json_t		*o = NULL;
	int		 rc;

	memset(a, 0, sizeof(*a));
	if (envelope_payload(e, &b) < 0)
		rc = fault(err, -EINVAL, "payload", "must be base64");
	else if ((o = json_read(buf_str(&b), b.len, err)) == NULL)
		rc = -EINVAL;
	else if ((rc = request_parse(a, o, err)) == 0)
		rc = compare_outer(a, e, err);
	json_decref(o);
	buf_release(&b);
	return rc;
}

json_t *
auth_answer_json(const struct auth_answer *a)
{
	json_t	*o = json_object();

	json_object_set_new(o, "success", json_boolean(a->success));
	if (a->message != NULL)
		json_object_set_new(o, "message", json_string(a->message));
	if (a->session_token != NULL) {
		json_object_set_new(o, "session_token",
		    json_string(a->session_token));
		json_object_set_new(o, "expires_at",
		    json_integer(a->expires_at));
	}
	set_base64(o, "backend_key", a->backend_key, sizeof(a->backend_key));
	set_base64(o, "server_nonce", a->server_nonce,
	    sizeof(a->server_nonce));
	if (a->has_eph) {
		set_base64(o, "eph", a->eph, sizeof(a->eph));
		set_base64(o, "eph_signature", a->eph_signature,
		    sizeof(a->eph_signature));
	}
	json_object_set_new(o, "registered", json_boolean(a->registered));
	if (*a->agent_uid != '\0')
		json_object_set_new(o, "agent_uid",
		    json_string(a->agent_uid));
	return o;
}

/* An optional member: 1 and the bytes, 0 where absent or empty, -EINVAL. */
static int
get_base64(const json_t *o, const char *name, void *out, size_t n,
    struct json_err *err)
{
	const char	*s = json_str(o, name, "");

	if (*s == '\0')
		return 0;
	if (envelope_unbase64(s, out, n) < 0)
		return fault(err, -EINVAL, name, "is not base64 of its size");
	return 1;
}

static char *
get_text(const json_t *o, const char *name)
{
	const char	*s = json_str(o, name, NULL);

	return s != NULL && strlen(s) <= LINK_MAX_TOKEN ? xstrdup(s) : NULL;
}

int
auth_answer_read(struct auth_answer *a, const json_t *o, struct json_err *err)
{
	int	sig;

	memset(a, 0, sizeof(*a));
	if (!json_is_object(o))
		return fault(err, -EINVAL, "", "must be an object");
	a->success = json_bool(o, "success", 0);
	a->message = get_text(o, "message");
	a->session_token = get_text(o, "session_token");
	a->expires_at = json_int(o, "expires_at", 0);
	a->registered = json_bool(o, "registered", 0);
	if (envelope_id_ok(json_str(o, "agent_uid", "")))
		snprintf(a->agent_uid, sizeof(a->agent_uid), "%s",
		    json_str(o, "agent_uid", ""));
	a->has_key = get_base64(o, "backend_key", a->backend_key,
	    sizeof(a->backend_key), err);
	a->ours = get_base64(o, "server_nonce", a->server_nonce,
	    sizeof(a->server_nonce), err);
	a->has_eph = get_base64(o, "eph", a->eph, sizeof(a->eph), err);
	sig = get_base64(o, "eph_signature", a->eph_signature,
	    sizeof(a->eph_signature), err);
	if (a->has_key < 0 || a->ours < 0 || a->has_eph < 0 || sig < 0)
		return -EINVAL;
	if (a->has_eph && (!sig || !a->ours || !a->has_key))
		return fault(err, -EINVAL, "eph",
		    "needs eph_signature, server_nonce and backend_key");
	return 0;
}

void
auth_answer_release(struct auth_answer *a)
{
	if (a->session_token != NULL)
		crypto_wipe(a->session_token, strlen(a->session_token));
	free(a->session_token);
	free(a->message);
	memset(a, 0, sizeof(*a));
}

/* 0, or -EINVAL where the nonce is not base64 of 1 to MAX_NONCE bytes. */
static int
registration_text(const char *nonce, const char *server_time,
    const char *host_id, struct buf *b)
{
	uint8_t	bytes[MAX_NONCE];
	size_t	n;

	if (base64_decode(nonce, strlen(nonce), bytes, sizeof(bytes), &n) < 0
	    || n == 0)
		return -EINVAL;
	buf_add(b, bytes, n);
	buf_adds(b, server_time);
	buf_adds(b, host_id);
	return 0;
}

int
registration_sign(const uint8_t sec[64], const char *nonce,
    const char *server_time, const char *host_id, uint8_t sig[64])
{
	struct buf	b = BUF_INIT;
	int		rc;

	rc = registration_text(nonce, server_time, host_id, &b);
	if (rc == 0)
		crypto_ed25519_sign(sec, b.p, b.len, sig);
	buf_release(&b);
	return rc;
}

int
registration_verify(const uint8_t pub[32], const char *nonce,
    const char *server_time, const char *host_id, const char *signature)
{
	struct buf	b = BUF_INIT;
	uint8_t		sig[64];
	int		good;

	good = envelope_unbase64(signature, sig, sizeof(sig)) == 0 &&
	    registration_text(nonce, server_time, host_id, &b) == 0 &&
	    crypto_ed25519_verify(pub, b.p, b.len, sig);
	buf_release(&b);
	return good;
}
