#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "linkcrypt.h"
#include "log.h"

/* Separate one use of a key from every other; the NUL is signed too. */
static const char AGENT_WORD[] = "muster-kx-v1 agent";
static const char SERVER_WORD[] = "muster-kx-v1 server";
#define A2S_INFO	"muster-kx-v1 a2s"
#define S2A_INFO	"muster-kx-v1 s2a"
#define NEXT_INFO	"muster-kx-v1 next"

int
link_encryption_parse(const char *s)
{
	static const char *const words[] = {
		[LINK_PREFER] = "prefer", [LINK_REQUIRE] = "require",
		[LINK_OFF] = "off"
	};
	size_t	i;

	for (i = 0; i < nitems(words); i++)
		if (strcmp(s, words[i]) == 0)
			return (int)i;
	return -EINVAL;
}

static void
add_u64(struct buf *b, uint64_t v)
{
	int	shift;

	for (shift = 56; shift >= 0; shift -= 8)
		buf_addc(b, (int)(v >> shift & 0xff));
}

/* Two bytes of length, big endian, then the bytes. */
static void
add_lp(struct buf *b, const void *p, size_t n)
{
	buf_addc(b, (int)(n >> 8 & 0xff));
	buf_addc(b, (int)(n & 0xff));
	buf_add(b, p, n);
}

static void
add_agent_terms(const struct kx *k, struct buf *b)
{
	add_lp(b, k->agent_id, strlen(k->agent_id));
	add_lp(b, k->agent_pub, sizeof(k->agent_pub));
	add_lp(b, k->agent_nonce, sizeof(k->agent_nonce));
	add_u64(b, (uint64_t)k->timestamp);
	add_lp(b, k->agent_eph, sizeof(k->agent_eph));
}

static void
agent_text(const struct kx *k, struct buf *b)
{
	buf_add(b, AGENT_WORD, sizeof(AGENT_WORD));
	add_agent_terms(k, b);
}

static void
server_text(const struct kx *k, struct buf *b)
{
	buf_add(b, SERVER_WORD, sizeof(SERVER_WORD));
	add_agent_terms(k, b);
	add_lp(b, k->server_pub, sizeof(k->server_pub));
	add_lp(b, k->server_nonce, sizeof(k->server_nonce));
	add_lp(b, k->server_eph, sizeof(k->server_eph));
}

void
kx_agent_sign(const struct kx *k, const uint8_t sec[64], uint8_t sig[64])
{
	struct buf	b = BUF_INIT;

	agent_text(k, &b);
	crypto_ed25519_sign(sec, b.p, b.len, sig);
	buf_release(&b);
}

int
kx_agent_verify(const struct kx *k, const uint8_t sig[64])
{
	struct buf	b = BUF_INIT;
	int		good;

	agent_text(k, &b);
	good = crypto_ed25519_verify(k->agent_pub, b.p, b.len, sig);
	buf_release(&b);
	return good;
}

void
kx_server_sign(const struct kx *k, const uint8_t sec[64], uint8_t sig[64])
{
	struct buf	b = BUF_INIT;

	server_text(k, &b);
	crypto_ed25519_sign(sec, b.p, b.len, sig);
	buf_release(&b);
}

int
kx_server_verify(const struct kx *k, const uint8_t sig[64])
{
	struct buf	b = BUF_INIT;
	int		good;

	server_text(k, &b);
	good = crypto_ed25519_verify(k->server_pub, b.p, b.len, sig);
	buf_release(&b);
	return good;
}

int
linkcrypt_start(struct linkcrypt *c, enum linkcrypt_side side,
    const struct kx *k, const uint8_t eph_secret[32])
{
	struct linkcrypt_way	*a2s, *s2a;
	struct buf		 b = BUF_INIT;
	uint8_t			 shared[32], salt[SHA256_SIZE];

	linkcrypt_wipe(c);
	if (crypto_x25519(eph_secret, side == LINKCRYPT_AGENT ?
	    k->server_eph : k->agent_eph, shared) < 0)
		return -EINVAL;
	server_text(k, &b);
	crypto_sha256(b.p, b.len, salt);
	buf_release(&b);
	a2s = side == LINKCRYPT_AGENT ? &c->out : &c->in;
	s2a = side == LINKCRYPT_AGENT ? &c->in : &c->out;
	crypto_hkdf_sha256(salt, sizeof(salt), shared, sizeof(shared),
	    A2S_INFO, a2s->key, sizeof(a2s->key));
	crypto_hkdf_sha256(salt, sizeof(salt), shared, sizeof(shared),
	    S2A_INFO, s2a->key, sizeof(s2a->key));
	crypto_wipe(shared, sizeof(shared));
	c->on = 1;
	return 0;
}

void
linkcrypt_wipe(struct linkcrypt *c)
{
	crypto_wipe(c, sizeof(*c));
}

/* The key of message number n: the way's own, or the one after it. */
static void
way_key(const struct linkcrypt_way *w, uint64_t n, uint8_t key[32])
{
	if (n / LINK_REKEY == w->epoch)
		memcpy(key, w->key, sizeof(w->key));
	else
		crypto_hkdf_sha256(NULL, 0, w->key, sizeof(w->key),
		    NEXT_INFO, key, sizeof(w->key));
}

static void
way_advance(struct linkcrypt_way *w, uint64_t n, const uint8_t key[32])
{
	w->count = n;
	w->epoch = n / LINK_REKEY;
	memcpy(w->key, key, sizeof(w->key));
}

static void
nonce_make(uint64_t n, uint8_t nonce[CHACHA_NONCE])
{
	int	i;

	memset(nonce, 0, CHACHA_NONCE);
	for (i = CHACHA_NONCE - 1; i >= 4; i--, n >>= 8)
		nonce[i] = (uint8_t)(n & 0xff);
}

/* 0 and the number, or -EINVAL. */
static int
nonce_read(const char *text, uint8_t nonce[CHACHA_NONCE], uint64_t *n)
{
	static const uint8_t	zero[4];
	int			i;

	if (envelope_unbase64(text, nonce, CHACHA_NONCE) < 0 ||
	    memcmp(nonce, zero, sizeof(zero)) != 0)
		return -EINVAL;
	for (*n = 0, i = 4; i < CHACHA_NONCE; i++)
		*n = *n << 8 | nonce[i];
	return 0;
}

static void
write_clear(struct envelope *e, const char *json, size_t len, struct buf *b)
{
	struct buf	payload = BUF_INIT;

	/* document 002 has a heartbeat's payload as plain text */
	if (strcmp(e->type, "heartbeat") == 0)
		buf_add(&payload, json, len);
	else
		envelope_base64(&payload, json, len);
	e->payload = buf_str(&payload);
	envelope_write(e, b);
	buf_release(&payload);
}

static void
write_sealed(struct linkcrypt_way *w, struct envelope *e, const char *json,
    size_t len, struct buf *b)
{
	struct buf	payload = BUF_INIT, aad = BUF_INIT;
	uint8_t		nonce[CHACHA_NONCE], key[CHACHA_KEY], *sealed;
	char		nonce_text[BASE64_SIZE(CHACHA_NONCE)];

	nonce_make(w->count + 1, nonce);
	way_key(w, w->count + 1, key);
	way_advance(w, w->count + 1, key);
	envelope_bound_text(e, &aad);
	sealed = xmalloc(len + CHACHA_TAG);
	crypto_seal(key, nonce, aad.p, aad.len, json, len, sealed);
	crypto_wipe(key, sizeof(key));
	envelope_base64(&payload, sealed, len + CHACHA_TAG);
	e->payload = buf_str(&payload);
	e->nonce = base64_encode(nonce, sizeof(nonce), nonce_text);
	e->enc = LINK_ENC;
	envelope_write(e, b);
	free(sealed);
	buf_release(&aad);
	buf_release(&payload);
}

void
linkcrypt_write(struct linkcrypt *c, const struct envelope *head,
    const char *json, size_t len, struct buf *b)
{
	struct envelope	e = ENVELOPE_INIT;

	e.id = head->id;
	e.type = head->type;
	e.channel = head->channel;
	e.timestamp = head->timestamp;
	if (c->on)
		write_sealed(&c->out, &e, json, len, b);
	else
		write_clear(&e, json, len, b);
}

static int
read_sealed(struct linkcrypt_way *w, const struct envelope *e, struct buf *b)
{
	struct buf	sealed = BUF_INIT, aad = BUF_INIT;
	uint8_t		nonce[CHACHA_NONCE], key[CHACHA_KEY];
	uint64_t	n;
	int		rc;

	if (nonce_read(e->nonce, nonce, &n) < 0)
		return -EINVAL;
	if (n <= w->count)
		return -EALREADY;
	if (n / LINK_REKEY > w->epoch + 1)
		return -EBADMSG;	/* nobody skips a whole key */
	if (*e->payload == '{' || envelope_payload(e, &sealed) < 0 ||
	    sealed.len < CHACHA_TAG) {
		rc = -EINVAL;
		goto out;
	}
	envelope_bound_text(e, &aad);
	buf_reserve(b, sealed.len);
	way_key(w, n, key);
	rc = crypto_open(key, nonce, aad.p, aad.len, sealed.p, sealed.len,
	    (uint8_t *)b->p + b->len);
	if (rc == 0) {
		b->len += sealed.len - CHACHA_TAG;
		way_advance(w, n, key);
	}
	b->p[b->len] = '\0';
	crypto_wipe(key, sizeof(key));
out:
	buf_release(&sealed);
	buf_release(&aad);
	return rc;
}

int
linkcrypt_read(struct linkcrypt *c, const struct envelope *e, struct buf *b)
{
	int	sealed = *e->enc != '\0';

	if (sealed != c->on || (sealed && strcmp(e->enc, LINK_ENC) != 0))
		return -EPERM;
	return sealed ? read_sealed(&c->in, e, b) : envelope_payload(e, b);
}
