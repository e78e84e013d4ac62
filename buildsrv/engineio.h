/*
 * Engine.IO, protocol 4, the server's end: a session carries messages in
 * order over HTTP long-polling, over a WebSocket, or first over the one and
 * then, upgraded, over the other.  Socket.IO (socketio.h) stands on it.
 */
#ifndef MUSTER_ENGINEIO_H
#define MUSTER_ENGINEIO_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct buf;
struct engineio;
struct engineio_session;
struct http_req;

/* Limits, with their reasons; all but the last may be set otherwise. */
enum {
	ENGINEIO_PING_INTERVAL = 25000,	/* ms; proxies cut what rests longer */
	ENGINEIO_PING_TIMEOUT = 20000,	/* ms until the ping is answered */
	ENGINEIO_UPGRADE_TIMEOUT = 10000, /* ms of a half-made upgrade */
	ENGINEIO_MAX_PAYLOAD = 64 * 1024, /* a POST or frame: what the API's
					 * bodies may have */
	ENGINEIO_MAX_SESSIONS = 10000,	/* one takes below 1 KB at rest */
	ENGINEIO_MAX_BUFFERED = 1024 * 1024, /* unsent bytes of a session: a
					 * slower reader is closed */
	ENGINEIO_MAX_TOTAL = 256 * 1024 * 1024, /* of all that poll together */
	ENGINEIO_SID_SIZE = 25		/* base64url of 18 random bytes, NUL */
};

struct engineio_options {		/* 0: as above */
	int64_t		 ping_interval, ping_timeout, upgrade_timeout;
	size_t		 max_payload;	/* httpd_set_max_body() not below it */
	size_t		 max_sessions;
	size_t		 max_buffered;
	/* Pages of which other origin may ask: "https://HOST", or "*" (the
	 * identity is never a cookie); NULL: of none. */
	const char	*cors_origin;
};

struct engineio_events {
	/* A client begins a session with this request, whose headers go with
	 * the call.  0, or negative to refuse it (403). */
	int	(*open)(struct engineio_session *, struct http_req *,
		    void *arg);
	/* text is 1 for UTF-8 text, 0 for bytes. */
	void	(*message)(struct engineio_session *, const char *, size_t,
		    int text, void *arg);
	/* Once, last, from the loop: never within a call of the functions
	 * below.  The session is freed right after. */
	void	(*closed)(struct engineio_session *, const char *why,
		    void *arg);
};

/* Options may be NULL; both structs are copied, cors_origin is not. */
struct engineio *engineio_new(uv_loop_t *, const struct engineio_options *,
	    const struct engineio_events *, void *arg);
/* Answers any request for its path: polls, POSTs, CORS questions, WebSocket
 * handshakes. */
void	engineio_handle(struct engineio *, struct http_req *);
/* Closes every session, answers every poll; done() when all is gone; frees:
 * no request may come here after done(). */
void	engineio_stop(struct engineio *, void (*done)(void *), void *arg);
size_t	engineio_sessions(const struct engineio *);

/*
 * Copy and send.  0; -EPIPE where the session has ended, -ENOBUFS where
 * max_buffered would be passed: then it ends now.
 */
int	engineio_text(struct engineio_session *, const char *, size_t);
int	engineio_binary(struct engineio_session *, const void *, size_t);
/* Ends the session once what was sent is out; why, a fixed text, is what
 * closed() hears. */
void	engineio_close(struct engineio_session *, const char *why);
/* Bytes that no poll has fetched, or the WebSocket's reader has not read. */
size_t	engineio_pending(const struct engineio_session *);
const char *engineio_transport(const struct engineio_session *);
void	engineio_set_user(struct engineio_session *, void *);
void	*engineio_user(const struct engineio_session *);

/* -- packets (engineio_packet.c): bytes in, packets or "bad" out -- */

struct engineio_packet {
	char		 type;	/* '0' to '6', or 'b': bytes in base64 */
	const char	*data;	/* within what was parsed */
	size_t		 len;
};

/* One packet, as a WebSocket's text message has it.  0 or -EINVAL. */
int	engineio_packet_read(struct engineio_packet *, const char *, size_t);
/*
 * Takes the next packet off the front of a POST's body.  1; 0 at the end;
 * -EINVAL.  The whole must be UTF-8: engineio_utf8() first.
 */
int	engineio_payload_next(const char **, size_t *n,
	    struct engineio_packet *);
/* Adds a packet ('b': data are the bytes themselves) to a poll's answer. */
void	engineio_payload_add(struct buf *, char type, const void *data,
	    size_t);
/* The bytes of a 'b' packet are appended.  0 or -EINVAL. */
int	engineio_packet_bytes(const struct engineio_packet *, struct buf *);
/* Whether these bytes are UTF-8 as of RFC 3629. */
int	engineio_utf8(const char *, size_t);

#endif
