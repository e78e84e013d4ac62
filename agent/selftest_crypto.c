/*
 * The self-test's vectors: what the compiler and this machine make of the
 * primitives that the link and the updater rely on.
 */
#include <string.h>

#include "crypto.h"
#include "selftest.h"

static int
is_hex(const void *p, size_t n, const char *want)
{
	char	hex[2 * 128 + 1];

	return strcmp(hex_encode(p, n, hex), want) == 0;
}

const char *
selftest_hashes(void)
{
	uint8_t	out[42], ikm[22], salt[13];
	size_t	i;

	crypto_sha256("abc", 3, out);		/* FIPS 180-4 */
	if (!is_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad"))
		return "SHA-256";
	crypto_hmac_sha256("Jefe", 4,		/* RFC 4231, 4.3 */
	    "what do ya want for nothing?", 28, out);
	if (!is_hex(out, 32, "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843"))
		return "HMAC-SHA-256";
	memset(ikm, 0x0b, sizeof(ikm));		/* RFC 5869, A.1 */
	for (i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	crypto_hkdf_sha256(salt, sizeof(salt), ikm, sizeof(ikm),
	    "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", out, 42);
	return is_hex(out, 42, "3cb25f25faacd57a90434f64d0362f2a"
	    "2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865") ?
	    NULL : "HKDF-SHA-256";
}

const char *
selftest_ed25519(void)		/* RFC 8032, 7.1, test 2 */
{
	uint8_t	sec[64], sig[64];

	if (hex_decode("4ccd089b28ff96da9db6c346ec114e0f"
	    "5b8a319f35aba624da8cf6ed4fb8a6fb"
	    "3d4017c3e843895a92b70aa74d1b7ebc"
	    "9c982ccf2ec4968cc0cd55f12af4660c", sec, sizeof(sec)) < 0)
		return "hex";
	crypto_ed25519_sign(sec, "\x72", 1, sig);
	if (!is_hex(sig, 64, "92a009a9f0d4cab8720e820b5f642540"
	    "a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c"
	    "387b2eaeb4302aeeb00d291612bb0c00"))
		return "signing";
	if (!crypto_ed25519_verify(sec + 32, "\x72", 1, sig))
		return "verifying";
	return crypto_ed25519_verify(sec + 32, "\x73", 1, sig) ?
	    "a wrong signature passes" : NULL;
}

const char *
selftest_x25519(void)		/* RFC 7748, 5.2, and two ends */
{
	uint8_t	sec[32], pub[32], sec2[32], pub2[32], out[32], out2[32];

	if (hex_decode("a546e36bf0527c9d3b16154b82465edd"
	    "62144c0ac1fc5a18506a2244ba449ac4", sec, 32) < 0 ||
	    hex_decode("e6db6867583030db3594c1a424b15f7c"
	    "726624ec26b3353b10a903a6d0ab1c4c", pub, 32) < 0)
		return "hex";
	if (crypto_x25519(sec, pub, out) < 0 || !is_hex(out, 32,
	    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"))
		return "the vector";
	crypto_x25519_keypair(pub, sec);
	crypto_x25519_keypair(pub2, sec2);
	if (crypto_x25519(sec, pub2, out) < 0 ||
	    crypto_x25519(sec2, pub, out2) < 0 || memcmp(out, out2, 32) != 0)
		return "two ends disagree";
	return NULL;
}

const char *
selftest_chacha(void)		/* RFC 8439, 2.8.2 */
{
	static const char	text[] = "Ladies and Gentlemen of the class of"
				    " '99: If I could offer you only one tip"
				    " for the future, sunscreen would be it.";
	const size_t		n = sizeof(text) - 1;
	uint8_t			key[32], nonce[12], aad[12], back[sizeof(text)];
	uint8_t			out[sizeof(text) + CHACHA_TAG];
	size_t			i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	if (hex_decode("070000004041424344454647", nonce, 12) < 0 ||
	    hex_decode("50515253c0c1c2c3c4c5c6c7", aad, 12) < 0)
		return "hex";
	crypto_seal(key, nonce, aad, sizeof(aad), text, n, out);
	if (!is_hex(out + n, CHACHA_TAG, "1ae10b594f09e26a7e902ecbd0600691"))
		return "sealing";
	if (crypto_open(key, nonce, aad, sizeof(aad), out, n + CHACHA_TAG,
	    back) < 0 || memcmp(back, text, n) != 0)
		return "opening";
	out[0] ^= 1;
	return crypto_open(key, nonce, aad, sizeof(aad), out, n + CHACHA_TAG,
	    back) == 0 ? "a changed text opens" : NULL;
}
