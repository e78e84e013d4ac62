/*
 * Socket.IO, protocol 5, the server's end, over Engine.IO: a client joins
 * namespaces, each under its own authentication; a namespace's socket sends
 * and gets events with JSON and binary arguments, and acknowledges them.
 */
#ifndef MUSTER_SOCKETIO_H
#define MUSTER_SOCKETIO_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "engineio.h"

struct http_req;
struct socketio;
struct socketio_socket;

/* Limits, with their reasons. */
enum {
	SOCKETIO_CONNECT_TIMEOUT = 10000, /* ms in which a client must be let
					 * into a namespace: strangers go */
	SOCKETIO_ACK_TIMEOUT = 30000,	/* ms for a client's acknowledgement */
	SOCKETIO_MAX_ATTACHMENTS = 10,	/* of one packet: each one waits */
	SOCKETIO_MAX_JOINED = 8,	/* namespaces of one client */
	SOCKETIO_MAX_REFUSED = 5,	/* then the client is closed */
	SOCKETIO_MAX_ACKS = 1000,	/* a socket's, that did not come yet */
	SOCKETIO_MAX_HEADERS = 8,	/* that are kept of the handshake */
	SOCKETIO_NSP_SIZE = 65,		/* of a namespace's name, with NUL */
	SOCKETIO_ID_DIGITS = 15		/* of an acknowledgement: exact in JS */
};

/*
 * An argument's bytes.  In the JSON {"_placeholder":true,"num":i} stands for
 * the i-th; what comes in has no number past the last.
 */
struct socketio_blob {
	const void	*data;
	size_t		 len;
};

struct socketio_event {
	const char	*name;
	json_t		*args;		/* an array, the name first; borrowed */
	const struct socketio_blob *blobs;
	size_t		 n_blobs;
	int64_t		 ack;		/* for socketio_ack(); -1: not asked */
};

struct socketio_events {
	/*
	 * A client asks to join, with this object (perhaps empty) as its word
	 * of who it is.  The answer is socketio_accept() or socketio_refuse(),
	 * now or later.
	 */
	void	(*connect)(struct socketio_socket *, const json_t *auth,
		    void *arg);
	void	(*event)(struct socketio_socket *,
		    const struct socketio_event *, void *arg);
	/* Once, last, for each that was not refused, accepted or not yet;
	 * from the loop, never within a call of the functions below.  The
	 * socket is freed right after. */
	void	(*disconnect)(struct socketio_socket *, const char *why,
		    void *arg);
};

struct socketio_options {
	struct engineio_options	 engine;
	int64_t			 connect_timeout, ack_timeout;	/* 0: above */
	/* Headers of the handshake kept for socketio_header(), at most
	 * SOCKETIO_MAX_HEADERS, NULL-ended; must outlive the server. */
	const char *const	*headers;
};

/* Options may be NULL. */
struct socketio *socketio_new(uv_loop_t *, const struct socketio_options *);
/* Adds a namespace: "/" or "/name".  The events are copied. */
void	socketio_namespace(struct socketio *, const char *name,
	    const struct socketio_events *, void *arg);
/* Answers any request for its path. */
void	socketio_handle(struct socketio *, struct http_req *);
/* Closes every client (it will try to come back); done(); frees: no request
 * may come here after done(). */
void	socketio_stop(struct socketio *, void (*done)(void *), void *arg);

/*
 * pid (may be NULL) makes the official client resume: it shows it as
 * auth.pid when it comes back, with auth.offset, the last argument of the
 * last event where that was a string.  Letters, digits, '-', '_', '.'.
 */
void	socketio_accept(struct socketio_socket *, const char *pid);
/* The client's "connect_error" gets the message; the socket is dead. */
void	socketio_refuse(struct socketio_socket *, const char *message);
/*
 * Sends an event: takes args, ["name", ...].  acked (may be NULL) is called
 * once, with the client's arguments, or with NULL when there was no answer
 * in time or the socket ended.  0, or -errno: -EPIPE where the socket is not
 * connected, -ENOBUFS where too much waits, -EINVAL for what is no event;
 * then acked is never called.
 */
typedef void (*socketio_acked)(struct socketio_socket *, const json_t *args,
	    const struct socketio_blob *, size_t n, void *ctx);
int	socketio_emit(struct socketio_socket *, json_t *args,
	    const struct socketio_blob *, size_t n, socketio_acked acked,
	    void *ctx);
/* Answers an event's ack; takes args, an array.  Nothing for id -1. */
int	socketio_ack(struct socketio_socket *, int64_t id, json_t *args,
	    const struct socketio_blob *, size_t n);
/* {"_placeholder":true,"num":num}, a new reference. */
json_t	*socketio_placeholder(size_t num);
/* Leaves the namespace: the client will not come back by itself. */
void	socketio_disconnect(struct socketio_socket *, const char *why);
/* Cuts the client's connection: it will try to come back. */
void	socketio_cut(struct socketio_socket *, const char *why);

/* Every connected socket of a namespace; fn may end the one it gets. */
void	socketio_each(struct socketio *, const char *name,
	    void (*fn)(struct socketio_socket *, void *ctx), void *ctx);
/* One of the handshake's kept headers, or NULL. */
const char *socketio_header(const struct socketio_socket *, const char *);
const char *socketio_peer(const struct socketio_socket *);
const char *socketio_transport(const struct socketio_socket *);
/* Bytes that the client has not yet fetched. */
size_t	socketio_pending(const struct socketio_socket *);
void	socketio_set_user(struct socketio_socket *, void *);
void	*socketio_user(const struct socketio_socket *);

/* -- packets (socketio_packet.c): text in, a packet or "bad" out -- */

enum socketio_type {
	SOCKETIO_CONNECT, SOCKETIO_DISCONNECT, SOCKETIO_EVENT, SOCKETIO_ACK,
	SOCKETIO_CONNECT_ERROR, SOCKETIO_BINARY_EVENT, SOCKETIO_BINARY_ACK
};

struct socketio_packet {
	enum socketio_type	 type;
	char			 nsp[SOCKETIO_NSP_SIZE];
	int64_t			 id;	/* -1: none */
	size_t			 n_blobs; /* messages of bytes that follow */
	json_t			*data;	/* owned; NULL: none */
};

/*
 * What a client may send: connect, disconnect, event, ack; with the payload
 * that belongs to it.  0 or -EINVAL.  Where it is 0 the caller releases.
 */
int	socketio_packet_read(struct socketio_packet *, const char *, size_t);
void	socketio_packet_release(struct socketio_packet *);
/* The text of a packet is added. */
void	socketio_packet_write(struct buf *, const struct socketio_packet *);

#endif
