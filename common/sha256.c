/*
 * SHA-256 (FIPS 180-4), of crypto.h: nettle's where it is, because that uses
 * the processor's own instructions: 1.5 GB/s for mbedTLS's 0.3.
 */
#include <stdlib.h>

#ifdef HAVE_NETTLE
#include <nettle/sha2.h>
#else
#include <mbedtls/sha256.h>
#endif

#include "buf.h"
#include "crypto.h"
#include "log.h"

#ifdef HAVE_NETTLE

struct sha256 {
	struct sha256_ctx	ctx;
};

static void
begin(struct sha256 *h)
{
	sha256_init(&h->ctx);
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	sha256_update(&h->ctx, n, p);
}

static void
end(struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	sha256_digest(&h->ctx, SHA256_SIZE, out);
}

#else

struct sha256 {
	mbedtls_sha256_context	ctx;
};

/* It fails only for wrong arguments or without memory. */
static void
must(int rc)
{
	if (rc != 0)
		die(EXIT_BUG, "crypto: SHA-256 failed (%d)", rc);
}

static void
begin(struct sha256 *h)
{
	mbedtls_sha256_init(&h->ctx);
	must(mbedtls_sha256_starts(&h->ctx, 0));
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	must(mbedtls_sha256_update(&h->ctx, p, n));
}

static void
end(struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	must(mbedtls_sha256_finish(&h->ctx, out));
	mbedtls_sha256_free(&h->ctx);
}

#endif

struct sha256 *
sha256_new(void)
{
	struct sha256	*h = xcalloc(1, sizeof(*h));

	begin(h);
	return h;
}

void
sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	end(h, out);
	free(h);
}

void
crypto_sha256(const void *p, size_t n, uint8_t out[SHA256_SIZE])
{
	struct sha256	h;

	begin(&h);
	sha256_add(&h, p, n);
	end(&h, out);
}
