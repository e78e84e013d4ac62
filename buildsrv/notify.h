/*
 * The store's events, to the official Socket.IO client: in the namespace "/"
 * a user hears what happens to the own jobs, with a number, "seq", by which
 * a client that was away gets what it missed.
 */
#ifndef MUSTER_NOTIFY_H
#define MUSTER_NOTIFY_H

#include <stddef.h>

#include <jansson.h>
#include <uv.h>

#include "socketio.h"

struct http_req;
struct notify;
struct store;

/* Limits, with their reasons. */
enum {
	NOTIFY_MAX_KEY	= 512,		/* of an API key: ours are shorter */
	NOTIFY_MAX_USER	= 100,		/* sockets of one user */
	NOTIFY_CHUNK	= 100,		/* events read in one turn */
	NOTIFY_HIGH	= 256 * 1024,	/* unsent bytes: then events wait in
					 * the store, not in memory */
	NOTIFY_RETRY	= 100		/* ms until it is looked at again */
};

/* Whose key it was; user is NULL for nobody's, and copied otherwise. */
typedef void (*notify_identified)(void *ctx, const char *user, int admin);

struct notify_options {
	struct store	*store;
	/* What users see of an event: an object of its own, without seq, a
	 * new reference; NULL where they see nothing. */
	json_t		*(*view)(void *arg, const json_t *event);
	/* Calls done once, now or later, but before the store is closed.  Key
	 * and peer, an address, are gone after the call. */
	void		(*identify)(void *arg, const char *key,
			    const char *peer, notify_identified done,
			    void *ctx);
	void		*arg;
	struct socketio_options sockets;	/* without headers */
};

struct notify *notify_new(uv_loop_t *, const struct notify_options *);
/* Answers any request for its path; with 503 once it has stopped. */
void	notify_handle(struct notify *, struct http_req *);
/* Cuts the user's clients: a key was changed or an account disabled. */
void	notify_drop(struct notify *, const char *user);
size_t	notify_listeners(const struct notify *);
/* Closes every client; then done(). */
void	notify_stop(struct notify *, void (*done)(void *), void *arg);
/* When it has stopped and the store, which it watches, is closed. */
void	notify_free(struct notify *);

#endif
