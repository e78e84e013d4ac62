#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/md5.h>
#include <mbedtls/sha1.h>
#include <sodium.h>

#include "buf.h"
#include "crypto.h"
#include "log.h"

/* mbedTLS fails here only for wrong arguments or without memory. */
static void
must(int rc, const char *what)
{
	if (rc != 0)
		die(EXIT_BUG, "crypto: %s failed (%d)", what, rc);
}

void
crypto_init(void)
{
	if (sodium_init() < 0)
		die(EXIT_SYSTEM, "crypto: the system has no randomness");
}

void
crypto_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void
crypto_uuid(char out[UUID_SIZE])
{
	uint8_t	r[16];
	char	hex[33];

	crypto_random(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);	/* version 4 */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);	/* RFC 9562's variant */
	hex_encode(r, sizeof(r), hex);
	snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
	    hex + 12, hex + 16, hex + 20);
}

int
crypto_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

int
crypto_equal_str(const char *a, const char *b)
{
	size_t	n = strlen(a);

	return n == strlen(b) && crypto_equal(a, b, n);
}

void
crypto_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

uint64_t
crypto_siphash(const uint8_t key[16], const void *p, size_t n)
{
	uint64_t	out;

	crypto_shorthash((uint8_t *)&out, p, n, key);
	return out;
}

void
crypto_siphash128(const uint8_t key[16], const void *p, size_t n,
    uint8_t out[16])
{
	crypto_shorthash_siphashx24(out, p, n, key);
}

uint64_t
crypto_keyed_hash(const void *p, size_t n)
{
	static uint8_t	key[16];
	static int	made;

	if (!made) {
		crypto_random(key, sizeof(key));
		made = 1;
	}
	return crypto_siphash(key, p, n);
}

struct weak_sums {
	mbedtls_md5_context	md5;
	mbedtls_sha1_context	sha1;
};

struct weak_sums *
weak_new(void)
{
	struct weak_sums	*h = xcalloc(1, sizeof(*h));

	mbedtls_md5_init(&h->md5);
	mbedtls_sha1_init(&h->sha1);
	must(mbedtls_md5_starts(&h->md5), "MD5");
	must(mbedtls_sha1_starts(&h->sha1), "SHA-1");
	return h;
}

void
weak_add(struct weak_sums *h, const void *p, size_t n)
{
	must(mbedtls_md5_update(&h->md5, p, n), "MD5");
	must(mbedtls_sha1_update(&h->sha1, p, n), "SHA-1");
}

void
weak_end(struct weak_sums *h, uint8_t md5[MD5_SIZE], uint8_t sha1[SHA1_SIZE])
{
	must(mbedtls_md5_finish(&h->md5, md5), "MD5");
	must(mbedtls_sha1_finish(&h->sha1, sha1), "SHA-1");
	mbedtls_md5_free(&h->md5);
	mbedtls_sha1_free(&h->sha1);
	free(h);
}

void
crypto_hmac_sha256(const void *key, size_t keylen, const void *p, size_t n,
    uint8_t out[SHA256_SIZE])
{
	must(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
	    key, keylen, p, n, out), "HMAC");
}

void
crypto_hkdf_sha256(const void *salt, size_t saltlen, const void *ikm,
    size_t ikmlen, const char *info, uint8_t *out, size_t outlen)
{
	must(mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), salt,
	    saltlen, ikm, ikmlen, (const unsigned char *)info, strlen(info),
	    out, outlen), "HKDF");
}

void
crypto_ed25519_keypair(uint8_t pub[ED25519_PUBLIC],
    uint8_t sec[ED25519_SECRET])
{
	crypto_sign_keypair(pub, sec);
}

void
crypto_ed25519_from_seed(const uint8_t seed[ED25519_SEED],
    uint8_t pub[ED25519_PUBLIC], uint8_t sec[ED25519_SECRET])
{
	crypto_sign_seed_keypair(pub, sec, seed);
}

void
crypto_ed25519_sign(const uint8_t sec[ED25519_SECRET], const void *p,
    size_t n, uint8_t sig[ED25519_SIG])
{
	crypto_sign_detached(sig, NULL, p, n, sec);
}

int
crypto_ed25519_verify(const uint8_t pub[ED25519_PUBLIC], const void *p,
    size_t n, const uint8_t sig[ED25519_SIG])
{
	return crypto_sign_verify_detached(sig, p, n, pub) == 0;
}

void
crypto_x25519_keypair(uint8_t pub[X25519_SIZE], uint8_t sec[X25519_SIZE])
{
	crypto_random(sec, X25519_SIZE);
	crypto_scalarmult_base(pub, sec);
}

int
crypto_x25519(const uint8_t sec[X25519_SIZE],
    const uint8_t peer[X25519_SIZE], uint8_t out[X25519_SIZE])
{
	return crypto_scalarmult(out, sec, peer) == 0 ? 0 : -EINVAL;
}

void
crypto_seal(const uint8_t key[CHACHA_KEY], const uint8_t nonce[CHACHA_NONCE],
    const void *aad, size_t aadlen, const void *plain, size_t n, uint8_t *out)
{
	mbedtls_chachapoly_context	c;

	mbedtls_chachapoly_init(&c);
	must(mbedtls_chachapoly_setkey(&c, key), "ChaCha20-Poly1305");
	must(mbedtls_chachapoly_encrypt_and_tag(&c, n, nonce, aad, aadlen,
	    plain, out, out + n), "ChaCha20-Poly1305");
	mbedtls_chachapoly_free(&c);
}

int
crypto_open(const uint8_t key[CHACHA_KEY], const uint8_t nonce[CHACHA_NONCE],
    const void *aad, size_t aadlen, const void *sealed, size_t n,
    uint8_t *out)
{
	mbedtls_chachapoly_context	 c;
	const uint8_t			*in = sealed;
	int				 rc;

	if (n < CHACHA_TAG)
		return -EBADMSG;
	n -= CHACHA_TAG;
	mbedtls_chachapoly_init(&c);
	must(mbedtls_chachapoly_setkey(&c, key), "ChaCha20-Poly1305");
	rc = mbedtls_chachapoly_auth_decrypt(&c, n, nonce, aad, aadlen, in + n,
	    in, out);
	mbedtls_chachapoly_free(&c);
	return rc == 0 ? 0 : -EBADMSG;
}

char *
hex_encode(const void *p, size_t n, char *out)
{
	return sodium_bin2hex(out, 2 * n + 1, p, n);
}

int
hex_decode(const char *s, uint8_t *out, size_t n)
{
	size_t		 got;
	const char	*end;

	if (strlen(s) != 2 * n || sodium_hex2bin(out, n, s, 2 * n, NULL, &got,
	    &end) != 0 || got != n || *end != '\0')
		return -EINVAL;
	return 0;
}

char *
base64_encode(const void *p, size_t n, char *out)
{
	return sodium_bin2base64(out, BASE64_SIZE(n), p, n,
	    sodium_base64_VARIANT_ORIGINAL);
}

int
base64_decode(const char *s, size_t len, void *out, size_t max, size_t *n)
{
	const char	*end;
	size_t		 i;

	/* libsodium 1.0.18 takes some bytes past 127 for letters. */
	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] > 127)
			return -EINVAL;
	if (sodium_base642bin(out, max, s, len, NULL, n, &end,
	    sodium_base64_VARIANT_ORIGINAL) != 0 || end != s + len)
		return -EINVAL;
	return 0;
}

char *
base64url_encode(const void *p, size_t n, char *out)
{
	return sodium_bin2base64(out, BASE64_SIZE(n), p, n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
