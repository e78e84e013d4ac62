/* What notify's files share; nobody else includes it. */
#ifndef MUSTER_NOTIFY_PRIVATE_H
#define MUSTER_NOTIFY_PRIVATE_H

#include <uthash.h>

#include "engineio_deadline.h"
#include "list.h"
#include "notify.h"

struct notify {
	struct notify_options	 options;
	struct socketio		*io;
	struct notify_audience	*audiences;	/* by user */
	size_t			 n_listeners;
	int64_t			 known;		/* events are on the disk */
	int64_t			 head;		/* and given out, so far */
	int			 reading;
	struct deadlines	 turns;		/* more to read */
	struct deadlines	 retries;	/* when the client has read */
	int			 timers;	/* not yet closed */
	void			(*stopped)(void *);
	void			*stopped_arg;
};

/* The sockets of one user. */
struct notify_audience {
	UT_hash_handle	 hh;
	struct link	 listeners;
	size_t		 n;
	char		 user[];
};

/*
 * A socket.  One that is live gets events as they are read for all; one that
 * is behind reads its user's from its own cursor until it has caught up.
 */
struct listener {
	struct link		 link;		/* of its audience */
	struct notify		*notify;
	struct socketio_socket	*socket;	/* NULL: gone */
	struct notify_audience	*audience;	/* NULL: not yet let in */
	struct deadline		 again;
	int64_t			 cursor;	/* it has all up to here */
	unsigned		 asking : 1;	/* identify() is under way */
	unsigned		 reading : 1;
	unsigned		 live : 1;
	char			 pid[64];	/* see socketio_accept() */
};

/* notify.c */
void	listener_release(struct listener *);	/* once nobody calls it */

/* notify_events.c */
/* It has been let in: events from its cursor on. */
void	listener_begin(struct listener *);
void	listener_catch_up(struct deadline *);
/* Given to store_watch(). */
void	notify_watch(int64_t seq, const char *job, void *notify);

#endif
