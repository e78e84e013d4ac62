/* The envelope, the auth payload, the registration's text; replays. */
#include <errno.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "json.h"
#include "linkauth.h"
#include "replay.h"
#include "tap.h"

/* Made by Node's crypto from document 002: key seed 32 times 01. */
#define PUB	"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
#define NONCE	"BQUFBQUFBQUFBQUFBQUFBQ=="
#define SIG	"u0XCNI5EPTIstDYRp4Ub9DW2Pw+BCY/BpqEE/+C1CLLuSvTC8wosQ0uKEvQe"\
		"33aFJftBFHWMDt/6S3AutF4sCQ=="
#define REG_SIG	"yJ6WCviIuvXfcUZ9xSx9kAZhXoceq46KTvmDUKG3o2xNnNz2sZR/d/SmHzJJ"\
		"+Vcau+L3jU1EhnkGtj34kozTCg=="
#define AUTH	"{\"agent_id\":\"host-1\",\"public_key\":\"" PUB "\","	\
		"\"timestamp\":1700000000,\"nonce\":\"" NONCE "\","	\
		"\"signature\":\"" SIG "\"}"

static int
parses(const char *text)
{
	struct envelope	e;
	struct json_err	err;
	int		rc = envelope_parse(&e, text, strlen(text), &err);

	if (rc == 0)
		envelope_release(&e);
	return rc == 0;
}

static void
test_parse(void)
{
	static const char *const	bad[] = {
		"", "[]", "{}", "null", "{\"id\":\"a\"}",
		"{\"id\":1,\"type\":\"t\",\"payload\":\"\",\"timestamp\":1}",
		"{\"id\":\"\",\"type\":\"t\",\"payload\":\"\",\"timestamp\":1}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":{},\"timestamp\":1}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1.5}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":-1}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1,\"more\":1}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1,\"headers\":[]}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1,\"headers\":{\"a\":1}}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1,\"headers\":{\"enc\":\"\"}}",
		"{\"id\":\"a\\nb\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1}",
		"{\"id\":\"a\",\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1}",
		"{\"id\":\"a\",\"type\":\"t\",\"payload\":\"\","
		    "\"timestamp\":1}x",
		"{\"id\":\"a\",\"type\":\"seventeen-letters\","
		    "\"payload\":\"\",\"timestamp\":1}",
	};
	size_t	i;

	ok("document 002's heartbeat", parses("{\"id\":\"heartbeat_1\","
	    "\"type\":\"heartbeat\",\"timestamp\":1234567890,"
	    "\"payload\":\"{}\",\"headers\":{}}"));
	ok("empty members, as Go writes them", parses("{\"id\":\"h\","
	    "\"type\":\"heartbeat\",\"channel\":\"\",\"payload\":\"{}\","
	    "\"timestamp\":1,\"nonce\":\"\",\"signature\":\"\","
	    "\"headers\":null}"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok("refused", !parses(bad[i]));
		if (parses(bad[i]))
			printf("# %s\n", bad[i]);
	}
}

static void
test_write(void)
{
	struct envelope	e = ENVELOPE_INIT, back;
	struct buf	b = BUF_INIT;
	struct json_err	err;

	e.id = "a\"b\\c";
	e.type = "request";
	e.channel = "x";
	e.payload = "{\"k\":\"\\u0001\"}";
	e.timestamp = 5;
	e.nonce = "n";
	envelope_write(&e, &b);
	ok("what is written can be read",
	    envelope_parse(&back, b.p, b.len, &err) == 0);
	is_str("id", back.id, e.id);
	is_str("payload", back.payload, e.payload);
	is_str("no signature", back.signature, "");
	is_int("timestamp", back.timestamp, 5);
	envelope_release(&back);
	buf_clear(&b);
	envelope_signed_text(&e, &b);
	is_str("signed text", buf_str(&b),
	    "a\"b\\c\nrequest\nx\n5\nn\n{\"k\":\"\\u0001\"}");
	buf_release(&b);
}

static int
payload_is(const char *text, const char *want)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;
	int		same;

	e.payload = text;
	same = envelope_payload(&e, &b) == 0 ?
	    want != NULL && strcmp(buf_str(&b), want) == 0 : want == NULL;
	buf_release(&b);
	return same;
}

static void
test_payload(void)
{
	uint8_t	out[4];

	ok("base64", payload_is("eyJhIjoxfQ==", "{\"a\":1}"));
	ok("plain JSON", payload_is("{\"a\":1}", "{\"a\":1}"));
	ok("empty", payload_is("", ""));
	ok("no padding", payload_is("eyJhIjoxfQ", NULL));
	ok("unused bits set", payload_is("eyJhIjoxfR==", NULL));
	ok("another alphabet", payload_is("eyJh_joxfQ==", NULL));
	ok("white space", payload_is("eyJh Ijoxf Q==", NULL));
	is_int("right size", envelope_unbase64("AAAAAA==", out, 4), 0);
	is_int("too short", envelope_unbase64("AAAA", out, 4), -EINVAL);
	is_int("too long", envelope_unbase64("AAAAAAA=", out, 4), -EINVAL);
}

/* The envelope that a client of document 002 would send. */
static int
auth_reads(const char *payload, int64_t timestamp, const char *nonce,
    const char *signature, struct auth_request *a)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;
	struct json_err	err;
	int		rc;

	envelope_base64(&b, payload, strlen(payload));
	e.id = "auth_msg_1";
	e.type = "request";
	e.channel = "auth";
	e.payload = b.p;
	e.timestamp = timestamp;
	e.nonce = nonce;
	e.signature = signature;
	rc = auth_request_read(a, &e, &err);
	buf_release(&b);
	return rc;
}

/* Each bit of a payload that is not encrypted: refused or unverified. */
static int
flips_refused(void)
{
	struct auth_request	a;
	char			text[] = AUTH;
	size_t			i;
	int			bit, bad = 0;

	for (i = 0; text[i] != '\0'; i++)
		for (bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			if (strlen(text) == sizeof(text) - 1 &&
			    auth_reads(text, 1700000000, NONCE, SIG,
			    &a) == 0 && auth_request_verify(&a)) {
				printf("# byte %zu bit %d passes\n", i, bit);
				bad++;
			}
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	return bad == 0;
}

static void
test_auth(void)
{
	struct auth_request	a;
	struct envelope		e;
	struct buf		b = BUF_INIT;
	struct json_err		err;
	uint8_t			sec[64];

	is_int("document 002's request", auth_reads(AUTH, 1700000000, NONCE,
	    SIG, &a), 0);
	ok("Node's signature verifies", auth_request_verify(&a));
	ok("no eph", !a.has_eph);
	is_int("nothing repeated", auth_reads(AUTH, 1700000000, "", "", &a),
	    0);
	is_int("another time", auth_reads(AUTH, 1700000001, NONCE, SIG, &a),
	    -EBADMSG);
	is_int("another nonce", auth_reads(AUTH, 1700000000,
	    "BQUFBQUFBQUFBQUFBQUFBA==", SIG, &a), -EBADMSG);
	is_int("another signature", auth_reads(AUTH, 1700000000, NONCE,
	    REG_SIG, &a), -EBADMSG);
	is_int("a member more", auth_reads("{\"x\":1}", 1700000000,
	    NONCE, SIG, &a), -EINVAL);
	ok("any flipped bit is refused", flips_refused());

	memset(&a, 0, sizeof(a));
	crypto_ed25519_keypair(a.public_key, sec);
	snprintf(a.agent_id, sizeof(a.agent_id), "host-2");
	a.timestamp = 1700000002;
	a.has_eph = 1;
	auth_request_sign(&a, sec);
	auth_request_write(&a, "auth_msg_2", &b);
	ok("our own is an envelope",
	    envelope_parse(&e, b.p, b.len, &err) == 0);
	memset(&a, 0, sizeof(a));
	is_int("that reads", auth_request_read(&a, &e, &err), 0);
	ok("and verifies", auth_request_verify(&a) && a.has_eph);
	envelope_release(&e);
	buf_release(&b);
}

static void
test_answer(void)
{
	struct auth_answer	a = {0}, back;
	struct json_err		err;
	json_t			*o;
	char			token[] = "token", message[] = "hello";

	a.success = a.has_eph = a.registered = 1;
	a.session_token = token;
	a.message = message;
	a.expires_at = 77;
	memset(a.backend_key, 3, 32);
	memset(a.eph, 4, 32);
	snprintf(a.agent_uid, sizeof(a.agent_uid), "uid-1");
	o = auth_answer_json(&a);
	is_int("ours reads", auth_answer_read(&back, o, &err), 0);
	ok("as it was written", back.success && back.ours && back.has_key &&
	    back.has_eph && back.registered && back.expires_at == 77 &&
	    back.eph[31] == 4 && strcmp(back.session_token, "token") == 0 &&
	    strcmp(back.agent_uid, "uid-1") == 0);
	auth_answer_release(&back);
	json_object_del(o, "server_nonce");
	is_int("eph without server_nonce", auth_answer_read(&back, o, &err),
	    -EINVAL);
	auth_answer_release(&back);
	json_decref(o);
	o = json_pack("{sb}", "success", 1);
	is_int("the least", auth_answer_read(&back, o, &err), 0);
	ok("is not ours", !back.ours && !back.has_eph && !back.registered);
	auth_answer_release(&back);
	json_decref(o);
}

static void
test_registration(void)
{
	static const char	nonce[] = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
				    "BwcHBwcHBwc=";
	static const char	when[] = "2026-01-31T23:59:59.123Z";
	uint8_t			sec[64], sig[64];
	char			text[BASE64_SIZE(64)];

	memset(sec, 1, 32);
	envelope_unbase64(PUB, sec + 32, 32);
	is_int("signs", registration_sign(sec, nonce, when, "host-1", sig),
	    0);
	is_str("as Node does", base64_encode(sig, 64, text), REG_SIG);
	ok("verifies", registration_verify(sec + 32, nonce, when, "host-1",
	    REG_SIG));
	ok("not for another host", !registration_verify(sec + 32, nonce,
	    when, "host-2", REG_SIG));
	ok("not at another time", !registration_verify(sec + 32, nonce,
	    "2026-01-31T23:59:59.124Z", "host-1", REG_SIG));
	ok("not by another key", !registration_verify(sec, nonce, when,
	    "host-1", REG_SIG));
	is_int("a nonce that is none", registration_sign(sec, "?", when,
	    "host-1", sig), -EINVAL);
}

static void
test_replay(void)
{
	struct replay	*r = replay_new(3, 1000);

	ok("new", replay_fresh(r, "a", 1, 0));
	ok("seen", !replay_fresh(r, "a", 1, 999));
	ok("forgotten after the window", replay_fresh(r, "a", 1, 1000));
	ok("others", replay_fresh(r, "b", 1, 1000) &&
	    replay_fresh(r, "c", 1, 1000));
	ok("the fourth pushes out the oldest", replay_fresh(r, "d", 1, 1000)
	    && replay_count(r) == 3);
	ok("which is new again", replay_fresh(r, "a", 1, 1000));
	ok("the newest are kept", !replay_fresh(r, "d", 1, 1000));
	replay_free(r);
	replay_free(NULL);
}

int
main(void)
{
	crypto_init();
	test_parse();
	test_write();
	test_payload();
	test_auth();
	test_answer();
	test_registration();
	test_replay();
	return done();
}
