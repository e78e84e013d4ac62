/* WebSockets, both ends in one loop; and hostile peers, byte by byte. */
#include <errno.h>
#include <stdint.h>

#include "net.h"
#include "tap.h"

#include "ws_impl.h"

enum deed { DO_NOTHING, DO_ECHO, DO_CLOSE };

/* One end, with what it heard. */
struct end {
	struct ws	*w;
	struct buf	 got;		/* the last message */
	size_t		 bytes;
	int		 open, messages, text, pongs, drained, closed, code;
	int		 status, retry, on_message;
	char		 why[160];
};

static struct end	client, server;

static void
on_open(struct ws *w, void *arg)
{
	struct end	*e = arg;

	e->w = w;
	e->open++;
}

static void
on_message(struct ws *w, const char *p, size_t n, int text, void *arg)
{
	struct end	*e = arg;

	e->messages++;
	e->text = text;
	e->bytes += n;
	buf_clear(&e->got);
	buf_add(&e->got, p, n);
	if (e->on_message == DO_ECHO && text)
		ws_text(w, p, n);
	else if (e->on_message == DO_ECHO)
		ws_binary(w, p, n);
	else if (e->on_message == DO_CLOSE)
		ws_close(w, 4001, "enough");
}

static void
on_pong(struct ws *w, void *arg)
{
	(void)w;
	((struct end *)arg)->pongs++;
}

static void
on_drained(struct ws *w, void *arg)
{
	(void)w;
	((struct end *)arg)->drained++;
}

static void
on_closed(struct ws *w, int code, const char *why, void *arg)
{
	struct end	*e = arg;

	e->closed++;
	e->code = code;
	e->status = ws_refused_status(w);
	e->retry = ws_retry_after(w);
	snprintf(e->why, sizeof(e->why), "%s", why);
	e->w = NULL;
}

static const struct ws_events	events = {
	on_open, on_message, on_pong, on_drained, on_closed
};

static void
reset(void)
{
	buf_release(&client.got);
	buf_release(&server.got);
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
}

static int
both_closed(void)
{
	return loop_run(&client.closed, 1) & loop_run(&server.closed, 1);
}

/* -- a server that does no more than the handshake -- */

static struct buf	head;		/* of the last request */
static const char	*canned;	/* an answer instead of the right one */
static struct net_listener	listener;
static size_t		max_message;

static void
serve_data(struct stream *s, const char *p, size_t n, void *arg)
{
	char		*end, *key, accept[WS_ACCEPT_SIZE];
	struct buf	 b = BUF_INIT;

	(void)arg;
	buf_add(&head, p, n);
	if ((end = strstr(buf_str(&head), "\r\n\r\n")) == NULL)
		return;
	if (canned != NULL) {
		stream_write(s, canned, strlen(canned));
		return;
	}
	key = strstr(head.p, "Sec-WebSocket-Key: ");
	key = xstrndup(key + 19, strcspn(key + 19, "\r"));
	ws_accept_key(key, accept);
	free(key);
	buf_printf(&b, "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
	stream_write_take(s, &b);
	end += 4;
	server.w = ws_adopt(s, end, head.len - (size_t)(end - head.p),
	    &events, max_message, &server);
	server.open++;
	buf_clear(&head);
}

static void
serve_closed(struct stream *s, int rc, void *arg)
{
	(void)s;
	(void)rc;
	(void)arg;
	buf_clear(&head);
}

static const struct stream_events	serve = {
	.data = serve_data, .closed = serve_closed
};

static void
dial(const char *scheme, const struct ws_options *o)
{
	const char	*why = "";
	char		 url[64];

	snprintf(url, sizeof(url), "%s://127.0.0.1:%d/ws?x=1", scheme,
	    listener.port);
	client.w = ws_connect(&loop, url, o, &events, &client, &why);
	if (client.w == NULL)
		printf("# %s\n", why);
}

static void
open_both(const char *scheme, const struct ws_options *o)
{
	reset();
	dial(scheme, o);
	loop_run(&client.open, 1);
	loop_run(&server.open, 1);
}

static void
close_both(void)
{
	if (client.w != NULL)
		ws_close(client.w, 1000, "");
	both_closed();
}

/* -- talk -- */

static void
test_key(void)
{
	char	accept[WS_ACCEPT_SIZE];

	ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
	is_str("the accept key of RFC 6455", accept,
	    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ok("a key is 16 bytes of base64",
	    ws_key_valid("dGhlIHNhbXBsZSBub25jZQ==")
	    && !ws_key_valid("dGhlIHNhbXBsZSBub25jZQ")
	    && !ws_key_valid("dGhlIHNhbXBsZSBub25j") && !ws_key_valid("")
	    && !ws_key_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

static void
test_talk(const char *scheme, const struct ws_options *o)
{
	char	*big = xmalloc(WS_MAX_MESSAGE + 1);
	int	 i;

	open_both(scheme, o);
	ok("the handshake opens both ends", client.open == 1
	    && server.w != NULL);
	server.on_message = DO_ECHO;
	ws_text(client.w, "gr\xc3\xbc\xc3\x9f", 6);
	ok("a text and its echo", loop_run(&client.messages, 1)
	    && client.text == 1
	    && strcmp(client.got.p, "gr\xc3\xbc\xc3\x9f") == 0);
	ws_binary(client.w, "\0\xff", 2);
	ok("binary stays binary", loop_run(&client.messages, 2)
	    && client.text == 0 && client.got.len == 2
	    && memcmp(client.got.p, "\0\xff", 2) == 0);
	ws_text(client.w, "", 0);
	ok("an empty message is one", loop_run(&client.messages, 3)
	    && client.got.len == 0 && client.text == 1);
	memset(big, 'b', WS_MAX_MESSAGE + 1);
	ws_binary(client.w, big, WS_MAX_MESSAGE);
	ok("the largest message", loop_run(&client.messages, 4)
	    && client.got.len == WS_MAX_MESSAGE
	    && memcmp(client.got.p, big, WS_MAX_MESSAGE) == 0);
	for (i = 0; i < 1000; i++)
		ws_binary(client.w, &i, sizeof(i));
	ok("a thousand at once", loop_run(&client.messages, 1004)
	    && *(int *)(void *)client.got.p == 999);
	ws_ping(client.w);
	ws_ping(server.w);
	ok("pings and pongs", loop_run(&client.pongs, 1)
	    && loop_run(&server.pongs, 1));
	ok("drained() was heard", client.drained > 0 && server.drained > 0);
	ok("at rest no context is kept", client.w->wslay == NULL
	    && server.w->wslay == NULL);
	is_str("the peer has an address", ws_peer(server.w), "127.0.0.1");
	ws_binary(client.w, big, WS_MAX_MESSAGE + 1);
	ok("a larger one is not taken", both_closed()
	    && client.code == 1009);
	is_str("in words", server.why, "the peer's message is too large");
	is_int("each was closed once", client.closed * 10 + server.closed, 11);
	free(big);
}

static void
test_close(void)
{
	char	words[200];

	open_both("ws", NULL);
	ws_close(client.w, 4000, "lunch");
	ws_text(client.w, "never", 5);
	ws_ping(client.w);
	ws_close(client.w, 4002, "again");
	ok("the client closes", both_closed() && server.code == 4000
	    && client.code == 4000);
	is_str("and says why", server.why, "lunch");
	is_int("nothing comes behind it", server.messages, 0);

	open_both("ws", NULL);
	ws_close(server.w, 1001, "shutting down");
	ok("the server closes", both_closed() && client.code == 1001);
	is_str("and says why", client.why, "shutting down");

	open_both("ws", NULL);
	ws_close(server.w, 1000, "");
	ws_close(client.w, 1001, "");
	ok("both close at once", both_closed() && client.closed == 1
	    && server.closed == 1);

	open_both("ws", NULL);
	server.on_message = DO_CLOSE;
	ws_text(client.w, "a", 1);
	ws_text(client.w, "b", 1);
	ok("a close within message()", both_closed() && client.code == 4001);
	is_int("is the last of it", server.messages, 1);

	open_both("ws", NULL);
	memset(words, 'x', sizeof(words));
	strcpy(words + 121, "\xe2\x82\xac\xe2\x82\xac");
	ws_close(client.w, 1000, words);
	both_closed();
	is_int("long words are cut between characters", strlen(server.why),
	    121);

	open_both("ws", NULL);
	stream_abort(server.w->stream, 0);
	ok("a lost connection is 1006", both_closed() && client.code == 1006);
	is_str("in words", client.why,
	    "connection closed without a close frame");

	reset();
	dial("ws", NULL);
	ws_close(client.w, 1000, "changed my mind");
	ok("a close while opening", loop_run(&client.closed, 1)
	    && client.open == 0 && client.code == 1006);
	is_str("in words", client.why, "changed my mind");
}

static void
test_slow_reader(void)
{
	static char	block[100000];
	int		n = 0, last = 0, i;

	open_both("ws", NULL);
	for (i = 0; i < 1000 && (last = ws_binary(server.w, block,
	    sizeof(block))) == 0; i++)
		n++;
	is_int("who does not read is told so", last, -ENOBUFS);
	ok("above the limit, not far above", n >= WS_MAX_PENDING / 100000
	    && n < 300 && ws_pending(server.w) < WS_MAX_PENDING + 1000);
	is_int("then nothing is taken", ws_text(server.w, "x", 1), 0);
	ok("it ends with 1013", both_closed() && client.code == 1013);
	is_int("behind all that was taken", client.messages, n);
}

/* -- hostile clients: bytes, by hand -- */

struct raw {
	struct stream	*s;
	struct buf	 got;
	int		 ready, closed;
};

static struct raw	raw;

static void
raw_ready(struct stream *s, void *arg)
{
	(void)arg;
	raw.s = s;
	raw.ready++;
}

static void
raw_data(struct stream *s, const char *p, size_t n, void *arg)
{
	(void)s;
	(void)arg;
	buf_add(&raw.got, p, n);
}

static void
raw_closed(struct stream *s, int rc, void *arg)
{
	(void)s;
	(void)rc;
	(void)arg;
	raw.s = NULL;
	raw.closed++;
}

static const struct stream_events	raw_events = {
	.ready = raw_ready, .data = raw_data, .closed = raw_closed
};

static const char	request[] = "GET / HTTP/1.1\r\nHost: x\r\n"
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version:"
	" 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/* A frame by its first byte, masked by a key that is not zero. */
static void
frame(struct buf *b, int first, const void *p, size_t n)
{
	const unsigned char	*s = p;
	size_t			 i;

	buf_addc(b, first);
	if (n < 126) {
		buf_addc(b, 0x80 | (int)n);
	} else {
		buf_addc(b, 0x80 | 126);
		buf_addc(b, (int)(n >> 8));
		buf_addc(b, (int)(n & 0xff));
	}
	buf_add(b, "\1\2\3\4", 4);
	for (i = 0; i < n; i++)
		buf_addc(b, s[i] ^ (int)(i % 4 + 1));
}

/* Sends these bytes behind the handshake and takes them. */
static void
raw_send(struct buf *b, int glued, int byte_by_byte)
{
	size_t	i;

	reset();
	buf_clear(&raw.got);
	raw.ready = raw.closed = 0;
	raw.s = stream_connect(&loop, "127.0.0.1", listener.port, NULL, 5000,
	    &raw_events, NULL);
	loop_run(&raw.ready, 1);
	stream_write(raw.s, request, sizeof(request) - 1);
	if (!glued)
		loop_run(&server.open, 1);
	if (!byte_by_byte) {
		stream_write(raw.s, b->p, b->len);
	} else {
		for (i = 0; i < b->len && raw.s != NULL; i++) {
			stream_write(raw.s, b->p + i, 1);
			uv_run(&loop, UV_RUN_NOWAIT);
			uv_run(&loop, UV_RUN_NOWAIT);
		}
	}
	buf_release(b);
}

/* The server's close code for this input; 0 where it sent none. */
static int
verdict(const void *p, size_t n)
{
	struct buf	b = BUF_INIT;
	unsigned char	*f;

	buf_add(&b, p, n);
	raw_send(&b, 0, 0);
	loop_run(&server.closed, 1);
	loop_run(&raw.closed, 1);
	f = (unsigned char *)strstr(buf_str(&raw.got), "\r\n\r\n");
	if (f == NULL || (f += 4) >= (unsigned char *)raw.got.p + raw.got.len)
		return 0;
	if (f[0] != 0x88)
		return -1;
	return f[1] >= 2 ? f[2] << 8 | f[3] : 1005;
}

static void
test_pieces(void)
{
	struct buf	b = BUF_INIT;
	int		i;

	frame(&b, 0x81, "glued", 5);
	raw_send(&b, 1, 0);
	ok("a frame glued to the request", loop_run(&server.messages, 1)
	    && strcmp(server.got.p, "glued") == 0);
	stream_close(raw.s);
	loop_run(&server.closed, 1);
	loop_run(&raw.closed, 1);

	frame(&b, 0x01, "\xe2", 1);
	frame(&b, 0x89, "ping", 4);
	frame(&b, 0x00, "\x82", 1);
	frame(&b, 0x00, "", 0);
	frame(&b, 0x80, "\xac", 1);
	frame(&b, 0x82, "whole", 5);
	frame(&b, 0x88, "\x03\xe8", 2);
	raw_send(&b, 0, 1);
	ok("a character in fragments, byte by byte, a ping within",
	    loop_run(&server.closed, 1) && server.messages == 2
	    && server.bytes == 8 && server.code == 1000);
	ok("the ping was answered", strstr(buf_str(&raw.got) + 10,
	    "\r\n\r\n\x8a\x04ping\x88\x02\x03\xe8") != NULL);
	loop_run(&raw.closed, 1);

	frame(&b, 0x02, "", 0);
	for (i = 0; i < WS_MAX_FRAMES - 2; i++)
		frame(&b, 0x00, "x", 1);
	frame(&b, 0x80, "x", 1);
	raw_send(&b, 0, 0);
	ok("as many fragments as may be", loop_run(&server.messages, 1)
	    && server.bytes == WS_MAX_FRAMES - 1);
	ok("and no context after them", server.w->wslay == NULL);
	stream_close(raw.s);
	loop_run(&server.closed, 1);
	loop_run(&raw.closed, 1);

	frame(&b, 0x02, "x", 1);
	for (i = 0; i < WS_MAX_FRAMES; i++)
		frame(&b, 0x00, "x", 1);
	is_int("more are 1008", verdict(b.p, b.len), 1008);
	is_str("in words", server.why,
	    "the peer's message has too many pieces");
	buf_release(&b);
}

static void
test_hostile(void)
{
	static const struct {
		const char	*what;
		const char	*bytes;
		size_t		 n;
		int		 code;
	} table[] = {
#define BYTES(s)	s, sizeof(s) - 1
		{ "not masked", BYTES("\x81\x01x"), 1002 },
		{ "a reserved bit", BYTES("\xc1\x81\0\0\0\0x"), 1002 },
		{ "an unknown opcode", BYTES("\x83\x80\0\0\0\0"), 1002 },
		{ "a continuation of nothing", BYTES("\x80\x80\0\0\0\0"),
		    1002 },
		{ "a message within another",
		    BYTES("\x01\x81\0\0\0\0x\x81\x81\0\0\0\0x"), 1002 },
		{ "a fragmented ping", BYTES("\x09\x80\0\0\0\0"), 1005 },
		{ "a long ping", BYTES("\x89\xfe\0\x7e\0\0\0\0"), 1005 },
		{ "a length in more bytes than it needs",
		    BYTES("\x82\xfe\0\x05\0\0\0\0xxxxx"), 1005 },
		{ "a length above 2^63",
		    BYTES("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
		    1005 },
		{ "a length of terabytes",
		    BYTES("\x82\xff\0\0\xff\xff\xff\xff\xff\xff\0\0\0\0x"),
		    1009 },
		{ "text that is not UTF-8", BYTES("\x81\x82\0\0\0\0\xc0\x80"),
		    1007 },
		{ "text that ends within a character",
		    BYTES("\x81\x81\0\0\0\0\xe2"), 1007 },
		{ "a surrogate", BYTES("\x81\x83\0\0\0\0\xed\xa0\x80"), 1007 },
		{ "a close with a code that is none",
		    BYTES("\x88\x82\0\0\0\0\x03\xed"), 1002 },
		{ "a close with words that are not UTF-8",
		    BYTES("\x88\x83\0\0\0\0\x03\xe8\xff"), 1007 },
		{ "an empty close", BYTES("\x88\x80\0\0\0\0"), 1005 },
	};
	char	what[80];
	size_t	i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(what, sizeof(what), "%s: %d", table[i].what,
		    table[i].code);
		is_int(what, verdict(table[i].bytes, table[i].n),
		    table[i].code);
		if (server.closed != 1 || server.messages != 0
		    || server.why[0] == '\0')
			ok("it ends once, with words and no message", 0);
	}
	is_int("a close without a code is 1005", server.code, 1005);
}

/* Pings whose answers nobody reads must not fill the memory. */
static void
test_ping_flood(void)
{
	struct buf	flood = BUF_INIT, b = BUF_INIT;
	char		body[125];
	int		i;

	memset(body, 'p', sizeof(body));
	for (i = 0; i < 8000; i++)
		frame(&flood, 0x89, body, sizeof(body));
	raw_send(&b, 0, 0);
	loop_run(&raw.ready, 1);
	uv_run(&loop, UV_RUN_NOWAIT);
	stream_pause(raw.s);
	for (i = 0; i < 60 && !server.closed; i++) {
		if (raw.s != NULL)
			stream_write(raw.s, flood.p, flood.len);
		while (raw.s != NULL && stream_pending(raw.s) > 0
		    && !server.closed)
			uv_run(&loop, UV_RUN_ONCE);
	}
	ok("a flood of pings is left", loop_run(&server.closed, 1));
	is_str("in words", server.why, "the peer pings and does not read");
	if (raw.s != NULL)
		stream_resume(raw.s);
	loop_run(&raw.closed, 1);
	buf_release(&flood);
}

/* The one that was told goodbye says nothing. */
static void
test_silent_close(void)
{
	struct buf	b = BUF_INIT;
	int64_t		start;

	raw_send(&b, 0, 0);
	start = clock_mono_ms();
	ws_close(server.w, 1001, "");
	ok("a close without an answer ends in time",
	    loop_run(&server.closed, 1)
	    && clock_mono_ms() - start < WS_CLOSE_MS + 2000);
	is_str("in words", server.why, "no answer to the close in time");
	loop_run(&raw.closed, 1);
}

/* -- hostile servers -- */

static void
refusal(const char *what, const char *answer, const char *why)
{
	char	text[100];

	reset();
	canned = answer;
	dial("ws", NULL);
	loop_run(&client.closed, 1);
	canned = NULL;
	snprintf(text, sizeof(text), "%s is refused", what);
	ok(text, client.open == 0 && client.code == 1006);
	is_str("in words", client.why, why);
}

static void
test_refusals(void)
{
#define SWITCH	"HTTP/1.1 101 Switching Protocols\r\n"
#define UP	"Upgrade: websocket\r\nConnection: Upgrade\r\n"
	static const char	wrong[] =
		"the server's WebSocket handshake is wrong";
	struct buf		b = BUF_INIT;
	int			i;

	refusal("a key that is not known", "HTTP/1.1 401 Unauthorized\r\n"
	    "Content-Length: 2\r\n\r\nno", "the server refused: 401"
	    " Unauthorized");
	is_int("its status is told", client.status, 401);
	is_int("and no time to retry", client.retry, -1);
	refusal("a server that is busy", "HTTP/1.1 503 Busy\r\nRetry-After: 7"
	    "\r\n\r\n", "the server refused: 503 Service Unavailable");
	is_int("with the time to retry", client.retry, 7);
	refusal("a server that is busy for ages", "HTTP/1.1 503 Busy\r\n"
	    "retry-after: 99999999999999999999\r\n\r\n",
	    "the server refused: 503 Service Unavailable");
	is_int("within reason", client.retry, 24 * 60 * 60);
	refusal("a 200", "HTTP/1.1 200 OK\r\n\r\n",
	    "the server refused: 200 OK");
	refusal("a missing accept", SWITCH UP "\r\n", wrong);
	refusal("a wrong accept", SWITCH UP "Sec-WebSocket-Accept: "
	    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", wrong);
	refusal("what is not HTTP", "SSH-2.0-x\r\n\r\n",
	    "the answer is not HTTP");
	buf_adds(&b, SWITCH);
	for (i = 0; i < 2000; i++)
		buf_adds(&b, "X: yyyyyyyy\r\n");
	refusal("an endless head", b.p, "answer's headers too long");
	buf_release(&b);
}

static void
test_silence(void)
{
	const struct ws_options	soon = { .timeout_ms = 100 };

	reset();
	canned = "";
	dial("ws", &soon);
	ok("silence ends in time", loop_run(&client.closed, 1)
	    && client.open == 0);
	is_str("in words", client.why, "no answer to the handshake in time");
	canned = NULL;
}

static void
test_urls(void)
{
	static const char *const bad[] = {
		"", "ws://", "ftp://x/", "ws://u@h/", "ws://h:0/"
	};
	const struct ws_options	 through = { .proxy = "https://p" };
	const char		*why;
	size_t			 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ws_connect(&loop, bad[i], NULL, &events, &client, &why)
		    != NULL || why == NULL || *why == '\0')
			break;
	is_int("bad addresses are refused at once", i,
	    sizeof(bad) / sizeof(bad[0]));
	ok("so are proxies that cannot be", ws_connect(&loop, "ws://h/",
	    &through, &events, &client, &why) == NULL);
}

/* -- a proxy: two streams that hand their bytes over -- */

struct tunnel {
	struct stream	*in, *out;
	struct buf	 head;
	int		 up;		/* CONNECT was answered */
};

static struct tunnel	tunnel;
static const char	*proxy_says;
static char		 proxy_request[200];

static void
out_ready(struct stream *s, void *arg)
{
	(void)s;
	(void)arg;
	tunnel.up = 1;
	stream_write(tunnel.in, proxy_says, strlen(proxy_says));
}

static void
out_data(struct stream *s, const char *p, size_t n, void *arg)
{
	(void)s;
	(void)arg;
	if (tunnel.in != NULL)
		stream_write(tunnel.in, p, n);
}

static void
out_closed(struct stream *s, int rc, void *arg)
{
	(void)s;
	(void)rc;
	(void)arg;
	tunnel.out = NULL;
	if (tunnel.in != NULL)
		stream_close(tunnel.in);
}

static const struct stream_events	out_events = {
	.ready = out_ready, .data = out_data, .closed = out_closed
};

static void
in_data(struct stream *s, const char *p, size_t n, void *arg)
{
	(void)arg;
	tunnel.in = s;
	if (tunnel.up) {
		if (tunnel.out != NULL)
			stream_write(tunnel.out, p, n);
		return;
	}
	snprintf(proxy_request, sizeof(proxy_request), "%.*s",
	    (int)strcspn(p, "\r"), p);
	tunnel.out = stream_connect(&loop, "127.0.0.1", listener.port, NULL,
	    5000, &out_events, NULL);
}

static void
in_closed(struct stream *s, int rc, void *arg)
{
	(void)s;
	(void)rc;
	(void)arg;
	tunnel.in = NULL;
	if (tunnel.out != NULL)
		stream_close(tunnel.out);
}

static const struct stream_events	in_events = {
	.data = in_data, .closed = in_closed
};

static void
test_proxy(const char *scheme, const struct tls *tls)
{
	struct net_listener	proxy;
	struct ws_options	o = { .tls = tls };
	char			url[40], want[80];

	net_listen(&proxy, &in_events, NULL, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", proxy.port);
	o.proxy = url;
	proxy_says = "HTTP/1.1 200 Connection established\r\n\r\n";
	memset(&tunnel, 0, sizeof(tunnel));
	open_both(scheme, &o);
	server.on_message = DO_ECHO;
	ws_text(client.w, "through", 7);
	ok("through a proxy", loop_run(&client.messages, 1));
	snprintf(want, sizeof(want), "CONNECT 127.0.0.1:%d HTTP/1.1",
	    listener.port);
	is_str("which is asked in the right form", proxy_request, want);
	close_both();

	proxy_says = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
	memset(&tunnel, 0, sizeof(tunnel));
	reset();
	dial(scheme, &o);
	loop_run(&client.closed, 1);
	is_str("a proxy that refuses", client.why,
	    "the proxy refused: 407 Proxy Authentication Required");
	is_int("is not the server's word", client.status, 0);
	proxy_says = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101";
	memset(&tunnel, 0, sizeof(tunnel));
	reset();
	dial(scheme, &o);
	loop_run(&client.closed, 1);
	is_str("a proxy that goes on", client.why,
	    "the proxy said more than its answer");
	while (tunnel.in != NULL || tunnel.out != NULL)
		uv_run(&loop, UV_RUN_ONCE);
	net_unlisten(&proxy);
}

static void
test_tls(void)
{
	struct ws_options	 o;
	struct tls		*own = NULL, *tls = NULL;

	if (!net_tls(&listener, &own, &tls))
		return;
	memset(&o, 0, sizeof(o));
	o.tls = tls;
	test_talk("wss", &o);
	test_proxy("wss", tls);
	reset();
	dial("ws", NULL);
	loop_run(&client.closed, 1);
	ok("ws to a TLS server fails", client.open == 0);
	tls_free(own);
	tls_free(tls);
}

int
main(void)
{
	net_begin(&listener, &serve, NULL);
	test_key();
	test_talk("ws", NULL);
	test_close();
	test_slow_reader();
	test_pieces();
	test_hostile();
	test_ping_flood();
	test_silent_close();
	test_refusals();
	test_silence();
	test_urls();
	test_proxy("ws", NULL);
	test_tls();
	net_unlisten(&listener);
	reset();
	buf_release(&raw.got);
	buf_release(&head);
	ok("nothing is left in the loop", net_done());
	return done();
}
