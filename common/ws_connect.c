/*
 * A client's way to an open WebSocket: connect (to the proxy, which is asked
 * to CONNECT, then TLS where the address wants it), send the handshake of
 * RFC 6455, section 4.1, and check the answer.  Any failure ends by ws_fail;
 * the ws's timer covers all of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include "crypto.h"
#include "http.h"
#include "http_fields.h"
#include "log.h"
#include "tls.h"
#include "ws_impl.h"

enum { WS_RETRY_MAX = 24 * 60 * 60 };	/* s: what a server may ask for */

enum step { ASK_PROXY, SHAKE_TLS, SHAKE_WS };

struct ws_dial {
	enum step	 step;
	struct url	 url;
	const struct tls *tls;		/* NULL: clear */
	int64_t		 timeout_ms;
	char		*headers;	/* the caller's */
	char		 key[BASE64_SIZE(16)];
	http_parser	 parser;
	struct fields	 fields;
	size_t		 bytes;		/* of the answer */
	int		 whole;		/* its head is */
	const char	*why;		/* a refused header */
};

void
ws_dial_free(struct ws_dial *d)
{
	if (d == NULL)
		return;
	fields_release(&d->fields);
	free(d->headers);
	free(d);
}

/* -- the answer's head, as http-parser finds it -- */

static int
on_name(http_parser *p, const char *s, size_t n)
{
	struct ws_dial	*d = p->data;

	return fields_name(&d->fields, s, n, &d->why);
}

static int
on_value(http_parser *p, const char *s, size_t n)
{
	struct ws_dial	*d = p->data;

	return fields_value(&d->fields, s, n, &d->why);
}

static int
on_head(http_parser *p)
{
	struct ws_dial	*d = p->data;

	fields_end(&d->fields);
	d->whole = 1;
	return 2;		/* whatever it says, no body is read */
}

/* Eats of the answer up to the end of its head.  The bytes eaten. */
static size_t
head_feed(struct ws *w, const char *p, size_t n)
{
	static const http_parser_settings	settings = {
		.on_header_field = on_name,
		.on_header_value = on_value,
		.on_headers_complete = on_head,
	};
	struct ws_dial	*d = w->dial;
	size_t		 eaten;

	eaten = http_parser_execute(&d->parser, &settings, p, n);
	d->bytes += eaten;
	if (d->why != NULL)
		ws_fail(w, UV_EPROTO, d->why);
	else if (HTTP_PARSER_ERRNO(&d->parser) != HPE_OK)
		ws_fail(w, UV_EPROTO, "the answer is not HTTP");
	else if (d->bytes > HTTP_MAX_HEAD)
		ws_fail(w, UV_EMSGSIZE, "the answer's headers are too long");
	return eaten;
}

static void
head_begin(struct ws_dial *d)
{
	http_parser_init(&d->parser, HTTP_RESPONSE);
	d->parser.data = d;
	fields_clear(&d->fields);
	d->bytes = 0;
	d->whole = 0;
}

/* -- steps -- */

static int
retry_seconds(const char *s)
{
	char	*end;
	long	 n;

	if (s == NULL || *s < '0' || *s > '9')
		return -1;		/* a date: nobody sends one */
	n = strtol(s, &end, 10);
	if (*end != '\0')
		return -1;
	return n > WS_RETRY_MAX ? WS_RETRY_MAX : (int)n;
}

static void
refused(struct ws *w, const char *who)
{
	struct ws_dial	*d = w->dial;
	int		 status = (int)d->parser.status_code;
	char		 why[80];

	if (d->step == SHAKE_WS)
		w->status = status;
	w->retry_after = retry_seconds(fields_get(&d->fields, "Retry-After"));
	snprintf(why, sizeof(why), "%s: %d %s", who, status,
	    http_status_str((enum http_status)status));
	ws_fail(w, UV_ECONNREFUSED, why);
}

static void
add_authority(struct buf *b, const struct url *u, int always_port)
{
	int	v6 = strchr(u->host, ':') != NULL;

	buf_printf(b, "%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
	if (always_port || u->port != (u->tls ? 443 : 80))
		buf_printf(b, ":%d", u->port);
}

static void
ask_proxy(struct ws *w)
{
	struct buf	b = BUF_INIT;

	head_begin(w->dial);
	buf_adds(&b, "CONNECT ");
	add_authority(&b, &w->dial->url, 1);
	buf_adds(&b, " HTTP/1.1\r\nHost: ");
	add_authority(&b, &w->dial->url, 1);
	buf_adds(&b, "\r\n\r\n");
	stream_write_take(w->stream, &b);
}

static void
shake_ws(struct ws *w)
{
	struct ws_dial	*d = w->dial;
	struct buf	 b = BUF_INIT;
	unsigned char	 nonce[16];

	head_begin(d);
	d->step = SHAKE_WS;
	crypto_random(nonce, sizeof(nonce));
	base64_encode(nonce, sizeof(nonce), d->key);
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: ", d->url.path);
	add_authority(&b, &d->url, 0);
	buf_printf(&b, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
	    d->key, d->headers);
	stream_write_take(w->stream, &b);
}

static void
proxy_answered(struct ws *w, size_t rest)
{
	struct ws_dial	*d = w->dial;

	if (d->parser.status_code / 100 != 2) {
		refused(w, "the proxy refused");
	} else if (rest > 0) {		/* no server speaks first */
		ws_fail(w, UV_EPROTO, "the proxy said more than its answer");
	} else if (d->tls != NULL) {
		d->step = SHAKE_TLS;
		stream_start_tls(w->stream, d->tls, d->url.host,
		    d->timeout_ms);
	} else {
		shake_ws(w);
	}
}

/* Extensions and protocols that nobody asked for are refused, as RFC 6455
 * demands; the caller's own headers may have asked for a protocol. */
static int
answer_right(const struct ws_dial *d)
{
	const char	*accept = fields_get(&d->fields,
			    "Sec-WebSocket-Accept");
	char		 want[WS_ACCEPT_SIZE];

	ws_accept_key(d->key, want);
	return accept != NULL && strcmp(accept, want) == 0
	    && fields_has_token(&d->fields, "Upgrade", "websocket")
	    && fields_has_token(&d->fields, "Connection", "upgrade")
	    && fields_get(&d->fields, "Sec-WebSocket-Extensions") == NULL
	    && (fields_get(&d->fields, "Sec-WebSocket-Protocol") == NULL
	    || strstr(d->headers, "Sec-WebSocket-Protocol:") != NULL);
}

static void
server_answered(struct ws *w, const char *rest, size_t n)
{
	if (w->dial->parser.status_code != 101) {
		refused(w, "the server refused");
		return;
	}
	if (!answer_right(w->dial)) {
		ws_fail(w, UV_EPROTO,
		    "the server's WebSocket handshake is wrong");
		return;
	}
	ws_dial_free(w->dial);
	w->dial = NULL;
	ws_opened(w, w->stream);
	if (w->ev->open != NULL)
		w->ev->open(w, w->arg);
	if (n > 0)
		ws_input(w, rest, n);
}

/* -- the stream -- */

static void
on_ready(struct stream *s, void *arg)
{
	struct ws	*w = arg;

	(void)s;
	if (w->state != WS_OPENING)
		return;
	if (w->dial->step == ASK_PROXY)
		ask_proxy(w);
	else
		shake_ws(w);
}

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct ws	*w = arg;
	struct ws_dial	*d = w->dial;
	size_t		 eaten;

	(void)s;
	if (w->state != WS_OPENING)
		return;
	eaten = head_feed(w, p, n);
	if (w->state != WS_OPENING || !d->whole)
		return;
	if (d->step == ASK_PROXY)
		proxy_answered(w, n - eaten);
	else
		server_answered(w, p + eaten, n - eaten);
}

/* -- the beginning -- */

static const struct tls *
tls_for(const struct ws_options *o, const char **why)
{
	const struct tls	*t = o->tls != NULL ? o->tls
				    : tls_default(NULL);

	if (t == NULL)
		*why = "the system's trusted certificates were not found";
	return t;
}

static struct ws_dial *
dial_new(const char *url, const struct ws_options *o, struct url *first,
    const char **why)
{
	struct ws_dial	*d = xcalloc(1, sizeof(*d));

	d->headers = xstrdup(o->headers != NULL ? o->headers : "");
	d->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : WS_OPEN_MS;
	if (url_parse(url, &d->url, why) < 0
	    || (d->url.tls && (d->tls = tls_for(o, why)) == NULL))
		goto fail;
	*first = d->url;
	d->step = SHAKE_WS;
	if (o->proxy != NULL) {
		d->step = ASK_PROXY;
		if (url_parse(o->proxy, first, why) < 0)
			goto fail;
		if (first->tls || d->url.socket[0] != '\0') {
			*why = "this cannot go through that proxy";
			goto fail;
		}
	}
	return d;
fail:
	ws_dial_free(d);
	return NULL;
}

struct ws *
ws_connect(uv_loop_t *loop, const char *url, const struct ws_options *o,
    const struct ws_events *ev, void *arg, const char **why)
{
	static const struct ws_options		none;
	static const struct stream_events	opening = {
		.ready = on_ready, .data = on_data, .closed = ws_stream_closed
	};
	struct ws_dial	*d;
	struct ws	*w;
	struct url	 first;

	if (o == NULL)
		o = &none;
	if ((d = dial_new(url, o, &first, why)) == NULL)
		return NULL;
	w = ws_new(loop, ev, o->max_message, arg);
	w->dial = d;
	ws_limit(w, d->timeout_ms);
	if (first.socket[0] != '\0')
		w->stream = stream_connect_path(loop, first.socket,
		    d->timeout_ms, &opening, w);
	else
		w->stream = stream_connect(loop, first.host, first.port,
		    d->step == ASK_PROXY ? NULL : d->tls, d->timeout_ms,
		    &opening, w);
	return w;
}
