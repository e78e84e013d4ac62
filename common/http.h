/*
 * HTTP/1.1 (RFC 9112), both ends, over stream.h.  Strict: a request that two
 * readers could take for two different things is refused (request smuggling).
 */
#ifndef MUSTER_HTTP_H
#define MUSTER_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct buf;
struct tls;
struct ws;
struct ws_events;

/* Limits, with their reasons. */
enum {
	HTTP_MAX_HEAD	= 16 * 1024,	/* request line and headers together;
					 * browsers with cookies stay below */
	HTTP_MAX_HEADERS = 64,
	HTTP_MAX_BODY	= 1024 * 1024,	/* by default; our JSON is less */
	HTTP_MAX_PATH	= 2048,
	HTTP_HEAD_TIMEOUT = 10000,	/* ms to the head's end: slow loris */
	HTTP_BODY_TIMEOUT = 30000,	/* ms to the body's end, or for another
					 * 16 KB of it */
	HTTP_IDLE_TIMEOUT = 60000,	/* ms of a kept connection at rest */
	HTTP_SEND_TIMEOUT = 60000,	/* ms in which a reader takes no byte */
	HTTP_MAX_CONNS	= 30000,	/* per server; memory is 4 KB each */
	HTTP_MAX_PEER	= 46,		/* bytes of an address' text */
	HTTP_MAX_WHO	= 64		/* bytes of who asks, for logs */
};

/* -- server (httpd.c) -- */

struct httpd;

struct http_req {
	const char	*method;	/* "GET" */
	const char	*path;		/* decoded, without the query */
	const char	*query;		/* raw text behind '?', or "" */
	const char	*body;		/* whole; NUL behind body_len */
	size_t		 body_len;
	const char	*peer;		/* "127.0.0.1", "unix" */
	int64_t		 uid;		/* of a Unix socket's peer, else -1 */
	int		 tls;
	char		 id[17];	/* request id: logs and X-Request-Id */
	void		*user;		/* the handler's own */
	int		 tag;		/* the same, for httpd_observe() */
	char		 who[HTTP_MAX_WHO + 1];	/* likewise */
	uint64_t	 began;		/* uv_hrtime() when its head was whole */
	struct http_conn *conn;		/* private to httpd.c */
};

/*
 * Called when a request is whole.  It answers now or later, with exactly one
 * http_reply*, http_stream_begin or http_upgrade; req lives until then.
 */
typedef void (*http_handler)(struct http_req *, void *arg);

struct httpd *httpd_new(uv_loop_t *, http_handler, void *arg);
/*
 * Listens on "HOST:PORT", "[V6]:PORT", ":PORT" (every address) or
 * "unix:PATH" (mode 0600, a stale one replaced); port 0 takes a free one.
 * tls may be NULL, and counts for TCP alone.  0 or -errno; *url (may be NULL) gets "http://HOST:PORT",
 * freed by the caller.
 */
int	httpd_listen(struct httpd *, const char *where, const struct tls *,
	    char **url);
/* The same at a socket that listens already, which somebody else made and
 * will remove: takes fd, or closes it and returns -errno. */
int	httpd_listen_fd(struct httpd *, int fd, const struct tls *,
	    char **url);
/* No new connections; idle ones close, busy ones after their answer; done()
 * when the last has gone, at the latest after grace_ms.  Frees the server.
 * What was upgraded is not counted; a request that is still unanswered then
 * lives on, and its answer goes nowhere. */
void	httpd_stop(struct httpd *, int64_t grace_ms, void (*done)(void *),
	    void *arg);
void	httpd_set_max_body(struct httpd *, size_t);
/* The same for requests whose path begins so. */
void	httpd_set_large(struct httpd *, const char *prefix, size_t);
/* Connections of one client, see below; 0: no limit.  What was upgraded is
 * not counted, nor are Unix sockets. */
void	httpd_set_max_peer(struct httpd *, size_t);
/* What of an address one client has to itself: all of an IPv4, the first 64
 * bits of an IPv6, "unix". */
void	http_peer_client(const char *peer, char out[HTTP_MAX_PEER]);
size_t	httpd_connections(const struct httpd *);
/* For who counts: each answer, as its head goes out, refusals too. */
void	httpd_observe(struct httpd *, void (*answered)(const struct http_req *,
	    int status, void *arg), void *arg);

/* A header by its name, any case; NULL where absent. */
const char *http_header(const struct http_req *, const char *name);
/* A decoded query parameter that the caller frees; NULL where absent. */
char	*http_query(const struct http_req *, const char *name);
/* Percent-decodes in place as of RFC 3986; -EINVAL for bad or NUL. */
int	http_url_decode(char *s);

/* Adds a header to the coming answer. */
void	http_set(struct http_req *, const char *name, const char *value);
void	http_reply(struct http_req *, int status, const char *type,
	    const void *body, size_t);
/* Takes the reference. */
void	http_reply_json(struct http_req *, int status, json_t *);
/* {"success":false,"error":text,"field":field}; field may be NULL. */
void	http_reply_error(struct http_req *, int status, const char *field,
	    const char *fmt, ...)
#ifdef __GNUC__
	    __attribute__((format(printf, 4, 5)))
#endif
	    ;
/*
 * Sends size bytes of a regular file with Range, If-Range, ETag and HEAD
 * (RFC 9110); takes fd.  etag is quoted text or NULL.  done() hears, once,
 * how many bytes left and whether all that was asked for did; may be NULL.
 * An answer without the file's bytes (HEAD, 304, 416) is 0 bytes, not whole.
 */
void	http_reply_file(struct http_req *, int fd, uint64_t size,
	    const char *type, const char *etag,
	    void (*done)(void *arg, uint64_t sent, int whole), void *arg);
/* What http_reply_file will answer: the status (200, 206, 304, 416) and the
 * part of the file, of which a HEAD gets no byte. */
int	http_file_part(const struct http_req *, uint64_t size,
	    const char *etag, uint64_t *from, uint64_t *n);
/* An answer that grows (server-sent events): chunks until the end.  gone()
 * tells that the peer left, or was dropped because it reads too slowly;
 * never from within these calls.  After it, or after the end, req is dead. */
void	http_stream_begin(struct http_req *, int status, const char *type,
	    void (*gone)(struct http_req *));
void	http_stream_write(struct http_req *, const void *, size_t);
size_t	http_stream_pending(const struct http_req *);
void	http_stream_end(struct http_req *);
/*
 * Answers 101 to a WebSocket handshake (RFC 6455) and hands the connection
 * over; NULL after it has answered 400 or 426 to a bad handshake, or where
 * the peer has gone.  Then req is dead in any case.
 */
struct ws *http_upgrade(struct http_req *, const struct ws_events *,
	    size_t max_message, void *arg);

/* Words for a status, "Not Found". */
const char *http_status_text(int status);

/* -- addresses (url.c) -- */

struct url {
	int	 tls;		/* https or wss */
	char	 host[256];	/* without brackets */
	int	 port;
	char	 path[1024];	/* with query; at least "/" */
	char	 socket[108];	/* of http+unix://%2Fpath/..., else "" */
};

/* http https ws wss http+unix.  0, or -EINVAL with *why a fixed text. */
int	url_parse(const char *, struct url *, const char **why);
/* Whether the host is 127.0.0.0/8, ::1, "localhost" or a Unix socket. */
int	url_is_loopback(const struct url *);

/* -- client (httpc.c) -- */

struct httpc;			/* a request under way */

struct httpc_answer {
	int		 rc;		/* 0, or why there is no answer */
	const char	*why;		/* words for rc */
	int		 status;
	const char	*body;		/* whole where sink was NULL */
	size_t		 body_len;
	const struct httpc *req;	/* for httpc_header() */
};

struct httpc_options {
	const char	*method;	/* NULL: GET */
	const char	*bearer;	/* API key, or NULL */
	const char	*headers;	/* more "Name: value\r\n" lines, or NULL */
	const char	*type;		/* of the body */
	const void	*body;		/* copied */
	size_t		 body_len;
	size_t		 max_body;	/* of the answer; 0: 16 MB, and what
					 * goes to the sink has no limit */
	int64_t		 timeout_ms;	/* without progress; 0: 30 s */
	const struct tls *tls;		/* NULL: the system's roots */
	const char	*proxy;		/* "http://HOST:PORT", or NULL */
	/* Whether an address that the host has may be asked; NULL: any. */
	int	(*allow)(const struct sockaddr *);
	/* Takes the body of a 2xx as it comes instead; a negative return
	 * ends the request with that code. */
	int	(*sink)(const char *, size_t, void *arg);
	/* The head has come (status set); may be NULL. */
	void	(*head)(const struct httpc_answer *, void *arg);
	void		*sink_arg;	/* sink's and head's; NULL: done's */
};

/* Never NULL; options may be.  done() hears the outcome exactly once, later;
 * the answer's memory goes after it.  No redirect is followed. */
struct httpc *httpc_start(uv_loop_t *, const char *url,
	    const struct httpc_options *,
	    void (*done)(const struct httpc_answer *, void *arg), void *arg);
/* done() hears UV_ECANCELED, later. */
void	httpc_cancel(struct httpc *);
const char *httpc_header(const struct httpc *, const char *name);
/* Runs the loop until the answer is there: for command-line tools.  The
 * body, NUL-ended, goes to *body (the caller frees); returns the status or
 * a negative code, *why (freed by the caller) with words for it.  body, n
 * and why may be NULL. */
int	httpc_fetch(uv_loop_t *, const char *url,
	    const struct httpc_options *, char **body, size_t *n, char **why);

#endif
