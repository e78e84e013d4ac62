/* What stream.c (from the beginning to the end), stream_connect.c (the way
 * there) and stream_io.c (bytes in and out) share; nobody else includes it. */
#ifndef MUSTER_STREAM_IMPL_H
#define MUSTER_STREAM_IMPL_H

#include <uv.h>

#include "buf.h"
#include "stream.h"

enum {
	STREAM_CLOSE_MS	= 5000,		/* from stream_close to the end */
	STREAM_READ_SIZE = 64 * 1024,	/* shared by all streams */
	STREAM_TLS_SIZE	= 16 * 1024,	/* TLS's largest record */
	STREAM_MAX_PATH	= 108		/* with NUL: sun_path's */
};

/* In the order in which a stream goes through them; only
 * stream_start_tls() goes back, to the handshake. */
enum stream_state {
	STREAM_CONNECTING,
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_DRAINING,	/* the last bytes leave, input is discarded */
	STREAM_LINGERING,	/* our end is shut; waits for the peer's */
	STREAM_CLOSED		/* handles are closing */
};

struct dial;
struct tls_session;

struct stream {
	union {
		uv_handle_t	handle;
		uv_stream_t	stream;
		uv_tcp_t	tcp;
		uv_pipe_t	pipe;
	} h;
	/* The limit of connecting and closing; in between, the next turn of
	 * the loop for what must not be called from within a call. */
	uv_timer_t	 timer;
	const struct stream_events *ev;
	void		*arg;
	struct dial	*dial;		/* while connecting */
	struct tls_session *tls;
	struct buf	 saved;		/* cipher text not read while paused */
	struct buf	 out;		/* waits for the write under way */
	size_t		 writing;	/* bytes of the write under way */
	char		*why;
	enum stream_state state;
	int		 rc;		/* what closed() will hear */
	int		 handles;	/* not yet closed */
	unsigned	 paused : 1;
	unsigned	 eof : 1;	/* the peer has ended its side */
	unsigned	 due_ready : 1;	/* to do in the next turn */
	unsigned	 due_read : 1;
	unsigned	 due_drained : 1;
	char		 peer[46];	/* INET6_ADDRSTRLEN */
};

/* stream.c */
struct stream *stream_new(uv_loop_t *, uv_handle_type,
	    const struct stream_events *, void *arg);
int	stream_use_tls(struct stream *, const struct tls *, const char *host);
/* Sets the timer anew: 0 is the next turn of the loop. */
void	stream_limit(struct stream *, int64_t ms);
void	stream_connected(struct stream *);	/* TCP or the pipe stands */
/* Ends; the words, which may be NULL, are copied. */
void	stream_fail(struct stream *, int rc, const char *why);
void	stream_handle_gone(uv_handle_t *);	/* uv_close's callback */

/* What must not be called from within a call comes from the loop. */
void	stream_next_turn(struct stream *);
void	stream_end(struct stream *, int rc);	/* lets the last bytes out */
void	stream_linger(struct stream *);		/* they are out */

/* stream_io.c */
void	stream_write_raw(const void *, size_t, void *stream);
void	stream_read_start(struct stream *);
void	stream_read_again(struct stream *);	/* after a pause */
void	stream_input(struct stream *, const char *, size_t);

/* stream_connect.c */
void	dial_timeout(struct stream *);
void	dial_drop(struct stream *);		/* lets go of a try under way */

#endif
