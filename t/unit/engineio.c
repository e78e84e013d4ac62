/* Engine.IO: its packets, and a server that is asked in all ways. */
#include "sio.h"

/* -- packets -- */

static void
test_packets(void)
{
	static const struct {
		const char	*text, *types, *data;
		int		 bad;
	} table[] = {
		{ "4hello", "4", "hello|", 0 },
		{ "4a\x1e" "2\x1e" "4b", "424", "a||b|", 0 },
		{ "4a\x1e" "bAQIDBA==", "4b", "a|AQIDBA==|", 0 },
		{ "0{}", "0", "{}|", 0 },
		{ "7", "", "", 1 },
		{ "abc", "", "", 1 },
		{ "\x1e", "", "", 1 },
		{ "4a\x1e", "", "", 1 },
		{ "4a\x1e\x1e" "4b", "4", "a|", 1 },
	};
	struct engineio_packet	p;
	struct buf		types = BUF_INIT, data = BUF_INIT;
	const char		*text;
	size_t			 i, n;
	int			 rc;

	for (i = 0; i < nitems(table); i++) {
		text = table[i].text;
		n = strlen(text);
		buf_clear(&types);
		buf_clear(&data);
		while ((rc = engineio_payload_next(&text, &n, &p)) > 0) {
			buf_addc(&types, p.type);
			buf_add(&data, p.data, p.len);
			buf_addc(&data, '|');
		}
		ok(table[i].text, (rc < 0) == table[i].bad
		    && strcmp(buf_str(&types), table[i].types) == 0
		    && strcmp(buf_str(&data), table[i].data) == 0);
	}
	buf_release(&types);
	buf_release(&data);
}

static void
test_bytes(void)
{
	struct engineio_packet	p;
	struct buf		b = BUF_INIT, back = BUF_INIT;
	const char		*text;
	size_t			 n;

	engineio_payload_add(&b, '4', "x", 1);
	engineio_payload_add(&b, 'b', "\0\1\2\377", 4);
	engineio_payload_add(&b, 'b', "", 0);
	engineio_payload_add(&b, '2', "", 0);
	is_str("a payload is written", buf_str(&b),
	    "4x\x1e" "bAAEC/w==\x1e" "b\x1e" "2");
	text = b.p;
	n = b.len;
	engineio_payload_next(&text, &n, &p);
	engineio_payload_next(&text, &n, &p);
	ok("its bytes are read back", engineio_packet_bytes(&p, &back) == 0
	    && back.len == 4 && memcmp(back.p, "\0\1\2\377", 4) == 0);
	engineio_payload_next(&text, &n, &p);
	ok("none are none", p.type == 'b'
	    && engineio_packet_bytes(&p, &back) == 0 && back.len == 4);
	engineio_packet_read(&p, "bA!==", 5);
	ok("no base64 is refused", engineio_packet_bytes(&p, &back) < 0);
	engineio_packet_read(&p, "bAAEC/w", 7);
	ok("nor without its padding", engineio_packet_bytes(&p, &back) < 0);
	ok("an empty text is no packet", engineio_packet_read(&p, "", 0) < 0);
	buf_release(&b);
	buf_release(&back);
}

static void
test_utf8(void)
{
	static const struct {
		const char	*text;
		int		 good;
	} table[] = {
		{ "", 1 }, { "abc", 1 }, { "\xc3\xa4", 1 },
		{ "\xe2\x82\xac", 1 }, { "\xf0\x9f\x98\x80", 1 },
		{ "\xf4\x8f\xbf\xbf", 1 }, { "\xed\x9f\xbf", 1 },
		{ "\x80", 0 }, { "\xc3", 0 }, { "\xc3(", 0 },
		{ "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 }, { "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
		{ "\xe2\x82", 0 }, { "\xf0\x9f\x98", 0 }, { "a\xff", 0 },
	};
	size_t	i;
	int	wrong = 0;

	for (i = 0; i < nitems(table); i++)
		wrong += engineio_utf8(table[i].text, strlen(table[i].text))
		    != table[i].good;
	is_int("UTF-8 is told from what is not", wrong, 0);
}

/* -- deadlines -- */

static struct deadlines		row;
static struct deadline		waits[3];
static int			ended[3], ends;
static int			row_closed;

static void
on_row(struct deadline *d)
{
	ended[ends++] = (int)(d - waits);
}

static void
on_row_closed(uv_handle_t *h)
{
	*(int *)h->data = 1;
}

static void
test_deadlines(void)
{
	int	i;

	deadlines_init(&row, &loop, 30, on_row);
	for (i = 0; i < 3; i++) {
		deadline_init(&waits[i]);
		deadline_start(&row, &waits[i]);
	}
	deadline_start(&row, &waits[0]);
	deadline_stop(&waits[1]);
	ok("two of three end", loop_run(&ends, 2));
	sio_pause(50);
	ok("in the order of their starts, the stopped one never",
	    ends == 2 && ended[0] == 2 && ended[1] == 0);
	deadline_start(&row, &waits[1]);
	deadlines_close(&row, on_row_closed, &row_closed);
	ok("closed", loop_run(&row_closed, 1));
	ok("nothing ends any more", ends == 2);
}

/* -- the server under test: it echoes, and does what texts tell it -- */

static struct engineio		*engine;
static struct engineio_session	*last;	/* that opened */
static int			 opened, gone, stopped;
static char			 gone_why[80];

static int
on_open(struct engineio_session *s, struct http_req *q, void *arg)
{
	(void)arg;
	if (http_header(q, "X-Refuse") != NULL)
		return -1;
	last = s;
	opened++;
	return 0;
}

static void
send_lots(struct engineio_session *s, size_t n)
{
	char	*p = xmalloc(n);

	memset(p, 'x', n);
	engineio_text(s, p, n);
	free(p);
}

static void
on_message(struct engineio_session *s, const char *p, size_t n, int text,
    void *arg)
{
	(void)arg;
	if (!text)
		engineio_binary(s, p, n);
	else if (n == 5 && memcmp(p, "close", 5) == 0)
		engineio_close(s, "asked for");
	else if (n == 4 && memcmp(p, "lots", 4) == 0)
		send_lots(s, 60000);
	else
		engineio_text(s, p, n);
}

static void
on_gone(struct engineio_session *s, const char *why, void *arg)
{
	(void)arg;
	snprintf(gone_why, sizeof(gone_why), "%s", why);
	if (s == last)
		last = NULL;
	gone++;
}

static void
handle(struct http_req *q, void *arg)
{
	(void)arg;
	engineio_handle(engine, q);
}

static void
engine_start(const struct engineio_options *o)
{
	static const struct engineio_events	ev = {
		on_open, on_message, on_gone
	};

	engine = engineio_new(&loop, o, &ev, NULL);
	opened = gone = stopped = 0;
}

static void
engine_stop(void)
{
	engineio_stop(engine, on_web_stopped, &stopped);
	ok("the server stops", loop_run(&stopped, 1));
	is_int("every session was told of its end", gone, opened);
}

#define POLL	"/engine.io/?EIO=4&transport=polling"
#define WIRE	"/engine.io/?EIO=4&transport=websocket"

/* A session by polling; its path. */
static const char *
session(void)
{
	static char	path[128];
	struct got	g;

	ask(&g, "GET", POLL, NULL, 0);
	loop_run(&g.done, 1);
	if (g.status == 200 && strlen(g.body) > 32)
		snprintf(path, sizeof(path), POLL "&sid=%.24s", g.body + 9);
	got_clear(&g);
	return path;
}

/* The same session's path for a WebSocket. */
static const char *
upgrade_of(const char *path)
{
	static char	out[128];

	snprintf(out, sizeof(out), WIRE "%s", path + strlen(POLL));
	return out;
}

static void
test_refusals(void)
{
	struct got	g;

	ok("no transport", asks("GET", "/engine.io/?EIO=4", NULL, 400,
	    "{\"code\":0,\"message\":\"Transport unknown\"}"));
	ok("no version", asks("GET", "/engine.io/?transport=polling", NULL,
	    400, "{\"code\":5,\"message\":\"Unsupported protocol version\"}"));
	ok("version 3", asks("GET", "/engine.io/?transport=polling&EIO=3",
	    NULL, 400, NULL));
	ok("an unknown session", asks("GET", POLL "&sid=x", NULL, 400,
	    "{\"code\":1,\"message\":\"Session ID unknown\"}"));
	ok("a session begun by POST", asks("POST", POLL, "4x", 400,
	    "{\"code\":2,\"message\":\"Bad handshake method\"}"));
	ok("a WebSocket that is none", asks("GET", WIRE, NULL, 400,
	    "{\"code\":3,\"message\":\"Bad request\"}"));
	ok("DELETE in a session", asks("DELETE", session(), NULL, 400, NULL));
	ask(&g, "OPTIONS", POLL, NULL, 0);
	loop_run(&g.done, 1);
	is_str("other origins may ask", g.origin, "https://a.example");
	ok("and hear 204", gets(&g, 204, ""));
	ask(&g, "GET", POLL, NULL, 0);
	loop_run(&g.done, 1);
	is_str("nothing is cached", g.cache, "no-store");
	got_clear(&g);
}

static void
test_forbidden(void)
{
	struct peer	e;
	int		before = opened;

	peer_start(&e, WIRE, "X-Refuse: 1\r\n");
	ok("the application may refuse a session", e.closed && !e.open);
	is_int("which it does not hear of again", opened, before);
	peer_end(&e);
}

static void
test_polling(void)
{
	const char	*path = session();
	struct got	a, b;

	ask(&a, "GET", path, NULL, 0);
	ok("a POST is taken", asks("POST", path, "4one\x1e" "4two", 200,
	    "ok"));
	ok("the waiting poll gets the first", gets(&a, 200, "4one"));
	ok("the next poll the second", asks("GET", path, NULL, 200, "4two"));
	ok("bytes go both ways", asks("POST", path, "bAP8=", 200, "ok")
	    && asks("GET", path, NULL, 200, "bAP8="));
	ok("an empty POST is no packet", asks("POST", path, "", 400, NULL));
	ok("and ends the session", asks("GET", path, NULL, 400, NULL));
	is_str("with words", gone_why, "not a packet");
	path = session();
	ok("what is not UTF-8 ends one", asks("POST", path, "4\xff", 400,
	    NULL) && asks("GET", path, NULL, 400, NULL));
	path = session();
	ok("a ping is the server's to send", asks("POST", path, "2", 400,
	    NULL));
	path = session();
	ask(&a, "GET", path, NULL, 0);
	sio_pause(20);
	ask(&b, "GET", path, NULL, 0);
	ok("of two polls the first is closed", gets(&a, 200, "1"));
	ok("the second refused", gets(&b, 400, NULL));
}

static void
test_too_long(void)
{
	const char	*path = session();
	char		*p = xmalloc(100001);
	struct got	 g;

	memset(p, 'x', 100001);
	p[0] = '4';
	ask(&g, "POST", path, p, 100001);
	ok("a POST past max_payload is 413", gets(&g, 413, NULL));
	ok("the session lives", asks("POST", path, "4a", 200, "ok"));
	free(p);
}

static void
test_closing(void)
{
	const char	*path = session();
	struct got	 g;

	ask(&g, "GET", path, NULL, 0);
	sio_pause(20);
	ok("the client closes", asks("POST", path, "1", 200, "ok"));
	ok("its poll ends", gets(&g, 200, "6"));
	ok("then it is unknown", asks("GET", path, NULL, 400, NULL));
	path = session();
	asks("POST", path, "1", 200, "ok");
	ok("a poll that comes late ends as well", asks("GET", path, NULL, 200,
	    "6") && asks("GET", path, NULL, 400, NULL));
	path = session();
	asks("POST", path, "4a\x1e" "4close\x1e" "4b", 200, "ok");
	ok("the server's close comes behind its data", asks("GET", path, NULL,
	    200, "4a\x1e" "1"));
	is_str("the reason is told", gone_why, "asked for");
	ok("once", asks("GET", path, NULL, 400, NULL));
	path = session();
	asks("POST", path, "4close", 200, "ok");
	ok("with nothing to say the session is gone at once", asks("GET",
	    path, NULL, 400, NULL));
}

static void
test_slow_polls(void)
{
	size_t		 had = engine->buffered;
	const char	*path = session();
	int		 before = gone;

	ok("what nobody fetches waits", asks("POST", path,
	    "4lots\x1e" "4lots", 200, "ok") && gone == before
	    && engineio_pending(last) > 120000);
	ok("up to max_buffered", asks("POST", path, "4lots\x1e" "4lots", 200,
	    "ok"));
	ok("then the session ends", loop_run(&gone, before + 1));
	is_str("with words", gone_why, "the client reads too slowly");
	ok("and is unknown", asks("GET", path, NULL, 400, NULL));
	path = session();
	engine->buffered += ENGINEIO_MAX_TOTAL;	/* as if by others */
	asks("POST", path, "4a", 200, "ok");
	engine->buffered -= ENGINEIO_MAX_TOTAL;
	ok("so it does when all together have too much",
	    asks("GET", path, NULL, 400, NULL));
	ok("nothing is counted that is gone", engine->buffered == had);
}

static void
test_wire(void)
{
	struct peer	e;
	int		before = gone;

	peer_start(&e, WIRE, NULL);
	ok("a WebSocket opens", hears_begin(&e, "0{\"sid\":\""));
	ok("with nothing to upgrade to",
	    strstr(e.text[0], "\"upgrades\":[]") != NULL);
	is_str("it is its transport", engineio_transport(last), "websocket");
	peer_say(&e, "4x\x1ey");
	ok("a separator is text there", hears(&e, "4x\x1ey"));
	ws_binary(e.ws, "\0\377", 2);
	ok("bytes are bytes", peer_next(&e) != NULL && !e.is_text[2]
	    && e.len[2] == 2);
	peer_say(&e, "bAP8=");
	ok("base64 is taken too", peer_next(&e) != NULL && !e.is_text[3]);
	peer_say(&e, "4close");
	ok("the server closes", peer_is_closed(&e));
	ok("and hears of it", loop_run(&gone, before + 1));
	peer_end(&e);
	peer_start(&e, WIRE, NULL);
	peer_next(&e);
	peer_say(&e, "");
	ok("an empty message breaks it", peer_is_told(&e, "not a packet"));
	peer_end(&e);
	peer_start(&e, WIRE, NULL);
	peer_next(&e);
	peer_end(&e);
	ok("the client's close is heard", loop_run(&gone, before + 3));
}

static void
test_upgrade(void)
{
	const char	*path = session();
	struct peer	 e, other;
	struct got	 g;

	ask(&g, "GET", path, NULL, 0);
	peer_start(&e, upgrade_of(path), NULL);
	asks("POST", path, "4a", 200, "ok");
	ok("before the probe polls go on", gets(&g, 200, "4a"));
	ask(&g, "GET", path, NULL, 0);
	sio_pause(20);
	peer_say(&e, "2probe");
	ok("the probe is answered", hears(&e, "3probe"));
	ok("the poll ends", gets(&g, 200, "6"));
	ok("data wait", asks("POST", path, "4b\x1e" "bAP8=", 200, "ok"));
	ok("not for polls", asks("GET", path, NULL, 200, "6"));
	peer_start(&other, upgrade_of(path), NULL);
	ok("there is one probe", peer_is_closed(&other));
	peer_end(&other);
	peer_say(&e, "5");
	ok("they come by the WebSocket", hears(&e, "4b"));
	ok("in order, as bytes", peer_next(&e) != NULL && !e.is_text[2]);
	ok("polls are refused", asks("GET", path, NULL, 400, NULL));
	peer_start(&other, upgrade_of(path), NULL);
	ok("there is one WebSocket", peer_is_closed(&other));
	peer_end(&other);
	peer_say(&e, "4c");
	ok("which goes on", hears(&e, "4c"));
	peer_end(&e);
}

static void
test_no_upgrade(void)
{
	const char	*path = session();
	struct peer	 e;
	int		 before = gone;

	peer_start(&e, upgrade_of(path), NULL);
	peer_say(&e, "2probe");
	hears(&e, "3probe");
	asks("POST", path, "4a", 200, "ok");
	peer_end(&e);
	sio_pause(20);
	ok("a probe that goes leaves the session", gone == before
	    && asks("GET", path, NULL, 200, "4a"));
	peer_start(&e, upgrade_of(path), NULL);
	peer_say(&e, "4x");
	ok("data on a probe closes it", peer_is_closed(&e));
	ok("and nothing else", gone == before);
	peer_end(&e);
	peer_start(&e, upgrade_of(path), NULL);
	ok("one without a word is closed in time", peer_is_closed(&e));
	peer_end(&e);
	asks("POST", path, "1", 200, "ok");
	ok("the session closes by polling", asks("GET", path, NULL, 200, "6"));
}

/* Two sessions are all: the limit, and that it goes with them. */
static void
test_cap(void)
{
	struct engineio_options	o = { .max_sessions = 2 };
	struct peer		a, b;

	engine_start(&o);
	peer_start(&a, WIRE, NULL);
	peer_start(&b, WIRE, NULL);
	ok("a third session is refused", asks("GET", POLL, NULL, 503, NULL));
	peer_end(&a);
	ok("until one has gone", loop_run(&gone, 1)
	    && asks("GET", POLL, NULL, 200, NULL));
	engine_stop();
	is_int("the WebSocket is told that the server goes",
	    peer_is_closed(&b) ? b.code : 0, 1001);
	peer_end(&b);
}

static void
test_heartbeat(void)
{
	struct engineio_options	o = { .ping_interval = 60,
				    .ping_timeout = 60 };
	const char		*path;
	struct peer		 e;

	engine_start(&o);
	path = session();
	ok("a ping", asks("GET", path, NULL, 200, "2"));
	ok("its answer", asks("POST", path, "3", 200, "ok"));
	ok("the next", asks("GET", path, NULL, 200, "2"));
	ok("no answer ends the session", loop_run(&gone, 1));
	is_str("with words", gone_why, "no answer to a ping");
	ok("then it is unknown", asks("GET", path, NULL, 400, NULL));
	peer_start(&e, WIRE, NULL);
	peer_next(&e);
	ok("pings by WebSocket", hears(&e, "2"));
	ok("close it too", peer_is_closed(&e));
	peer_end(&e);
	engine_stop();
}

/* A stop with all there can be: a waiting poll, a probe, a lingering
 * session, data that nobody fetches. */
static void
test_stop(void)
{
	struct peer	e;
	struct got	g;
	const char	*path;

	engine_start(NULL);
	path = session();
	asks("POST", path, "4a\x1e" "4close", 200, "ok");
	path = session();
	asks("POST", path, "4unfetched", 200, "ok");
	path = session();
	peer_start(&e, upgrade_of(path), NULL);
	ask(&g, "GET", path, NULL, 0);
	sio_pause(20);
	engine_stop();
	ok("the waiting poll is told", gets(&g, 200, "1"));
	ok("the probe is closed", peer_is_closed(&e));
	peer_end(&e);
}

int
main(void)
{
	static const struct engineio_options	o = {
		.max_payload = 100000, .max_buffered = 150000,
		.upgrade_timeout = 300, .cors_origin = "https://a.example"
	};

	log_init("engineio.t", LOG_WARN, LOG_TEXT);
	crypto_init();
	uv_loop_init(&loop);
	test_packets();
	test_bytes();
	test_utf8();
	test_deadlines();
	web_start(handle);
	engine_start(&o);
	test_refusals();
	test_forbidden();
	test_polling();
	test_too_long();
	test_closing();
	test_slow_polls();
	test_wire();
	test_upgrade();
	test_no_upgrade();
	engine_stop();
	test_cap();
	test_heartbeat();
	test_stop();
	web_stop();
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("nothing is left in the loop", uv_loop_close(&loop) == 0);
	return done();
}
