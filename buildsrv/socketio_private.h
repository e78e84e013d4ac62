/* What the files of Socket.IO share; nobody else includes it. */
#ifndef MUSTER_SOCKETIO_PRIVATE_H
#define MUSTER_SOCKETIO_PRIVATE_H

#include "engineio_deadline.h"
#include "list.h"
#include "socketio.h"

struct socketio {
	uv_loop_t		*loop;
	struct engineio		*engine;
	const char *const	*headers;
	struct link		 namespaces, clients;
	struct deadlines	 connects;	/* until let in somewhere */
	struct deadlines	 acks;		/* until too late */
	struct deadlines	 ends;		/* next turn: disconnect() */
	int			 timers;	/* not yet closed */
	void			(*stopped)(void *);
	void			*stopped_arg;
};

struct socketio_namespace {
	struct link		 link;
	char			 name[SOCKETIO_NSP_SIZE];
	struct socketio_events	 events;
	void			*arg;
	struct link		 sockets;	/* connected */
};

/* An Engine.IO session. */
struct socketio_client {
	struct link		 link;
	struct socketio		*server;
	struct engineio_session	*engine;
	struct link		 sockets;	/* that have not ended */
	size_t			 n_sockets;
	struct deadline		 wait;		/* to be let in */
	/* A binary packet whose bytes are still to come. */
	struct socketio_packet	 packet;
	struct socketio_blob	 blobs[SOCKETIO_MAX_ATTACHMENTS];
	size_t			 n_blobs;
	int			 partial;
	int			 n_refused;
	int			 greeted;	/* was let in somewhere, once */
	char			*headers[SOCKETIO_MAX_HEADERS];
	char			 peer[46];	/* INET6_ADDRSTRLEN */
};

enum socketio_state { SOCKET_ASKS, SOCKET_CONNECTED, SOCKET_ENDED };

struct socketio_socket {
	struct socketio		*server;
	struct socketio_namespace *nsp;
	struct socketio_client	*client;	/* NULL once ended */
	struct link		 of_client, of_nsp;
	enum socketio_state	 state;
	struct link		 acks;		/* struct socketio_wait */
	size_t			 n_acks;
	int64_t			 next_ack;
	struct deadline		 end;
	const char		*why;
	void			*user;
};

/* An acknowledgement that a client owes. */
struct socketio_wait {
	struct link		 link;
	struct deadline		 late;
	struct socketio_socket	*socket;
	int64_t			 id;
	socketio_acked		 acked;
	void			*ctx;
};

/* socketio_socket.c */
struct socketio_socket *socket_find(struct socketio_client *,
	    const char *nsp);
/* A client asks to join: connect() is called. */
void	socket_begin(struct socketio_client *, struct socketio_namespace *,
	    const json_t *auth);
/* It leaves client and namespace now; disconnect() comes with the next
 * turn. */
void	socket_end(struct socketio_socket *, const char *why);
void	socket_on_end(struct deadline *);
/* An event or an acknowledgement came for it. */
void	socket_take(struct socketio_socket *, struct socketio_packet *,
	    const struct socketio_blob *, size_t n);
/* Tells a client that it may not join. */
void	socket_send_refusal(struct socketio_client *, const char *nsp,
	    const char *message);

/* socketio_emit.c */
void	wait_got(struct socketio_socket *, const struct socketio_packet *,
	    const struct socketio_blob *, size_t n);
void	wait_on_late(struct deadline *);
/* None of them will come. */
void	wait_end_all(struct socketio_socket *);

/* socketio.c */
struct socketio_namespace *nsp_find(const struct socketio *, const char *);

#endif
