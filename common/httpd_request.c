/*
 * A request comes in: its head, its body, then the handler has it.  What is
 * behind it waits in c->in.
 */
#include <stdlib.h>
#include <string.h>

#include "httpd_impl.h"
#include "log.h"
#include "stream.h"

static struct request *
request_new(struct http_conn *c, const char *text, size_t n)
{
	struct request	*r = xmalloc(sizeof(*r) + n + 1);
	struct httpd	*h = c->server;
	uint64_t	 id = h->id_key + ++h->id_count * 0x9e3779b97f4a7c15;
	static const char hex[] = "0123456789abcdef";
	int64_t		 pid;
	int		 i;

	memset(r, 0, offsetof(struct request, head.field));
	memcpy(r->text, text, n);
	r->text[n] = '\0';
	/* Unlike each other and between servers; not secret (splitmix64). */
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9;
	id = (id ^ id >> 27) * 0x94d049bb133111eb;
	id ^= id >> 31;
	for (i = 0; i < 16; i++, id >>= 4)
		r->pub.id[i] = hex[id & 15];
	memccpy(r->peer, stream_peer(c->stream), '\0', sizeof(r->peer) - 1);
	r->pub.peer = r->peer;
	r->pub.method = r->pub.path = r->pub.query = r->pub.body = "";
	r->pub.uid = -1;
	r->pub.began = uv_hrtime();
	r->pub.tls = stream_is_tls(c->stream);
	r->pub.conn = c;
	if (c->local && stream_peer_cred(c->stream, &r->pub.uid, &pid) < 0)
		r->pub.uid = -1;
	c->req = r;
	return r;
}

void
request_free(struct http_conn *c)
{
	struct request	*r = c->req;

	if (r == NULL)
		return;
	c->req = NULL;
	if (c->server != NULL)
		c->server->bodies -= r->body.len;
	buf_release(&r->body);
	buf_release(&r->extra);
	free(r);
}

/* -- as far as it has come -- */

void
request_refuse(struct http_conn *c, int status, const char *why)
{
	struct request	*r = c->req;

	if (r == NULL)
		r = request_new(c, "", 0);
	reply_refuse(r, status, why);
}

static void
dispatch(struct http_conn *c)
{
	struct request	*r = c->req;

	r->pub.body = buf_str(&r->body);
	r->pub.body_len = r->body.len;
	c->state = CONN_BUSY;
	conn_wait(c, WAIT_NONE);
	log_debug("http", "%s %s %s %s", r->pub.id, r->peer, r->pub.method,
	    r->pub.path);
	c->server->handler(&r->pub, c->server->arg);
}

static size_t
max_body(const struct http_conn *c)
{
	const struct httpd	*h = c->server;

	return h->large != NULL && strncmp(c->req->pub.path, h->large,
	    strlen(h->large)) == 0 ? h->max_large : h->max_body;
}

static void
eat_body(struct http_conn *c)
{
	struct request	*r = c->req;
	struct httpd	*h = c->server;
	size_t		 had = r->body.len, take;
	int		 whole = 0, rc = 0;
	const char	*why = NULL;

	if (r->head.chunked) {
		rc = chunked_eat(&r->chunked, &c->rest, &c->rest_len, &r->body,
		    max_body(c), &whole, &why);
	} else {
		take = (size_t)r->head.length - had;
		take = take < c->rest_len ? take : c->rest_len;
		buf_add(&r->body, c->rest, take);
		c->rest += take;
		c->rest_len -= take;
		whole = r->body.len == r->head.length;
	}
	h->bodies += r->body.len - had;
	if (rc == 0 && h->bodies > HTTPD_MAX_BODIES) {
		rc = 503;
		why = "too many large requests at once";
	}
	if (rc != 0)
		request_refuse(c, rc, why);
	else if (whole)
		dispatch(c);
}

static void
body_begin(struct http_conn *c)
{
	struct request	*r = c->req;

	if (!r->head.chunked && r->head.length > max_body(c)) {
		request_refuse(c, 413, "body too long");
		return;
	}
	if (!r->head.chunked && r->head.length == 0) {
		dispatch(c);
		return;
	}
	c->state = CONN_BODY;
	c->unsent = 0;			/* of its bytes, those that counted */
	conn_wait(c, WAIT_BODY);
	if (r->head.expects && c->rest_len == 0)
		stream_write(c->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Empty lines before a request are skipped (RFC 9112, 2.2). */
static void
skip_empty_lines(struct http_conn *c)
{
	while (c->rest_len >= 2 && c->rest[0] == '\r' && c->rest[1] == '\n') {
		c->rest += 2;
		c->rest_len -= 2;
		c->scanned = 0;
	}
}

/* Whether there is a reason to call again. */
static int
eat_head(struct http_conn *c)
{
	struct request	*r;
	const char	*why = NULL;
	size_t		 len;
	int		 rc;

	skip_empty_lines(c);
	rc = head_find(c->rest, c->rest_len, &c->scanned, &len, &why);
	if (rc != 0) {
		request_refuse(c, rc, why);
		return 0;
	}
	if (len == 0) {
		if (c->wait != WAIT_HEAD)
			conn_wait(c, WAIT_HEAD);
		return 0;
	}
	r = request_new(c, c->rest, len);
	c->rest += len;
	c->rest_len -= len;
	if ((rc = head_parse(&r->head, r->text, len, &why)) != 0) {
		request_refuse(c, rc, why);
		return 0;
	}
	r->pub.method = r->head.method;
	r->pub.path = r->head.path;
	r->pub.query = r->head.query;
	r->keep = r->head.keep;
	r->head_only = strcmp(r->head.method, "HEAD") == 0;
	body_begin(c);
	return 1;
}

/* Parses what waited in c->in and then p, as far as it goes now; the rest
 * waits in c->in.  The handler may do all sorts of things meanwhile. */
void
conn_eat(struct http_conn *c, const char *p, size_t n)
{
	struct buf	old = c->in;

	c->in = (struct buf)BUF_INIT;
	if (old.len > 0) {
		buf_add(&old, p, n);
		p = old.p;
		n = old.len;
	}
	c->rest = p;
	c->rest_len = n;
	c->eating = 1;
	while (c->stream != NULL && c->rest_len > 0) {
		if (c->state == CONN_BODY)
			eat_body(c);
		else if (c->state != CONN_HEAD || !eat_head(c))
			break;
	}
	c->eating = 0;
	if (c->stream == NULL) {
		if (c->req == NULL)
			conn_forget(c);
	} else if (c->state != CONN_CLOSING) {
		if (c->rest_len > 0)
			buf_add(&c->in, c->rest, c->rest_len);
		if (c->state == CONN_BUSY || c->state == CONN_FILE
		    || c->state == CONN_FLUSH)
			conn_pause(c);
		else if (c->state != CONN_STREAM)
			conn_resume(c);
	}
	buf_release(&old);
}
