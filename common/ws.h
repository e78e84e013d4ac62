/* WebSocket (RFC 6455) over stream.h, both ends; framing is wslay's. */
#ifndef MUSTER_WS_H
#define MUSTER_WS_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct tls;
struct url;
struct ws;

struct ws_events {
	void	(*open)(struct ws *, void *arg); /* client's; may be NULL */
	/* One whole message; text is 1 for text, 0 for binary. */
	void	(*message)(struct ws *, const char *, size_t, int text,
		    void *arg);
	void	(*pong)(struct ws *, void *arg);	/* may be NULL */
	void	(*drained)(struct ws *, void *arg);	/* may be NULL */
	/*
	 * Once, last; the ws is freed right after.  code is the peer's close
	 * code, 1005 where its close said none, 1006 where it sent no close;
	 * why is words, the peer's own if it said any, never NULL.
	 */
	void	(*closed)(struct ws *, int code, const char *why, void *arg);
};

enum {
	WS_MAX_MESSAGE	= 1024 * 1024,	/* unless told otherwise */
	/* Above this a reader counts as too slow, and is closed with 1013. */
	WS_MAX_PENDING	= 4 * 1024 * 1024
};

struct ws_options {
	const char	*headers;	/* further "Name: value\r\n" lines */
	const struct tls *tls;		/* for wss; NULL: the system's roots */
	size_t		 max_message;	/* 0: WS_MAX_MESSAGE */
	int64_t		 timeout_ms;	/* to open, all told; 0: 20 s */
	/* "http://HOST:PORT" of a proxy to CONNECT through, or NULL; ws to
	 * loopback addresses goes there too. */
	const char	*proxy;
};

/* NULL only for a URL that cannot be read, with *why a fixed text. */
struct ws *ws_connect(uv_loop_t *, const char *url, const struct ws_options *,
	    const struct ws_events *, void *arg, const char **why);

/* Copy and send; nothing happens on a ws that is closing.  ws_text and
 * ws_binary: 0, or -ENOBUFS when WS_MAX_PENDING would be passed (the
 * message is dropped and the ws closes with 1013). */
int	ws_text(struct ws *, const char *, size_t);
int	ws_binary(struct ws *, const void *, size_t);
void	ws_ping(struct ws *);
/* While it is on, frames gather; they leave together when it goes off. */
void	ws_cork(struct ws *, int on);
/* Sends a close frame, waits for the peer's (five seconds), then closes. */
void	ws_close(struct ws *, int code, const char *why);
size_t	ws_pending(const struct ws *);
const char *ws_peer(const struct ws *);
/* Of a client whose handshake was refused: the HTTP status, else 0; and the
 * seconds of its Retry-After, else -1. */
int	ws_refused_status(const struct ws *);
int	ws_retry_after(const struct ws *);

#endif
