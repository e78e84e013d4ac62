/* What the files of the server-sent events share; nobody else includes it. */
#ifndef MUSTER_SSE_PRIVATE_H
#define MUSTER_SSE_PRIVATE_H

#include <stdint.h>

#include <uv.h>

#include "events.h"

/* Limits, with their reasons. */
enum {
	SSE_FOLLOWERS	= 5000,		/* of all; each is a connection, too */
	SSE_OF_ONE	= 100,		/* of one account */
	SSE_WAITING	= 256 * 1024,	/* unsent bytes: then it is held */
	SSE_EVENTS	= 50,		/* read at once: a job is some KB */
	SSE_REPORTS	= 64,		/* of an agent; each under 256 KB */
	SSE_LINES	= 64,		/* of at most 32 KB each */
	SSE_HELD_MS	= 50,		/* until it is looked at again */
	SSE_BEAT_MS	= 15000,	/* proxies cut what is silent longer */
	SSE_RETRY_MS	= 2000		/* what clients wait before they come
					 * back */
};

struct follower {
	struct link	 link;		/* of all */
	struct link	 again;		/* of those that read on, or are held */
	struct streams	*streams;
	struct http_req	*req;		/* NULL: gone */
	char		*account;	/* who listens */
	char		*user;		/* whose events; NULL: everybody's */
	char		*job;		/* whose log; NULL: events */
	char		*agent;		/* or whose reports */
	json_t		*end;		/* of the log: what is said last */
	int64_t		 cursor;	/* last event or report, or next line */
	unsigned	 live : 1;
	unsigned	 reading : 1;
	unsigned	 more : 1;	/* was stored since the read began */
};

struct streams {
	struct server	*server;
	struct link	 followers, again, held;
	size_t		 n;
	uv_timer_t	 beat, turn, look;
	int		 timers;	/* not yet closed */
	int		 stopping;
	void		(*stopped)(void *);
	void		*stopped_arg;
};

/* sse.c */
/* Whether one more of this account may come; answered if not. */
int	follower_fits(struct call *);
/* Last-Event-ID, which a client shows that comes back: 1 and *id; 0 without
 * it; -1: answered. */
int	follower_last_id(struct call *, int64_t *id);
/* Begins the answer; the call is gone afterwards. */
struct follower *follower_new(struct call *, int64_t cursor);
/* Frees the follower unless it is reading. */
void	follower_end(struct follower *);
/* After a read: whether its client has gone; then it may be gone as well. */
int	follower_gone(struct follower *);
/* It reads on in the next turn of the loop, or when it is held no more. */
void	follower_again(struct follower *);
int	follower_held(const struct follower *);

/* sse_events.c */
void	follower_read_events(struct follower *);

/* sse_agent.c */
void	follower_read_reports(struct follower *);

/* sse_log.c */
void	follower_read_log(struct follower *);
/* The job of this log has changed its status. */
void	follower_job(struct follower *, const json_t *job);

#endif
