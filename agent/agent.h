/* The agent's private header: what its files share. */
#ifndef MUSTER_AGENT_H
#define MUSTER_AGENT_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "envelope.h"
#include "linkcrypt.h"

struct settings;
struct tls;

/* stamped.c has stamp_self(), of stamp.h */

/* config.c */
struct agent_config {
	struct settings	*settings;
	const char	*stamp_fault;	/* the check that failed; NULL */
	char		*url;		/* ws://HOST:PORT/ws/agent */
	char		*name;		/* never NULL */
	const char	*registration_key, *ca_file, *log_file;	/* or NULL */
	json_t		*info;		/* told on channel agent.info */
	enum link_encryption encryption;
	int		 has_pin;
	uint8_t		 pin[32];	/* backend_key */
	int64_t		 heartbeat_ms, metrics_ms;
	int		 self_test;
};
/* Reads all settings; what is wrong with one ends the process with 100. */
void	config_load(struct agent_config *, int argc, char **argv);
void	config_release(struct agent_config *);

/* identity.c */
struct identity {
	uint8_t	pub[32], sec[64];
	char	host_id[ENVELOPE_MAX_ID + 1];
};
/*
 * Reads identity.json in dir, or makes it there when it is missing: that
 * happens once in an agent's life.  One that is damaged is never replaced.
 * 0, or -errno with *why, freed by the caller.
 */
int	identity_load(struct identity *, const char *dir, const char *name,
	    char **why);
void	identity_wipe(struct identity *);

/* registration.c */
struct registration {
	char	*path;
	char	*server;	/* the URL it is good for; NULL: none yet */
	char	*registration_id, *agent_uid, *bootstrap_token;
	char	*session_token;	/* or NULL */
	int64_t	 session_expires, registered;	/* s */
};
/* Reads registration.json in dir; a missing one is none.  0, or -errno with
 * *why, freed by the caller. */
int	registration_load(struct registration *, const char *dir, char **why);
int	registration_save(const struct registration *);	/* 0 or -errno */
/* Whether it is good for the server at this URL. */
int	registration_is_for(const struct registration *, const char *url);
void	registration_release(struct registration *);

/* link.c */
struct link_options {
	uv_loop_t		*loop;
	const char		*url;
	const struct tls	*tls;		/* of wss, else NULL */
	const struct identity	*identity;
	struct registration	*registration;
	const char		*registration_key;	/* or NULL */
	json_t			*info;
	enum link_encryption	 encryption;
	const uint8_t		*pin;		/* or NULL */
	int64_t			 heartbeat_ms;
	int64_t			 started;	/* mono, ms: for the log */
	void			(*up)(void *);
	void			(*down)(void *);
	void			*arg;
};
struct agent_link;
/* Connects at once, and again whenever the connection is lost.  Everything
 * that the options point to must outlive the link. */
struct agent_link *link_start(const struct link_options *);
/* 0, or -ENOTCONN while the link is not up: nothing was sent. */
int	link_send(struct agent_link *, const char *channel, const json_t *);
/* Closes in order, frees, then done(). */
void	link_stop(struct agent_link *, void (*done)(void *), void *arg);

/* selftest.c */
int	selftest_main(void);		/* the exit code */

#endif
