/*
 * Files as answers: what is asked for (If-None-Match, Range, If-Range), the
 * head, then the bytes.  Small parts leave with their head in one write.  On
 * a plain connection the kernel copies the rest (sendfile), a turn at a
 * time; the socket is watched through a descriptor of its own, as libuv
 * watches the stream's.  Else chunks are read and written, each when the one
 * before has left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd_impl.h"
#include "platform.h"
#include "stream.h"

struct file_send {
	int		 fd;
	uint64_t	 off, left;	/* still to be handed out */
	uint64_t	 given, sent;	/* to the stream; to the kernel */
	void		(*done)(void *, uint64_t, int);
	void		*arg;
	struct http_conn *conn;
	uv_poll_t	 poll;
	uv_idle_t	 again;		/* the socket takes more at once */
	int		 handles;	/* of the two that are open */
	int		 poll_fd;	/* -1: not watched */
	int		 no_sendfile, corked;
};

/* -- what is asked for -- */

/* "*", or a list of which one names the tag; weak ones count as equal. */
static int
etag_listed(const char *list, const char *etag)
{
	const char	*tag = strchr(etag, '"'), *p, *end;

	if (strcmp(list, "*") == 0)
		return 1;
	for (p = list; tag != NULL && (p = strchr(p, '"')) != NULL;
	    p = end + 1) {
		if ((end = strchr(p + 1, '"')) == NULL)
			break;
		if (strncmp(p, tag, (size_t)(end - p) + 1) == 0
		    && tag[end - p + 1] == '\0')
			return 1;
	}
	return 0;
}

/* Digits to *v; where they end, or NULL for none or too many. */
static const char *
read_number(const char *p, uint64_t *v)
{
	size_t	n = strspn(p, "0123456789");

	if (n == 0 || n > 18)
		return NULL;
	for (*v = 0; n > 0; n--)
		*v = *v * 10 + (uint64_t)(*p++ - '0');
	return p;
}

enum { RANGE_NONE, RANGE_PART, RANGE_BAD };

/* "bytes=1-2", "bytes=1-" or "bytes=-2"; what is anything else, several
 * ranges too, is answered with the whole (RFC 9110, 14.2). */
static int
range_parse(const char *p, uint64_t size, uint64_t *from, uint64_t *n)
{
	uint64_t	last;

	if (strncmp(p, "bytes=", 6) != 0)
		return RANGE_NONE;
	p += 6;
	if (*p == '-') {
		if ((p = read_number(p + 1, n)) == NULL || *p != '\0')
			return RANGE_NONE;
		*n = *n < size ? *n : size;
		*from = size - *n;
		return *n > 0 ? RANGE_PART : RANGE_BAD;
	}
	if ((p = read_number(p, from)) == NULL || *p++ != '-')
		return RANGE_NONE;
	last = UINT64_MAX - 1;
	if (*p != '\0' && ((p = read_number(p, &last)) == NULL || *p != '\0'
	    || last < *from))
		return RANGE_NONE;
	if (*from >= size)
		return RANGE_BAD;
	*n = (last < size ? last + 1 : size) - *from;
	return RANGE_PART;
}

int
http_file_part(const struct http_req *q, uint64_t size, const char *etag,
    uint64_t *from, uint64_t *n)
{
	const char	*v;
	int		 range;

	*from = 0;
	*n = size;
	v = http_header(q, "If-None-Match");
	if (v != NULL && etag != NULL && etag_listed(v, etag))
		return 304;
	v = http_header(q, "Range");
	if (v == NULL || strcmp(q->method, "GET") != 0)
		return 200;
	range = range_parse(v, size, from, n);
	v = http_header(q, "If-Range");
	if (v != NULL && (etag == NULL || *etag != '"'
	    || strcmp(v, etag) != 0))
		range = RANGE_NONE;
	if (range == RANGE_NONE) {
		*from = 0;
		*n = size;
		return 200;
	}
	return range == RANGE_BAD ? 416 : 206;
}

/* -- the end -- */

static void
on_handle_closed(uv_handle_t *h)
{
	struct file_send	*f = h->data;

	if (--f->handles > 0)
		return;
	if (f->poll_fd >= 0)
		close(f->poll_fd);
	free(f);
}

static void
file_finish(struct request *r, int whole)
{
	struct file_send	*f = r->file;

	r->file = NULL;
	close(f->fd);
	if (f->done != NULL)
		f->done(f->arg, f->sent, whole);
	if (f->poll_fd >= 0)
		uv_close((uv_handle_t *)&f->poll, on_handle_closed);
	if (f->again.data != NULL)
		uv_close((uv_handle_t *)&f->again, on_handle_closed);
	if (f->handles == 0)
		free(f);
}

void
file_broken(struct request *r)
{
	file_finish(r, 0);
}

/* -- the bytes -- */

/* Reads n bytes more into b.  0 or -errno; -EIO where the file is shorter. */
static int
file_read_part(struct file_send *f, struct buf *b, size_t n)
{
	uv_fs_t		req;
	uv_buf_t	v;
	int		got;

	buf_reserve(b, n);
	while (n > 0) {
		v = uv_buf_init(b->p + b->len, (unsigned)n);
		got = uv_fs_read(NULL, &req, f->fd, &v, 1, (int64_t)f->off,
		    NULL);
		uv_fs_req_cleanup(&req);
		if (got <= 0)
			return got < 0 ? got : -EIO;
		b->len += (size_t)got;
		b->p[b->len] = '\0';
		f->off += (uint64_t)got;
		f->left -= (uint64_t)got;
		f->given += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static void
on_writable(uv_poll_t *p, int rc, int events)
{
	struct file_send	*f = p->data;

	(void)rc;		/* sendfile will tell */
	(void)events;
	file_step(f->conn);
}

static int
dup_private(int fd)
{
#ifdef F_DUPFD_CLOEXEC
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
#else
	return dup(fd);		/* UNTESTED: Windows, where none gets here */
#endif
}

/* Goes on when the socket takes more; without a descriptor, the plain way. */
static void
file_watch(struct file_send *f, int fd)
{
	if (f->again.data != NULL)
		uv_idle_stop(&f->again);
	if (f->poll_fd < 0) {
		f->poll_fd = dup_private(fd);
		if (f->poll_fd >= 0 && uv_poll_init(f->conn->loop, &f->poll,
		    f->poll_fd) < 0) {
			close(f->poll_fd);
			f->poll_fd = -1;
		} else if (f->poll_fd >= 0)
			f->handles++;
	}
	f->no_sendfile = f->poll_fd < 0;
	if (f->no_sendfile) {
		file_step(f->conn);
		return;
	}
	f->poll.data = f;
	if (!uv_is_active((uv_handle_t *)&f->poll))
		uv_poll_start(&f->poll, UV_WRITABLE, on_writable);
}

static void
on_again(uv_idle_t *i)
{
	struct file_send	*f = i->data;

	uv_idle_stop(i);
	file_step(f->conn);
}

/* Others have their turn first. */
static void
file_again(struct file_send *f)
{
	if (f->again.data == NULL) {
		uv_idle_init(f->conn->loop, &f->again);
		f->again.data = f;
		f->handles++;
	}
	uv_idle_start(&f->again, on_again);
}

static void
file_sendfile(struct http_conn *c, int fd)
{
	struct file_send	*f = c->req->file;
	size_t			 turn = HTTPD_FILE_TURN, n, got;
	int			 rc, full = 0;

	while (f->left > 0 && turn > 0) {
		n = f->left < turn ? (size_t)f->left : turn;
		rc = platform_sendfile(fd, f->fd, f->off, n, &got);
		if (rc == -EAGAIN) {
			full = 1;
			break;
		}
		if (rc == -ENOTSUP) {	/* UNTESTED: Linux always can */
			f->no_sendfile = 1;
			file_step(c);
			return;
		}
		if (rc < 0 || got == 0) { /* the peer left; a shorter file */
			conn_break(c);
			return;
		}
		f->off += got;
		f->left -= got;
		f->sent += got;
		turn -= got;
	}
	if (turn < HTTPD_FILE_TURN)
		conn_wait(c, WAIT_SEND);	/* anew: there was progress */
	if (f->left == 0)
		file_step(c);
	else if (full)
		file_watch(f, fd);
	else
		file_again(f);
}

static void
file_copy(struct http_conn *c)
{
	struct file_send	*f = c->req->file;
	struct buf		 b = BUF_INIT;
	size_t			 n = HTTPD_FILE_CHUNK;

	n = f->left < n ? (size_t)f->left : n;
	if (file_read_part(f, &b, n) < 0) {
		buf_release(&b);
		conn_break(c);
		return;
	}
	conn_wait(c, WAIT_SEND);
	stream_write_take(c->stream, &b);	/* then drained() */
}

/* Nothing is unsent: the next part, or the end. */
void
file_step(struct http_conn *c)
{
	struct file_send	*f = c->req->file;
	int			 fd;

	if (c->state != CONN_FILE || stream_pending(c->stream) > 0)
		return;
	f->sent += f->given;
	f->given = 0;
	if (f->left == 0) {
		if (f->corked && (fd = stream_plain_fd(c->stream)) >= 0)
			platform_cork(fd, 0);
		file_finish(c->req, 1);
		conn_answered(c);
		return;
	}
	fd = f->no_sendfile ? -1 : stream_plain_fd(c->stream);
	if (fd >= 0)
		file_sendfile(c, fd);
	else
		file_copy(c);
}

/* -- the beginning -- */

/* What has no bytes of the file in it: HEAD, 304, 416. */
static void
reply_without(struct request *r, int status, const char *type, uint64_t size)
{
	struct http_conn	*c = r->pub.conn;
	struct buf		 b = BUF_INIT;

	reply_head(r, &b, status, status == 200 ? type : NULL,
	    status == 304 ? LENGTH_NONE : status == 416 ? 0 : (int64_t)size);
	stream_write_take(c->stream, &b);
	file_finish(r, 0);
	conn_answered(c);
}

static void
file_begin(struct request *r, int status, const char *type)
{
	struct http_conn	*c = r->pub.conn;
	struct file_send	*f = r->file;
	struct buf		 b = BUF_INIT;
	int			 fd;

	reply_head(r, &b, status, type, (int64_t)f->left);
	if (f->left <= HTTPD_FILE_JOIN
	    && file_read_part(f, &b, (size_t)f->left) < 0) {
		buf_release(&b);
		conn_break(c);
		return;
	}
	conn_want_drained(c, 1);
	conn_wait(c, WAIT_SEND);
	/* A head on its own would wake the reader for nothing, and so would
	 * the odd bytes that each turn's packets leave over. */
	if (f->left > 0 && (fd = stream_plain_fd(c->stream)) >= 0) {
		platform_cork(fd, 1);
		f->corked = 1;
	}
	stream_write_take(c->stream, &b);
	if (!c->eating)
		conn_pause(c);
	file_step(c);
}

void
http_reply_file(struct http_req *q, int fd, uint64_t size, const char *type,
    const char *etag, void (*done)(void *, uint64_t, int), void *arg)
{
	struct http_conn	*c = q->conn;
	struct request		*r = c->req;
	struct file_send	*f = xcalloc(1, sizeof(*f));
	char			 text[80];
	int			 status;

	f->fd = fd;
	f->poll_fd = -1;
	f->done = done;
	f->arg = arg;
	f->conn = c;
	r->file = f;
	if (c->stream == NULL) {
		file_finish(r, 0);
		conn_answered(c);
		return;
	}
	c->state = CONN_FILE;
	status = http_file_part(q, size, etag, &f->off, &f->left);
	http_set(q, "Accept-Ranges", "bytes");
	if (etag != NULL)
		http_set(q, "ETag", etag);
	if (status == 206)
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
		    (unsigned long long)f->off,
		    (unsigned long long)(f->off + f->left - 1),
		    (unsigned long long)size);
	if (status == 416)
		snprintf(text, sizeof(text), "bytes */%llu",
		    (unsigned long long)size);
	if (status == 206 || status == 416)
		http_set(q, "Content-Range", text);
	if (status == 304 || status == 416 || r->head_only)
		reply_without(r, status, type, size);
	else
		file_begin(r, status, type);
}
