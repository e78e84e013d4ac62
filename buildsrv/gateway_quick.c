/*
 * Document 004's messages as most of them are: exactly the text that
 * JSON.stringify makes, with a payload that is one flat object.  They are
 * read where they lie, and nothing is built of them.  What is any different
 * is not read here at all, but by hmaclink_parse(), which knows all forms;
 * so this reader may be as narrow as it likes, and takes nothing that the
 * other would refuse.
 */
#include <stdlib.h>
#include <string.h>

#include <nettle/hmac.h>

#include "gateway_private.h"
#include "hmaclink.h"

enum {
	MAX_MEMBERS	= 16,		/* of a payload: each is compared with
					 * those before it */
	MAX_DIGITS	= 15		/* of a number: below 2^53 */
};

struct span {
	const char	*p;
	size_t		 n;
};

struct quick_key {
	struct hmac_sha256_ctx	ctx;
};

struct quick_key *
quick_key_new(const char *secret)
{
	struct quick_key	*k = xmalloc(sizeof(*k));

	hmac_sha256_set_key(&k->ctx, strlen(secret), (const uint8_t *)secret);
	return k;
}

void
quick_key_free(struct quick_key *k)
{
	if (k != NULL)
		crypto_wipe(k, sizeof(*k));
	free(k);
}

/* -- reading -- */

static int
take_text(struct span *s, const char *text, size_t n)
{
	if (s->n < n || memcmp(s->p, text, n) != 0)
		return 0;
	s->p += n;
	s->n -= n;
	return 1;
}

#define TAKE(s, literal)	take_text(s, literal, sizeof(literal) - 1)

/* The inside of a string that has nothing to unescape; its quote is taken. */
static int
take_string(struct span *s, struct span *out)
{
	size_t	i;

	for (i = 0; i < s->n && s->p[i] != '"'; i++)
		if ((unsigned char)s->p[i] < 0x20 || s->p[i] == '\\' ||
		    s->p[i] == 0x7f)
			return 0;
	if (i == s->n)
		return 0;
	*out = (struct span){ s->p, i };
	s->p += i + 1;
	s->n -= i + 1;
	return 1;
}

static size_t
digits(const struct span *s, size_t at)
{
	size_t	n = 0;

	while (at + n < s->n && s->p[at + n] >= '0' && s->p[at + n] <= '9')
		n++;
	return n;
}

/* Without an exponent: so none is past a double. */
static int
take_number(struct span *s)
{
	size_t	at = s->n > 0 && s->p[0] == '-', n = digits(s, at), more = 0;

	if (n == 0 || n > MAX_DIGITS || (n > 1 && s->p[at] == '0'))
		return 0;
	at += n;
	if (at < s->n && s->p[at] == '.') {
		if ((more = digits(s, at + 1)) == 0 || more > 2 * MAX_DIGITS)
			return 0;
		at += 1 + more;
	}
	if (at < s->n && (s->p[at] == 'e' || s->p[at] == 'E'))
		return 0;
	s->p += at;
	s->n -= at;
	return 1;
}

static int
take_value(struct span *s)
{
	struct span	skipped;

	if (TAKE(s, "\""))
		return take_string(s, &skipped);
	return TAKE(s, "true") || TAKE(s, "false") || TAKE(s, "null") ||
	    take_number(s);
}

/* Duplicate keys are for the other reader to refuse. */
static int
take_object(struct span *s, struct span *out)
{
	struct span	keys[MAX_MEMBERS];
	const char	*from = s->p;
	size_t		n = 0, i;

	if (!TAKE(s, "{"))
		return 0;
	if (!TAKE(s, "}"))
		do {
			if (n == MAX_MEMBERS || !TAKE(s, "\"") ||
			    !take_string(s, &keys[n]) || !TAKE(s, ":") ||
			    !take_value(s))
				return 0;
			for (i = 0; i < n; i++)
				if (keys[i].n == keys[n].n && memcmp(keys[i].p,
				    keys[n].p, keys[n].n) == 0)
					return 0;
			n++;
		} while (TAKE(s, ","));
	if (n > 0 && !TAKE(s, "}"))
		return 0;
	*out = (struct span){ from, (size_t)(s->p - from) };
	return 1;
}

static int
take_time(struct span *s, int64_t *ts)
{
	size_t	i, n = digits(s, 0);

	if (n == 0 || n > MAX_DIGITS || (n > 1 && s->p[0] == '0'))
		return 0;
	for (*ts = 0, i = 0; i < n; i++)
		*ts = *ts * 10 + (s->p[i] - '0');
	s->p += n;
	s->n -= n;
	return 1;
}

static int
is_ascii(const char *p, size_t n)
{
	unsigned char	all = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		all |= (unsigned char)p[i];
	return all < 0x80;
}

/* -- believing -- */

int
quick_read(struct quick *q, const char *text, size_t len)
{
	struct span	s = { text, len }, type, id, nonce, payload, hex;
	uint8_t		mac[SHA256_SIZE];
	char		signature[2 * SHA256_SIZE + 1];

	if (!TAKE(&s, "{\"type\":\"") || !take_string(&s, &type) ||
	    !TAKE(&s, ",\"agentId\":\"") || !take_string(&s, &id) ||
	    !TAKE(&s, ",\"ts\":") || !take_time(&s, &q->ts) ||
	    !TAKE(&s, ",\"nonce\":\"") || !take_string(&s, &nonce) ||
	    nonce.n == 0 || nonce.n > HMACLINK_MAX_NONCE ||
	    !TAKE(&s, ",\"payload\":") || !take_object(&s, &payload))
		return 0;
	q->signed_len = (size_t)(s.p - text);
	if (!TAKE(&s, ",\"signature\":\"") || !take_string(&s, &hex) ||
	    hex.n != 2 * SHA256_SIZE || s.n != 1 || s.p[0] != '}' ||
	    !is_ascii(text, len))
		return 0;
	memcpy(signature, hex.p, hex.n);
	signature[hex.n] = '\0';
	if (hex_decode(signature, mac, sizeof(mac)) < 0)
		return 0;
	*q = (struct quick){ type.p, type.n, id.p, id.n, nonce.p, nonce.n,
	    payload.p, payload.n, q->ts, text, q->signed_len, { 0 } };
	memcpy(q->mac, mac, sizeof(mac));
	return 1;
}

int
quick_verify(const struct quick *q, struct quick_key *k)
{
	uint8_t	mac[SHA256_SIZE];

	hmac_sha256_update(&k->ctx, q->signed_len, (const uint8_t *)q->text);
	hmac_sha256_update(&k->ctx, 1, (const uint8_t *)"}");
	hmac_sha256_digest(&k->ctx, sizeof(mac), mac);
	return crypto_equal(mac, q->mac, sizeof(mac));
}
