#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "log.h"
#include "tls_impl.h"

struct tls_session {
	mbedtls_ssl_context	 ssl;
	struct tls_conf		*conf;
	const char		*in;	/* cipher text not yet eaten */
	size_t			 in_len;
	tls_send		 send;
	void			*arg;
	char			*why;
	/* A host that is an address: not told to the server (RFC 6066,
	 * section 3, allows names only), and compared by us. */
	unsigned char		 ip[16];
	size_t			 ip_len;
};

/* -- what mbedTLS calls -- */

static int
on_send(void *arg, const unsigned char *p, size_t n)
{
	struct tls_session	*t = arg;

	t->send(p, n, t->arg);
	return (int)n;
}

static int
on_recv(void *arg, unsigned char *p, size_t max)
{
	struct tls_session	*t = arg;
	size_t			 n = t->in_len < max ? t->in_len : max;

	if (n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(p, t->in, n);
	t->in += n;
	t->in_len -= n;
	return (int)n;
}

/* Whether the certificate names the address (RFC 5280, iPAddress). */
static int
names_ip(const struct tls_session *t, const mbedtls_x509_crt *crt)
{
	const mbedtls_x509_sequence	*s = &crt->subject_alt_names;

	for (; s != NULL; s = s->next)
		if ((s->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK)
		    == MBEDTLS_X509_SAN_IP_ADDRESS
		    && s->buf.len == t->ip_len
		    && memcmp(s->buf.p, t->ip, t->ip_len) == 0)
			return 1;
	return 0;
}

static int
on_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	if (depth == 0 && !names_ip(arg, crt))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

/* -- words -- */

static char *
certificate_words(uint32_t flags)
{
	static const struct {
		uint32_t	 flag;
		const char	*words;
	} table[] = {
		{ MBEDTLS_X509_BADCERT_EXPIRED, "certificate has expired" },
		{ MBEDTLS_X509_BADCERT_FUTURE, "certificate is not yet valid" },
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED,
		    "certificate is not signed by a trusted authority" },
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH,
		    "certificate is for another host" },
		{ MBEDTLS_X509_BADCERT_BAD_MD,
		    "certificate is signed with a weak hash" },
		{ MBEDTLS_X509_BADCERT_BAD_KEY, "certificate has a weak key" },
	};
	size_t	i;

	for (i = 0; i < nitems(table); i++)
		if (flags & table[i].flag)
			return xstrdup(table[i].words);
	return xasprintf("certificate is not acceptable (flags 0x%x)",
	    (unsigned)flags);
}

static int
failed(struct tls_session *t, int rc)
{
	if (t->why == NULL) {
		if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
			t->why = certificate_words(
			    mbedtls_ssl_get_verify_result(&t->ssl));
		else
			t->why = tls_words(rc);
	}
	return rc == MBEDTLS_ERR_SSL_ALLOC_FAILED ? -ENOMEM : UV_EPROTO;
}

/* -- a connection -- */

static int
set_host(struct tls_session *t, const char *host)
{
	if (uv_inet_pton(AF_INET, host, t->ip) == 0)
		t->ip_len = 4;
	else if (uv_inet_pton(AF_INET6, host, t->ip) == 0)
		t->ip_len = 16;
	else
		return mbedtls_ssl_set_hostname(&t->ssl, host);
	mbedtls_ssl_set_verify(&t->ssl, on_verify, t);
	return mbedtls_ssl_set_hostname(&t->ssl, NULL);
}

int
tls_session_new(struct tls_session **out, const struct tls *tls,
    const char *host, tls_send send, void *arg)
{
	struct tls_session	*t = xcalloc(1, sizeof(*t));

	t->conf = tls_conf_ref(tls);
	t->send = send;
	t->arg = arg;
	mbedtls_ssl_init(&t->ssl);
	if (mbedtls_ssl_setup(&t->ssl, &t->conf->ssl) != 0
	    || (host != NULL && set_host(t, host) != 0)) {
		tls_session_free(t);
		return -ENOMEM;
	}
	mbedtls_ssl_set_bio(&t->ssl, t, on_send, on_recv, NULL);
	*out = t;
	return 0;
}

void
tls_session_free(struct tls_session *t)
{
	if (t == NULL)
		return;
	mbedtls_ssl_free(&t->ssl);
	tls_conf_unref(t->conf);
	free(t->why);
	free(t);
}

void
tls_session_input(struct tls_session *t, const char *p, size_t n)
{
	t->in = p;
	t->in_len = n;
}

size_t
tls_session_left(const struct tls_session *t, const char **p)
{
	*p = t->in;
	return t->in_len;
}

int
tls_session_handshake(struct tls_session *t)
{
	int	rc = mbedtls_ssl_handshake(&t->ssl);

	if (rc == 0)
		return 0;
	return rc == MBEDTLS_ERR_SSL_WANT_READ ? UV_EAGAIN : failed(t, rc);
}

int
tls_session_read(struct tls_session *t, char *p, size_t max, size_t *n)
{
	int	rc;

	do
		rc = mbedtls_ssl_read(&t->ssl, (unsigned char *)p, max);
	while (rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	if (rc > 0) {
		*n = (size_t)rc;
		return 0;
	}
	if (rc == MBEDTLS_ERR_SSL_WANT_READ)
		return UV_EAGAIN;
	if (rc == 0 || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return UV_EOF;
	return failed(t, rc);
}

int
tls_session_write(struct tls_session *t, const void *p, size_t n)
{
	const unsigned char	*at = p;
	int			 rc;

	while (n > 0) {
		rc = mbedtls_ssl_write(&t->ssl, at, n);
		if (rc <= 0)
			return failed(t, rc);
		at += rc;
		n -= (size_t)rc;
	}
	return 0;
}

void
tls_session_bye(struct tls_session *t)
{
	mbedtls_ssl_close_notify(&t->ssl);
}

const char *
tls_session_why(const struct tls_session *t)
{
	return t->why;
}
