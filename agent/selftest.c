/*
 * muster-agent --self-test: does this binary work on this host?  One line a
 * check on stdout; the build runs it on every agent before it is signed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "clock.h"
#include "crypto.h"
#include "esjson.h"
#include "json.h"
#include "log.h"
#include "stamp.h"
#include "telemetry.h"

enum { CHECK_TIMEOUT_MS = 2000 };

/* Each gives NULL, or what is wrong. */

static const char *
check_stamp(void)
{
	const char	*config, *why;
	struct json_err	 err;
	size_t		 n;
	json_t		*o;
	int		 rc;

	rc = stamp_check(stamp_self(), &config, &n, &why);
	if (rc == -ENODATA)
		return NULL;		/* a template */
	if (rc < 0)
		return why;
	o = json_read(config, n, &err);
	why = json_is_object(o) ? NULL : "the configuration is no JSON object";
	json_decref(o);
	return why;
}

static int
is_hex(const void *p, size_t n, const char *want)
{
	char	hex[2 * 128 + 1];

	return strcmp(hex_encode(p, n, hex), want) == 0;
}

static const char *
check_hashes(void)
{
	uint8_t	out[42], ikm[22], salt[13];
	size_t	i;

	crypto_sha256("abc", 3, out);		/* FIPS 180-4 */
	if (!is_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad"))
		return "SHA-256";
	crypto_hmac_sha256("Jefe", 4,		/* RFC 4231, 4.3 */
	    "what do ya want for nothing?", 28, out);
	if (!is_hex(out, 32, "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843"))
		return "HMAC-SHA-256";
	memset(ikm, 0x0b, sizeof(ikm));		/* RFC 5869, A.1 */
	for (i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	crypto_hkdf_sha256(salt, sizeof(salt), ikm, sizeof(ikm),
	    "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", out, 42);
	return is_hex(out, 42, "3cb25f25faacd57a90434f64d0362f2a"
	    "2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865") ?
	    NULL : "HKDF-SHA-256";
}

static const char *
check_ed25519(void)		/* RFC 8032, 7.1, test 2 */
{
	uint8_t	sec[64], sig[64];

	if (hex_decode("4ccd089b28ff96da9db6c346ec114e0f"
	    "5b8a319f35aba624da8cf6ed4fb8a6fb"
	    "3d4017c3e843895a92b70aa74d1b7ebc"
	    "9c982ccf2ec4968cc0cd55f12af4660c", sec, sizeof(sec)) < 0)
		return "hex";
	crypto_ed25519_sign(sec, "\x72", 1, sig);
	if (!is_hex(sig, 64, "92a009a9f0d4cab8720e820b5f642540"
	    "a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c"
	    "387b2eaeb4302aeeb00d291612bb0c00"))
		return "signing";
	if (!crypto_ed25519_verify(sec + 32, "\x72", 1, sig))
		return "verifying";
	return crypto_ed25519_verify(sec + 32, "\x73", 1, sig) ?
	    "a wrong signature passes" : NULL;
}

static const char *
check_x25519(void)		/* RFC 7748, 5.2, and two ends */
{
	uint8_t	sec[32], pub[32], sec2[32], pub2[32], out[32], out2[32];

	if (hex_decode("a546e36bf0527c9d3b16154b82465edd"
	    "62144c0ac1fc5a18506a2244ba449ac4", sec, 32) < 0 ||
	    hex_decode("e6db6867583030db3594c1a424b15f7c"
	    "726624ec26b3353b10a903a6d0ab1c4c", pub, 32) < 0)
		return "hex";
	if (crypto_x25519(sec, pub, out) < 0 || !is_hex(out, 32,
	    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"))
		return "the vector";
	crypto_x25519_keypair(pub, sec);
	crypto_x25519_keypair(pub2, sec2);
	if (crypto_x25519(sec, pub2, out) < 0 ||
	    crypto_x25519(sec2, pub, out2) < 0 || memcmp(out, out2, 32) != 0)
		return "two ends disagree";
	return NULL;
}

static const char *
check_chacha(void)		/* RFC 8439, 2.8.2 */
{
	static const char	text[] = "Ladies and Gentlemen of the class of"
				    " '99: If I could offer you only one tip"
				    " for the future, sunscreen would be it.";
	const size_t		n = sizeof(text) - 1;
	uint8_t			key[32], nonce[12], aad[12], back[sizeof(text)];
	uint8_t			out[sizeof(text) + CHACHA_TAG];
	size_t			i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	if (hex_decode("070000004041424344454647", nonce, 12) < 0 ||
	    hex_decode("50515253c0c1c2c3c4c5c6c7", aad, 12) < 0)
		return "hex";
	crypto_seal(key, nonce, aad, sizeof(aad), text, n, out);
	if (!is_hex(out + n, CHACHA_TAG, "1ae10b594f09e26a7e902ecbd0600691"))
		return "sealing";
	if (crypto_open(key, nonce, aad, sizeof(aad), out, n + CHACHA_TAG,
	    back) < 0 || memcmp(back, text, n) != 0)
		return "opening";
	out[0] ^= 1;
	return crypto_open(key, nonce, aad, sizeof(aad), out, n + CHACHA_TAG,
	    back) == 0 ? "a changed text opens" : NULL;
}

/* As ECMAScript writes them: signatures depend on this system's printf. */
static const char *
check_numbers(void)
{
	static const struct {
		double		 x;
		const char	*text;
	} vectors[] = {
		{ 45.2, "45.2" }, { 5e-324, "5e-324" }, { 1e21, "1e+21" },
		{ 9007199254740993.0, "9007199254740992" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		/* powers of two, closer to their neighbours below */
		{ 9.5367431640625e-7, "9.5367431640625e-7" },
		{ 2.9802322387695312e-8, "2.9802322387695312e-8" },
		{ 9.332636185032189e-302, "9.332636185032189e-302" },
	};
	char			text[ESJSON_NUMBER];
	size_t			i;

	for (i = 0; i < nitems(vectors); i++)
		if (strcmp(esjson_number(vectors[i].x, text),
		    vectors[i].text) != 0)
			return "writing numbers";
	return NULL;
}

static const char *
check_json(void)
{
	static const char	text[] = "{\"a\":[1,2.5,\"\xc3\xa4\"],\"b\":"
				    "{\"c\":null}}";
	struct json_err		 err;
	json_t			*o = json_read(text, sizeof(text) - 1, &err);
	char			*back;
	int			 same;

	if (o == NULL)
		return err.text[0] != '\0' ? "reading" : "reading, silently";
	back = json_text(o);
	same = strcmp(back, text) == 0;
	free(back);
	json_decref(o);
	if (!same)
		return "writing";
	o = json_read("{\"a\":1,\"a\":2}", 13, &err);
	json_decref(o);
	if (o != NULL)
		return "two members of one name pass";
	return check_numbers();
}

static const char *
check_telemetry(void)
{
	struct telemetry	*t = telemetry_new();
	json_t			*o = telemetry_sample(t);
	const char		*why = NULL;
	double			 mem;

	mem = json_number_value(json_object_get(o, "memPercent"));
	if (o == NULL)
		why = "the system cannot be read";
	else if (mem <= 0 || mem > 100)
		why = "memPercent is not between 0 and 100";
	else if (json_int(o, "uptimeSeconds", -1) < 0)
		why = "uptimeSeconds is missing";
	json_decref(o);
	telemetry_free(t);
	return why;
}

/* -- the loop: a timer, and an echo over TCP; one deadline for both -- */

struct echo {
	uv_loop_t	 loop;
	uv_timer_t	 deadline, timer;
	uv_tcp_t	 server, accepted, client;
	uv_connect_t	 connect;
	uv_write_t	 ask, reply;
	char		 in[16];
	int64_t		 began;
	const char	*why;
};

static void
close_it(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
echo_end(struct echo *e, const char *why)
{
	e->why = why;
	uv_walk(&e->loop, close_it, NULL);
}

static void
on_deadline(uv_timer_t *t)
{
	echo_end(t->data, "no answer in time");
}

static void
on_timer(uv_timer_t *t)
{
	struct echo	*e = t->data;

	echo_end(e, clock_mono_ms() - e->began < 1 ?
	    "the timer is early" : NULL);
}

static const char *
run_loop(struct echo *e)
{
	uv_run(&e->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&e->loop) < 0 && e->why == NULL)
		e->why = "the loop does not end";
	return e->why;
}

static int
prepare_loop(struct echo *e)
{
	int	rc;

	memset(e, 0, sizeof(*e));
	e->began = clock_mono_ms();
	if ((rc = uv_loop_init(&e->loop)) < 0)
		return rc;
	uv_timer_init(&e->loop, &e->deadline);
	e->deadline.data = e;
	return uv_timer_start(&e->deadline, on_deadline, CHECK_TIMEOUT_MS, 0);
}

static const char *
check_timer(void)
{
	struct echo	e;

	if (prepare_loop(&e) < 0)
		return "no loop can be had";
	uv_timer_init(&e.loop, &e.timer);
	e.timer.data = &e;
	uv_timer_start(&e.timer, on_timer, 2, 0);
	return run_loop(&e);
}

static void
give_room(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct echo	*e = h->data;

	(void)hint;
	*b = uv_buf_init(e->in, sizeof(e->in));
}

static void
on_echo(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n != 0)
		echo_end(s->data, n == 4 && memcmp(b->base, "echo", 4) == 0 ?
		    NULL : "another text came back");
}

static void
on_ask(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct echo	*e = s->data;
	uv_buf_t	 back = uv_buf_init(b->base, (unsigned)(n > 0 ? n : 0));

	if (n < 0)
		echo_end(e, "the connection broke");
	else if (n > 0)
		uv_write(&e->reply, s, &back, 1, NULL);
}

static void
on_connection(uv_stream_t *s, int status)
{
	struct echo	*e = s->data;

	uv_tcp_init(&e->loop, &e->accepted);
	e->accepted.data = e;
	if (status < 0 || uv_accept(s, (uv_stream_t *)&e->accepted) < 0 ||
	    uv_read_start((uv_stream_t *)&e->accepted, give_room, on_ask) < 0)
		echo_end(e, "accepting");
}

static void
on_connect(uv_connect_t *r, int status)
{
	struct echo	*e = r->data;
	static char	 word[] = "echo";
	uv_buf_t	 b = uv_buf_init(word, 4);

	if (status < 0 || uv_write(&e->ask, r->handle, &b, 1, NULL) < 0 ||
	    uv_read_start(r->handle, give_room, on_echo) < 0)
		echo_end(e, "connecting");
}

static const char *
check_tcp(void)
{
	struct echo		e;
	struct sockaddr_storage	at;
	struct sockaddr_in	any;
	int			n = sizeof(at);

	if (prepare_loop(&e) < 0)
		return "no loop can be had";
	uv_tcp_init(&e.loop, &e.server);
	uv_tcp_init(&e.loop, &e.client);
	e.server.data = e.client.data = e.connect.data = &e;
	uv_ip4_addr("127.0.0.1", 0, &any);
	if (uv_tcp_bind(&e.server, (const struct sockaddr *)&any, 0) < 0 ||
	    uv_listen((uv_stream_t *)&e.server, 1, on_connection) < 0 ||
	    uv_tcp_getsockname(&e.server, (struct sockaddr *)&at, &n) < 0 ||
	    uv_tcp_connect(&e.connect, &e.client,
	    (const struct sockaddr *)&at, on_connect) < 0)
		echo_end(&e, "no socket on the loopback address");
	return run_loop(&e);
}

static const struct {
	const char	*name;
	const char	*(*check)(void);
} checks[] = {
	{ "stamp",	check_stamp },
	{ "hashes",	check_hashes },
	{ "ed25519",	check_ed25519 },
	{ "x25519",	check_x25519 },
	{ "chacha20-poly1305", check_chacha },
	{ "json",	check_json },
	{ "timer",	check_timer },
	{ "tcp",	check_tcp },
	{ "telemetry",	check_telemetry }
};

int
selftest_main(void)
{
	const char	*why;
	int		 rc = EXIT_YES;
	size_t		 i;

	for (i = 0; i < nitems(checks); i++) {
		if ((why = checks[i].check()) == NULL) {
			printf("%s: ok\n", checks[i].name);
			continue;
		}
		printf("%s: FAILED: %s\n", checks[i].name, why);
		rc = EXIT_NO;
	}
	return rc;
}
