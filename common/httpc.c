/*
 * One request over one connection: connect, send all, read the answer, and
 * close (Connection: close).  http-parser finds the parts of the answer;
 * limits and the meaning are here.  Behind a proxy the way there is asked for
 * first (CONNECT), also for http: so it is the same for both.
 *
 * request_end() is the one way out: it closes the stream, then the timer, and
 * when the timer has closed done() is called and the memory goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <http_parser.h>

#include "buf.h"
#include "http.h"
#include "http_fields.h"
#include "httpc_impl.h"
#include "log.h"
#include "stream.h"
#include "tls.h"

enum {
	HTTPC_MAX_BODY	= 16 * 1024 * 1024,	/* lists of jobs, log files */
	HTTPC_TIMEOUT	= 30000			/* ms without progress */
};

struct httpc {
	uv_timer_t	 timer;
	struct stream	*stream;	/* NULL: not yet, or closed */
	struct buf	 request;
	struct buf	 connect;	/* to the proxy */
	const struct tls *tls;		/* behind the proxy; or NULL */
	char		*host;		/* likewise */
	http_parser	 parser;
	struct fields	 headers;
	struct buf	 body;
	size_t		 head_bytes;	/* fed before the head was whole */
	size_t		 unsent;	/* when the timer last looked */
	uint64_t	 body_bytes;
	uint64_t	 max_body;	/* 0: see body_max() */
	int64_t		 timeout_ms;
	int		(*sink)(const char *, size_t, void *);
	void		(*head)(const struct httpc_answer *, void *);
	void		(*done)(const struct httpc_answer *, void *);
	void		*arg, *sink_arg;
	char		*why;
	int		 rc;
	unsigned	 ended : 1;
	unsigned	 asks_proxy : 1;	/* it has not opened the way */
	unsigned	 head_done : 1;
	unsigned	 no_body : 1;	/* HEAD */
};

/* -- the end -- */

static void
answer_fill(const struct httpc *c, struct httpc_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->rc = c->rc;
	a->why = c->why != NULL ? c->why : errstr(c->rc);
	a->status = c->head_done ? (int)c->parser.status_code : 0;
	a->body = buf_str(&c->body);
	a->body_len = c->body.len;
	a->req = c;
}

static void
on_gone(uv_handle_t *h)
{
	struct httpc		*c = h->data;
	struct httpc_answer	 a;

	answer_fill(c, &a);
	c->done(&a, c->arg);
	buf_release(&c->request);
	buf_release(&c->connect);
	free(c->host);
	fields_release(&c->headers);
	buf_release(&c->body);
	free(c->why);
	free(c);
}

/* Takes why, which may be NULL. */
static void
request_end(struct httpc *c, int rc, char *why)
{
	if (c->ended) {
		free(why);
		return;
	}
	c->ended = 1;
	c->rc = rc;
	if (why != c->why)
		free(c->why);
	c->why = why;
	uv_timer_stop(&c->timer);
	if (c->stream != NULL)
		stream_abort(c->stream, rc);	/* on_closed goes on */
	else
		uv_close((uv_handle_t *)&c->timer, on_gone);
}

void
httpc_cancel(struct httpc *c)
{
	request_end(c, UV_ECANCELED, NULL);
}

/* -- the answer, as http-parser finds it: 0 goes on -- */

static int
refuse(struct httpc *c, int rc, const char *why)
{
	request_end(c, rc, xstrdup(why));
	return -1;
}

static int
on_name(http_parser *p, const char *s, size_t n)
{
	struct httpc	*c = p->data;
	const char	*why;
	int		 rc;

	if (c->head_done)
		return 0;		/* trailers: nobody asked for them */
	rc = fields_name(&c->headers, s, n, &why);
	return rc < 0 ? refuse(c, rc, why) : 0;
}

static int
on_value(http_parser *p, const char *s, size_t n)
{
	struct httpc	*c = p->data;
	const char	*why;
	int		 rc;

	if (c->head_done)
		return 0;
	rc = fields_value(&c->headers, s, n, &why);
	return rc < 0 ? refuse(c, rc, why) : 0;
}

static int
sinks(const struct httpc *c)
{
	return c->sink != NULL && c->parser.status_code / 100 == 2;
}

static uint64_t
body_max(const struct httpc *c)
{
	if (c->max_body != 0)
		return c->max_body;
	return sinks(c) ? UINT64_MAX : HTTPC_MAX_BODY;
}

/* 1 tells the parser that no body follows. */
static int
on_head(http_parser *p)
{
	struct httpc		*c = p->data;
	struct httpc_answer	 a;

	fields_end(&c->headers);
	if (c->asks_proxy && p->status_code / 100 == 2)
		return 2;		/* what follows is the server's */
	if (c->asks_proxy && p->status_code / 100 != 1) {
		request_end(c, UV_ECONNREFUSED, xasprintf("the proxy refused:"
		    " %d", p->status_code));
		return -1;
	}
	if (p->status_code == 101 || p->status_code < 100)
		return refuse(c, UV_EPROTO, "unexpected status");
	if (p->status_code < 200)
		return 0;		/* the answer is still to come */
	c->head_done = 1;
	if (!c->no_body && (p->flags & F_CONTENTLENGTH)
	    && p->content_length > body_max(c))
		return refuse(c, UV_EFBIG, "answer is larger than allowed");
	if (c->head != NULL) {
		answer_fill(c, &a);
		c->head(&a, c->sink_arg);
	}
	return c->ended ? -1 : c->no_body;
}

static int
on_body(http_parser *p, const char *s, size_t n)
{
	struct httpc	*c = p->data;
	int		 rc;

	c->body_bytes += n;
	if (c->body_bytes > body_max(c))
		return refuse(c, UV_EFBIG, "answer is larger than allowed");
	if (!sinks(c)) {
		buf_add(&c->body, s, n);
		return 0;
	}
	if ((rc = c->sink(s, n, c->sink_arg)) < 0)
		request_end(c, rc, NULL);
	return c->ended ? -1 : 0;
}

static int
on_whole(http_parser *p)
{
	struct httpc	*c = p->data;

	if (c->asks_proxy && p->upgrade)
		return 0;
	if (p->status_code >= 200) {
		request_end(c, 0, NULL);
		return -1;		/* what follows is nobody's */
	}
	fields_clear(&c->headers);	/* 100 Continue and its like */
	return 0;
}

static const http_parser_settings	settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_whole,
};

static void	on_ready(struct stream *, void *);

/* The proxy has opened the way. */
static void
go_through(struct httpc *c)
{
	c->asks_proxy = 0;
	c->head_bytes = 0;
	fields_clear(&c->headers);
	http_parser_init(&c->parser, HTTP_RESPONSE);
	if (c->tls != NULL)
		stream_start_tls(c->stream, c->tls, c->host, c->timeout_ms);
	else
		on_ready(c->stream, c);
}

/* n 0 is the end of the connection. */
static void
answer_feed(struct httpc *c, const char *p, size_t n)
{
	size_t	eaten = http_parser_execute(&c->parser, &settings, p, n);

	if (c->ended)
		return;
	if (c->asks_proxy && c->parser.upgrade) {
		if (eaten < n)		/* no server speaks first */
			refuse(c, UV_EPROTO, "the proxy said more than its"
			    " answer");
		else
			go_through(c);
		return;
	}
	if (HTTP_PARSER_ERRNO(&c->parser) != HPE_OK) {
		request_end(c, UV_EPROTO, xasprintf("not an HTTP answer: %s",
		    http_errno_description(HTTP_PARSER_ERRNO(&c->parser))));
		return;
	}
	if (!c->head_done && (c->head_bytes += n) > HTTP_MAX_HEAD)
		refuse(c, UV_EMSGSIZE, "answer's headers too long");
}

/* -- the connection -- */

static void
on_timer(uv_timer_t *t)
{
	struct httpc	*c = t->data;
	size_t		 unsent;

	if (c->stream == NULL) {	/* httpc_start could not begin */
		request_end(c, c->rc, c->why);
		return;
	}
	unsent = stream_pending(c->stream);
	if (unsent < c->unsent) {	/* a long body on its way */
		c->unsent = unsent;
		uv_timer_start(t, on_timer, (uint64_t)c->timeout_ms, 0);
		return;
	}
	request_end(c, UV_ETIMEDOUT, xasprintf("no %sanswer for %lld ms",
	    c->head_done ? "more of the " : "",
	    (long long)c->timeout_ms));
}

static void
on_ready(struct stream *s, void *arg)
{
	struct httpc	*c = arg;

	stream_write_take(s, c->asks_proxy ? &c->connect : &c->request);
	c->unsent = stream_pending(s);
	uv_timer_start(&c->timer, on_timer, (uint64_t)c->timeout_ms, 0);
}

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct httpc	*c = arg;

	(void)s;
	if (c->ended)
		return;
	uv_timer_start(&c->timer, on_timer, (uint64_t)c->timeout_ms, 0);
	answer_feed(c, p, n);
}

static void
on_closed(struct stream *s, int rc, void *arg)
{
	struct httpc	*c = arg;

	c->stream = NULL;
	if (c->ended) {
		uv_close((uv_handle_t *)&c->timer, on_gone);
		return;
	}
	/* Some bodies end with the connection; the parser knows which. */
	if (rc == UV_EOF && c->head_done)
		answer_feed(c, NULL, 0);
	if (!c->ended && rc == UV_EOF)
		request_end(c, rc, xasprintf("connection closed %s",
		    c->head_done ? "within the answer" : "without an answer"));
	request_end(c, rc, xstrdup(stream_why(s)));
}

static const struct stream_events	events = {
	.ready = on_ready, .data = on_data, .closed = on_closed
};

/* -- the beginning -- */

static struct httpc *
request_new(uv_loop_t *loop, const struct httpc_options *o,
    void (*done)(const struct httpc_answer *, void *), void *arg)
{
	struct httpc	*c = xcalloc(1, sizeof(*c));

	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	http_parser_init(&c->parser, HTTP_RESPONSE);
	c->parser.data = c;
	c->sink = o->sink;
	c->head = o->head;
	c->done = done;
	c->arg = arg;
	c->sink_arg = o->sink_arg != NULL ? o->sink_arg : arg;
	c->max_body = o->max_body;
	c->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : HTTPC_TIMEOUT;
	c->no_body = o->method != NULL && strcmp(o->method, "HEAD") == 0;
	return c;
}

/* From the URL u to its proxy's, which is asked for the way to it. */
static int
turn_to_proxy(struct httpc *c, struct url *u, const char *proxy, char **why)
{
	struct url	 p;
	const char	*words = "this cannot go through that proxy";

	if (url_parse(proxy, &p, &words) < 0 || p.tls ||
	    p.socket[0] != '\0' || u->socket[0] != '\0') {
		*why = xasprintf("proxy: %s", words);
		return -EINVAL;
	}
	c->asks_proxy = 1;
	c->host = xstrdup(u->host);
	httpc_write_connect(&c->connect, u);
	*u = p;
	return 0;
}

static int
request_begin(struct httpc *c, const char *url, const struct httpc_options *o,
    char **why)
{
	const struct tls	*tls = NULL;
	const char		*words;
	struct url		 u;

	if (url_parse(url, &u, &words) < 0) {
		*why = xstrdup(words);
		return -EINVAL;
	}
	if (u.tls && (tls = o->tls) == NULL && (tls = tls_default(why))
	    == NULL)
		return -ENOENT;
	if (httpc_write_request(&c->request, &u, o) < 0) {
		*why = xstrdup("line end in the API key");
		return -EINVAL;
	}
	if (o->proxy != NULL) {
		if (turn_to_proxy(c, &u, o->proxy, why) < 0)
			return -EINVAL;
		c->tls = tls;
		tls = NULL;
	}
	if (u.socket[0] != '\0' && o->allow != NULL) {
		*why = xstrdup("not a Unix socket");
		return -EACCES;
	}
	if (u.socket[0] != '\0')
		c->stream = stream_connect_path(c->timer.loop, u.socket,
		    c->timeout_ms, &events, c);
	else
		c->stream = stream_connect_guarded(c->timer.loop, u.host,
		    u.port, tls, c->timeout_ms, o->allow, &events, c);
	return 0;
}

struct httpc *
httpc_start(uv_loop_t *loop, const char *url, const struct httpc_options *o,
    void (*done)(const struct httpc_answer *, void *), void *arg)
{
	static const struct httpc_options	none;
	struct httpc				*c;

	if (o == NULL)
		o = &none;
	c = request_new(loop, o, done, arg);
	c->rc = request_begin(c, url, o, &c->why);
	if (c->rc < 0)			/* done() must come later */
		uv_timer_start(&c->timer, on_timer, 0, 0);
	return c;
}

const char *
httpc_header(const struct httpc *c, const char *name)
{
	return fields_get(&c->headers, name);
}
