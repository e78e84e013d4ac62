#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "sigv4.h"

/* SHA-256 of nothing: no request of ours has a body. */
#define EMPTY	"e3b0c44298fc1c149afbf4c8996fb924"			\
		"27ae41e4649b934ca495991b7852b855"

enum { STAMP_SIZE = 17, DAY = 8 };	/* "20130524T000000Z", "20130524" */

static void
stamp(int64_t time_s, char out[STAMP_SIZE])
{
	char	text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(time_s * 1000, text);	/* 2013-05-24T00:00:00.000Z */
	/* day, 'T' and hour are one piece */
	snprintf(out, STAMP_SIZE, "%.4s%.2s%.5s%.2s%.2sZ", text, text + 5,
	    text + 8, text + 14, text + 17);
}

static const char *
signed_headers(const struct sigv4 *q)
{
	return q->session_token != NULL ?
	    "host;x-amz-content-sha256;x-amz-date;x-amz-security-token" :
	    "host;x-amz-content-sha256;x-amz-date";
}

static void
request_hash(const struct sigv4 *q, const char *when,
    char hex[2 * SHA256_SIZE + 1])
{
	struct buf	b = BUF_INIT;
	uint8_t		hash[SHA256_SIZE];

	buf_printf(&b, "%s\n%s\n%s\nhost:%s\nx-amz-content-sha256:%s\n"
	    "x-amz-date:%s\n", q->method, q->path, q->query, q->host, EMPTY,
	    when);
	if (q->session_token != NULL)
		buf_printf(&b, "x-amz-security-token:%s\n",
		    q->session_token);
	buf_printf(&b, "\n%s\n%s", signed_headers(q), EMPTY);
	crypto_sha256(b.p, b.len, hash);
	hex_encode(hash, sizeof(hash), hex);
	buf_release(&b);
}

/* The day's key, by way of region and service. */
static void
signing_key(const struct sigv4 *q, const char *when,
    uint8_t key[SHA256_SIZE])
{
	char	*first = xasprintf("AWS4%s", q->secret_key);

	crypto_hmac_sha256(first, strlen(first), when, DAY, key);
	crypto_hmac_sha256(key, SHA256_SIZE, q->region, strlen(q->region),
	    key);
	crypto_hmac_sha256(key, SHA256_SIZE, q->service, strlen(q->service),
	    key);
	crypto_hmac_sha256(key, SHA256_SIZE, "aws4_request", 12, key);
	crypto_wipe(first, strlen(first));
	free(first);
}

void
sigv4_headers(const struct sigv4 *q, struct buf *b)
{
	char	 when[STAMP_SIZE], hex[2 * SHA256_SIZE + 1], *scope, *text;
	uint8_t	 key[SHA256_SIZE], mac[SHA256_SIZE];

	stamp(q->time_s, when);
	request_hash(q, when, hex);
	scope = xasprintf("%.8s/%s/%s/aws4_request", when, q->region,
	    q->service);
	text = xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", when, scope, hex);
	signing_key(q, when, key);
	crypto_hmac_sha256(key, sizeof(key), text, strlen(text), mac);
	hex_encode(mac, sizeof(mac), hex);
	buf_printf(b, "x-amz-content-sha256: %s\r\nx-amz-date: %s\r\n", EMPTY,
	    when);
	if (q->session_token != NULL)
		buf_printf(b, "x-amz-security-token: %s\r\n",
		    q->session_token);
	buf_printf(b, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s,"
	    "SignedHeaders=%s,Signature=%s\r\n", q->access_key, scope,
	    signed_headers(q), hex);
	crypto_wipe(key, sizeof(key));
	free(scope);
	free(text);
}
