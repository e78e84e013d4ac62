/*
 * Proves a toolchain: one call into each library, and 0 if all answered.
 * Left beside the libraries, to be run on the target or under an emulator.
 */
#ifdef PROBE_BPF
#include <bpf/libbpf.h>
#endif
#include <http_parser.h>
#include <jansson.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <wslay/wslay.h>
#include <zstd.h>

static int	fails;

static void
check(const char *what, int ok)
{
	printf("%s %s\n", ok ? "ok" : "not ok", what);
	fails += !ok;
}

static void
on_timer(uv_timer_t *t)
{
	*(int *)t->data = 1;
	uv_close((uv_handle_t *)t, NULL);
}

static int
loop_runs(void)
{
	uv_loop_t	 loop;
	uv_timer_t	 timer;
	int		 fired = 0;

	timer.data = &fired;
	return uv_loop_init(&loop) == 0 && uv_timer_init(&loop, &timer) == 0 &&
	    uv_timer_start(&timer, on_timer, 1, 0) == 0 &&
	    uv_run(&loop, UV_RUN_DEFAULT) == 0 && fired &&
	    uv_loop_close(&loop) == 0;
}

static int
tls_starts(void)
{
	mbedtls_ssl_config	conf;
	mbedtls_ssl_context	ssl;
	int			ok;

	mbedtls_ssl_config_init(&conf);
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_conf_rng(&conf, mbedtls_psa_get_random,
	    MBEDTLS_PSA_RANDOM_STATE);
	ok = psa_crypto_init() == PSA_SUCCESS &&
	    mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) == 0 &&
	    mbedtls_ssl_setup(&ssl, &conf) == 0;
	mbedtls_ssl_free(&ssl);
	mbedtls_ssl_config_free(&conf);
	return ok;
}

static int
json_writes(void)
{
	json_t	*o = json_pack("{s:f, s:b}", "a", 1.5, "b", 1);
	char	*s = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	int	 ok = s != NULL && strcmp(s, "{\"a\":1.5,\"b\":true}") == 0;

	free(s);
	json_decref(o);
	return ok;
}

static int
sign_verifies(void)
{
	unsigned char	pk[crypto_sign_PUBLICKEYBYTES];
	unsigned char	sk[crypto_sign_SECRETKEYBYTES];
	unsigned char	sig[crypto_sign_BYTES], m[] = "message";

	if (sodium_init() < 0 || crypto_sign_keypair(pk, sk) != 0 ||
	    crypto_sign_detached(sig, NULL, m, sizeof(m), sk) != 0 ||
	    crypto_sign_verify_detached(sig, m, sizeof(m), pk) != 0)
		return 0;
	m[0] ^= 1;
	return crypto_sign_verify_detached(sig, m, sizeof(m), pk) != 0;
}

static int
websocket_starts(void)
{
	struct wslay_event_callbacks	 cb = { 0 };
	struct wslay_event_msg		 msg = { 1, (const uint8_t *)"hi", 2 };
	wslay_event_context_ptr		 ctx;
	int				 ok;

	if (wslay_event_context_client_init(&ctx, &cb, NULL) != 0)
		return 0;
	ok = wslay_event_queue_msg(ctx, &msg) == 0 &&
	    wslay_event_get_queued_msg_length(ctx) == 2;
	wslay_event_context_free(ctx);
	return ok;
}

static int
http_parses(void)
{
	static const char	 in[] = "HTTP/1.1 204 No Content\r\n\r\n";
	http_parser_settings	 set;
	http_parser		 p;

	http_parser_settings_init(&set);
	http_parser_init(&p, HTTP_RESPONSE);
	return http_parser_execute(&p, &set, in, sizeof(in) - 1) ==
	    sizeof(in) - 1 && p.status_code == 204;
}

/* "muster" as the zstd frame that zstd(1) makes of it. */
static int
zstd_reads(void)
{
	static const unsigned char	in[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x06, 0x31, 0x00, 0x00,
		'm', 'u', 's', 't', 'e', 'r'
	};
	char				out[6];

	return ZSTD_decompress(out, sizeof(out), in, sizeof(in)) == 6 &&
	    memcmp(out, "muster", 6) == 0;
}

int
main(void)
{
	check(uv_version_string(), loop_runs());
	check(MBEDTLS_VERSION_STRING_FULL, tls_starts());
	check("jansson " JANSSON_VERSION, json_writes());
	check(sodium_version_string(), sign_verifies());
	check("wslay", websocket_starts());
	check("http-parser", http_parses());
	check("zstd " ZSTD_VERSION_STRING, zstd_reads());
#ifdef PROBE_BPF
	libbpf_set_print(NULL);
	check(libbpf_version_string(),
	    bpf_object__open_mem("not an object", 13, NULL) == NULL);
#endif
	return fails != 0;
}
