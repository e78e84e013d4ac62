/*
 * The agents' gateway, by what it answers: server, store and clients share
 * one loop.
 */
#include <errno.h>
#include <unistd.h>

#include "../../buildsrv/gateway.c"
#include "../../buildsrv/gateway_agents.c"
#include "../../buildsrv/gateway_auth.c"
#include "../../buildsrv/gateway_command.c"
#include "../../buildsrv/gateway_conn.c"
#include "../../buildsrv/gateway_events.c"
#include "../../buildsrv/gateway_find.c"
#include "../../buildsrv/gateway_hear.c"
#include "../../buildsrv/gateway_hmac.c"
#include "../../buildsrv/gateway_quick.c"
#include "../../buildsrv/gateway_register.c"
#include "../../buildsrv/gateway_twin.c"
#include "loop.h"
#include "tap.h"

enum { LIMIT_MS = 10000 };	/* a test that waits longer has failed */

static struct store	*store;
static struct httpd	*httpd;
static struct gateway	*gateway;
static char		*url;		/* ws://127.0.0.1:PORT/ws/agent */
static uint8_t		 server_pub[32], server_sec[64];
static char		 dir[] = "/tmp/muster-gateway.XXXXXX";

/* -- a client -- */

struct client {
	struct ws		*ws;
	int			 open, closed, code;
	int			 messages;
	struct envelope		 e;	/* the last message */
	json_t			*payload;
	struct linkcrypt	 crypt;
	struct auth_request	 auth;
	uint8_t			 sec[64], eph_secret[32];
};

static void
on_client_open(struct ws *ws, void *arg)
{
	(void)ws;
	((struct client *)arg)->open = 1;
}

static void
on_client_message(struct ws *ws, const char *text, size_t n, int is_text,
    void *arg)
{
	struct client	*c = arg;
	struct json_err	 err;
	struct buf	 b = BUF_INIT;

	(void)ws;
	(void)is_text;
	envelope_release(&c->e);
	json_decref(c->payload);
	c->payload = NULL;
	if (envelope_parse(&c->e, text, n, &err) == 0 &&
	    linkcrypt_read(&c->crypt, &c->e, &b) == 0)
		c->payload = json_read(buf_str(&b), b.len, &err);
	buf_release(&b);
	c->messages++;
}

static void
on_client_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct client	*c = arg;

	(void)ws;
	(void)why;
	c->ws = NULL;
	c->closed = 1;
	c->code = code;
}

static void
client_connect(struct client *c)
{
	static const struct ws_events	events = {
		.open = on_client_open, .message = on_client_message,
		.closed = on_client_closed
	};
	static const struct ws_options	options = { .timeout_ms = LIMIT_MS };
	const char			*why;

	c->open = c->closed = c->messages = 0;
	c->ws = ws_connect(&loop, url, &options, &events, c, &why);
	if (c->ws == NULL || !loop_run(&c->open, 1)) {
		printf("Bail out! no connection to %s\n", url);
		exit(1);
	}
}

/* Leaves in order, keeps its key. */
static void
client_leave(struct client *c)
{
	if (c->ws != NULL)
		ws_close(c->ws, 1000, "");
	loop_run(&c->closed, 1);
	envelope_release(&c->e);
	json_decref(c->payload);
	c->payload = NULL;
	linkcrypt_wipe(&c->crypt);
}

static const char *
answer_str(const struct client *c, const char *name)
{
	return json_str(c->payload, name, "");
}

/* Sends a text and waits for one message more. */
static void
client_say(struct client *c, const struct buf *b)
{
	int	n = c->messages;

	ws_text(c->ws, b->p, b->len);
	loop_run(&c->messages, n + 1);
}

static void
envelope_of(struct client *c, const char *type, const char *channel,
    const char *json, struct buf *b)
{
	struct envelope	head = ENVELOPE_INIT;

	head.id = "message_1";
	head.type = type;
	head.channel = channel;
	head.timestamp = clock_wall_ms() / 1000;
	linkcrypt_write(&c->crypt, &head, json, strlen(json), b);
}

static void
client_send(struct client *c, const char *type, const char *channel,
    const char *json)
{
	struct buf	b = BUF_INIT;

	envelope_of(c, type, channel, json, &b);
	ws_text(c->ws, b.p, b.len);
	buf_release(&b);
}

static void
client_ask(struct client *c, const char *channel, json_t *o)
{
	char	*text = json_text(o);
	int	 n = c->messages;

	client_send(c, "request", channel, text);
	loop_run(&c->messages, n + 1);
	free(text);
	json_decref(o);
}

static void
client_init(struct client *c, const char *agent_id)
{
	memset(c, 0, sizeof(*c));
	crypto_ed25519_keypair(c->auth.public_key, c->sec);
	snprintf(c->auth.agent_id, sizeof(c->auth.agent_id), "%s", agent_id);
}

/* The text of an auth request whose clock is off by so many seconds. */
static void
auth_text(struct client *c, int eph, int off, struct buf *b)
{
	c->auth.timestamp = clock_wall_ms() / 1000 + off;
	c->auth.has_eph = eph;
	if (eph)
		crypto_x25519_keypair(c->auth.eph, c->eph_secret);
	auth_request_sign(&c->auth, c->sec);
	auth_request_write(&c->auth, "auth_msg_1", b);
}

static void
client_auth_off(struct client *c, int eph, int off)
{
	struct buf	b = BUF_INIT;

	auth_text(c, eph, off, &b);
	client_say(c, &b);
	buf_release(&b);
}

/* Connects, authenticates, and with eph derives the keys: 1 when it may. */
static int
client_enter(struct client *c, int eph)
{
	struct auth_answer	a;
	struct json_err		err;
	struct kx		k;
	int			good;

	client_connect(c);
	client_auth_off(c, eph, 0);
	good = strcmp(c->e.channel, "auth") == 0 &&
	    auth_answer_read(&a, c->payload, &err) == 0;
	if (!good)
		return 0;
	good = a.success && memcmp(a.backend_key, server_pub, 32) == 0;
	if (good && eph && a.has_eph) {
		auth_request_kx(&c->auth, &k);
		memcpy(k.server_pub, a.backend_key, 32);
		memcpy(k.server_nonce, a.server_nonce, LINK_NONCE_SIZE);
		memcpy(k.server_eph, a.eph, 32);
		good = kx_server_verify(&k, a.eph_signature) &&
		    linkcrypt_start(&c->crypt, LINKCRYPT_AGENT, &k,
		    c->eph_secret) == 0;
	}
	auth_answer_release(&a);
	return good;
}

static json_t *
begin_json(const struct client *c, const char *key)
{
	char	 pub[BASE64_SIZE(32)];
	json_t	*o;

	base64_encode(c->auth.public_key, 32, pub);
	o = json_pack("{ss ss}", "host_id", c->auth.agent_id, "public_key",
	    pub);
	if (key != NULL)
		json_object_set_new(o, "registration_key", json_string(key));
	return o;
}

/* Both steps: 1 when it has a uid afterwards. */
static int
client_register(struct client *c, const char *key)
{
	char	sig_text[BASE64_SIZE(64)];
	uint8_t	sig[64];
	json_t	*o;

	client_ask(c, "agent.registration", begin_json(c, key));
	if (strcmp(c->e.channel, "agent.registration") != 0 ||
	    registration_sign(c->sec, answer_str(c, "nonce"),
	    answer_str(c, "server_time"), c->auth.agent_id, sig) < 0)
		return 0;
	o = json_pack("{ss ss ss}", "registration_id",
	    answer_str(c, "registration_id"), "host_id", c->auth.agent_id,
	    "signature", base64_encode(sig, 64, sig_text));
	client_ask(c, "agent.registration.complete", o);
	return strcmp(c->e.channel, "agent.registration.complete") == 0 &&
	    strlen(answer_str(c, "agent_uid")) == 36 &&
	    strlen(answer_str(c, "bootstrap_token")) == 43;
}

/* The gateway has answered with this code, and goes. */
static int
refused(struct client *c, const char *code)
{
	const char	*got = answer_str(c, "code");
	int		 same = strcmp(got, code) == 0 &&
			    strcmp(c->e.channel, "error") == 0;

	if (!same)
		printf("# got channel '%s' code '%s' (%s)\n", c->e.channel,
		    got, answer_str(c, "message"));
	if (!loop_run(&c->closed, 1) || c->code != 1008) {
		printf("# not closed with 1008 but %d\n", c->code);
		same = 0;
	}
	client_leave(c);
	return same;
}

static void
refused_text(const char *what, const char *text, const char *code)
{
	struct client	c;
	struct buf	b = BUF_INIT;

	client_init(&c, "x");
	client_connect(&c);
	buf_adds(&b, text);
	client_say(&c, &b);
	ok(what, refused(&c, code));
	buf_release(&b);
}

/* -- the server -- */

static void
on_request(struct http_req *q, void *arg)
{
	(void)arg;
	gateway_accept(gateway, q);
}

static void
gateway_begin(enum link_encryption e, int64_t auth_ms, int64_t idle_ms)
{
	struct gateway_options	o = {
		.store = store, .loop = &loop,
		.identity_secret = server_sec, .encryption = e,
		.auth_timeout_ms = auth_ms, .idle_ms = idle_ms
	};

	gateway = gateway_new(&o);
}

static void
set_flag(void *arg)
{
	*(int *)arg = 1;
}

static void
gateway_finish(void)
{
	int	ended = 0;

	gateway_stop(gateway, set_flag, &ended);
	ok("the gateway stops", loop_run(&ended, 1));
	gateway = NULL;
}

struct result {
	int	 done, rc;
	json_t	*value;
};

static void
on_result(int rc, const json_t *value, void *arg)
{
	struct result	*r = arg;

	r->done = 1;
	r->rc = rc;
	r->value = json_deep_copy(value);
}

static json_t *
stored(const char *kind, const char *key)
{
	struct result	r = { 0, 0, NULL };

	store_get(store, kind, key, on_result, &r);
	loop_run(&r.done, 1);
	return r.value;
}

static void
add_key(const char *text, int64_t expires)
{
	struct result	 r = { 0, 0, NULL };
	struct store_op	 op = { STORE_PUT, "regkey", NULL, NULL };
	uint8_t		 hash[32];
	char		 hex[65];
	json_t		*o;

	crypto_sha256(text, strlen(text), hash);
	op.key = hex_encode(hash, 32, hex);
	op.value = o = json_pack("{ss ss ss sI si}", "job", "job-1", "user",
	    "alice", "agentId", "agent-1", "expires", (json_int_t)expires,
	    "uses", 0);
	store_write(store, &op, 1, on_result, &r);
	loop_run(&r.done, 1);
	json_decref(r.value);
	json_decref(o);
}

static int
key_uses(const char *text)
{
	uint8_t	 hash[32];
	char	 hex[65];
	json_t	*o;
	int	 n;

	crypto_sha256(text, strlen(text), hash);
	o = stored("regkey", hex_encode(hash, 32, hex));
	n = (int)json_int(o, "uses", -1);
	json_decref(o);
	return n;
}

static json_t *
only_agent(const char *user)
{
	json_t	*list = gateway_agents(gateway, user, NULL), *o;

	o = json_array_size(list) == 1 ?
	    json_incref(json_array_get(list, 0)) : NULL;
	json_decref(list);
	return o;
}

/* -- the tests -- */

static void
test_before_auth(void)
{
	struct client	c;
	struct buf	b = BUF_INIT;
	char		big[ENVELOPE_MAX_FIRST + 100];

	refused_text("a heartbeat first", "{\"id\":\"heartbeat_1\",\"type\":"
	    "\"heartbeat\",\"timestamp\":1234567890,\"payload\":\"{}\","
	    "\"headers\":{}}", "not_authenticated");
	refused_text("no JSON", "hello", "not_authenticated");
	refused_text("an auth without payload", "{\"id\":\"a\",\"type\":"
	    "\"request\",\"channel\":\"auth\",\"payload\":\"\","
	    "\"timestamp\":1}", "bad_message");
	memset(big, ' ', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	refused_text("too much", big, "too_large");
	client_init(&c, "x");
	client_connect(&c);
	ws_binary(c.ws, "x", 1);
	loop_run(&c.messages, 1);
	is_str("document 002's words", answer_str(&c, "error"),
	    "bad message");
	ok("a binary message", refused(&c, "bad_message"));
	client_connect(&c);
	envelope_of(&c, "request", "agent.registration", "{}", &b);
	client_say(&c, &b);
	is_str("the words before auth", answer_str(&c, "error"),
	    "agent not authenticated");
	ok("a registration first", refused(&c, "not_authenticated"));
	buf_release(&b);
}

static void
test_clock(void)
{
	struct client	c;
	int64_t		now;

	client_init(&c, "clock");
	client_connect(&c);
	client_auth_off(&c, 0, -LINK_WINDOW - 2);
	now = clock_wall_ms() / 1000;
	ok("the server's time is told",
	    llabs(json_int(c.payload, "server_time", 0) - now) <= 2);
	ok("a clock that is late", refused(&c, "clock_skew"));
	client_connect(&c);
	client_auth_off(&c, 0, LINK_WINDOW + 2);
	ok("a clock that is early", refused(&c, "clock_skew"));
	client_connect(&c);
	client_auth_off(&c, 0, LINK_WINDOW - 2);
	is_str("one within the window", c.e.channel, "auth");
	client_leave(&c);
}

/* Every byte of the auth message, one bit of each; all but those of its id,
 * which is an answer's address and no more. */
static void
test_flips(void)
{
	struct client	c;
	struct buf	b = BUF_INIT;
	size_t		i, id_at, id_end;
	int		bad = 0;

	client_init(&c, "flips");
	auth_text(&c, 1, 0, &b);
	id_at = (size_t)(strstr(b.p, "auth_msg_1") - b.p);
	id_end = id_at + strlen("auth_msg_1");
	for (i = 0; i < b.len; i++) {
		if (i == id_at)
			i = id_end;
		client_connect(&c);
		b.p[i] ^= (char)(1 << i % 7);
		client_say(&c, &b);
		if (strcmp(c.e.channel, "error") != 0) {
			printf("# byte %zu passes: %.*s\n", i, 40, b.p + i);
			bad++;
		}
		b.p[i] ^= (char)(1 << i % 7);
		client_leave(&c);
	}
	is_int("every flipped byte is refused", bad, 0);
	client_connect(&c);
	client_say(&c, &b);
	is_str("the whole one is not", c.e.channel, "auth");
	client_leave(&c);
	client_connect(&c);
	client_say(&c, &b);
	ok("but it is the second time", refused(&c, "replay"));
	buf_release(&b);
}

static void
test_registration(struct client *c)
{
	struct client	other;
	char		uid[UUID_SIZE];
	json_t		*o;

	add_key("right", 0);
	add_key("old", clock_wall_ms() - 1);
	client_init(c, "host-1");
	ok("an unknown key may authenticate", client_enter(c, 0));
	ok("and is told that it is not registered",
	    !json_bool(c->payload, "registered", 1));
	client_send(c, "heartbeat", "", "{}");
	loop_run(&c->messages, 2);
	ok("its heartbeat is refused", refused(c, "unknown_agent"));

	client_enter(c, 0);
	ok("no registration key", !client_register(c, NULL) &&
	    refused(c, "registration_refused"));
	client_enter(c, 0);
	ok("a wrong one", !client_register(c, "wrong") &&
	    refused(c, "registration_refused"));
	client_enter(c, 0);
	ok("an old one", !client_register(c, "old") &&
	    refused(c, "registration_refused"));
	client_enter(c, 0);
	ok("the right one", client_register(c, "right"));
	snprintf(uid, sizeof(uid), "%s", answer_str(c, "agent_uid"));
	is_int("counts", key_uses("right"), 1);
	is_int("one is connected", (int)gateway_connected(gateway), 1);
	o = only_agent("alice");
	is_str("of the key's user", json_str(o, "user", ""), "alice");
	is_str("and job", json_str(o, "build", ""), "job-1");
	is_str("with its host_id", json_str(o, "host_id", ""), "host-1");
	ok("no secret is shown", json_object_get(o, "bootstrap") == NULL);
	json_decref(o);
	ok("others see none", (o = only_agent("bob")) == NULL);
	ok("again on the same connection", client_register(c, NULL));
	is_str("gives the same uid", answer_str(c, "agent_uid"), uid);
	client_leave(c);

	ok("it comes back", client_enter(c, 0));
	ok("and is known", json_bool(c->payload, "registered", 0));
	is_str("by its uid", answer_str(c, "agent_uid"), uid);
	ok("registers again without a key", client_register(c, NULL));
	is_str("and stays who it is", answer_str(c, "agent_uid"), uid);
	is_int("which is not counted", key_uses("right"), 1);
	client_leave(c);

	client_init(&other, "host-1");
	client_enter(&other, 0);
	ok("another key for its host_id", !client_register(&other, "right") &&
	    refused(&other, "registration_refused"));
	snprintf(c->auth.agent_id, sizeof(c->auth.agent_id), "host-2");
	client_connect(c);
	client_auth_off(c, 0, 0);
	ok("its key for another agent_id", refused(c, "unknown_agent"));
	snprintf(c->auth.agent_id, sizeof(c->auth.agent_id), "host-1");
}

static void
test_registration_signature(void)
{
	struct client	c;
	json_t		*o;
	char		text[BASE64_SIZE(64)];
	uint8_t		sig[64];

	client_init(&c, "host-3");
	client_enter(&c, 0);
	client_ask(&c, "agent.registration.complete", json_object());
	is_str("complete before init", answer_str(&c, "code"), "bad_message");
	client_ask(&c, "agent.registration", json_pack("{si}", "host_id", 1));
	is_str("init of the wrong type", answer_str(&c, "code"),
	    "bad_message");
	client_ask(&c, "agent.registration", begin_json(&c, "right"));
	registration_sign(c.sec, answer_str(&c, "nonce"),
	    answer_str(&c, "server_time"), "host-3", sig);
	sig[5] ^= 1;
	o = json_pack("{ss ss ss}", "registration_id",
	    answer_str(&c, "registration_id"), "host_id", "host-3",
	    "signature", base64_encode(sig, 64, text));
	client_ask(&c, "agent.registration.complete", o);
	ok("a wrong signature", refused(&c, "bad_signature"));
	o = stored("agent-host", "host-3");
	ok("registers nothing", o == NULL);
	is_int("and counts nothing", key_uses("right"), 1);
	client_enter(&c, 0);
	o = begin_json(&c, "right");
	json_object_set_new(o, "host_id", json_string("host-4"));
	client_ask(&c, "agent.registration", o);
	ok("another host_id than authenticated", refused(&c,
	    "registration_refused"));
}

static void
test_messages(struct client *c)
{
	struct buf	b = BUF_INIT;
	json_t		*o;

	client_enter(c, 0);
	client_send(c, "heartbeat", "", "{}");
	client_send(c, "request", "telemetry", "{\"cpuPercent\":12.5}");
	client_send(c, "request", "agent.info", "{\"version\":\"9.9\",\"os\":"
	    "\"linux\",\"address\":\"198.51.100.1\",\"x\":1}");
	client_ask(c, "no.such", json_object());
	is_str("an unknown channel", answer_str(c, "code"),
	    "unknown_channel");
	client_ask(c, "telemetry", json_array());
	is_str("telemetry that is no object", answer_str(c, "code"),
	    "bad_message");
	o = only_agent(NULL);
	ok("metrics are kept", json_number_value(json_object_get(
	    json_object_get(o, "metrics"), "cpuPercent")) == 12.5);
	is_str("version", json_str(o, "version", ""), "9.9");
	is_str("the address is ours to say", json_str(o, "address", ""),
	    "127.0.0.1");
	ok("connected", json_bool(o, "connected", 0));
	ok("in clear", !json_bool(o, "encrypted", 1));
	ok("seen now", clock_wall_ms() - json_int(o, "last_seen", 0) < 5000);
	json_decref(o);
	auth_text(c, 0, 0, &b);
	client_say(c, &b);
	is_str("auth twice", answer_str(c, "code"), "bad_message");
	ok("leaves it standing", !c->closed);
	buf_clear(&b);
	buf_adds(&b, "{\"id\":\"a\",\"type\":\"request\",\"channel\":"
	    "\"telemetry\",\"payload\":\"{}\",\"timestamp\":1}");
	client_say(c, &b);
	is_str("a time stamp out of range", answer_str(c, "code"),
	    "clock_skew");
	buf_clear(&b);
	buf_printf(&b, "{\"id\":\"a\",\"type\":\"request\",\"channel\":"
	    "\"telemetry\",\"payload\":\"{}\",\"timestamp\":%lld,"
	    "\"signature\":\"AAAA\"}", (long long)clock_wall_ms() / 1000);
	client_say(c, &b);
	ok("a signature that is none", refused(c, "bad_signature"));
	buf_release(&b);
}

static void
test_sealed(struct client *c)
{
	struct buf	 b = BUF_INIT;
	char		*at;
	json_t		*o;

	ok("keys are agreed on", client_enter(c, 1) && c->crypt.on);
	client_send(c, "heartbeat", "", "{}");
	client_send(c, "request", "telemetry", "{\"cpuPercent\":33}");
	client_ask(c, "no.such", json_object());
	is_str("sealed answers", answer_str(c, "code"), "unknown_channel");
	o = only_agent(NULL);
	is_int("sealed metrics", json_int(json_object_get(o, "metrics"),
	    "cpuPercent", 0), 33);
	ok("is seen to be sealed", json_bool(o, "encrypted", 0));
	json_decref(o);
	envelope_of(c, "request", "no.such", "{}", &b);
	client_say(c, &b);
	client_say(c, &b);
	ok("the same message again", refused(c, "replay"));

	client_enter(c, 1);
	buf_clear(&b);
	envelope_of(c, "request", "no.such", "{}", &b);
	at = strstr(b.p, "\"payload\":\"") + strlen("\"payload\":\"");
	*at = *at == 'A' ? 'B' : 'A';
	client_say(c, &b);
	ok("a changed one", refused(c, "bad_signature"));

	client_enter(c, 1);
	buf_clear(&b);
	buf_printf(&b, "{\"id\":\"heartbeat_1\",\"type\":\"heartbeat\","
	    "\"timestamp\":%lld,\"payload\":\"{}\",\"headers\":{}}",
	    (long long)clock_wall_ms() / 1000);
	client_say(c, &b);
	ok("one in clear", refused(c, "bad_message"));
	buf_release(&b);
}

static void
test_replaced(struct client *c)
{
	struct client	second = *c;

	client_enter(c, 0);
	ok("a second connection of one agent", client_enter(&second, 1));
	ok("ends the first", loop_run(&c->closed, 1) && c->code == 1008);
	is_int("one is connected", (int)gateway_connected(gateway), 1);
	client_leave(c);
	client_leave(&second);
	loop_run(&c->closed, 1);
	is_int("none is", (int)gateway_connected(gateway), 0);
}

static void
test_restart(struct client *c)
{
	json_t	*o;
	double	 after;
	char	 uid[UUID_SIZE];

	client_enter(c, 1);
	client_send(c, "request", "telemetry", "{\"cpuPercent\":44}");
	client_ask(c, "no.such", json_object());
	gateway_finish();
	loop_run(&c->closed, 1);
	is_str("told before the end", c->e.channel, "link.closing");
	after = json_number_value(json_object_get(c->payload,
	    "retry_after"));
	ok("when to come back", after >= 2 && after < 4);
	is_int("and closed as going away", c->code, 1001);
	client_leave(c);

	gateway_begin(LINK_REQUIRE, 0, 0);
	o = only_agent(NULL);
	is_int("the last metrics outlive it", json_int(json_object_get(o,
	    "metrics"), "cpuPercent", 0), 44);
	ok("not connected", !json_bool(o, "connected", 1));
	snprintf(uid, sizeof(uid), "%s", json_str(o, "uid", ""));
	json_decref(o);
	client_connect(c);
	client_auth_off(c, 0, 0);
	ok("a server that requires encryption", refused(c,
	    "encryption_required"));
	ok("takes who offers it", client_enter(c, 1) && c->crypt.on);
	client_leave(c);
	gateway_finish();

	gateway_begin(LINK_OFF, 300, 700);
	ok("a server without", client_enter(c, 1) && !c->crypt.on);
	is_str("knows the agent", answer_str(c, "agent_uid"), uid);
	ok("silence ends it", loop_run(&c->closed, 1) && c->code == 1001);
	client_leave(c);
	client_connect(c);
	ok("no auth in time", loop_run(&c->messages, 1) &&
	    refused(c, "not_authenticated"));
	gateway_finish();
}

int
main(void)
{
	struct client	 c;
	int		 ended = 0;
	char		*where, *base, *why;

	crypto_init();
	log_init("gateway.t", LOG_NONE, LOG_TEXT);
	uv_loop_init(&loop);
	if (mkdtemp(dir) == NULL)
		return 1;
	where = xasprintf("lmdb:%s", dir);
	crypto_ed25519_keypair(server_pub, server_sec);
	httpd = httpd_new(&loop, on_request, NULL);
	if (store_open(&store, &loop, where, &why) < 0 ||
	    httpd_listen(httpd, "127.0.0.1:0", NULL, &base) < 0)
		return 1;
	url = xasprintf("ws%s/ws/agent", base + strlen("http"));
	gateway_begin(LINK_PREFER, 0, 0);

	test_before_auth();
	test_clock();
	test_flips();
	test_registration(&c);
	test_registration_signature();
	test_messages(&c);
	test_sealed(&c);
	test_replaced(&c);
	test_restart(&c);

	httpd_stop(httpd, 1000, set_flag, &ended);
	loop_run(&ended, 1);
	ended = 0;
	store_close(store, set_flag, &ended);
	loop_run(&ended, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	is_int("nothing is left on the loop", uv_loop_close(&loop), 0);
	free(where);
	free(base);
	free(url);
	where = xasprintf("rm -rf %s", dir);
	ok("cleaned up", system(where) == 0);
	free(where);
	return done();
}
