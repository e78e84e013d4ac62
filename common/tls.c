#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>
#include <psa/crypto.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "tls_impl.h"

static const char	*const alpn[] = { "http/1.1", NULL };

/*
 * mbedTLS's own list with PKCS #1 before PSS: 3.6.6 offers PSS but refuses it
 * from a TLS 1.2 server, and those with RSA keys take what is first (fixed
 * upstream by its pull request 10672).  TLS 1.3 uses PSS in either order.
 */
static const uint16_t	 signatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
	MBEDTLS_TLS1_3_SIG_NONE
};

/* Takes words, of which the caller may want none. */
static void
say(char **why, char *words)
{
	if (why != NULL)
		*why = words;
	else
		free(words);
}

/* Some of mbedTLS's texts are lectures; their first clause will do. */
char *
tls_words(int rc)
{
	char	text[128], *end;

	mbedtls_strerror(rc, text, sizeof(text));
	if ((end = strstr(text, ". ")) != NULL)
		*end = '\0';
	return xasprintf("%s (-0x%04x)", text, (unsigned)-rc);
}

static int
load_failed(char **why, const char *file, int rc)
{
	char	*words = tls_words(rc);

	say(why, xasprintf("%s: %s", file, words));
	free(words);
	return -EINVAL;
}

static int
load_file(const char *file, size_t max, struct buf *b, char **why)
{
	int	rc = file_read(file, max, b);

	if (rc < 0)
		say(why, xasprintf("%s: %s", file, errstr(rc)));
	return rc;
}

/* mbedTLS wants a PEM text with its NUL counted. */
static int
parse_certs(mbedtls_x509_crt *certs, const char *text, size_t n,
    const char *name, int lenient, char **why)
{
	int	rc;

	rc = mbedtls_x509_crt_parse(certs, (const unsigned char *)text, n + 1);
	if (rc < 0)
		return load_failed(why, name, rc);
	if (rc > 0 && !lenient) {
		say(why, xasprintf("%s: %d of its certificates cannot be read",
		    name, rc));
		return -EINVAL;
	}
	return 0;
}

int
tls_load_certs(mbedtls_x509_crt *certs, const char *file, size_t max,
    int lenient, char **why)
{
	struct buf	b = BUF_INIT;
	int		rc = load_file(file, max, &b, why);

	if (rc == 0)
		rc = parse_certs(certs, buf_str(&b), b.len, file, lenient,
		    why);
	buf_release(&b);
	return rc;
}

static int
random_bytes(void *arg, unsigned char *p, size_t n)
{
	(void)arg;
	crypto_random(p, n);
	return 0;
}

static int
load_key(mbedtls_pk_context *key, const char *file, char **why)
{
	struct buf	b = BUF_INIT;
	int		rc = load_file(file, TLS_MAX_FILE, &b, why);

	if (rc == 0) {
		rc = mbedtls_pk_parse_key(key,
		    (const unsigned char *)buf_str(&b), b.len + 1, NULL, 0,
		    random_bytes, NULL);
		if (rc < 0)
			rc = load_failed(why, file, rc);
		crypto_wipe(b.p, b.cap);
	}
	buf_release(&b);
	return rc;
}

/* -- configurations -- */

void
tls_conf_unref(struct tls_conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	mbedtls_ssl_config_free(&c->ssl);
	mbedtls_x509_crt_free(&c->certs);
	mbedtls_pk_free(&c->key);
	free(c);
}

struct tls_conf *
tls_conf_ref(const struct tls *t)
{
	t->conf->refs++;
	return t->conf;
}

static struct tls_conf *
conf_new(int endpoint)
{
	struct tls_conf	*c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	mbedtls_ssl_config_init(&c->ssl);
	mbedtls_x509_crt_init(&c->certs);
	mbedtls_pk_init(&c->key);
	/* These fail only for want of memory. */
	if (psa_crypto_init() != PSA_SUCCESS
	    || mbedtls_ssl_config_defaults(&c->ssl, endpoint,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0
	    || mbedtls_ssl_conf_alpn_protocols(&c->ssl,
	    (const char **)(uintptr_t)alpn) != 0)
		die(EXIT_SYSTEM, "out of memory (TLS)");
	mbedtls_ssl_conf_min_tls_version(&c->ssl, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_sig_algs(&c->ssl, signatures);
	mbedtls_ssl_conf_rng(&c->ssl, random_bytes, NULL);
	return c;
}

static int
load_roots(struct tls_conf *c, const char *ca_file, const char *ca_pem,
    char **why)
{
	int	rc;

	rc = ca_file != NULL
	    ? tls_load_certs(&c->certs, ca_file, TLS_MAX_ROOTS, 1, why)
	    : tls_load_system_roots(&c->certs, why);
	if (rc == 0 && ca_pem != NULL)
		rc = parse_certs(&c->certs, ca_pem, strlen(ca_pem),
		    "given roots", 0, why);
	if (rc == 0)
		mbedtls_ssl_conf_ca_chain(&c->ssl, &c->certs, NULL);
	return rc;
}

int
tls_client(struct tls **out, const char *ca_file, const char *ca_pem,
    int verify, char **why)
{
	struct tls_conf	*c = conf_new(MBEDTLS_SSL_IS_CLIENT);
	int		 rc = 0;

	mbedtls_ssl_conf_authmode(&c->ssl, verify ? MBEDTLS_SSL_VERIFY_REQUIRED
	    : MBEDTLS_SSL_VERIFY_NONE);
	if (verify && (rc = load_roots(c, ca_file, ca_pem, why)) < 0) {
		tls_conf_unref(c);
		return rc;
	}
	*out = xcalloc(1, sizeof(**out));
	(*out)->conf = c;
	return 0;
}

const struct tls *
tls_default(char **why)
{
	static struct tls	*kept;

	if (kept == NULL)
		tls_client(&kept, NULL, NULL, 1, why);
	return kept;
}

static int
load_server(struct tls_conf **out, const char *cert_file,
    const char *key_file, char **why)
{
	struct tls_conf	*c = conf_new(MBEDTLS_SSL_IS_SERVER);
	int		 rc;

	if ((rc = tls_load_certs(&c->certs, cert_file, TLS_MAX_FILE, 0, why))
	    < 0 || (rc = load_key(&c->key, key_file, why)) < 0)
		goto out;
	if (mbedtls_pk_check_pair(&c->certs.pk, &c->key, random_bytes, NULL)
	    != 0) {
		say(why, xasprintf("%s: not the key of %s", key_file,
		    cert_file));
		rc = -EINVAL;
		goto out;
	}
	rc = mbedtls_ssl_conf_own_cert(&c->ssl, &c->certs, &c->key) == 0 ? 0
	    : -ENOMEM;
	*out = c;
	c = NULL;
out:
	tls_conf_unref(c);
	return rc;
}

int
tls_server(struct tls **out, const char *cert_file, const char *key_file,
    char **why)
{
	struct tls_conf	*c;
	int		 rc = load_server(&c, cert_file, key_file, why);

	if (rc < 0)
		return rc;
	*out = xcalloc(1, sizeof(**out));
	(*out)->conf = c;
	(*out)->cert_file = xstrdup(cert_file);
	(*out)->key_file = xstrdup(key_file);
	return 0;
}

int
tls_reload(struct tls *t, char **why)
{
	struct tls_conf	*c;
	int		 rc = load_server(&c, t->cert_file, t->key_file, why);

	if (rc < 0)
		return rc;
	tls_conf_unref(t->conf);
	t->conf = c;
	return 0;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_conf_unref(t->conf);
	free(t->cert_file);
	free(t->key_file);
	free(t);
}
