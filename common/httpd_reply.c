/* Answers that are there at once. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "httpd_impl.h"
#include "json.h"
#include "log.h"
#include "stream.h"

const char *
http_status_text(int status)
{
	static const struct {
		int		 status;
		const char	*text;
	} table[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" }
	};
	size_t	i;

	for (i = 0; i < nitems(table); i++)
		if (table[i].status == status)
			return table[i].text;
	return "Unknown";
}

/* -- what handlers ask -- */

const char *
http_header(const struct http_req *q, const char *name)
{
	return head_value(&request_of(q)->head, name);
}

/* The n bytes at p, decoded as forms do it; NULL for bad encoding. */
static char *
form_decode(const char *p, size_t n)
{
	char	*s = xstrndup(p, n), *c;

	for (c = s; *c != '\0'; c++)
		if (*c == '+')
			*c = ' ';
	if (http_url_decode(s) == 0)
		return s;
	free(s);
	return NULL;
}

char *
http_query(const struct http_req *q, const char *name)
{
	const char	*p = q->query, *eq;
	char		*key;
	size_t		 n, len;
	int		 same;

	for (; *p != '\0'; p += n + (p[n] == '&')) {
		n = strcspn(p, "&");
		eq = memchr(p, '=', n);
		len = eq != NULL ? (size_t)(eq - p) : n;
		key = form_decode(p, len);
		same = key != NULL && strcmp(key, name) == 0;
		free(key);
		if (same && eq == NULL)
			return xstrdup("");
		if (same)
			return form_decode(eq + 1, n - len - 1);
	}
	return NULL;
}

/* A value from elsewhere must not begin another header. */
void
http_set(struct http_req *q, const char *name, const char *value)
{
	struct buf	*b = &request_of(q)->extra;
	size_t		 i;

	buf_adds(b, name);
	buf_adds(b, ": ");
	i = b->len;
	buf_adds(b, value);
	for (; i < b->len; i++)
		if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
			b->p[i] = ' ';
	buf_adds(b, "\r\n");
}

/* -- the head -- */

/* One text a second serves all answers. */
static const char *
date_line(struct httpd *h)
{
	static const char	days[] = "SunMonTueWedThuFriSat";
	static const char	months[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t			now = (time_t)(clock_wall_ms() / 1000);
	struct tm		tm;

	if ((int64_t)now == h->date_at)
		return h->date;
	h->date_at = now;
#ifdef _WIN32
	gmtime_s(&tm, &now);
#else
	gmtime_r(&now, &tm);
#endif
	snprintf(h->date, sizeof(h->date),
	    "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
	    days + 3 * (tm.tm_wday % 7), tm.tm_mday % 100,
	    months + 3 * (tm.tm_mon % 12), (tm.tm_year + 1900) % 10000,
	    tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
	return h->date;
}

static void
add_number(struct buf *b, uint64_t v)
{
	char	text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

static void
add_connection(struct request *r, struct buf *b, int status)
{
	if (r->pub.conn->server->stopping)
		r->keep = 0;
	if (status == 101)
		buf_adds(b, "Connection: Upgrade\r\n");
	else if (!r->keep)
		buf_adds(b, "Connection: close\r\n");
	else if (r->head.minor == 0)
		buf_adds(b, "Connection: keep-alive\r\n");
}

void
reply_head(struct request *r, struct buf *b, int status, const char *type,
    int64_t length)
{
	struct httpd	*h = r->pub.conn->server;

	if (h->answered != NULL)
		h->answered(&r->pub, status, h->answered_arg);
	buf_reserve(b, 256 + r->extra.len);
	buf_adds(b, "HTTP/1.1 ");
	add_number(b, (uint64_t)status);
	buf_addc(b, ' ');
	buf_adds(b, http_status_text(status));
	buf_adds(b, "\r\n");
	buf_adds(b, date_line(h));
	add_connection(r, b, status);
	if (type != NULL) {
		buf_adds(b, "Content-Type: ");
		buf_adds(b, type);
		buf_adds(b, "\r\n");
	}
	if (length >= 0) {
		buf_adds(b, "Content-Length: ");
		add_number(b, (uint64_t)length);
		buf_adds(b, "\r\n");
	} else if (length == LENGTH_CHUNKED) {
		buf_adds(b, "Transfer-Encoding: chunked\r\n");
	}
	buf_adds(b, "X-Request-Id: ");
	buf_add(b, r->pub.id, 16);
	buf_adds(b, "\r\n");
	buf_add(b, r->extra.p, r->extra.len);
	buf_adds(b, "\r\n");
}

/* -- whole answers -- */

void
http_reply(struct http_req *q, int status, const char *type, const void *body,
    size_t n)
{
	struct http_conn	*c = q->conn;
	struct request		*r = c->req;
	struct buf		 b = BUF_INIT;
	int			 none = status == 204 || status == 304;

	if (c->stream == NULL) {		/* the peer has gone */
		conn_answered(c);
		return;
	}
	assert(c->state <= CONN_BUSY);
	buf_reserve(&b, 384 + r->extra.len + n);
	reply_head(r, &b, status, type, none ? LENGTH_NONE : (int64_t)n);
	if (!none && !r->head_only)
		buf_add(&b, body, n);
	stream_write_take(c->stream, &b);
	conn_answered(c);
}

void
http_reply_json(struct http_req *q, int status, json_t *o)
{
	char	*text = o != NULL ? json_text(o) : NULL;
	size_t	 n;

	json_decref(o);
	if (text == NULL) {
		static const char	bad[] =
		    "{\"success\":false,\"error\":\"internal error\"}\n";

		http_reply(q, 500, "application/json", bad, sizeof(bad) - 1);
		return;
	}
	n = strlen(text);
	text[n] = '\n';		/* over the NUL, for people with curl(1) */
	http_reply(q, status, "application/json", text, n + 1);
	free(text);
}

void
http_reply_error(struct http_req *q, int status, const char *field,
    const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;
	json_t		*o;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	o = json_pack("{sb}", "success", 0);
	/* A peer's words may be no UTF-8. */
	if (json_object_set_new(o, "error", json_string(buf_str(&b))) < 0)
		json_object_set_new(o, "error",
		    json_string(http_status_text(status)));
	if (field != NULL)
		json_object_set_new(o, "field", json_string(field));
	buf_release(&b);
	http_reply_json(q, status, o);
}

void
reply_refuse(struct request *r, int status, const char *why)
{
	log_debug("http", "%s %s refused: %d, %s", r->pub.id, r->peer, status,
	    why);
	r->keep = 0;
	http_reply_error(&r->pub, status, NULL, "%s", why);
}
