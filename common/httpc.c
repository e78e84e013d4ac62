/*
 * One request over one connection: connect, send all, read the answer, and
 * close (Connection: close).  http-parser finds the parts of the answer;
 * limits and the meaning are here.
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

/* n 0 is the end of the connection. */
static void
answer_feed(struct httpc *c, const char *p, size_t n)
{
	http_parser_execute(&c->parser, &settings, p, n);
	if (c->ended)
		return;
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

	stream_write_take(s, &c->request);
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

static void
add_host(struct buf *b, const struct url *u)
{
	int	v6 = strchr(u->host, ':') != NULL;

	buf_printf(b, "Host: %s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
	if (u->port != 0 && u->port != (u->tls ? 443 : 80))
		buf_printf(b, ":%d", u->port);
	buf_adds(b, "\r\n");
}

/* 0, or -EINVAL for what cannot stand in a header. */
static int
request_write(struct buf *b, const struct url *u,
    const struct httpc_options *o)
{
	buf_printf(b, "%s %s HTTP/1.1\r\n", o->method != NULL ? o->method
	    : "GET", u->path);
	add_host(b, u);
	buf_adds(b, "Connection: close\r\n");
	if (o->bearer != NULL) {
		if (o->bearer[strcspn(o->bearer, "\r\n")] != '\0')
			return -EINVAL;
		buf_printf(b, "Authorization: Bearer %s\r\n", o->bearer);
	}
	if (o->type != NULL)
		buf_printf(b, "Content-Type: %s\r\n", o->type);
	if (o->body != NULL)
		buf_printf(b, "Content-Length: %zu\r\n", o->body_len);
	buf_printf(b, "%s\r\n", o->headers != NULL ? o->headers : "");
	if (o->body != NULL)
		buf_add(b, o->body, o->body_len);
	return 0;
}

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
	if (request_write(&c->request, &u, o) < 0) {
		*why = xstrdup("line end in the API key");
		return -EINVAL;
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
