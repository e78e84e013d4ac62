/*
 * The HTTP server, by what it answers to bytes: client and server share one
 * loop.  "httpd.t serve WHERE [FILE]" is a server for the shell tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "httpd_impl.h"
#include "log.h"
#include "raw.h"
#include "stream.h"
#include "tap.h"
#include "tls.h"
#include "ws.h"

static struct httpd	*server;
static int		 port;
static int		 handled;	/* requests that came to the handler */
static struct http_req	*held;		/* "/later": not yet answered */
static struct http_req	*flow;		/* "/flow": a growing answer */
static int		 gone_count, ws_gone;
static char		 file_path[4096] = "/tmp/muster-httpd.XXXXXX";
static size_t		 file_size;
static uint64_t		 file_sent;
static int		 file_whole = -1;

/* -- the handler -- */

static void
answer_echo(struct http_req *q)
{
	struct buf	b = BUF_INIT;
	const char	*x = http_header(q, "x-test");
	char		*v = http_query(q, "v");

	buf_printf(&b, "%s|%s|%s|%s|%s|", q->method, q->path, q->query,
	    x ? x : "-", v ? v : "-");
	buf_add(&b, q->body, q->body_len);
	http_reply(q, 200, "text/plain", b.p, b.len);
	buf_release(&b);
	free(v);
}

static void
answer_big(struct http_req *q)
{
	char	*n = http_query(q, "n"), *p;
	size_t	 size = n != NULL ? strtoul(n, NULL, 10) : 1000;

	p = xmalloc(size);
	memset(p, 'x', size);
	http_reply(q, 200, "text/plain", p, size);
	free(p);
	free(n);
}

static void
on_file(void *arg, uint64_t sent, int whole)
{
	(void)arg;
	file_sent = sent;
	file_whole = whole;
}

static void
answer_file(struct http_req *q)
{
	int	fd = open(file_path, O_RDONLY | O_CLOEXEC);

	file_whole = -1;
	http_set(q, "X-Evil", "a\r\nSet-Cookie: b");
	http_reply_file(q, fd, file_size, "application/octet-stream",
	    "\"tag\"", on_file, NULL);
}

static void
on_gone(struct http_req *q)
{
	(void)q;
	gone_count++;
	flow = NULL;
}

static void
on_ws_message(struct ws *w, const char *p, size_t n, int text, void *arg)
{
	(void)text;
	(void)arg;
	ws_text(w, p, n);
}

static void
on_ws_closed(struct ws *w, int code, const char *why, void *arg)
{
	(void)w;
	(void)code;
	(void)why;
	(void)arg;
	ws_gone++;
}

static const struct ws_events	ws_echo = {
	.message = on_ws_message, .closed = on_ws_closed
};

static void
handler(struct http_req *q, void *arg)
{
	(void)arg;
	handled++;
	if (strcmp(q->path, "/later") == 0) {
		held = q;
	} else if (strcmp(q->path, "/big") == 0) {
		answer_big(q);
	} else if (strcmp(q->path, "/file") == 0) {
		answer_file(q);
	} else if (strcmp(q->path, "/flow") == 0) {
		flow = q;
		http_stream_begin(q, 200, "text/event-stream", on_gone);
		http_stream_write(q, "data: 1\n\n", 9);
	} else if (strcmp(q->path, "/ws") == 0) {
		http_upgrade(q, &ws_echo, 0, NULL);
	} else if (strcmp(q->path, "/error") == 0) {
		http_reply_error(q, 422, "name", "bad \xff \"%d\"", 7);
	} else {
		answer_echo(q);
	}
}

/* -- the client -- */

static int
dial(void)
{
	struct sockaddr_in	a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(EXIT_SYSTEM, "connect: %s", strerror(errno));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* What came until the text is in it, the server closed, or 2 s. */
static int
read_until(int fd, struct buf *b, const char *text)
{
	int	open = 1;

	RUN_UNTIL(!(open = slurp(fd, b)) || (text != NULL && b->len > 0
	    && strstr(b->p, text) != NULL), 2000);
	return open;
}

/* Sends n bytes, gives all that comes until the server closes (or 2 s). */
static char *
talk_n(const char *p, size_t n, const char *until)
{
	struct buf	b = BUF_INIT;
	int		fd = dial();

	send_all(fd, p, n);
	read_until(fd, &b, until);
	close(fd);
	RUN_UNTIL(httpd_connections(server) == 0, 500);
	return buf_take(&b);
}

static char *
talk(const char *text)
{
	return talk_n(text, strlen(text), NULL);
}

static int
status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : -1;
}

static const char *
body_of(const char *answer)
{
	const char	*p = strstr(answer, "\r\n\r\n");

	return p != NULL ? p + 4 : "";
}

/* -- what is refused, and what is not -- */

#define GET	"GET / HTTP/1.1\r\n"
#define HOST	"Host: h\r\n"
#define LAST	"Connection: close\r\n\r\n"
#define POST	"POST / HTTP/1.1\r\n" HOST "Connection: close\r\n"
#define CHUNKED	POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char	*what, *bytes;
	int		 status;
} heads[] = {
	{ "simple", GET HOST LAST, 200 },
	{ "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 200 },
	{ "empty lines before", "\r\n\r\n" GET HOST LAST, 200 },
	{ "empty header value", GET HOST "X:\r\n" LAST, 200 },
	{ "empty Host", GET "Host:\r\n" LAST, 200 },
	{ "spaces around a value", GET "Host: \t h \t \r\n" LAST, 200 },
	{ "high bytes in a value", GET HOST "X: \xc3\xa4\r\n" LAST, 200 },
	{ "tab within a value", GET HOST "X: a\tb\r\n" LAST, 200 },
	{ "absolute form", "GET http://h/x?y HTTP/1.1\r\n" HOST LAST, 200 },
	{ "absolute form, bare", "GET http://h HTTP/1.1\r\n" HOST LAST, 200 },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST LAST, 200 },
	{ "no Host", GET LAST, 400 },
	{ "two Hosts", GET HOST HOST LAST, 400 },
	{ "bad Host", GET "Host: a/b\r\n" LAST, 400 },
	{ "Host with a space", GET "Host: a b\r\n" LAST, 400 },
	{ "bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400 },
	{ "bare LF in a header", GET "Host: h\nX: y\r\n\r\n", 400 },
	{ "bare LF at the end", GET HOST "\n", 400 },
	{ "bare CR in a value", GET HOST "X: a\rb\r\n" LAST, 400 },
	{ "folded line", GET HOST "X: a\r\n b\r\n" LAST, 400 },
	{ "folded first line", GET " X: a\r\n" HOST LAST, 400 },
	{ "space before the colon", GET "Host : h\r\n" LAST, 400 },
	{ "tab before the colon", GET HOST "X\t: h\r\n" LAST, 400 },
	{ "no colon", GET HOST "X\r\n" LAST, 400 },
	{ "no name", GET HOST ": x\r\n" LAST, 400 },
	{ "control byte in a value", GET HOST "X: a\1b\r\n" LAST, 400 },
	{ "DEL in a value", GET HOST "X: a\x7f\r\n" LAST, 400 },
	{ "bad byte in a name", GET HOST "X(y): a\r\n" LAST, 400 },
	{ "high byte in a name", GET HOST "X\xc3: a\r\n" LAST, 400 },
	{ "two spaces", "GET  / HTTP/1.1\r\n" HOST LAST, 400 },
	{ "two spaces before the version", "GET /  HTTP/1.1\r\n" HOST LAST,
	    400 },
	{ "tab as a space", "GET\t/ HTTP/1.1\r\n" HOST LAST, 400 },
	{ "space in the target", "GET /a b HTTP/1.1\r\n" HOST LAST, 400 },
	{ "fragment in the target", "GET /a#b HTTP/1.1\r\n" HOST LAST, 400 },
	{ "high byte in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST LAST,
	    400 },
	{ "relative target", "GET a HTTP/1.1\r\n" HOST LAST, 400 },
	{ "GET *", "GET * HTTP/1.1\r\n" HOST LAST, 400 },
	{ "ftp:", "GET ftp://h/ HTTP/1.1\r\n" HOST LAST, 400 },
	{ "user in the target", "GET http://u@h/ HTTP/1.1\r\n" HOST LAST, 400 },
	{ "no version", "GET /\r\n" HOST LAST, 400 },
	{ "trailing space", "GET / HTTP/1.1 \r\n" HOST LAST, 400 },
	{ "lower-case version", "GET / http/1.1\r\n" HOST LAST, 400 },
	{ "HTTP/1.10", "GET / HTTP/1.10\r\n" HOST LAST, 400 },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST LAST, 505 },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\n" HOST LAST, 505 },
	{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
	{ "unknown method", "FOO / HTTP/1.1\r\n" HOST LAST, 501 },
	{ "lower-case method", "get / HTTP/1.1\r\n" HOST LAST, 501 },
	{ "CONNECT", "CONNECT h:1 HTTP/1.1\r\n" HOST LAST, 501 },
	{ "bad byte in the method", "G(T / HTTP/1.1\r\n" HOST LAST, 400 },
	{ "TLS hello", "\x16\x03\x01\x02\n", 400 },
	{ "%00", "GET /%00 HTTP/1.1\r\n" HOST LAST, 400 },
	{ "bad escape", "GET /%4 HTTP/1.1\r\n" HOST LAST, 400 },
	{ "bad escape digits", "GET /%zz HTTP/1.1\r\n" HOST LAST, 400 },
	{ "unknown expectation", POST "Expect: x\r\nContent-Length: 1\r\n\r\n1",
	    417 },
	{ "two Authorizations", GET HOST "Authorization: a\r\n"
	    "Authorization: b\r\n" LAST, 400 },

	{ "Content-Length", POST "Content-Length: 3\r\n\r\nabc", 200 },
	{ "two different lengths", POST "Content-Length: 3\r\n"
	    "Content-Length: 4\r\n\r\nabcd", 400 },
	{ "two equal lengths", POST "Content-Length: 3\r\n"
	    "Content-Length: 3\r\n\r\nabc", 400 },
	{ "list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", 400 },
	{ "negative length", POST "Content-Length: -3\r\n\r\nabc", 400 },
	{ "signed length", POST "Content-Length: +3\r\n\r\nabc", 400 },
	{ "hexadecimal length", POST "Content-Length: 0x3\r\n\r\nabc", 400 },
	{ "empty length", POST "Content-Length:\r\n\r\nabc", 400 },
	{ "overflowing length", POST
	    "Content-Length: 18446744073709551617\r\n\r\na", 400 },
	{ "long length", POST "Content-Length: 999999999999999\r\n\r\na", 413 },
	{ "too long by one", POST "Content-Length: 1048577\r\n\r\na", 413 },
	{ "length beside chunked", POST "Content-Length: 3\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "chunked beside length", POST "Transfer-Encoding: chunked\r\n"
	    "Content-Length: 3\r\n\r\n0\r\n\r\n", 400 },
	{ "chunked", CHUNKED "3\r\nabc\r\n0\r\n\r\n", 200 },
	{ "chunked, upper case", POST "Transfer-Encoding: Chunked\r\n\r\n"
	    "A\r\n0123456789\r\n0\r\n\r\n", 200 },
	{ "chunked with extension", CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n", 200 },
	{ "chunked with trailer", CHUNKED "3\r\nabc\r\n0\r\nX: y\r\n\r\n",
	    200 },
	{ "chunked in HTTP/1.0", "POST / HTTP/1.0\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n"
	    "0\r\n\r\n", 400 },
	{ "chunked twice", POST "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "identity", POST "Transfer-Encoding: identity\r\n\r\n", 400 },
	{ "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	    400 },
	{ "quoted chunked", POST "Transfer-Encoding: \"chunked\"\r\n\r\n"
	    "0\r\n\r\n", 400 },
	{ "empty coding", POST "Transfer-Encoding:\r\n\r\n", 400 },
	{ "bad chunk size", CHUNKED "x\r\nabc\r\n0\r\n\r\n", 400 },
	{ "empty chunk size", CHUNKED "\r\nabc\r\n0\r\n\r\n", 400 },
	{ "signed chunk size", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400 },
	{ "0x chunk size", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400 },
	{ "space behind a size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", 400 },
	{ "space before a size", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", 400 },
	{ "long size", CHUNKED "0000000000000003\r\nabc\r\n0\r\n\r\n", 400 },
	{ "huge size", CHUNKED "fffffffffffffff\r\n", 413 },
	{ "bare LF behind a size", CHUNKED "3\nabc\r\n0\r\n\r\n", 400 },
	{ "bare LF behind data", CHUNKED "3\r\nabc\n0\r\n\r\n", 400 },
	{ "bytes behind data", CHUNKED "3\r\nabcxx0\r\n\r\n", 400 },
	{ "bare LF in an extension", CHUNKED "3;a\nabc\r\n0\r\n\r\n", 400 },
	{ "bare LF in a trailer", CHUNKED "0\r\nX: y\n\r\n", 400 },
	{ "bare CR in a trailer", CHUNKED "0\r\nX: \ry\r\n\r\n", 400 },
	{ "folded trailer", CHUNKED "0\r\n X: y\r\n\r\n", 400 },
};

static void
test_heads(void)
{
	char	*a, what[96];
	size_t	 i;
	int	 before;

	for (i = 0; i < nitems(heads); i++) {
		before = handled;
		a = talk(heads[i].bytes);
		snprintf(what, sizeof(what), "%s: %d", heads[i].what,
		    heads[i].status);
		is_int(what, status_of(a), heads[i].status);
		if (handled - before != (heads[i].status == 200))
			ok("the handler is called for the good alone", 0);
		free(a);
	}
	a = talk_n(GET "Host: h\r\nX: a\0b\r\n\r\n", 36, NULL);
	is_int("NUL in a value: 400", status_of(a), 400);
	ok("a refusal closes and says so",
	    strstr(a, "Connection: close\r\n") != NULL);
	ok("a refusal is JSON", strstr(a, "\r\n\r\n{\"success\":false,") != NULL);
	free(a);
}

/* -- requests -- */

static void
test_requests(void)
{
	char	*a, *p;
	int	 i;

	a = talk("GET /a%20b%2fc?v=x+y%26z&w HTTP/1.1\r\n" HOST
	    "X-TEST: \t t \r\n" LAST);
	is_str("path decoded once, query raw and by name", body_of(a),
	    "GET|/a b/c|v=x+y%26z&w|t|x y&z|");
	free(a);
	a = talk("GET http://h?v HTTP/1.1\r\n" HOST LAST);
	is_str("absolute form without a path", body_of(a), "GET|/|v|-||");
	free(a);
	a = talk("GET /?v=%zz HTTP/1.1\r\n" HOST LAST);
	is_str("a parameter of bad encoding is none", body_of(a),
	    "GET|/|v=%zz|-|-|");
	free(a);
	a = talk(CHUNKED "3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n");
	is_str("chunks are joined", body_of(a), "POST|/||-|-|abcde");
	free(a);
	a = talk("HEAD /big?n=5 HTTP/1.1\r\n" HOST LAST);
	ok("HEAD: the length", strstr(a, "Content-Length: 5\r\n") != NULL);
	is_str("HEAD: no body", body_of(a), "");
	free(a);
	a = talk("GET /error HTTP/1.1\r\n" HOST LAST);
	is_int("an error in words that are no UTF-8", status_of(a), 422);
	is_str("still is JSON", body_of(a), "{\"success\":false,\"error\":"
	    "\"Unprocessable Content\",\"field\":\"name\"}\n");
	free(a);
	a = talk(GET HOST LAST);
	p = strstr(a, "X-Request-Id: ");
	ok("a request id of 16 digits", p != NULL
	    && strspn(p + 14, "0123456789abcdef") == 16);
	ok("a date", (p = strstr(a, "Date: ")) != NULL
	    && p[9] == ',' && strncmp(p + 31, " GMT\r\n", 6) == 0);
	free(a);
	p = xmalloc(40000);
	i = sprintf(p, "GET /");
	memset(p + i, 'a', 4000);
	p[4000] = '\0';
	a = talk(p);
	is_int("a long target is refused before its end", status_of(a), 414);
	free(a);
	i = sprintf(p, GET HOST "X: ");
	memset(p + i, 'a', 17000);
	p[17000] = '\0';
	a = talk(p);
	is_int("so is a long head", status_of(a), 431);
	free(a);
	strcpy(p, GET HOST);
	for (i = 0; i < HTTP_MAX_HEADERS; i++)
		strcat(p, "X: y\r\n");
	strcat(p, "\r\n");
	a = talk(p);
	is_int("one header too many", status_of(a), 431);
	free(a);
	free(p);
}

static void
test_chunk_extra(void)
{
	struct buf	b = BUF_INIT;
	char		*a;
	int		 i;

	buf_adds(&b, CHUNKED);
	for (i = 0; i < 500; i++)
		buf_adds(&b, "1;xxxxxxxxx\r\na\r\n");
	buf_adds(&b, "0\r\n\r\n");
	a = talk(b.p);
	is_int("too many extensions", status_of(a), 400);
	free(a);
	buf_release(&b);
}

/* Each byte on its own: the same answer. */
static void
test_bytewise(void)
{
	static const char	text[] = "\r\nPOST /x HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: chunked\r\n" LAST
	    "3;e\r\nabc\r\n0\r\nT: u\r\n\r\n";
	struct buf	 b = BUF_INIT;
	size_t		 i;
	int		 fd = dial();

	for (i = 0; i < sizeof(text) - 1; i++) {
		send_all(fd, text + i, 1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	read_until(fd, &b, NULL);
	close(fd);
	is_str("byte by byte", body_of(buf_str(&b)), "POST|/x||-|-|abc");
	buf_release(&b);
}

static int
count_of(const char *s, const char *word)
{
	int	n = 0;

	while ((s = strstr(s, word)) != NULL) {
		n++;
		s++;
	}
	return n;
}

static void
test_keep(void)
{
	struct buf	b = BUF_INIT;
	int		fd = dial(), before = handled, open;
	char		*a;

	send_all(fd, GET HOST "\r\n", strlen(GET HOST "\r\n"));
	ok("kept after the answer", read_until(fd, &b, "GET|/|"));
	buf_clear(&b);
	put(fd, "GET /1 HTTP/1.1\r\n" HOST "\r\n"
	    "GET /later HTTP/1.1\r\n" HOST "\r\n"
	    "POST /3 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxy"
	    "GET /4 HTTP/1.1\r\n" HOST "\r\n");
	RUN_UNTIL(handled == before + 3, 1000);
	RUN_UNTIL(0, 20);
	is_int("the third waits for the second's answer", handled, before + 3);
	http_reply(held, 200, NULL, "LATER", 5);
	held = NULL;
	is_int("and is not called within it", handled, before + 3);
	open = read_until(fd, &b, "GET|/4|");
	ok("still kept", open);
	is_int("four answers", count_of(buf_str(&b), "HTTP/1.1 200 OK"), 4);
	ok("in order", strstr(b.p, "GET|/1|") < strstr(b.p, "LATER")
	    && strstr(b.p, "LATER") < strstr(b.p, "POST|/3||-|-|xy")
	    && strstr(b.p, "POST|/3|") < strstr(b.p, "GET|/4|"));
	close(fd);
	buf_release(&b);
	a = talk_n("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 42,
	    "GET|/");
	ok("HTTP/1.0 may keep it, and is told",
	    strstr(a, "Connection: keep-alive\r\n") != NULL);
	free(a);
	a = talk("GET / HTTP/1.0\r\n\r\n");
	ok("HTTP/1.0 closes otherwise",
	    strstr(a, "Connection: close\r\n") != NULL);
	free(a);
}

/* Many pipelined requests whose answers nobody reads stop being handled. */
static void
test_flood(void)
{
	static const char	one[] = "GET /big?n=20000 HTTP/1.1\r\n" HOST
	    "\r\n";
	struct buf	b = BUF_INIT;
	int		fd = dial(), before = handled, i;

	for (i = 0; i < 2000; i++)
		buf_adds(&b, one);
	send(fd, b.p, b.len, MSG_NOSIGNAL);
	buf_clear(&b);
	RUN_UNTIL(0, 200);
	ok("an unread flood is not all answered", handled - before < 500);
	RUN_UNTIL((slurp(fd, &b), buf_clear(&b), handled - before >= 1000),
	    5000);
	ok("and goes on when it is read", handled - before >= 1000);
	close(fd);
	buf_release(&b);
	RUN_UNTIL(httpd_connections(server) == 0, 2000);
	is_int("gone when the peer is", httpd_connections(server), 0);
}

static void
test_body(void)
{
	struct buf	b = BUF_INIT;
	char		*p, *a;
	int		 fd = dial();

	put(fd, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	read_until(fd, &b, "\r\n\r\n");
	is_str("100 Continue comes first", buf_str(&b),
	    "HTTP/1.1 100 Continue\r\n\r\n");
	send_all(fd, "abc", 3);
	read_until(fd, &b, NULL);
	ok("then the answer", strstr(b.p, "POST|/||-|-|abc") != NULL);
	close(fd);
	buf_clear(&b);
	a = talk(POST "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n");
	is_int("no 100 for a body that is too long", status_of(a), 413);
	free(a);
	httpd_set_max_body(server, 10);
	a = talk(CHUNKED "5\r\n01234\r\n6\r\n");
	is_int("chunks over the limit, before they come", status_of(a), 413);
	free(a);
	httpd_set_max_body(server, 3 << 20);
	p = xmalloc((3 << 20) + 200);
	sprintf(p, POST "Content-Length: %d\r\n\r\n", 3 << 20);
	memset(p + strlen(p), 'z', (3 << 20) + 1);
	a = talk_n(p, (size_t)(strchr(p, 'z') - p) + (3 << 20), NULL);
	is_int("a body of three megabytes", strlen(body_of(a)), (3 << 20) + 12);
	free(a);
	free(p);
	httpd_set_max_body(server, HTTP_MAX_BODY);
	is_int("no bodies are counted at rest", server->bodies, 0);
	buf_release(&b);
}

/* -- time -- */

/* Bytes that come all the time, and bring the request no nearer its end. */
static void
test_drops(void)
{
	struct buf	b = BUF_INIT;
	int64_t		start = clock_mono_ms();
	int		fd = dial(), head = dial();

	put(fd, POST "Content-Length: 10000\r\n\r\n");
	put(head, "GET / HTTP/1.1\r\nX: ");
	while (count_of(buf_str(&b), "HTTP/1.1 408 ") < 2
	    && clock_mono_ms() - start < 5000) {
		RUN_UNTIL(0, 10);
		send(fd, "x", 1, MSG_NOSIGNAL);
		send(head, "x", 1, MSG_NOSIGNAL);
		slurp(fd, &b);
		slurp(head, &b);
	}
	is_int("a body that drips, and a head: 408 each",
	    count_of(buf_str(&b), "HTTP/1.1 408 "), 2);
	ok("in time", clock_mono_ms() - start < 4000);
	close(fd);
	close(head);
	RUN_UNTIL(httpd_connections(server) == 0, 1000);
	buf_release(&b);
}

static void
test_peers(void)
{
	char	out[HTTP_MAX_PEER], *a;
	int	fd[4], i;

	httpd_set_max_peer(server, 3);
	for (i = 0; i < 4; i++)
		fd[i] = dial();
	RUN_UNTIL(httpd_connections(server) == 3, 1000);
	RUN_UNTIL(0, 50);
	is_int("three connections of one address", httpd_connections(server),
	    3);
	is_int("the fourth is closed", recv(fd[3], out, 1, MSG_DONTWAIT), 0);
	close(fd[0]);
	RUN_UNTIL(httpd_connections(server) == 2, 1000);
	a = talk(GET HOST "\r\n");
	is_int("where one goes another may come", status_of(a), 200);
	free(a);
	for (i = 1; i < 4; i++)
		close(fd[i]);
	RUN_UNTIL(httpd_connections(server) == 0, 1000);
	ok("nobody is remembered who is gone", server->peers == NULL);
	httpd_set_max_peer(server, 0);
	http_peer_client("192.0.2.7", out);
	is_str("an IPv4 is one client's", out, "192.0.2.7");
	http_peer_client("2001:db8:1:2:3:4:5:6", out);
	is_str("so is half an IPv6", out, "2001:db8:1:2::");
	http_peer_client("::ffff:192.0.2.7", out);
	is_str("but for an IPv4 in one", out, "::ffff:192.0.2.7");
	http_peer_client("unix", out);
	is_str("and a Unix socket", out, "unix");
}

static void
test_time(void)
{
	struct buf	b = BUF_INIT;
	char		*a;
	int		 fd;

	httpd_set_limit(server, WAIT_HEAD, 50);
	httpd_set_limit(server, WAIT_BODY, 50);
	httpd_set_limit(server, WAIT_IDLE, 50);
	a = talk("GET / HT");
	is_int("a slow head: 408", status_of(a), 408);
	free(a);
	a = talk("");
	is_str("a silent one is closed without a word", a, "");
	free(a);
	a = talk(POST "Content-Length: 3\r\n\r\nab");
	is_int("a slow body: 408", status_of(a), 408);
	free(a);
	test_drops();
	a = talk(GET HOST "\r\n");
	is_int("one at rest is closed", count_of(a, "HTTP/1.1 "), 1);
	free(a);
	fd = dial();
	put(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	RUN_UNTIL(held != NULL, 1000);
	RUN_UNTIL(0, 600);
	ok("a handler may take its time", held != NULL
	    && httpd_connections(server) == 1);
	http_reply(held, 204, NULL, NULL, 0);
	held = NULL;
	read_until(fd, &b, "\r\n\r\n");
	is_int("204", status_of(b.p), 204);
	ok("204 has no length", strstr(b.p, "Content-Length") == NULL);
	close(fd);
	buf_release(&b);
	httpd_set_limit(server, WAIT_HEAD, HTTP_HEAD_TIMEOUT);
	httpd_set_limit(server, WAIT_BODY, HTTP_BODY_TIMEOUT);
	httpd_set_limit(server, WAIT_IDLE, HTTP_IDLE_TIMEOUT);
}

/* -- files -- */

static void
file_make(size_t n)
{
	size_t	i;
	FILE	*f = fopen(file_path, "w");

	for (i = 0; i < n; i++)
		putc((int)('a' + i % 26), f);
	fclose(f);
	file_size = n;
}

static const struct {
	const char	*what, *headers;
	int		 status;
	const char	*range, *body;
} ranges[] = {
	{ "whole", "", 200, NULL, "abcdefghij" },
	{ "first byte", "Range: bytes=0-0\r\n", 206, "bytes 0-0/10", "a" },
	{ "middle", "Range: bytes=2-4\r\n", 206, "bytes 2-4/10", "cde" },
	{ "from", "Range: bytes=7-\r\n", 206, "bytes 7-9/10", "hij" },
	{ "past the end", "Range: bytes=7-99\r\n", 206, "bytes 7-9/10", "hij" },
	{ "last two", "Range: bytes=-2\r\n", 206, "bytes 8-9/10", "ij" },
	{ "last hundred", "Range: bytes=-100\r\n", 206, "bytes 0-9/10",
	    "abcdefghij" },
	{ "behind it", "Range: bytes=10-\r\n", 416, "bytes */10", "" },
	{ "last none", "Range: bytes=-0\r\n", 416, "bytes */10", "" },
	{ "several", "Range: bytes=0-1,3-4\r\n", 200, NULL, "abcdefghij" },
	{ "backwards", "Range: bytes=4-2\r\n", 200, NULL, "abcdefghij" },
	{ "no numbers", "Range: bytes=-\r\n", 200, NULL, "abcdefghij" },
	{ "overflow", "Range: bytes=99999999999999999999-\r\n", 200, NULL,
	    "abcdefghij" },
	{ "other unit", "Range: lines=1-2\r\n", 200, NULL, "abcdefghij" },
	{ "If-Range, same", "Range: bytes=0-0\r\nIf-Range: \"tag\"\r\n", 206,
	    "bytes 0-0/10", "a" },
	{ "If-Range, other", "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n", 200,
	    NULL, "abcdefghij" },
	{ "If-Range, date", "Range: bytes=0-0\r\n"
	    "If-Range: Fri, 20 Nov 2026 00:00:00 GMT\r\n", 200, NULL,
	    "abcdefghij" },
	{ "If-Range, weak", "Range: bytes=0-0\r\nIf-Range: W/\"tag\"\r\n", 200,
	    NULL, "abcdefghij" },
	{ "If-None-Match", "If-None-Match: \"tag\"\r\n", 304, NULL, "" },
	{ "If-None-Match, list", "If-None-Match: \"a\", W/\"tag\"\r\n", 304,
	    NULL, "" },
	{ "If-None-Match, any", "If-None-Match: *\r\n", 304, NULL, "" },
	{ "If-None-Match, other", "If-None-Match: \"ta\", \"tagg\"\r\n", 200,
	    NULL, "abcdefghij" },
	{ "If-None-Match, cut", "If-None-Match: \"tag\r\n", 200, NULL,
	    "abcdefghij" },
};

static void
test_ranges(void)
{
	char	*a, *p, text[512], what[64];
	size_t	 i;

	file_make(10);
	for (i = 0; i < nitems(ranges); i++) {
		snprintf(text, sizeof(text), "GET /file HTTP/1.1\r\n" HOST
		    "%s" LAST, ranges[i].headers);
		a = talk(text);
		snprintf(what, sizeof(what), "range: %s", ranges[i].what);
		p = strstr(a, "Content-Range: ");
		ok(what, status_of(a) == ranges[i].status
		    && strcmp(body_of(a), ranges[i].body) == 0
		    && (ranges[i].range == NULL ? p == NULL : p != NULL
		    && strncmp(p + 15, ranges[i].range,
		    strlen(ranges[i].range)) == 0));
		if (file_whole != (ranges[i].status / 100 == 2)
		    || file_sent != strlen(ranges[i].body))
			ok("done() hears the same", 0);
		free(a);
	}
	a = talk("HEAD /file HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n" LAST);
	ok("HEAD: the whole length, no bytes", status_of(a) == 200
	    && strstr(a, "Content-Length: 10\r\n") != NULL
	    && *body_of(a) == '\0' && file_sent == 0 && file_whole == 0);
	ok("tag and ranges are told", strstr(a, "ETag: \"tag\"\r\n") != NULL
	    && strstr(a, "Accept-Ranges: bytes\r\n") != NULL);
	ok("a header's value begins no other",
	    strstr(a, "\r\nX-Evil: a  Set-Cookie: b\r\n") != NULL);
	free(a);
	file_make(0);
	a = talk("GET /file HTTP/1.1\r\n" HOST LAST);
	ok("an empty file", status_of(a) == 200 && *body_of(a) == '\0'
	    && file_whole == 1);
	free(a);
}

static void
test_large_file(void)
{
	static const char	get[] = "GET /file HTTP/1.1\r\n" HOST "\r\n"
	    "GET /next HTTP/1.1\r\n" HOST LAST;
	enum { SIZE = 24 << 20 };
	struct buf	 b = BUF_INIT;
	size_t		 i;
	int		 fd, good;
	const char	*body;
	char		*p;

	file_make(SIZE);
	p = talk_n(get, sizeof(get) - 1, NULL);
	body = body_of(p);
	for (good = 1, i = 0; good && i < SIZE; i++)
		good = body[i] == (char)('a' + i % 26);
	ok("a large file comes whole", good && file_whole == 1
	    && file_sent == SIZE);
	ok("and the next answer behind it", strncmp(body + SIZE,
	    "HTTP/1.1 200 OK", 15) == 0);
	free(p);

	fd = dial();
	send_all(fd, get, sizeof(get) - 1);
	RUN_UNTIL(0, 50);
	is_int("a slow reader is waited for", file_whole, -1);
	close(fd);
	RUN_UNTIL(file_whole >= 0, 2000);
	ok("one that leaves is noticed", file_whole == 0 && file_sent < SIZE);

	httpd_set_limit(server, WAIT_SEND, 300);
	fd = dial();
	send_all(fd, get, sizeof(get) - 1);
	RUN_UNTIL(file_whole == 0, 3000);
	is_int("one that never reads is closed", file_whole, 0);
	close(fd);
	httpd_set_limit(server, WAIT_SEND, HTTP_SEND_TIMEOUT);

	fd = dial();
	send_all(fd, get, sizeof(get) - 1);
	if (truncate(file_path, SIZE / 2) < 0)
		die(EXIT_SYSTEM, "truncate");
	good = read_until(fd, &b, NULL);
	ok("a file that shrinks ends the connection", !good
	    && file_whole == 0 && b.len < SIZE);
	close(fd);
	buf_release(&b);
}

/* -- growing answers -- */

static void
test_flow(void)
{
	struct buf	b = BUF_INIT;
	static const char a0[] = "GET /flow HTTP/1.1\r\n" HOST "\r\n";
	char		*a, *chunk;
	int		 fd = dial(), i;

	put(fd, a0);
	read_until(fd, &b, "data: 1\n\n\r\n");
	ok("chunked", strstr(b.p, "Transfer-Encoding: chunked\r\n") != NULL
	    && strcmp(body_of(b.p), "9\r\ndata: 1\n\n\r\n") == 0);
	http_stream_write(flow, "", 0);
	http_stream_write(flow, "x", 1);
	http_stream_end(flow);
	buf_clear(&b);
	ok("kept after the end", read_until(fd, &b, "\r\n0\r\n\r\n"));
	is_str("the end", buf_str(&b), "1\r\nx\r\n0\r\n\r\n");
	buf_clear(&b);
	put(fd, a0);
	read_until(fd, &b, "data: 1\n\n\r\n");
	gone_count = 0;
	close(fd);
	RUN_UNTIL(gone_count > 0, 1000);
	is_int("gone() tells that the peer left", gone_count, 1);
	buf_clear(&b);

	a = talk_n("GET /flow HTTP/1.0\r\n\r\n", 22, "data: 1");
	is_str("HTTP/1.0 has no chunks", body_of(a), "data: 1\n\n");
	free(a);
	RUN_UNTIL(gone_count == 2, 1000);

	chunk = xcalloc(1, 100000);
	fd = dial();
	put(fd, "GET /flow HTTP/1.1\r\n" HOST "\r\n");
	RUN_UNTIL(flow != NULL, 1000);
	for (i = 0; i < 200; i++)
		if (flow != NULL)
			http_stream_write(flow, chunk, 100000);
	RUN_UNTIL(flow == NULL, 2000);
	ok("a reader that is too slow is dropped", flow == NULL);
	free(chunk);
	close(fd);

	fd = dial();
	send_all(fd, "HEAD /flow HTTP/1.1\r\n" HOST "\r\n", 33);
	RUN_UNTIL(flow != NULL, 1000);
	http_stream_end(flow);
	flow = NULL;
	read_until(fd, &b, "\r\n\r\n");
	is_str("HEAD has no chunks", body_of(buf_str(&b)), "");
	close(fd);
	buf_release(&b);
}

/* -- WebSocket -- */

#define WS	"GET /ws HTTP/1.1\r\n" HOST
#define WS_UP	"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define WS_KEY	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_13	"Sec-WebSocket-Version: 13\r\n"

static void
test_upgrade(void)
{
	static const struct {
		const char	*what, *bytes;
		int		 status;
	} bad[] = {
		{ "no WebSocket at all", WS LAST, 426 },
		{ "version 8", WS WS_UP WS_KEY "Sec-WebSocket-Version: 8\r\n"
		    "\r\n", 426 },
		{ "no version", WS WS_UP WS_KEY "\r\n", 400 },
		{ "no key", WS WS_UP WS_13 "\r\n", 400 },
		{ "short key", WS WS_UP WS_13 "Sec-WebSocket-Key: AAAA\r\n\r\n",
		    400 },
		{ "no Connection", WS "Upgrade: websocket\r\n" WS_KEY WS_13
		    "\r\n", 400 },
		{ "POST", "POST /ws HTTP/1.1\r\n" HOST WS_UP WS_KEY WS_13
		    "\r\n", 400 },
		{ "HTTP/1.0", "GET /ws HTTP/1.0\r\n" WS_UP WS_KEY WS_13
		    "\r\n", 400 },
	};
	/* A masked text frame, "hi", right behind the handshake. */
	static const char	good[] = WS WS_UP WS_KEY WS_13 "\r\n"
	    "\x81\x82\0\0\0\0hi";
	struct buf	 b = BUF_INIT;
	char		*a, what[64];
	size_t		 i;
	int		 fd = dial();

	send_all(fd, good, sizeof(good) - 1);
	read_until(fd, &b, "\x81\x02hi");
	ok("101 and the key of RFC 6455's example",
	    status_of(buf_str(&b)) == 101 && strstr(b.p, "\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != NULL
	    && strstr(b.p, "\r\nConnection: Upgrade\r\n") != NULL);
	is_str("what came with it is not lost", body_of(buf_str(&b)),
	    "\x81\x02hi");
	is_int("it is the server's no more", httpd_connections(server), 0);
	close(fd);
	RUN_UNTIL(ws_gone, 6000);
	is_int("closed", ws_gone, 1);
	buf_release(&b);
	for (i = 0; i < nitems(bad); i++) {
		a = talk_n(bad[i].bytes, strlen(bad[i].bytes), "}\n");
		snprintf(what, sizeof(what), "upgrade: %s", bad[i].what);
		is_int(what, status_of(a), bad[i].status);
		if (bad[i].status == 426)
			ok("426 tells the version", strstr(a,
			    "Sec-WebSocket-Version: 13\r\n") != NULL);
		free(a);
	}
}

/* -- leaving early -- */

static void
test_leavers(void)
{
	struct buf	b = BUF_INIT;
	const char	*a = "GET /later HTTP/1.1\r\n" HOST "\r\n";
	int		 fd = dial();

	put(fd, a);
	RUN_UNTIL(held != NULL, 1000);
	close(fd);
	RUN_UNTIL(0, 50);
	ok("a request outlives its peer", held != NULL
	    && strcmp(held->path, "/later") == 0);
	http_reply_error(held, 500, NULL, "x");
	held = NULL;
	RUN_UNTIL(httpd_connections(server) == 0, 1000);
	is_int("and is freed by its answer", httpd_connections(server), 0);

	fd = dial();
	put(fd, a);
	shutdown(fd, SHUT_WR);
	RUN_UNTIL(held != NULL, 1000);
	RUN_UNTIL(0, 50);
	http_reply(held, 200, NULL, "half", 4);
	held = NULL;
	read_until(fd, &b, NULL);
	is_str("one that only ended its side is answered",
	    body_of(buf_str(&b)), "half");
	close(fd);
	buf_release(&b);
}

/* -- many -- */

static void
test_room(void)
{
	struct buf	b = BUF_INIT;
	int		a1 = dial(), a2, a3;

	httpd_set_max_conns(server, 2);
	a2 = dial();
	a3 = dial();
	send_all(a3, GET HOST "\r\n", strlen(GET HOST "\r\n"));
	RUN_UNTIL(0, 50);
	is_int("no more connections than allowed", httpd_connections(server),
	    2);
	close(a1);
	read_until(a3, &b, "GET|/");
	is_int("the next waits for its turn", status_of(buf_str(&b)), 200);
	close(a2);
	close(a3);
	RUN_UNTIL(httpd_connections(server) == 0, 1000);
	httpd_set_max_conns(server, HTTP_MAX_CONNS);
	buf_release(&b);
}

/* With no descriptor left, the loop must not turn in vain. */
static void
test_descriptors(void)
{
	struct rlimit	old, few;
	int64_t		start;
	struct rusage	r1, r2;
	int		fd[64], i, n, top = dial();
	char		*a;

	RUN_UNTIL(httpd_connections(server) == 1, 1000);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = (rlim_t)top + 4;
	for (n = 0; n < 8; n++)
		fd[n] = dial();
	setrlimit(RLIMIT_NOFILE, &few);
	getrusage(RUSAGE_SELF, &r1);
	start = clock_mono_ms();
	while (clock_mono_ms() < start + 300)
		uv_run(&loop, UV_RUN_ONCE);
	getrusage(RUSAGE_SELF, &r2);
	ok("no descriptors: no spinning", (r2.ru_utime.tv_sec
	    - r1.ru_utime.tv_sec) * 1000000 + r2.ru_utime.tv_usec
	    - r1.ru_utime.tv_usec + (r2.ru_stime.tv_sec - r1.ru_stime.tv_sec)
	    * 1000000 + r2.ru_stime.tv_usec - r1.ru_stime.tv_usec < 150000);
	setrlimit(RLIMIT_NOFILE, &old);
	for (i = 0; i < n; i++)
		close(fd[i]);
	close(top);
	RUN_UNTIL(httpd_connections(server) == 0, 1000);
	a = talk(GET HOST LAST);
	is_int("and it serves again", status_of(a), 200);
	free(a);
}

/* -- addresses -- */

static void
test_listen(void)
{
	char		 path[108], *url = NULL, *a;
	struct stat	 st;
	int		 fd;

	is_int("no port", httpd_listen(server, "localhost", NULL, NULL),
	    -EINVAL);
	is_int("no number", httpd_listen(server, "localhost:x", NULL, NULL),
	    -EINVAL);
	is_int("port too large", httpd_listen(server, ":65536", NULL, NULL),
	    -EINVAL);
	is_int("IPv6 without brackets", httpd_listen(server, "::1:80", NULL,
	    NULL), -EINVAL);
	ok("no such name", httpd_listen(server, "no.such.invalid:1", NULL,
	    NULL) < 0);
	a = xasprintf("127.0.0.1:%d", port);
	is_int("a taken port", httpd_listen(server, a, NULL, NULL),
	    -EADDRINUSE);
	free(a);
	is_int("every address", httpd_listen(server, ":0", NULL, &url), 0);
	ok("its URL", url != NULL
	    && strncmp(url, "http://127.0.0.1:", 17) == 0);
	free(url);
	snprintf(path, sizeof(path), "%.90s.d", file_path);
	mkdir(path, 0700);
	strcat(path, "/s");
	a = xasprintf("unix:%s", path);
	is_int("a Unix socket", httpd_listen(server, a, NULL, &url), 0);
	ok("its URL", strncmp(url, "http+unix://%2Ftmp%2F", 21) == 0);
	free(url);
	ok("mode 0600", stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	is_int("a served one is not replaced", httpd_listen(server, a, NULL,
	    NULL), -EADDRINUSE);
	ok("nothing else is left", access(path, F_OK) == 0);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	is_int("a file is not replaced", httpd_listen(server, a, NULL, NULL),
	    -EEXIST);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un	un = { .sun_family = AF_UNIX };

		memcpy(un.sun_path, path, strlen(path) + 1);
		if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
			die(EXIT_SYSTEM, "bind: %s", strerror(errno));
	}
	close(fd);
	is_int("a stale one is", httpd_listen(server, a, NULL, NULL), 0);
	fd = unixsock_connect(path);
	ok("and served", fd >= 0);
	close(fd);
	free(a);
	a = xasprintf("unix:%0200d", 1);
	is_int("a long path", httpd_listen(server, a, NULL, NULL),
	    -ENAMETOOLONG);
	free(a);
}

/* -- the end -- */

static int	stopped;

static void
on_stopped(void *arg)
{
	(void)arg;
	stopped++;
}

static void
test_stop(void)
{
	struct buf	b = BUF_INIT, c = BUF_INIT;
	int		rest = dial(), busy = dial(), slow = dial(), fl = dial();

	put(busy, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	RUN_UNTIL(held != NULL, 1000);
	send_all(slow, "GET / HTTP/1.1\r\n", 16);
	put(fl, "GET /flow HTTP/1.1\r\n" HOST "\r\n");
	RUN_UNTIL(flow != NULL && httpd_connections(server) == 4, 1000);
	gone_count = 0;
	httpd_stop(server, 500, on_stopped, NULL);
	ok("one at rest is closed", !read_until(rest, &b, NULL));
	close(rest);
	is_int("no new ones", unixsock_connect("/nonexistent"), -ENOENT);
	is_int("it is not yet over", stopped, 0);
	http_reply(held, 200, NULL, "last", 4);
	read_until(busy, &c, NULL);
	ok("a busy one gets its answer, and the end",
	    strcmp(body_of(buf_str(&c)), "last") == 0
	    && strstr(c.p, "Connection: close\r\n") != NULL);
	close(busy);
	RUN_UNTIL(stopped, 2000);
	is_int("over after the grace", stopped, 1);
	is_int("gone() was called", gone_count, 1);
	close(slow);
	close(fl);
	RUN_UNTIL(0, 50);
	is_int("nothing is left on the loop", uv_loop_close(&loop), 0);
	buf_release(&b);
	buf_release(&c);
}

/* -- a server for the shell tests -- */

static void
on_term(uv_signal_t *s, int signum)
{
	(void)signum;
	uv_close((uv_handle_t *)s, NULL);
	httpd_stop(server, 1000, on_stopped, NULL);
}

/* serve WHERE [FILE [CERT KEY]] */
static int
serve(int argc, char **argv)
{
	struct stat	 st;
	struct tls	*tls = NULL;
	uv_signal_t	 term;
	char		*url = NULL, *why = NULL;
	int		 rc;

	if (argc > 3 && stat(argv[3], &st) == 0) {
		file_size = (size_t)st.st_size;
		snprintf(file_path, sizeof(file_path), "%s", argv[3]);
	}
	if (argc > 5 && tls_server(&tls, argv[4], argv[5], &why) < 0)
		die(EXIT_SYSTEM, "%s: %s", argv[4], why);
	if ((rc = httpd_listen(server, argv[2], tls, &url)) < 0)
		die(EXIT_SYSTEM, "%s: %s", argv[2], errstr(rc));
	puts(url);
	fflush(stdout);
	free(url);
	uv_signal_init(&loop, &term);
	uv_signal_start(&term, on_term, SIGTERM);
	uv_run(&loop, UV_RUN_DEFAULT);
	tls_free(tls);
	return uv_loop_close(&loop) < 0;
}

int
main(int argc, char **argv)
{
	char	*url = NULL;
	int	 rc;

	crypto_init();
	uv_loop_init(&loop);
	server = httpd_new(&loop, handler, NULL);
	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		return serve(argc, argv);
	rc = httpd_listen(server, "127.0.0.1:0", NULL, &url);
	is_int("listens", rc, 0);
	port = atoi(strrchr(url, ':') + 1);
	free(url);
	close(mkstemp(file_path));
	test_heads();
	test_requests();
	test_chunk_extra();
	test_bytewise();
	test_keep();
	test_flood();
	test_body();
	test_time();
	test_peers();
	test_ranges();
	test_large_file();
	test_flow();
	test_upgrade();
	test_leavers();
	test_room();
	test_descriptors();
	test_listen();
	test_stop();
	unlink(file_path);
	strcat(file_path, ".d");
	rmdir(file_path);
	return done();
}
