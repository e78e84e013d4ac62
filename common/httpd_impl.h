/*
 * What the server's files share; nobody else includes it.  httpd_conn.c:
 * connections; httpd_request.c: what they bring; httpd_grammar.c, httpd_head.c
 * and httpd_body.c: parsers that know no loop; httpd_reply.c, httpd_stream.c
 * and httpd_file.c: answers; httpd_wait.c: time; httpd_listen.c: addresses.
 */
#ifndef MUSTER_HTTPD_IMPL_H
#define MUSTER_HTTPD_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "buf.h"
#include "http.h"
#include "list.h"
#include "unixsock.h"

enum {
	/* Kept of what follows a request that is not yet answered. */
	HTTPD_READ_AHEAD = HTTP_MAX_HEAD,
	/* With so much unsent, the next pipelined request waits. */
	HTTPD_FLUSH_ABOVE = 64 * 1024,
	/* Unsent bytes of an answer that grows: its reader is too slow. */
	HTTPD_MAX_PENDING = 4 * 1024 * 1024,
	/* Bodies of all connections together, so that many clients with one
	 * megabyte each cannot take all memory; then 503. */
	HTTPD_MAX_BODIES = 256 * 1024 * 1024,
	/* Chunk extensions and trailers of one body: nobody needs them. */
	HTTPD_MAX_CHUNK_EXTRA = 4096,
	/* Bytes that a body must grow by in HTTP_BODY_TIMEOUT, or be whole: a
	 * modem is faster. */
	HTTPD_BODY_LEAST = 16 * 1024,
	/* A file part up to this size leaves in one write with its head. */
	HTTPD_FILE_JOIN	= 32 * 1024,
	/* A large one goes so far before others get their turn. */
	HTTPD_FILE_TURN	= 2 * 1024 * 1024,
	HTTPD_FILE_CHUNK = 64 * 1024,	/* read and written, under TLS */
	HTTPD_BACKLOG	= 4096,		/* the kernel cuts it to somaxconn */
	HTTPD_SWEEP	= 250		/* ms: how exact the time limits are */
};

/* -- httpd_head.c, httpd_grammar.c -- */

struct head_field {
	const char	*name, *value;
};

struct head {
	const char	*method;	/* static */
	const char	*path;		/* decoded */
	const char	*query;
	uint64_t	 length;	/* of the body, where not chunked */
	size_t		 n;
	int		 minor;		/* of HTTP/1.x */
	unsigned	 keep : 1;
	unsigned	 chunked : 1;
	unsigned	 expects : 1;	/* 100-continue */
	struct head_field field[HTTP_MAX_HEADERS];
};

/*
 * Whether a head is whole: *len is its length with the blank line, or 0
 * while more must come.  *scanned starts at 0 and is kept between calls.
 * 0, or the status to refuse with and *why a fixed text.
 */
int	head_find(const char *, size_t n, size_t *scanned, size_t *len,
	    const char **why);
/* Parses a whole head in place; the result points into text, which has room
 * for a NUL behind.  0, or the status to refuse with and *why. */
int	head_parse(struct head *, char *text, size_t n, const char **why);
/* Holds the lines of a whole head against the grammar; the same. */
int	head_check(const char *, size_t n, const char **why);
const char *head_value(const struct head *, const char *name);
/* Whether a list like Connection's has this word, in any case. */
int	head_has_token(const char *list, const char *word);

/* -- httpd_body.c -- */

struct chunked {
	uint64_t	 left;		/* of the chunk */
	int		 state;
	unsigned	 digits;	/* of the size */
	unsigned	 extra;		/* extension and trailer bytes */
};

/*
 * Moves what it can of *p, *n to body, up to max bytes there; *whole is set
 * behind the last chunk.  0, or the status to refuse with and *why.
 */
int	chunked_eat(struct chunked *, const char **p, size_t *n,
	    struct buf *body, size_t max, int *whole, const char **why);

/* -- httpd.c, httpd_wait.c -- */

/* Each kind has one length, so each list is in the order of its ends. */
enum conn_wait {
	WAIT_HEAD, WAIT_BODY, WAIT_IDLE, WAIT_SEND,
	WAIT_NEXT,		/* no limit: goes on in the next turn */
	WAIT_NONE,
	WAIT_KINDS
};

struct listener {
	union {
		uv_handle_t	handle;
		uv_stream_t	stream;
		uv_tcp_t	tcp;
		uv_pipe_t	pipe;
	} h;
	struct link	 link;
	struct httpd	*server;
	const struct tls *tls;
	struct unixsock	 path;		/* of a Unix socket that we made */
	int		 local;		/* a Unix socket */
	int		 held;		/* a connection waits for room */
};

struct httpd {
	uv_loop_t	*loop;
	http_handler	 handler;
	void		*arg;
	size_t		 max_body, max_conns;
	const char	*large;		/* a path's prefix, or NULL */
	size_t		 max_large;
	size_t		 nconns;
	size_t		 bodies;	/* bytes, see HTTPD_MAX_BODIES */
	int64_t		 limit[WAIT_KINDS];	/* ms */
	struct link	 waits[WAIT_KINDS];
	struct link	 conns, listeners;
	uv_timer_t	 sweep, next, grace;
	int		 handles;	/* not yet closed */
	size_t		 max_peer;	/* connections of one client */
	struct httpd_peer *peers;	/* httpd_peers.c */
	int64_t		 said;		/* when one was refused */
	int		 stopping;
	void		(*stopped)(void *);
	void		*stopped_arg;
	void		(*answered)(const struct http_req *, int, void *);
	void		*answered_arg;
	uint64_t	 id_key, id_count;
	int64_t		 date_at;	/* seconds */
	char		 date[48];	/* "Date: ...\r\n" */
};

enum conn_state {
	CONN_HEAD,	/* at rest, or a head is coming */
	CONN_BODY,
	CONN_BUSY,	/* the handler has it */
	CONN_FILE,
	CONN_STREAM,	/* an answer that grows */
	CONN_FLUSH,	/* answered, but too much is still unsent */
	CONN_CLOSING
};

struct file_send;

struct request {
	struct http_req	 pub;		/* first: handlers know only this */
	struct chunked	 chunked;
	struct buf	 body;
	struct buf	 extra;		/* header lines of the answer */
	struct file_send *file;
	void		(*gone)(struct http_req *);
	unsigned	 keep : 1;	/* the connection, after the answer */
	unsigned	 head_only : 1;	/* HEAD: no body goes out */
	unsigned	 chunks : 1;	/* the growing answer is chunked */
	char		 peer[46];	/* INET6_ADDRSTRLEN */
	struct head	 head;		/* its table last: it is not zeroed */
	char		 text[];	/* the head's */
};

struct http_conn {
	struct httpd	*server;	/* NULL: an orphan, see on_closed() */
	uv_loop_t	*loop;
	struct stream	*stream;	/* NULL once closed or handed over */
	struct request	*req;		/* NULL at rest */
	struct link	 all, waiting;
	struct httpd_peer *peer;	/* NULL: not counted */
	int64_t		 since;		/* the wait's start */
	struct buf	 in;		/* came and is not yet parsed */
	const char	*rest;		/* the same while conn_eat() runs */
	size_t		 rest_len;
	size_t		 scanned;	/* see head_find() */
	size_t		 unsent;	/* when last looked at; of a body that
					 * comes: bytes there were then */
	uint8_t		 state, wait;
	unsigned	 eating : 1;
	unsigned	 paused : 1;
	unsigned	 local : 1;	/* came by a Unix socket */
};

/* Goes when the last connection and the timers have, if it is stopping. */
void	httpd_check_stopped(struct httpd *);
void	httpd_handle_gone(uv_handle_t *);	/* uv_close's callback */
/* For tests, which cannot wait for minutes. */
void	httpd_set_limit(struct httpd *, enum conn_wait, int64_t ms);
void	httpd_set_max_conns(struct httpd *, size_t);

/* -- httpd_conn.c -- */

/* Takes a connection, or leaves it with the kernel while there is no room. */
void	conn_accept(struct listener *);
void	conn_forget(struct http_conn *);	/* frees it */
/* Whether drained() is wanted: unasked it would cost a turn per answer. */
void	conn_want_drained(struct http_conn *, int);
void	conn_pause(struct http_conn *);
void	conn_resume(struct http_conn *);
/* The answer has been given to the stream whole: frees the request. */
void	conn_answered(struct http_conn *);
/* Closes, after what is unsent. */
void	conn_finish(struct http_conn *);
/* What was promised cannot be kept: closes at once. */
void	conn_break(struct http_conn *);
/* The stream is somebody else's now; frees all but that. */
void	conn_hand_over(struct http_conn *);

/* -- httpd_request.c -- */

/* Parses what waited in c->in and then p, as far as it goes now; the rest
 * waits in c->in.  The handler may do all sorts of things meanwhile. */
void	conn_eat(struct http_conn *, const char *p, size_t n);
/* Answers what is no request with this status, then closes. */
void	request_refuse(struct http_conn *, int status, const char *why);
void	request_free(struct http_conn *);	/* that it has, if any */

/* -- httpd_wait.c -- */

void	conn_wait(struct http_conn *, enum conn_wait);
void	httpd_sweep(uv_timer_t *);	/* ends what waited too long */

/* -- httpd_reply.c, httpd_stream.c -- */

static inline struct request *
request_of(const struct http_req *q)
{
	return q->conn->req;
}

enum { LENGTH_NONE = -1, LENGTH_CHUNKED = -2 };

/* Status line and headers, with the blank line. */
void	reply_head(struct request *, struct buf *, int status,
	    const char *type, int64_t length);
/* Refuses what is no request: answers, then closes. */
void	reply_refuse(struct request *, int status, const char *why);

/* -- httpd_file.c -- */

void	file_step(struct http_conn *);	/* the stream has drained */
void	file_broken(struct request *);	/* the connection is gone */

/* -- httpd_peers.c -- */

/* Counts the connection; 0 where its client has too many already. */
int	peer_enter(struct http_conn *);
void	peer_leave(struct http_conn *);

/* -- httpd_listen.c -- */

void	listener_close(struct listener *);

#endif
