/* What the files of Engine.IO share; nobody else includes it. */
#ifndef MUSTER_ENGINEIO_PRIVATE_H
#define MUSTER_ENGINEIO_PRIVATE_H

#include <uthash.h>

#include "engineio.h"
#include "engineio_deadline.h"
#include "list.h"

struct ws;

struct engineio {
	uv_loop_t		*loop;
	struct engineio_options	 options;
	struct engineio_events	 events;
	void			*arg;
	struct engineio_session	*sessions;	/* by sid */
	size_t			 n_sessions;	/* not yet freed */
	size_t			 n_wires;
	size_t			 buffered;	/* bytes in all queues */
	struct deadlines	 pings;		/* until the next ping */
	struct deadlines	 pongs;		/* until its answer is late */
	struct deadlines	 upgrades;
	struct deadlines	 ends;		/* next turn: closed() */
	struct deadlines	 lingers;	/* for a last poll */
	int			 timers;	/* not yet closed */
	int			 stopping;
	void			(*stopped)(void *);
	void			*stopped_arg;
};

/* Answers, in the order of the protocol's codes. */
enum engineio_refusal {
	REFUSE_TRANSPORT, REFUSE_SESSION, REFUSE_METHOD, REFUSE_REQUEST,
	REFUSE_FORBIDDEN, REFUSE_VERSION, REFUSE_BUSY, REFUSE_SIZE
};

/* How a session ends towards one that polls. */
enum engineio_ending {
	END_AT_ONCE,	/* a waiting poll gets "1", later ones are refused */
	END_CLOSE,	/* the next poll gets what is queued, if any, and "1" */
	END_NOOP	/* the client closed: the next poll gets "6" */
};

enum engineio_state {
	SESSION_OPEN,
	SESSION_ENDED,	/* closed() comes with the next turn */
	SESSION_LINGERS	/* the application is done, a last poll may come */
};

/* A WebSocket; it outlives its session by the closing handshake. */
struct engineio_wire {
	struct ws		*ws;
	struct engineio		*server;
	struct engineio_session	*session;	/* NULL: only closes */
};

/* What no transport has taken yet. */
struct engineio_item {
	struct link	 link;
	size_t		 n;		/* bytes behind the type */
	char		 type;		/* 'b': bytes */
	char		 data[];
};

struct engineio_session {
	UT_hash_handle		 hh;
	struct engineio		*server;
	void			*user;
	struct link		 queue;		/* struct engineio_item */
	size_t			 queued;	/* bytes in it */
	struct http_req		*poll;		/* the GET that waits */
	struct engineio_wire	*wire;		/* the transport, once it is */
	struct engineio_wire	*probe;		/* wants to become it */
	struct deadline		 wait;		/* ping, pong, end or linger */
	struct deadline		 upgrade;
	const char		*why;
	enum engineio_state	 state;
	enum engineio_ending	 ending;
	unsigned		 pinged : 1;	/* and not answered */
	unsigned		 probed : 1;	/* polls get "6" */
	unsigned		 known : 1;	/* in the table of sids */
	char			 sid[ENGINEIO_SID_SIZE];
};

/* engineio.c */
/* A part of a stopping server has gone. */
void	engineio_stop_check(struct engineio *);

/* engineio_session.c */
void	engineio_start_timers(struct engineio *);
/* The session ends: nothing more is heard from it; closed() comes later. */
void	engineio_end(struct engineio_session *, enum engineio_ending,
	    const char *why);
/* Whether its time is over: timers run only once a turn. */
int	engineio_is_late(const struct engineio_session *);
/* Nobody will ask for it any more: frees, unless closed() has to come. */
void	engineio_forget(struct engineio_session *);
/* Queues a packet and sends what can be sent. */
int	engineio_put(struct engineio_session *, char type, const void *,
	    size_t);
/* A packet came.  0, or -EINVAL for one that no client may send. */
int	engineio_take(struct engineio_session *,
	    const struct engineio_packet *);
void	engineio_flush(struct engineio_session *);
/* The first in the queue leaves it; the caller frees.  NULL: empty. */
struct engineio_item *engineio_shift(struct engineio_session *);
/* A new session that has been opened, or NULL: the request is answered. */
struct engineio_session *engineio_begin(struct engineio *, struct http_req *,
	    int upgrades);

/* engineio_request.c */
void	engineio_refuse(struct engineio *, struct http_req *,
	    enum engineio_refusal);

/* engineio_polling.c */
void	polling_begin(struct engineio *, struct http_req *);
void	polling_handle(struct engineio_session *, struct http_req *);
/* The answer of a polling request. */
void	polling_reply(struct engineio *, struct http_req *, int status,
	    const char *type, const void *, size_t);
/* Answers the waiting poll, if any, with this packet alone. */
void	polling_say(struct engineio_session *, char type);
/* Answers the waiting poll with the queue. */
void	polling_flush(struct engineio_session *);

/* engineio_wire.c */
void	wire_begin(struct engineio *, struct http_req *);
/* A WebSocket for a session that polls. */
void	wire_probe(struct engineio_session *, struct http_req *);
void	wire_flush(struct engineio_session *);
size_t	wire_pending(const struct engineio_wire *);
/* Closes it, without a word to the session; NULL is nothing to do. */
void	wire_close(struct engineio_wire *, int code, const char *why);
/* The probe, if any, did not become the transport. */
void	wire_probe_drop(struct engineio_session *);

#endif
