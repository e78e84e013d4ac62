/*
 * A byte stream over TCP, a Unix socket or a named pipe, in clear or under
 * TLS, on a libuv loop.  The same for both ends, so that HTTP and WebSocket
 * know neither sockets nor certificates.
 */
#ifndef MUSTER_STREAM_H
#define MUSTER_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct buf;
struct tls;			/* tls.h: settings of one side */
struct stream;

struct stream_events {
	/* The stream can be written: connected, and under TLS shaken hands.
	 * An accepted one too. */
	void	(*ready)(struct stream *, void *arg);
	/* n > 0 bytes came in; they are gone after the call. */
	void	(*data)(struct stream *, const char *, size_t n, void *arg);
	/* All that was written has left for the kernel; it comes from the
	 * loop, also where all left at once.  May be NULL, and should be
	 * where nobody waits for it. */
	void	(*drained)(struct stream *, void *arg);
	/*
	 * Once, last: closed by us (0), by the peer in order (UV_EOF), or by
	 * an error.  The stream is freed right after.  stream_why() still
	 * tells more.
	 */
	void	(*closed)(struct stream *, int rc, void *arg);
};

/*
 * Connects to host and port; tries every address that the name has.  tls is
 * NULL for clear text, else it must outlive the stream; the host is the name
 * that the certificate must carry.  The outcome comes by ready or closed;
 * timeout_ms covers look-up, connection and handshake.
 */
struct stream *stream_connect(uv_loop_t *, const char *host, int port,
	    const struct tls *, int64_t timeout_ms,
	    const struct stream_events *, void *arg);
/* The same, but only to addresses that allow() says yes to: the others are
 * passed over, UV_EACCES where none is left. */
struct stream *stream_connect_guarded(uv_loop_t *, const char *host, int port,
	    const struct tls *, int64_t timeout_ms,
	    int (*allow)(const struct sockaddr *),
	    const struct stream_events *, void *arg);
/* The same to a Unix socket's path or a named pipe. */
struct stream *stream_connect_path(uv_loop_t *, const char *path,
	    int64_t timeout_ms, const struct stream_events *, void *arg);
/* Takes a connection from a listening handle (uv_listen's callback); never
 * NULL, a failure comes by closed().  timeout_ms is the handshake's. */
struct stream *stream_accept(uv_stream_t *server, const struct tls *,
	    int64_t timeout_ms, const struct stream_events *, void *arg);

/*
 * Goes on under TLS, as the client, on a plain stream that is ready (behind a
 * proxy); ready() comes again.
 */
void	 stream_start_tls(struct stream *, const struct tls *,
	    const char *host, int64_t timeout_ms);

/* Copies and sends; after a close it does nothing. */
void	 stream_write(struct stream *, const void *, size_t);
/* Takes the buffer's memory; the buffer is empty afterwards. */
void	 stream_write_take(struct stream *, struct buf *);
/* Bytes written and not yet given to the kernel. */
size_t	 stream_pending(const struct stream *);
void	 stream_pause(struct stream *);		/* no data() until resumed */
void	 stream_resume(struct stream *);
/* Closes once all that was written is out (TLS: with close_notify), at the
 * latest after five seconds.  closed() always follows, later. */
void	 stream_close(struct stream *);
/* Closes at once; rc is what closed() hears. */
void	 stream_abort(struct stream *, int rc);

/* Words for the last failure: "certificate has expired", "connection
 * refused"; never NULL. */
const char *stream_why(const struct stream *);
/* The peer: "192.0.2.1" or "unix"; never NULL. */
const char *stream_peer(const struct stream *);
uv_loop_t *stream_loop(const struct stream *);
int	 stream_is_tls(const struct stream *);
/* The peer's uid and pid on a Unix socket: 0, or -ENOTSUP elsewhere. */
int	 stream_peer_cred(const struct stream *, int64_t *uid, int64_t *pid);
/* Whether the peer there has closed already; 0 where that is not known. */
int	 stream_peer_gone(const struct stream *);
/* The descriptor while the stream is plain and idle, for sendfile(2); -1. */
int	 stream_plain_fd(const struct stream *);
void	 stream_set_events(struct stream *, const struct stream_events *,
	    void *arg);

#endif
