#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "esjson.h"
#include "hmaclink.h"
#include "json.h"
#include "log.h"

static const struct json_field fields[] = {
	{ .name = "type", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = HMACLINK_MAX_TYPE },
	{ .name = "agentId", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "ts", .kind = JSON_K_NUM, .required = 1 },
	{ .name = "nonce", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = HMACLINK_MAX_NONCE },
	{ .name = "payload", .kind = JSON_K_ANY },
	{ .name = "signature", .kind = JSON_K_STR, .required = 1,
	    .min = 2 * SHA256_SIZE, .max = 2 * SHA256_SIZE },
};

static void
write_member(struct buf *b, const char *name, const json_t *v)
{
	buf_printf(b, "%s\"%s\":", b->p[b->len - 1] != '{' ? "," : "", name);
	esjson_write(b, v, 0);
}

/* S of the protocol: what the signature covers. */
static void
signed_text(const struct hmaclink *m, struct buf *b)
{
	static const char *const	names[] = {
		"type", "agentId", "ts", "nonce", "payload"
	};
	size_t				i;

	buf_addc(b, '{');
	for (i = 0; i < nitems(names); i++)
		if (json_object_get(m->root, names[i]) != NULL)
			write_member(b, names[i],
			    json_object_get(m->root, names[i]));
	buf_addc(b, '}');
}

static void
write_string(struct buf *b, const char *name, const char *s)
{
	buf_printf(b, "\"%s\":", name);
	esjson_string(b, s, strlen(s));
	buf_addc(b, ',');
}

void
hmaclink_write_text(const struct hmaclink *m, const char *payload,
    const char *secret, struct buf *b)
{
	char	number[ESJSON_NUMBER], hex[2 * SHA256_SIZE + 1];
	uint8_t	mac[SHA256_SIZE];
	size_t	from = b->len;

	buf_addc(b, '{');
	write_string(b, "type", m->type);
	write_string(b, "agentId", m->agent_id);
	buf_printf(b, "\"ts\":%s,", esjson_number((double)m->ts, number));
	write_string(b, "nonce", m->nonce);
	buf_printf(b, "\"payload\":%s}", payload);
	crypto_hmac_sha256(secret, strlen(secret), b->p + from,
	    b->len - from, mac);
	b->len--;
	buf_printf(b, ",\"signature\":\"%s\"}", hex_encode(mac, sizeof(mac),
	    hex));
}

void
hmaclink_write(const struct hmaclink *m, const char *secret, struct buf *b)
{
	struct buf	payload = BUF_INIT;

	esjson_write(&payload, m->payload, ESJSON_SORT);
	hmaclink_write_text(m, buf_str(&payload), secret, b);
	buf_release(&payload);
}

/* What is not of the envelope is not signed: nobody shall see it. */
static void
drop_strangers(json_t *o)
{
	const char	*key;
	json_t		*v;
	void		*next;
	size_t		 i;

	json_object_foreach_safe(o, next, key, v) {
		for (i = 0; i < nitems(fields); i++)
			if (strcmp(fields[i].name, key) == 0)
				break;
		if (i == nitems(fields))
			json_object_del(o, key);
	}
}

int
hmaclink_parse(struct hmaclink *m, const char *text, size_t n,
    struct json_err *e)
{
	json_t	*o;
	double	 ts;

	memset(m, 0, sizeof(*m));
	memset(e, 0, sizeof(*e));
	if (n > HMACLINK_MAX) {
		snprintf(e->text, sizeof(e->text), "more than %d bytes",
		    HMACLINK_MAX);
		return -EINVAL;
	}
	if ((o = esjson_read(text, n, e)) == NULL)
		return -EINVAL;
	drop_strangers(o);
	if (json_check(o, fields, nitems(fields), e) < 0)
		goto bad;
	m->type = json_str(o, "type", "");
	m->agent_id = json_str(o, "agentId", "");
	m->nonce = json_str(o, "nonce", "");
	ts = json_number_value(json_object_get(o, "ts"));
	if (!(ts >= 0 && ts <= 8.64e15) || !envelope_id_ok(m->agent_id)) {
		/* the last moment that ECMAScript's Date knows */
		snprintf(e->text, sizeof(e->text), "%s is out of range",
		    envelope_id_ok(m->agent_id) ? "ts" : "agentId");
		goto bad;
	}
	m->ts = (int64_t)ts;
	m->payload = json_object_get(o, "payload");
	m->root = o;
	m->text = text;
	m->len = n;
	return 0;
bad:
	json_decref(o);
	return -EINVAL;
}

static int
is_mac_of(const struct buf *b, const char *secret,
    const uint8_t mac[SHA256_SIZE])
{
	uint8_t	want[SHA256_SIZE];

	crypto_hmac_sha256(secret, strlen(secret), b->p, b->len, want);
	return crypto_equal(want, mac, sizeof(want));
}

/*
 * What hmaclink_write() and JSON.stringify() send is the signed text with
 * the signature put in at its end: then nothing needs to be written anew.
 * Who signed these bytes has signed what was read from them.
 */
static int
signed_as_sent(const struct hmaclink *m, const char *signature,
    struct buf *b)
{
	static const char	lead[] = ",\"signature\":\"", end[] = "\"}";
	size_t			tail = strlen(lead) + 2 * SHA256_SIZE +
	    strlen(end);
	const char		*p;

	if (m->text == NULL || m->len <= tail)
		return 0;
	p = m->text + m->len - tail;
	if (memcmp(p, lead, strlen(lead)) != 0 ||
	    memcmp(p + strlen(lead), signature, 2 * SHA256_SIZE) != 0 ||
	    memcmp(m->text + m->len - strlen(end), end, strlen(end)) != 0)
		return 0;
	buf_add(b, m->text, m->len - tail);
	buf_addc(b, '}');
	return 1;
}

int
hmaclink_verify(const struct hmaclink *m, const char *secret)
{
	const char	*signature = json_str(m->root, "signature", "");
	uint8_t		 mac[SHA256_SIZE];
	struct buf	 b = BUF_INIT;
	int		 good;

	if (hex_decode(signature, mac, sizeof(mac)) < 0)
		return 0;
	good = signed_as_sent(m, signature, &b) && is_mac_of(&b, secret, mac);
	if (!good) {
		buf_clear(&b);
		signed_text(m, &b);
		good = is_mac_of(&b, secret, mac);
	}
	buf_release(&b);
	return good;
}

void
hmaclink_release(struct hmaclink *m)
{
	json_decref(m->root);
	memset(m, 0, sizeof(*m));
}

char *
hmaclink_token(const char *secret, const char *agent_id,
    char out[HMACLINK_TOKEN_SIZE])
{
	struct buf	b = BUF_INIT;
	uint8_t		mac[SHA256_SIZE];

	/* no message begins so: it would have to be an object */
	buf_printf(&b, "muster http %s", agent_id);
	crypto_hmac_sha256(secret, strlen(secret), b.p, b.len, mac);
	buf_release(&b);
	return hex_encode(mac, sizeof(mac), out);
}
