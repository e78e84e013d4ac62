/* Key exchange and sealing.  The vectors were made by Node's crypto from
 * muster-link(7) alone. */
#include <errno.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "json.h"
#include "linkcrypt.h"
#include "tap.h"

#define AGENT_PUB	"8a88e3dd7409f195fd52db2d3cba5d72"		\
			"ca6709bf1d94121bf3748801b40f6f5c"
#define SERVER_PUB	"8139770ea87d175f56a35466c34c7ecc"		\
			"cb8d8a91b4ee37a25df60f5b8fc9b394"
#define AGENT_EPH	"5dfedd3b6bd47f6fa28ee15d969d5bb0"		\
			"ea53774d488bdaf9df1c6e0124b3ef22"
#define SERVER_EPH	"ac01b2209e86354fb853237b5de0f4fa"		\
			"b13c7fcbf433a61c019369617fecf10b"
#define AGENT_SIG	"01c3643fdce9ebb68e60459321e080ac"		\
			"12b956be6f285541cf54058e6d7e8494"		\
			"6de73f73c65de89d574a9a2054809142"		\
			"aae9896fdbfc88169a5bd04abac0ce0b"
#define SERVER_SIG	"29b04e9f27f7a06f256952838758782c"		\
			"64a116da369b69e155eed919cc475c3b"		\
			"e571b9d442353bfc68241a072b3fbe14"		\
			"611080169c2f06322291fbcad152c300"
#define KEY_A2S		"5ad2f07c23645e1d68cbddfe8ed2241e"		\
			"385fe4d8a3a3d52b56ad57e6121786b1"
#define KEY_S2A		"eade57545eb7701bf8fa3977ac1bca27"		\
			"f4f4da31a35337f61c13197b3686042c"
#define KEY_NEXT	"c044ab9049b9225c55edd7c8beabbe9b"		\
			"656bdcd0ad6a196a5347021b761fad53"

static struct kx	 terms;
static uint8_t		 agent_sec[64], server_sec[64];
static uint8_t		 agent_eph[32], server_eph[32];

static void
set_up(void)
{
	terms.agent_id = "host-1";
	terms.timestamp = 1700000000;
	hex_decode(AGENT_PUB, terms.agent_pub, 32);
	hex_decode(SERVER_PUB, terms.server_pub, 32);
	hex_decode(AGENT_EPH, terms.agent_eph, 32);
	hex_decode(SERVER_EPH, terms.server_eph, 32);
	memset(terms.agent_nonce, 5, sizeof(terms.agent_nonce));
	memset(terms.server_nonce, 6, sizeof(terms.server_nonce));
	memset(agent_sec, 1, 32);
	memset(server_sec, 2, 32);
	memcpy(agent_sec + 32, terms.agent_pub, 32);
	memcpy(server_sec + 32, terms.server_pub, 32);
	memset(agent_eph, 3, 32);
	memset(server_eph, 4, 32);
}

static int
is_hex(const uint8_t *p, size_t n, const char *want)
{
	char	hex[200];

	return strcmp(hex_encode(p, n, hex), want) == 0;
}

static void
test_exchange(struct linkcrypt *a, struct linkcrypt *s)
{
	struct kx	low = terms;
	uint8_t		sig[64];

	kx_agent_sign(&terms, agent_sec, sig);
	ok("agent's signature", is_hex(sig, 64, AGENT_SIG));
	ok("verifies", kx_agent_verify(&terms, sig));
	ok("is not the server's", !kx_server_verify(&terms, sig));
	kx_server_sign(&terms, server_sec, sig);
	ok("server's signature", is_hex(sig, 64, SERVER_SIG));
	ok("verifies", kx_server_verify(&terms, sig));
	low.server_nonce[3] ^= 1;
	ok("covers the server's nonce", !kx_server_verify(&low, sig));
	low = terms;
	low.agent_eph[31] ^= 1;
	ok("covers the agent's eph", !kx_server_verify(&low, sig));
	ok("agent derives", linkcrypt_start(a, LINKCRYPT_AGENT, &terms,
	    agent_eph) == 0);
	ok("server derives", linkcrypt_start(s, LINKCRYPT_SERVER, &terms,
	    server_eph) == 0);
	ok("a2s", is_hex(a->out.key, 32, KEY_A2S) &&
	    is_hex(s->in.key, 32, KEY_A2S));
	ok("s2a", is_hex(a->in.key, 32, KEY_S2A) &&
	    is_hex(s->out.key, 32, KEY_S2A));
	memset(low.server_eph, 0, 32);
	is_int("point of low order", linkcrypt_start(&(struct linkcrypt){0},
	    LINKCRYPT_AGENT, &low, agent_eph), -EINVAL);
}

/* An envelope of ours, through its text, as the other end reads it. */
static void
carry(struct linkcrypt *c, const char *json, struct envelope *e)
{
	struct envelope	head = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;
	struct json_err	err;

	head.id = "telemetry_1";
	head.type = "request";
	head.channel = "telemetry";
	head.timestamp = 1700000001;
	linkcrypt_write(c, &head, json, strlen(json), &b);
	if (envelope_parse(e, b.p, b.len, &err) < 0)
		abort();
	buf_release(&b);
}

static int
reads(struct linkcrypt *c, const struct envelope *e)
{
	struct buf	b = BUF_INIT;
	int		rc = linkcrypt_read(c, e, &b);

	if (rc == 0 && strcmp(buf_str(&b), "{\"a\":1}") != 0)
		rc = 1;
	buf_release(&b);
	return rc;
}

/* Every bit of every member that a sealed envelope has. */
static int
flips_refused(const struct linkcrypt *c, const struct envelope *e)
{
	const char	**members[] = {
		&((struct envelope *)(uintptr_t)e)->id,
		&((struct envelope *)(uintptr_t)e)->type,
		&((struct envelope *)(uintptr_t)e)->channel,
		&((struct envelope *)(uintptr_t)e)->payload,
		&((struct envelope *)(uintptr_t)e)->nonce,
		&((struct envelope *)(uintptr_t)e)->enc
	};
	size_t		 m, i;
	int		 bit, rc, bad = 0;

	for (m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
		const char	*was = *members[m];
		char		*copy = xstrdup(was);

		*members[m] = copy;
		for (i = 0; copy[i] != '\0'; i++)
			for (bit = 0; bit < 8; bit++) {
				struct linkcrypt	try = *c;

				copy[i] = (char)(was[i] ^ 1 << bit);
				if (copy[i] == '\0')
					continue;
				if ((rc = reads(&try, e)) >= 0) {
					printf("# member %zu byte %zu bit %d"
					    ": %d\n", m, i, bit, rc);
					bad++;
				}
				copy[i] = was[i];
			}
		*members[m] = was;
		free(copy);
	}
	return bad == 0;
}

static void
test_sealing(struct linkcrypt *a, struct linkcrypt *s)
{
	struct envelope		e, second;
	struct linkcrypt	away;

	carry(a, "{\"a\":1}", &e);
	is_str("sealed as Node seals", e.payload,
	    "BkH9nxEdaCj/dJY0BWetA1hdGqy2vi8=");
	is_str("the first number is 1", e.nonce, "AAAAAAAAAAAAAAAB");
	is_str("named in a header", e.enc, LINK_ENC);
	carry(a, "{\"a\":1}", &second);
	ok("any flipped bit is refused", flips_refused(s, &e));
	e.timestamp++;
	is_int("another time stamp", reads(s, &e), -EBADMSG);
	e.timestamp--;
	is_int("opens", reads(s, &e), 0);
	is_int("but once", reads(s, &e), -EALREADY);
	is_int("not by the sender", reads(a, &e), -EBADMSG);
	is_int("the next opens", reads(s, &second), 0);
	is_int("an older does not", reads(s, &e), -EALREADY);
	envelope_release(&e);
	envelope_release(&second);

	away = (struct linkcrypt){0};
	carry(&away, "{\"a\":1}", &e);
	is_int("clear text where keys exist", reads(s, &e), -EPERM);
	is_int("clear text without", reads(&away, &e), 0);
	envelope_release(&e);
	carry(a, "{\"a\":1}", &e);
	is_int("sealed without keys", reads(&away, &e), -EPERM);
	envelope_release(&e);
}

static void
test_rekeying(struct linkcrypt *a, struct linkcrypt *s)
{
	struct envelope	e;
	struct linkcrypt far;

	a->out.count = LINK_REKEY - 1;
	carry(a, "{\"a\":1}", &e);
	is_str("sealed with the next key", e.payload,
	    "cjTM2752ZhzuEl7SQJi4qF13xB5X+8g=");
	ok("which replaces the old", is_hex(a->out.key, 32, KEY_NEXT));
	is_int("opens", reads(s, &e), 0);
	ok("the receiver has it too", is_hex(s->in.key, 32, KEY_NEXT));
	envelope_release(&e);
	carry(a, "{\"a\":1}", &e);
	is_int("and goes on", reads(s, &e), 0);
	envelope_release(&e);
	far = *a;
	far.out.count = (uint64_t)LINK_REKEY * 3;
	far.out.epoch = 3;
	carry(&far, "{\"a\":1}", &e);
	is_int("a key cannot be skipped", reads(s, &e), -EBADMSG);
	envelope_release(&e);
	far.out.count = UINT64_MAX - 1;
	far.out.epoch = far.out.count / LINK_REKEY;
	carry(&far, "{\"a\":1}", &e);
	is_int("nor many", reads(s, &e), -EBADMSG);
	envelope_release(&e);
}

static void
test_heartbeat(void)
{
	struct linkcrypt	none = {0};
	struct envelope		e = ENVELOPE_INIT;
	struct buf		b = BUF_INIT;

	e.id = "heartbeat_1";
	e.type = "heartbeat";
	e.timestamp = 1700000001;
	linkcrypt_write(&none, &e, "{}", 2, &b);
	is_str("a heartbeat is document 002's", buf_str(&b),
	    "{\"id\":\"heartbeat_1\",\"type\":\"heartbeat\",\"payload\":"
	    "\"{}\",\"timestamp\":1700000001,\"headers\":{}}");
	buf_release(&b);
}

int
main(void)
{
	struct linkcrypt	a = {0}, s = {0};

	crypto_init();
	set_up();
	is_int("require", link_encryption_parse("require"), LINK_REQUIRE);
	is_int("no word", link_encryption_parse("maybe"), -EINVAL);
	test_exchange(&a, &s);
	test_sealing(&a, &s);
	test_rekeying(&a, &s);
	test_heartbeat();
	linkcrypt_wipe(&a);
	ok("wiped", a.on == 0 && a.out.key[0] == 0);
	return done();
}
