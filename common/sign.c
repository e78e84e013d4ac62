#include <string.h>

#include "crypto.h"
#include "sign.h"

enum { SIGN_MAX_DOMAIN = 64 };

static size_t
sign_text(uint8_t out[SIGN_MAX_DOMAIN + 1 + SHA256_SIZE], const char *domain,
    const uint8_t sha256[32])
{
	size_t	n = strnlen(domain, SIGN_MAX_DOMAIN);

	memcpy(out, domain, n);
	out[n++] = 0;
	memcpy(out + n, sha256, SHA256_SIZE);
	return n + SHA256_SIZE;
}

void
sign_make(const uint8_t sec[64], const char *domain, const uint8_t sha256[32],
    uint8_t sig[64])
{
	uint8_t	text[SIGN_MAX_DOMAIN + 1 + SHA256_SIZE];

	crypto_ed25519_sign(sec, text, sign_text(text, domain, sha256), sig);
}

int
sign_check(const uint8_t pub[32], const char *domain, const uint8_t sha256[32],
    const uint8_t sig[64])
{
	uint8_t	text[SIGN_MAX_DOMAIN + 1 + SHA256_SIZE];

	return crypto_ed25519_verify(pub, text,
	    sign_text(text, domain, sha256), sig);
}
