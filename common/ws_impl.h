/* What ws.c (an open WebSocket), ws_wslay.c (its frames) and ws_connect.c (a
 * client on its way there) share; nobody else includes it. */
#ifndef MUSTER_WS_IMPL_H
#define MUSTER_WS_IMPL_H

#include <stdint.h>

#include <uv.h>
#include <wslay/wslay.h>

#include "buf.h"
#include "stream.h"
#include "ws.h"
#include "ws_adopt.h"

enum {
	WS_CLOSE_MS	= 5000,		/* from our close frame to the end */
	WS_OPEN_MS	= 20000,	/* to open, unless told otherwise */
	/* Frames of one message: each costs 50 bytes beside its own. */
	WS_MAX_FRAMES	= 16 * 1024,
	WS_MAX_REASON	= 123		/* RFC 6455, 5.5 */
};

enum ws_state { WS_OPENING, WS_OPEN, WS_CLOSING, WS_CLOSED };

struct ws_dial;

struct ws {
	uv_timer_t	 timer;
	struct stream	*stream;	/* NULL once closed */
	const struct ws_events *ev;
	void		*arg;
	struct ws_dial	*dial;		/* a client's, while opening */
	/* wslay's context takes 8 KB: it is made when bytes come or go, and
	 * freed between whole messages. */
	wslay_event_context_ptr wslay;
	const char	*in;		/* not yet eaten by wslay */
	size_t		 in_len;
	size_t		 fed, framed;	/* bytes given, bytes of whole frames */
	size_t		 frame;		/* bytes of the present one */
	int		 frames;	/* of the present message so far */
	int		 opcode;	/* of the present frame */
	struct buf	 goodbye;	/* a close frame's payload */
	struct buf	 held;		/* came before the first turn */
	struct buf	 part;		/* of a frame that ws_quick() waits for */
	struct buf	 out;		/* frames on their way to the stream */
	size_t		 max;
	char		*why;
	enum ws_state	 state;
	int		 code;
	int		 status, retry_after;	/* of a refused handshake */
	unsigned	 server : 1;
	unsigned	 eating : 1;
	unsigned	 corked : 1;
	char		 peer[46];	/* INET6_ADDRSTRLEN */
};

/* ws.c */
struct ws *ws_new(uv_loop_t *, const struct ws_events *, size_t max,
	    void *arg);
/* The stream is the ws's from now on, shaken hands. */
void	ws_opened(struct ws *, struct stream *);
void	ws_input(struct ws *, const char *, size_t);
/* Closes at once; the words, the first time, are what closed() hears. */
void	ws_fail(struct ws *, int rc, const char *why);
void	ws_stream_closed(struct stream *, int rc, void *ws);
void	ws_limit(struct ws *, int64_t ms);	/* the timer anew */

/* Words for closed(), copied; the first ones count. */
void	ws_say(struct ws *, const char *, size_t);

/* ws_wslay.c: wslay's context, made where there is none; and freed where it
 * holds nothing: no piece of a frame or message, no close handshake, no call
 * that is still to return. */
wslay_event_context_ptr ws_context(struct ws *);
void	ws_context_rest(struct ws *);

/* ws_quick.c */
/* How much of the input it has handed on; *partial: the rest is the beginning
 * of a frame for it. */
size_t	ws_quick(struct ws *, const char *, size_t, int *partial);

/* ws_connect.c */
void	ws_dial_free(struct ws_dial *);		/* NULL is nothing to do */

#endif
