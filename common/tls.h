/* TLS 1.2 and 1.3 by mbedTLS: the settings of one side, shared by streams. */
#ifndef MUSTER_TLS_H
#define MUSTER_TLS_H

#include <stddef.h>

struct tls;

/*
 * A client's settings.  ca_file: PEM roots to trust; NULL for the system's
 * (the usual bundle paths, or SSL_CERT_FILE).  ca_pem: further roots as text,
 * or NULL.  verify 0 switches the checks off and is for tests alone.
 * 0 or -errno; *why (may be NULL) gets words that the caller frees.
 */
int	tls_client(struct tls **, const char *ca_file, const char *ca_pem,
	    int verify, char **why);
/* A server's: certificate chain and key, PEM files. */
int	tls_server(struct tls **, const char *cert_file, const char *key_file,
	    char **why);
/*
 * Reads the server's files anew; connections that stand keep what they have.
 * On an error the old certificate stays in use.
 */
int	tls_reload(struct tls *, char **why);
/*
 * A client's settings with the system's roots: what NULL stands for where an
 * address asks for TLS.  Made at the first call and kept; NULL with *why when
 * there are no roots.
 */
const struct tls *tls_default(char **why);
void	tls_free(struct tls *);		/* once its streams are closed */

#endif
