/*
 * Keys and signatures: ed25519 by libsodium; rsassa-pss-sha256 and
 * ecdsa-sha2-nistp256, which other people's repositories have, by mbedTLS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>

#include "buf.h"
#include "canonical.h"
#include "crypto.h"
#include "json.h"
#include "tuf_impl.h"

/* Limits, with their reasons. */
enum {
	MAX_PEM		= 8192,		/* of a key; RSA-8192 has 1.5 KB */
	MAX_SIG		= 2048		/* bytes; RSA-16384's */
};

int
tuf_key_id(const json_t *key, char out[65])
{
	struct buf	b = BUF_INIT;
	uint8_t		hash[SHA256_SIZE];
	int		rc = canonical_json(key, &b);

	if (rc == 0) {
		crypto_sha256(b.p, b.len, hash);
		hex_encode(hash, sizeof(hash), out);
	}
	buf_release(&b);
	return rc;
}

/* -- one signature -- */

static int
check_ed25519(const char *public, const void *msg, size_t n,
    const uint8_t *sig, size_t siglen)
{
	uint8_t	key[ED25519_PUBLIC];

	return siglen == ED25519_SIG && strlen(public) == 2 * sizeof(key) &&
	    hex_decode(public, key, sizeof(key)) == 0 &&
	    crypto_ed25519_verify(key, msg, n, sig);
}

/* A key in PEM, or 0. */
static int
read_pem(mbedtls_pk_context *pk, const char *pem)
{
	size_t	n = strlen(pem);

	return n < MAX_PEM && mbedtls_pk_parse_public_key(pk,
	    (const unsigned char *)pem, n + 1) == 0;
}

static int
check_rsa(const char *public, const uint8_t hash[SHA256_SIZE],
    const uint8_t *sig, size_t siglen)
{
	mbedtls_pk_rsassa_pss_options	o = { MBEDTLS_MD_SHA256,
					    MBEDTLS_RSA_SALT_LEN_ANY };
	mbedtls_pk_context		pk;
	int				good;

	mbedtls_pk_init(&pk);
	good = read_pem(&pk, public) &&
	    mbedtls_pk_get_type(&pk) == MBEDTLS_PK_RSA &&
	    mbedtls_pk_verify_ext(MBEDTLS_PK_RSASSA_PSS, &o, &pk,
	    MBEDTLS_MD_SHA256, hash, SHA256_SIZE, sig, siglen) == 0;
	mbedtls_pk_free(&pk);
	return good;
}

static int
check_ecdsa(const char *public, const uint8_t hash[SHA256_SIZE],
    const uint8_t *sig, size_t siglen)
{
	mbedtls_pk_context	pk;
	int			good;

	mbedtls_pk_init(&pk);
	good = read_pem(&pk, public) &&
	    mbedtls_pk_get_type(&pk) == MBEDTLS_PK_ECKEY &&
	    mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(pk)) ==
	    MBEDTLS_ECP_DP_SECP256R1 && mbedtls_pk_verify(&pk,
	    MBEDTLS_MD_SHA256, hash, SHA256_SIZE, sig, siglen) == 0;
	mbedtls_pk_free(&pk);
	return good;
}

static int
check_signature(const json_t *key, const struct buf *msg, const char *hex)
{
	const char	*type = json_str(key, "keytype", "");
	const char	*scheme = json_str(key, "scheme", "");
	const char	*public = json_str(json_object_get(key, "keyval"),
			    "public", "");
	uint8_t		 sig[MAX_SIG], hash[SHA256_SIZE];
	size_t		 n = strlen(hex) / 2;

	if (n == 0 || n > sizeof(sig) || strlen(hex) % 2 != 0 ||
	    hex_decode(hex, sig, n) < 0)
		return 0;
	if (strcmp(type, "ed25519") == 0 && strcmp(scheme, type) == 0)
		return check_ed25519(public, msg->p, msg->len, sig, n);
	crypto_sha256(msg->p, msg->len, hash);
	if (strcmp(type, "rsa") == 0 &&
	    strcmp(scheme, "rsassa-pss-sha256") == 0)
		return check_rsa(public, hash, sig, n);
	if ((strcmp(type, "ecdsa") == 0 || strcmp(type, scheme) == 0) &&
	    strcmp(scheme, "ecdsa-sha2-nistp256") == 0)
		return check_ecdsa(public, hash, sig, n);
	return 0;
}

/* -- a role's -- */

static const char *
signature_by(const struct tuf_meta *m, const char *keyid)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(json_object_get(m->doc, "signatures"), i, v)
		if (strcmp(json_str(v, "keyid", ""), keyid) == 0)
			return json_str(v, "sig", "");
	return NULL;
}

size_t
tuf_signatures(const struct tuf_meta *m, const json_t *keys,
    const json_t *role)
{
	struct buf	 msg = BUF_INIT;
	json_t		*id, *key, *seen = json_object();
	const char	*sig, *public;
	size_t		 i, n;

	if (canonical_json(m->body, &msg) == 0)
		json_array_foreach(json_object_get(role, "keyids"), i, id) {
			key = json_object_get(keys, json_string_value(id));
			sig = signature_by(m, json_string_value(id));
			if (key == NULL || sig == NULL ||
			    !check_signature(key, &msg, sig))
				continue;
			/* One key counts once, whatever its ids. */
			public = json_str(json_object_get(key, "keyval"),
			    "public", "");
			json_object_set_new(seen, public, json_true());
		}
	n = json_object_size(seen);
	json_decref(seen);
	buf_release(&msg);
	return n;
}

int
tuf_verify(const struct tuf_meta *m, const char *name, const json_t *keys,
    const json_t *role, struct tuf_failure *f)
{
	int64_t	threshold = json_int(role, "threshold", INT64_MAX);
	size_t	n = tuf_signatures(m, keys, role);

	if ((int64_t)n >= threshold)
		return 0;
	return tuf_refuse(f, TUF_WRONG_SIGNATURE, "%s: %zu good signature%s "
	    "of the %lld that are needed", name, n, n == 1 ? "" : "s",
	    (long long)threshold);
}
