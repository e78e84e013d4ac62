/* What tls.c (settings), tls_roots.c (whom the system trusts) and
 * tls_session.c (a connection) share; nobody else includes it. */
#ifndef MUSTER_TLS_IMPL_H
#define MUSTER_TLS_IMPL_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "tls.h"
#include "tls_session.h"

enum {
	TLS_MAX_ROOTS	= 16 * 1024 * 1024, /* Mozilla's bundle is 220 KB */
	TLS_MAX_FILE	= 1024 * 1024	/* a chain or a key: a few KB */
};

/*
 * Shared by count: after a reload the old one lives as long as its last
 * connection.
 */
struct tls_conf {
	mbedtls_ssl_config	 ssl;
	mbedtls_x509_crt	 certs;	/* trusted roots, or our chain */
	mbedtls_pk_context	 key;
	int			 refs;
};

struct tls {
	struct tls_conf	*conf;
	char		*cert_file, *key_file;	/* a server's */
};

/* tls.c */
struct tls_conf *tls_conf_ref(const struct tls *);
void	 tls_conf_unref(struct tls_conf *);	/* NULL is nothing to do */
/* A code of mbedTLS in words that the caller frees. */
char	*tls_words(int rc);
/* Adds the certificates of a PEM file; a lenient reader passes over those
 * that mbedTLS does not know.  0 or -errno. */
int	 tls_load_certs(mbedtls_x509_crt *, const char *file, size_t max,
	    int lenient, char **why);

/* tls_roots.c: 0, or -errno where the system's roots cannot be found. */
int	 tls_load_system_roots(mbedtls_x509_crt *, char **why);

#endif
