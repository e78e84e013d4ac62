/*
 * The primitives, by their standard names.  Hashes, HMAC, HKDF and the AEAD
 * are mbedTLS's; Ed25519, X25519 and randomness libsodium's (mbedTLS has no
 * Ed25519).  All lengths are bytes.
 */
#ifndef MUSTER_CRYPTO_H
#define MUSTER_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

enum {
	SHA256_SIZE	= 32,	/* FIPS 180-4 */
	ED25519_PUBLIC	= 32,	/* RFC 8032 */
	ED25519_SECRET	= 64,	/* seed, then public key, as libsodium has it */
	ED25519_SEED	= 32,
	ED25519_SIG	= 64,
	X25519_SIZE	= 32,	/* RFC 7748 */
	CHACHA_KEY	= 32,	/* RFC 8439 */
	CHACHA_NONCE	= 12,
	CHACHA_TAG	= 16,
	UUID_SIZE	= 37	/* RFC 9562 version 4, text and NUL */
};

/* Once, before all else; dies when the system has no randomness. */
void	crypto_init(void);

void	crypto_random(void *, size_t);
void	crypto_uuid(char out[UUID_SIZE]);
/* Whether n bytes are the same, in a time that does not tell where not. */
int	crypto_equal(const void *, const void *, size_t n);
/* The same for strings; their lengths are not secret. */
int	crypto_equal_str(const char *, const char *);
/* Overwrites in a way that no compiler leaves out. */
void	crypto_wipe(void *, size_t);

void	crypto_sha256(const void *, size_t, uint8_t out[SHA256_SIZE]);

/* 64 bits that nobody outside this process can foresee: SipHash-2-4 with a
 * key of its own.  For tables, not for files. */
uint64_t crypto_keyed_hash(const void *, size_t);

struct sha256;			/* a hash in the making */
struct sha256 *sha256_new(void);
void	sha256_add(struct sha256 *, const void *, size_t);
void	sha256_end(struct sha256 *, uint8_t out[SHA256_SIZE]);	/* frees it */

/* The two that prove nothing, by which lists of bad files go still. */
enum { MD5_SIZE = 16, SHA1_SIZE = 20 };
struct weak_sums;
struct weak_sums *weak_new(void);
void	weak_add(struct weak_sums *, const void *, size_t);
void	weak_end(struct weak_sums *, uint8_t md5[MD5_SIZE],
	    uint8_t sha1[SHA1_SIZE]);				/* frees it */

/* SipHash-2-4 (Aumasson, Bernstein): for tables whose keys strangers choose. */
uint64_t crypto_siphash(const uint8_t key[16], const void *, size_t);
/* The same of 128 bits. */
void	 crypto_siphash128(const uint8_t key[16], const void *, size_t,
	    uint8_t out[16]);

/* RFC 2104. */
void	crypto_hmac_sha256(const void *key, size_t keylen, const void *,
	    size_t, uint8_t out[SHA256_SIZE]);
/* RFC 5869, extract and expand; outlen <= 255 * 32. */
void	crypto_hkdf_sha256(const void *salt, size_t saltlen, const void *ikm,
	    size_t ikmlen, const char *info, uint8_t *out, size_t outlen);

void	crypto_ed25519_keypair(uint8_t pub[ED25519_PUBLIC],
	    uint8_t sec[ED25519_SECRET]);
/* The pair that a stored seed stands for. */
void	crypto_ed25519_from_seed(const uint8_t seed[ED25519_SEED],
	    uint8_t pub[ED25519_PUBLIC], uint8_t sec[ED25519_SECRET]);
void	crypto_ed25519_sign(const uint8_t sec[ED25519_SECRET], const void *,
	    size_t, uint8_t sig[ED25519_SIG]);
/* 1 when the signature is right, else 0. */
int	crypto_ed25519_verify(const uint8_t pub[ED25519_PUBLIC], const void *,
	    size_t, const uint8_t sig[ED25519_SIG]);

void	crypto_x25519_keypair(uint8_t pub[X25519_SIZE],
	    uint8_t sec[X25519_SIZE]);
/* 0, or -EINVAL for a peer's point of low order. */
int	crypto_x25519(const uint8_t sec[X25519_SIZE],
	    const uint8_t peer[X25519_SIZE], uint8_t out[X25519_SIZE]);

/* out takes n + CHACHA_TAG bytes, the tag last. */
void	crypto_seal(const uint8_t key[CHACHA_KEY],
	    const uint8_t nonce[CHACHA_NONCE], const void *aad, size_t aadlen,
	    const void *plain, size_t n, uint8_t *out);
/* n counts the tag; out takes n - CHACHA_TAG.  0, or -EBADMSG. */
int	crypto_open(const uint8_t key[CHACHA_KEY],
	    const uint8_t nonce[CHACHA_NONCE], const void *aad, size_t aadlen,
	    const void *sealed, size_t n, uint8_t *out);

/* Lower-case hex; out takes 2n + 1. */
char	*hex_encode(const void *, size_t n, char *out);
/* Exactly 2n hex digits, any case, into n bytes.  0 or -EINVAL. */
int	hex_decode(const char *, uint8_t *out, size_t n);

#define BASE64_SIZE(n)	(((n) + 2) / 3 * 4 + 1)	/* text and NUL */
/* RFC 4648 section 4, with padding; out takes BASE64_SIZE(n). */
char	*base64_encode(const void *, size_t n, char *out);
/* Strict.  0 and *n set, or -EINVAL; at most max bytes go to out. */
int	base64_decode(const char *, size_t len, void *out, size_t max,
	    size_t *n);
/* RFC 4648 section 5 without padding, for URLs; out takes BASE64_SIZE(n). */
char	*base64url_encode(const void *, size_t n, char *out);

#endif
