/* The server as a process: what main.c, start.c, places.c, listen.c and
 * stop.c share; the rooms of the API know only struct server. */
#ifndef MUSTER_APP_H
#define MUSTER_APP_H

#include <uv.h>

#include "buildsrv.h"

struct lock;
struct settings;

struct app {
	struct server	 server;
	struct lock	*lock;
	struct notify	*notify;	/* while it ends */
	uv_signal_t	 sigint, sigterm, sighup;
	uv_timer_t	 grace;		/* of the builds that still run */
	int		 open;		/* parts that have yet to end */
	int		 askers;	/* of the gateway and the releases */
	int		 stopping;
	char		*dirs[5];	/* work, templates, artifacts, store,
					 * releases */
	char		*pipeline;	/* the script */
	char		*sign_socket;
	char		**env;		/* the pipeline's */
};

/* start.c: each dies with words where its part cannot start. */
void	start_dirs(struct app *);
void	start_store(struct app *);
void	start_signer(struct app *);
void	start_gateway(struct server *);
/* Who reads the event log: streams, webhooks, Socket.IO, metrics. */
void	start_events(struct server *);
/* Update metadata and rollouts. */
void	start_updates(struct app *);
void	start_queue(struct app *);
void	start_cleanup(struct app *);
void	start_release(struct app *);

/* places.c: where the parts of an installation are. */
/* The pipeline's script and the environment that it is started with. */
void	places_find(struct app *);

/* listen.c */
/* SERVER_URL, where it is set. */
void	listen_url(struct server *);
void	listen_tls(struct server *);
/* Keeps the sockets that systemd passed from our children; first of all. */
void	listen_inherit(void);
void	listen_start(struct server *);
/* SIGHUP: the certificate is read anew. */
void	listen_reload(struct server *);

/* stop.c */
/* SIGINT and SIGTERM stop, SIGHUP reloads. */
void	stop_watch(struct app *);

#endif
