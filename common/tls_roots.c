/* Whom the system trusts. */
#include <errno.h>
#include <stddef.h>

#include <uv.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "tls_impl.h"

#ifdef _WIN32
#include <windows.h>
#include <wincrypt.h>

/* UNTESTED but under Wine: the certificates of the store named ROOT. */
static int
load_store(mbedtls_x509_crt *roots)
{
	const CERT_CONTEXT	*c = NULL;
	HCERTSTORE		 store = CertOpenSystemStoreA(0, "ROOT");

	if (store == NULL)
		return -ENOENT;
	while ((c = CertEnumCertificatesInStore(store, c)) != NULL)
		mbedtls_x509_crt_parse_der(roots, c->pbCertEncoded,
		    c->cbCertEncoded);
	CertCloseStore(store, 0);
	return roots->version != 0 ? 0 : -ENOENT;
}
#endif

/* Debian and Alpine, Fedora, SUSE, macOS and the BSDs. */
static const char	*const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

int
tls_load_system_roots(mbedtls_x509_crt *roots, char **why)
{
	char	path[1024];
	size_t	i, n = sizeof(path);

	if (uv_os_getenv("SSL_CERT_FILE", path, &n) == 0)
		return tls_load_certs(roots, path, TLS_MAX_ROOTS, 1, why);
#ifdef _WIN32
	if (load_store(roots) == 0)
		return 0;
#endif
	for (i = 0; i < nitems(bundles); i++)
		if (file_exists(bundles[i]))
			return tls_load_certs(roots, bundles[i],
			    TLS_MAX_ROOTS, 1, why);
	if (why != NULL)
		*why = xstrdup("this system's trusted certificates were not"
		    " found (SSL_CERT_FILE names them)");
	return -ENOENT;
}
