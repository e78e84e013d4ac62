/* The HTTP client against a server that says what each test wants. */
#include <errno.h>
#include <stdint.h>

#include "http.h"
#include "net.h"
#include "tap.h"

/* -- the server: takes one request, says its piece -- */

static struct {
	const char	*says;		/* NULL: nothing */
	size_t		 n;		/* of says; 0: strlen */
	int		 closes;	/* afterwards */
	int		 aborts;
	size_t		 piece;		/* bytes a turn, 0: all at once */
	size_t		 sent;
	struct buf	 request;
	int		 whole, closed;
	size_t		 body;		/* bytes to wait for */
	int		 deaf;		/* reads nothing */
	struct stream	*s;
} server;

static struct net_listener	listener;

static void
serve_more(struct stream *s, void *arg)
{
	size_t	n = server.n - server.sent;

	(void)arg;
	if (!server.whole || server.says == NULL)
		return;
	if (server.piece != 0 && n > server.piece)
		n = server.piece;
	stream_write(s, server.says + server.sent, n);
	server.sent += n;
	if (server.sent < server.n)
		return;
	if (server.aborts)
		stream_abort(s, 0);
	else if (server.closes)
		stream_close(s);
}

static void
serve_ready(struct stream *s, void *arg)
{
	(void)arg;
	server.s = s;
	if (server.deaf)
		stream_pause(s);
}

static void
serve_data(struct stream *s, const char *p, size_t n, void *arg)
{
	const char	*end;

	if (server.whole)
		return;
	buf_add(&server.request, p, n);
	end = strstr(buf_str(&server.request), "\r\n\r\n");
	if (end == NULL || server.request.len - (size_t)(end + 4
	    - server.request.p) < server.body)
		return;
	server.whole = 1;
	if (server.n == 0 && server.says != NULL)
		server.n = strlen(server.says);
	serve_more(s, arg);
}

static void
serve_closed(struct stream *s, int rc, void *arg)
{
	(void)s;
	(void)rc;
	(void)arg;
	server.closed++;
}

static const struct stream_events	serve = {
	serve_ready, serve_data, serve_more, serve_closed
};

/* -- the client -- */

static struct {
	int		 done, rc, status, heads, head_status;
	struct buf	 body, sunk;
	char		 why[160], header[80], empty[8];
	int		 sink_rc, cancel_in_head, cancel_in_sink;
	struct httpc	*req;
	int		 whole_name;	/* httpc_header() of an absent one */
} got;

static void
on_done(const struct httpc_answer *a, void *arg)
{
	const char	*s;

	(void)arg;
	got.done++;
	got.rc = a->rc;
	got.status = a->status;
	buf_add(&got.body, a->body, a->body_len + 1);	/* its NUL too */
	got.body.len--;
	snprintf(got.why, sizeof(got.why), "%s", a->why);
	if ((s = httpc_header(a->req, "x-TEST")) != NULL)
		snprintf(got.header, sizeof(got.header), "%s", s);
	if ((s = httpc_header(a->req, "Empty")) != NULL)
		snprintf(got.empty, sizeof(got.empty), "(%s)", s);
	got.whole_name = httpc_header(a->req, "x-tes") != NULL;
}

static void
on_head(const struct httpc_answer *a, void *arg)
{
	(void)arg;
	got.heads++;
	got.head_status = a->status;
	if (got.cancel_in_head)
		httpc_cancel(got.req);
}

static int
on_sink(const char *p, size_t n, void *arg)
{
	(void)arg;
	buf_add(&got.sunk, p, n);
	if (got.cancel_in_sink)
		httpc_cancel(got.req);
	return got.sink_rc;
}

static void
reset(void)
{
	buf_release(&got.body);
	buf_release(&got.sunk);
	buf_release(&server.request);
	memset(&got, 0, sizeof(got));
	memset(&server, 0, sizeof(server));
}

static void
start(const char *scheme, const struct httpc_options *o)
{
	char	url[80];

	snprintf(url, sizeof(url), "%s://127.0.0.1:%d/api/x?y=%%20",
	    scheme, listener.port);
	got.req = httpc_start(&loop, url, o, on_done, &got);
}

/* One exchange; the server closes after its words. */
static void
ask(const char *says, const struct httpc_options *o)
{
	server.says = says;
	server.closes = 1;
	start("http", o);
	loop_run(&got.done, 1);
	loop_run(&server.closed, server.whole);
}

static void
again(const char *says, const struct httpc_options *o)
{
	reset();
	ask(says, o);
}

#define OK	"HTTP/1.1 200 OK\r\n"

static void
test_answers(void)
{
	static const char	chunked[] = OK "Transfer-Encoding: chunked\r\n"
		"Empty:\r\nX-Test:  a b \r\n\r\n3\r\nabc\r\n"
		"a;x=y\r\n0123456789\r\n0\r\nX-Test: trailer\r\n\r\n";
	const struct httpc_options	head = { .method = "HEAD" };

	again(OK "Content-Length: 5\r\nX-Test: v\r\n\r\nhello", NULL);
	ok("an answer with its length", got.rc == 0 && got.status == 200
	    && strcmp(got.body.p, "hello") == 0);
	is_str("a header, in any case", got.header, "v");
	is_int("by its whole name only", got.whole_name, 0);
	ok("the request is HTTP/1.1 to this host",
	    strncmp(server.request.p, "GET /api/x?y=%20 HTTP/1.1\r\nHost:"
	    " 127.0.0.1:", 42) == 0
	    && strstr(server.request.p, "\r\nConnection: close\r\n") != NULL);
	is_int("done() came once", got.done, 1);

	again(chunked, NULL);
	ok("a chunked one", got.rc == 0
	    && strcmp(got.body.p, "abc0123456789") == 0);
	is_str("trailers are no headers", got.header, "a b");
	is_str("a header may be empty", got.empty, "()");
	reset();
	server.piece = 1;
	ask(chunked, NULL);
	ok("the same, byte by byte", got.rc == 0
	    && strcmp(got.body.p, "abc0123456789") == 0
	    && strcmp(got.header, "a b") == 0 && strcmp(got.empty, "()") == 0);

	again(OK "\r\nto the end", NULL);
	ok("one that ends with the connection", got.rc == 0
	    && strcmp(got.body.p, "to the end") == 0);
	again("HTTP/1.1 204 No Content\r\n\r\n", NULL);
	ok("one without a body", got.rc == 0 && got.status == 204
	    && got.body.len == 0);
	again(OK "Content-Length: 99\r\n\r\n", &head);
	ok("HEAD waits for no body", got.rc == 0 && got.status == 200);
	again("HTTP/1.1 100 Continue\r\nX-Test: no\r\n\r\n"
	    "HTTP/1.1 103 Early\r\n\r\n"
	    "HTTP/1.1 404 Gone\r\nX-Test: yes\r\nContent-Length: 2\r\n\r\nno",
	    NULL);
	ok("what comes before the answer is passed over", got.rc == 0
	    && got.status == 404 && strcmp(got.header, "yes") == 0
	    && strcmp(got.body.p, "no") == 0);
	again("HTTP/1.0 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
	    NULL);
	ok("no redirect is followed", got.rc == 0 && got.status == 301);
	again(OK "Content-Length: 2\r\n\r\nokHTTP/1.1 500 X\r\n\r\n", NULL);
	ok("a second answer is nobody's", got.rc == 0 && got.status == 200
	    && strcmp(got.body.p, "ok") == 0);
}

static void
test_request(void)
{
	size_t			n = 5000000;
	char			*big = xmalloc(n);
	struct httpc_options	o = {
		.method = "POST", .bearer = "mk_123", .type = "text/plain",
		.headers = "X-A: 1\r\nX-B: 2\r\n", .body = "body",
		.body_len = 4
	};

	reset();
	server.body = 4;
	ask(OK "Content-Length: 0\r\n\r\n", &o);
	ok("a body with its length and type",
	    strstr(server.request.p, "\r\nContent-Length: 4\r\n") != NULL
	    && strstr(server.request.p, "\r\nContent-Type: text/plain\r\n")
	    != NULL && strstr(server.request.p, "\r\n\r\nbody") != NULL);
	ok("the key and further headers",
	    strstr(server.request.p, "\r\nAuthorization: Bearer mk_123\r\n")
	    != NULL
	    && strstr(server.request.p, "\r\nX-A: 1\r\nX-B: 2\r\n") != NULL);

	reset();
	memset(big, 'x', n);
	o.body = big;
	o.body_len = server.body = n;
	ask(OK "Content-Length: 2\r\n\r\nok", &o);
	ok("a body larger than any buffer", got.rc == 0
	    && server.request.len > n);

	reset();
	o.bearer = "mk\r\nX: y";
	start("http", &o);
	is_int("done() never comes within the call", got.done, 0);
	loop_run(&got.done, 1);
	ok("a key with a line end is refused", got.rc == -EINVAL
	    && strcmp(got.why, "line end in the API key") == 0);
	free(big);
}

static void
test_sink(void)
{
	struct httpc_options	o = { .sink = on_sink, .head = on_head };

	again(OK "Content-Length: 5\r\n\r\nhello", &o);
	ok("a sink takes the body", got.rc == 0 && got.body.len == 0
	    && strcmp(buf_str(&got.sunk), "hello") == 0);
	is_int("head() came before", got.heads * 1000 + got.head_status, 1200);
	again("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", &o);
	ok("but not of a refusal", got.sunk.len == 0
	    && strcmp(got.body.p, "no") == 0);
	reset();
	got.sink_rc = UV_ENOSPC;
	ask(OK "Content-Length: 5\r\n\r\nhello", &o);
	ok("a sink that fails ends it", got.done == 1
	    && got.rc == UV_ENOSPC);
	reset();
	got.cancel_in_sink = 1;
	ask(OK "Content-Length: 5\r\n\r\nhello", &o);
	ok("a cancel in sink()", got.done == 1 && got.rc == UV_ECANCELED);
	reset();
	got.cancel_in_head = 1;
	ask(OK "Content-Length: 5\r\n\r\nhello", &o);
	ok("a cancel in head()", got.done == 1 && got.rc == UV_ECANCELED
	    && got.sunk.len == 0);
	o.max_body = 3;
	again(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n",
	    &o);
	ok("a sink can have a limit", got.rc == UV_EFBIG
	    && strcmp(buf_str(&got.sunk), "abc") == 0);
}

static void
failure(const char *what, const char *says, const struct httpc_options *o,
    int rc, const char *why)
{
	again(says, o);
	ok(what, got.done == 1 && got.rc == rc);
	is_str("in words", got.why, why);
}

static void
test_bad_answers(void)
{
	const struct httpc_options	small = { .max_body = 4 };
	static const char		nul[] = OK "X-A: b\0c\r\n\r\n";
	struct buf			b = BUF_INIT;
	int				i;

	failure("larger than allowed, by its length",
	    OK "Content-Length: 5\r\n\r\nhello", &small, UV_EFBIG,
	    "answer is larger than allowed");
	failure("larger than allowed, in chunks", OK "Transfer-Encoding:"
	    " chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n", &small, UV_EFBIG,
	    "answer is larger than allowed");
	failure("larger than allowed, to the end", OK "\r\nhello", &small,
	    UV_EFBIG, "answer is larger than allowed");
	failure("absurdly large", OK "Content-Length: 99999999999999\r\n\r\n",
	    NULL, UV_EFBIG, "answer is larger than allowed");
	failure("no answer", "", NULL, UV_EOF,
	    "connection closed without an answer");
	failure("half a head", OK "Content-Le", NULL, UV_EOF,
	    "connection closed without an answer");
	failure("half a body", OK "Content-Length: 5\r\n\r\nhel", NULL,
	    UV_EPROTO, "not an HTTP answer: stream ended at an unexpected"
	    " time");
	failure("half a chunk", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
	    NULL, UV_EPROTO, "not an HTTP answer: stream ended at an"
	    " unexpected time");
	failure("an upgrade nobody asked for", "HTTP/1.1 101 X\r\nUpgrade: x"
	    "\r\nConnection: upgrade\r\n\r\n", NULL, UV_EPROTO,
	    "unexpected status");
	failure("a status that is none", "HTTP/1.1 7 X\r\n\r\n", NULL,
	    UV_EPROTO, "unexpected status");
	again("220 mail.example ESMTP\r\n", NULL);
	is_int("what is not HTTP", got.rc, UV_EPROTO);
	again(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", NULL);
	is_int("two lengths", got.rc, UV_EPROTO);
	again(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
	    NULL);
	is_int("a length and chunks", got.rc, UV_EPROTO);
	reset();
	server.n = sizeof(nul) - 1;
	ask(nul, NULL);
	is_int("a NUL in a header", got.rc, UV_EPROTO);

	buf_adds(&b, OK);
	for (i = 0; i <= HTTP_MAX_HEADERS; i++)
		buf_adds(&b, "A: b\r\n");
	buf_adds(&b, "\r\n");
	failure("too many headers", b.p, NULL, UV_EMSGSIZE,
	    "answer's headers too long");
	buf_clear(&b);
	buf_printf(&b, "%sA: %0*d\r\n\r\n", OK, HTTP_MAX_HEAD, 0);
	failure("too long a header", b.p, NULL, UV_EMSGSIZE,
	    "answer's headers too long");
	buf_clear(&b);
	buf_printf(&b, "HTTP/1.1 200 %0*d", 100000, 0);
	failure("an endless status line", b.p, NULL, UV_EMSGSIZE,
	    "answer's headers too long");
	buf_release(&b);
}

static void
test_time(void)
{
	struct httpc_options	o = { .timeout_ms = 150 };
	size_t			n = 30000000;
	char			*big = xcalloc(1, n);

	reset();
	start("http", &o);
	loop_run(&got.done, 1);
	is_int("no answer in time", got.rc, UV_ETIMEDOUT);
	is_str("in words", got.why, "no answer for 150 ms");

	reset();
	server.says = OK "Content-Length: 5\r\n\r\nhel";
	start("http", &o);
	loop_run(&got.done, 1);
	is_str("half an answer in time", got.why,
	    "no more of the answer for 150 ms");

	reset();
	server.deaf = 1;
	o.body = big;
	o.body_len = n;
	start("http", &o);
	loop_run(&got.done, 1);
	is_int("a server that does not read", got.rc, UV_ETIMEDOUT);
	stream_abort(server.s, 0);	/* paused, it would not hear of it */
	loop_run(&server.closed, 1);

	reset();
	start("http", &o);
	httpc_cancel(got.req);
	loop_run(&got.done, 1);
	ok("a cancel at once", got.done == 1 && got.rc == UV_ECANCELED);
	reset();
	got.req = httpc_start(&loop, "nonsense", NULL, on_done, NULL);
	httpc_cancel(got.req);
	loop_run(&got.done, 1);
	ok("a cancel of what never began", got.rc == UV_ECANCELED);
	free(big);
}

static void
test_places(void)
{
	struct net_listener	l;
	char			url[200], *body = NULL, *why = NULL;
	size_t			n = 0, i, at;
	int			port, rc;

	reset();
	got.req = httpc_start(&loop, "http://", NULL, on_done, NULL);
	loop_run(&got.done, 1);
	ok("a bad address", got.rc == -EINVAL
	    && strcmp(got.why, "host missing") == 0);
	net_listen(&l, &serve, NULL, NULL);
	port = l.port;
	net_unlisten(&l);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	rc = httpc_fetch(&loop, url, NULL, &body, &n, &why);
	ok("nobody there", rc == UV_ECONNREFUSED && n == 0);
	is_str("in words", why, "connection refused");
	free(body);
	free(why);

	reset();
	memset(&l, 0, sizeof(l));
	l.ev = &serve;
	uv_pipe_init(&loop, &l.h.pipe, 0);
	l.h.stream.data = &l;
	uv_pipe_bind(&l.h.pipe, net_path("http"));
	uv_listen(&l.h.stream, 16, net_accept);
	at = (size_t)snprintf(url, sizeof(url), "http+unix://");
	for (i = 0; net_path("http")[i] != '\0'; i++)
		at += (size_t)snprintf(url + at, sizeof(url) - at, "%%%02X",
		    (unsigned)net_path("http")[i]);
	snprintf(url + at, sizeof(url) - at, "/healthz");
	server.says = OK "Content-Length: 2\r\n\r\nok";
	rc = httpc_fetch(&loop, url, NULL, &body, &n, &why);
	ok("a Unix socket", rc == 200 && n == 2 && strcmp(body, "ok") == 0
	    && why == NULL);
	ok("with a host in its request", strstr(buf_str(&server.request),
	    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n") != NULL);
	free(body);
	net_unlisten(&l);
	is_int("fetch wants no results", httpc_fetch(&loop, "x", NULL, NULL,
	    NULL, NULL), -EINVAL);
}

static void
test_tls(void)
{
	struct httpc_options	 o = { 0 };
	struct tls		*own = NULL, *tls = NULL;

	if (!net_tls(&listener, &own, &tls))
		return;
	o.tls = tls;
	reset();
	server.says = OK "Content-Length: 5\r\n\r\nhello";
	start("https", &o);
	loop_run(&got.done, 1);
	ok("https", got.rc == 0 && strcmp(got.body.p, "hello") == 0);
	loop_run(&server.closed, 1);

	reset();
	server.says = OK "\r\nhello";
	server.closes = 1;
	start("https", &o);
	loop_run(&got.done, 1);
	ok("a body that ends with close_notify", got.rc == 0
	    && strcmp(got.body.p, "hello") == 0);
	loop_run(&server.closed, 1);

	reset();
	server.says = OK "\r\nhello";
	server.aborts = 1;
	start("https", &o);
	loop_run(&got.done, 1);
	ok("a body that was cut is no answer", got.rc < 0);
	loop_run(&server.closed, 1);

	setenv("SSL_CERT_FILE", net_path("none"), 1);
	reset();
	start("https", NULL);
	loop_run(&got.done, 1);
	ok("no roots: said so", got.rc == -ENOENT
	    && strstr(got.why, "none") != NULL);
	setenv("SSL_CERT_FILE", net_path("ca.pem"), 1);
	reset();
	server.says = OK "Content-Length: 2\r\n\r\nok";
	start("https", NULL);
	loop_run(&got.done, 1);
	ok("SSL_CERT_FILE names the roots", got.rc == 0);
	loop_run(&server.closed, 1);
	reset();
	start("http", NULL);
	loop_run(&got.done, 1);
	ok("http to a TLS server fails", got.rc < 0);
	tls_free(own);
	tls_free(tls);
}

int
main(void)
{
	net_begin(&listener, &serve, NULL);
	test_answers();
	test_request();
	test_sink();
	test_bad_answers();
	test_time();
	test_places();
	test_tls();
	net_unlisten(&listener);
	reset();
	ok("nothing is left in the loop", net_done());
	return done();
}
