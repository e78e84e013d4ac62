/* The primitives against vectors of their RFCs. */
#include "tap.h"
#include <errno.h>
#include "crypto.h"
#include "sign.h"

static const char *
hex(const void *p, size_t n)
{
	static char	out[512];

	return hex_encode(p, n, out);
}

static void
unhex(const char *s, uint8_t *out)
{
	if (hex_decode(s, out, strlen(s) / 2) < 0)
		abort();
}

static void
hashes(void)
{
	struct sha256	*h = sha256_new();
	uint8_t		 out[64], key[20], ikm[22], salt[13];
	size_t		 i;

	crypto_sha256("abc", 3, out);
	is_str("SHA-256 of abc (FIPS 180-4)", hex(out, 32), "ba7816bf8f01cfea"
	    "414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (i = 0; i < 1000000; i += 1000) {
		char	a[1000];

		memset(a, 'a', sizeof(a));
		sha256_add(h, a, sizeof(a));
	}
	sha256_end(h, out);
	is_str("SHA-256 of a million a, in pieces", hex(out, 32),
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	memset(key, 0x0b, sizeof(key));
	crypto_hmac_sha256(key, sizeof(key), "Hi There", 8, out);
	is_str("HMAC-SHA-256 (RFC 4231, case 1)", hex(out, 32),
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	memset(ikm, 0x0b, sizeof(ikm));
	for (i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	crypto_hkdf_sha256(salt, 13, ikm, 22,
	    "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", out, 42);
	is_str("HKDF-SHA-256 (RFC 5869, case 1)", hex(out, 42),
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	    "34007208d5b887185865");
}

static void
signatures(void)
{
	uint8_t	seed[32], pub[32], sec[64], sig[64], sum[32];

	unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6f"
	    "b", seed);
	crypto_ed25519_from_seed(seed, pub, sec);
	is_str("Ed25519 public key (RFC 8032, test 2)", hex(pub, 32),
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	crypto_ed25519_sign(sec, "\x72", 1, sig);
	is_str("Ed25519 signature", hex(sig, 64),
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	ok("it verifies", crypto_ed25519_verify(pub, "\x72", 1, sig));
	ok("other bytes do not", !crypto_ed25519_verify(pub, "\x73", 1, sig));
	sig[63] ^= 0x20;
	ok("a changed signature does not",
	    !crypto_ed25519_verify(pub, "\x72", 1, sig));

	memset(sum, 7, sizeof(sum));
	sign_make(sec, SIGN_ARTIFACT, sum, sig);
	ok("an artifact's signature fits",
	    sign_check(pub, SIGN_ARTIFACT, sum, sig));
	ok("and serves no other use", !sign_check(pub, SIGN_CONFIG, sum, sig));
}

static void
agreement(void)
{
	uint8_t	a[32], pub[32], out[32], zero[32] = { 0 };

	unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac"
	    "4", a);
	unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4"
	    "c", pub);
	is_int("X25519 agrees", crypto_x25519(a, pub, out), 0);
	is_str("on RFC 7748's vector", hex(out, 32),
	    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	is_int("a point of low order is refused", crypto_x25519(a, zero, out),
	    -EINVAL);
}

static void
sealing(void)
{
	static const char plain[] = "Ladies and Gentlemen of the class of '99:"
	    " If I could offer you only one tip for the future, sunscreen wou"
	    "ld be it.";
	uint8_t	key[32], nonce[12], aad[12], box[200], out[200];
	size_t	n = strlen(plain), i;
	int	bad = 0;

	for (i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	unhex("070000004041424344454647", nonce);
	unhex("50515253c0c1c2c3c4c5c6c7", aad);
	crypto_seal(key, nonce, aad, 12, plain, n, box);
	is_str("ChaCha20-Poly1305 tag (RFC 8439, 2.8.2)", hex(box + n, 16),
	    "1ae10b594f09e26a7e902ecbd0600691");
	ok("it opens", crypto_open(key, nonce, aad, 12, box, n + 16, out) == 0
	    && memcmp(out, plain, n) == 0);
	for (i = 0; i < n + 16; i++) {
		box[i] ^= 1;
		bad += crypto_open(key, nonce, aad, 12, box, n + 16, out) == 0;
		box[i] ^= 1;
	}
	is_int("with any byte flipped it does not", bad, 0);
	is_int("what is shorter than a tag does not",
	    crypto_open(key, nonce, aad, 12, box, 15, out), -EBADMSG);
}

static void
texts(void)
{
	uint8_t	out[8];
	char	text[40];
	size_t	n;

	is_str("base64", base64_encode("\xff\xfe\x00z", 4, text), "//4Aeg==");
	is_str("base64url", base64url_encode("\xff\xfe\x00z", 4, text),
	    "__4Aeg");
	ok("base64 back", base64_decode("//4Aeg==", 8, out, 8, &n) == 0 &&
	    n == 4 && memcmp(out, "\xff\xfe\x00z", 4) == 0);
	is_int("without its padding it is refused",
	    base64_decode("//4Aeg", 6, out, 8, &n), -EINVAL);
	is_int("with bytes behind it too",
	    base64_decode("//4Aeg==x", 9, out, 8, &n), -EINVAL);
	is_int("over the room that there is too",
	    base64_decode("AAAAAAAAAAAAAAAA", 16, out, 8, &n), -EINVAL);
	is_int("bytes past ASCII are no letters",
	    base64_decode("\xab\xaf\xab\xaf", 4, out, 8, &n), -EINVAL);
	is_int("odd hex is refused", hex_decode("abc", out, 1), -EINVAL);
	is_int("short hex is refused", hex_decode("ab", out, 2), -EINVAL);
	is_int("other letters are refused", hex_decode("zz", out, 1), -EINVAL);
	crypto_uuid(text);
	ok("a UUID has version and variant", strlen(text) == 36 &&
	    text[14] == '4' && strchr("89ab", text[19]) != NULL);
	ok("equal strings are equal", crypto_equal_str("secret", "secret"));
	ok("others are not", !crypto_equal_str("secret", "secreT") &&
	    !crypto_equal_str("secret", "secrets"));
}

int
main(void)
{
	crypto_init();
	hashes();
	signatures();
	agreement();
	sealing();
	texts();
	return done();
}
