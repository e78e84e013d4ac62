/* The agent's private header: what its files share. */
#ifndef MUSTER_AGENT_H
#define MUSTER_AGENT_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "envelope.h"
#include "linkcrypt.h"

struct agent;
struct control;
struct errors;
struct settings;
struct spool;
struct reload;
struct state;
struct tail;
struct tls;

/* stamped.c has stamp_self(), of stamp.h */

/* config.c */
struct agent_config {
	struct settings	*settings;
	const char	*stamp_fault;	/* the check that failed; NULL */
	char		*url;		/* ws://HOST:PORT/ws/agent; NULL: not
					 * known yet, of document 004 alone */
	int		 hmac;		/* document 004's protocol: /agent */
	char		*name;		/* never NULL */
	const char	*registration_key, *ca_file, *log_file;	/* or NULL */
	const char	*ws_secret, *instance_id;	/* or NULL */
	json_t		*hello;		/* document 004's auth */
	json_t		*info;		/* told on channel agent.info */
	enum link_encryption encryption;
	int		 has_pin;
	uint8_t		 pin[32];	/* backend_key */
	int		 ec2_auto;	/* an AWS key may be the secret */
	int64_t		 heartbeat_ms, metrics_ms;
	int		 self_test;
	int		 argc;		/* the command line */
	char		**argv;
	char		**operands;	/* a local command, of argv */
	int		 n_operands;
};
/* Reads all settings; what is wrong with one ends the process with 100.  For
 * a self-test and a local command it reads no more than they need. */
void	config_load(struct agent_config *, int argc, char **argv);
void	config_release(struct agent_config *);
/* Whether a link may go to this URL, and by which protocol.  0, or -EINVAL
 * with *fault in words that the caller frees. */
int	config_judge_url(const struct agent_config *, const char *url,
	    int *hmac, char **fault);

/* about.c: what is told when a link is up, in either protocol; wrong labels
 * end the process with 100. */
json_t	*about_info(const struct agent_config *);
json_t	*about_hello(const struct agent_config *);

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

/* ask.c */
/* The local command that the operands are; the exit code. */
int	ask_main(const struct agent_config *);
/* Asks the running agent to go; 0 when it will, else the process ends. */
void	ask_to_go(const struct agent_config *);

/* commands_agent.c */
/* Adds what is asked about the agent itself, and of it. */
void	agent_commands_add(struct agent *);

/* commands_host.c */
struct command_table;
struct host_commands;
/* Adds document 004's five commands. */
struct host_commands *host_commands_new(struct command_table *, uv_loop_t *,
	    const char *state_dir, const char *service);
void	host_commands_free(struct host_commands *);	/* none is under way */

/* confjson_agent.c */
struct confjson_spec;
extern const struct confjson_spec agent_confjson;
/* Whether the updater has this program under proof: then config.json is a
 * staged copy. */
int	update_on_trial(const char *state_dir);

/* control.c */
/* Where this agent's control pipe is; the caller frees. */
char	*control_path(const struct settings *);
void	control_start(struct agent *);
int	control_end_all(struct agent *);

/* diag.c */
/* What helps to find a fault, without a secret, into a new file, or NULL: to
 * stdout; the exit code. */
int	diag_main(const struct agent_config *, const char *file);

/* ec2.c */
/* Asks the metadata service at base; done() hears once, later: the address,
 * borrowed, or NULL. */
void	ec2_address(uv_loop_t *, const char *base,
	    void (*done)(const char *address, void *arg), void *arg);

/* proxy.c */
/* The proxy that the environment has for this URL, "http://HOST:PORT", freed
 * by the caller; or NULL. */
char	*proxy_for(const char *url);

/* link.c */
struct link_options {
	uv_loop_t		*loop;
	const char		*url;
	const struct tls	*tls;		/* of wss, else NULL */
	const char		*proxy;		/* "http://HOST:PORT", or NULL */
	const struct identity	*identity;
	struct registration	*registration;
	const char		*registration_key;	/* or NULL */
	json_t			*info;
	enum link_encryption	 encryption;
	const uint8_t		*pin;		/* or NULL */
	/* Document 004's; without a secret it is document 002's link. */
	const char		*secret, *agent_id;
	json_t			*hello;		/* the payload of auth */
	struct command_table	*commands;
	struct spool		*spool;		/* what is sent as it can be */
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
/* 0, -ENOTCONN while the link is not up, or -ENOTSUP where its protocol has
 * no such thing: nothing was sent.  No link is one that is not up. */
int	link_send(struct agent_link *, const char *channel, const json_t *);
/* Closes in order, frees, then done(). */
void	link_stop(struct agent_link *, void (*done)(void *), void *arg);

struct link_status {
	int		 connected;
	const char	*why;		/* that it is not; or NULL */
	int64_t		 retry_ms;	/* to the next try; -1: none waits */
};
void	link_status(const struct agent_link *, struct link_status *);

/* agent.c */
struct local;
struct modules;
struct agent {
	struct agent_config	 config;
	struct identity		 identity;
	struct registration	 registration;
	struct lock		*lock;
	struct confjson		*conf;		/* config.json; never NULL */
	struct state		*state;
	struct control		*control;	/* the pipe; or NULL */
	struct errors		*errors;
	struct tls		*tls;		/* NULL: not needed yet */
	struct modules		*modules;
	int64_t			 cost_us, cost_ms;	/* at the last sample */
	struct agent_link	*link;		/* NULL: something is missing */
	char			*secret;	/* what the link has, document
						 * 004's; or NULL */
	char			*proxy;		/* the link's, or NULL */
	int			 relink;	/* once it has stopped */
	int			 asking;	/* the metadata service */
	uv_fs_event_t		 credentials;
	struct spool		*spool;
	struct tail		*tail;		/* or NULL */
	const char		**log_patterns;	/* its, or NULL */
	struct command_table	*commands;
	struct host_commands	*host_commands;
	struct local		*local;		/* or NULL */
	int64_t			 started;	/* mono, ms */
	uv_loop_t		 loop;
	uv_timer_t		 beat, look, limit;
	uv_signal_t		 term, intr, hup;
	size_t			 parts;		/* that run */
	int			 stopping;
	int			 anew;	/* then this process starts again */
	struct reload		*reload;	/* the check under way, or NULL */
	struct update		*update;
	char			**argv;		/* as it was started */
};
void	agent_parts_ended(struct agent *);

/* reload.c */
struct command_call;
/* What SIGHUP does, and the command: the answer goes to the call, or to the
 * log where it is NULL. */
void	agent_reload(struct agent *, struct command_call *);
void	reload_stop(struct agent *);	/* ends a check under way */

/* start.c: each ends the process where it fails */
void	start_log(const struct agent *);
void	start_state(struct agent *);

/* update.c, update_turn.c */
void	update_start(struct agent *);
int	update_stop(struct agent *);
void	update_release(struct agent *);
/*
 * An agent that a supervisor started while the updater has the binary in its
 * hands waits for it, and becomes the binary that is there then: before the
 * lock is taken.
 */
void	update_turn(const char *state_dir, char **argv);

/* parts.c */
void	parts_start(struct agent *);
/* Ends the next part, or all of them: the first call begins it. */
void	part_stopped(struct agent *);
const char *parts_stopping(const struct agent *);	/* the one waited for */
void	parts_release(struct agent *);

/* reports.c: the modules */
void	reports_start(struct agent *);
int	reports_stop(struct agent *);
void	reports_release(struct agent *);
void	reports_up(void *agent);	/* the link stands */

/* logs.c */
void	logs_start(struct agent *);
int	logs_stop(struct agent *);
void	logs_release(struct agent *);

/* uplink.c */
void	uplink_start(struct agent *);
int	uplink_stop(struct agent *);
void	uplink_release(struct agent *);
/* "apiURL" or "secret": what the link needs and has not; NULL: nothing. */
const char *agent_missing(const struct agent *);
/* The proxy for a URL, "http://HOST:PORT", freed by the caller; or NULL: that
 * of the settings, else what the environment has. */
char	*agent_proxy(const struct agent *, const char *url);
/* Looks for what was missing, and starts the link when all is there, or
 * anew when it has changed. */
void	agent_look(struct agent *);

/* commands_modules.c */
/* Adds the command "modules". */
void	module_commands_add(struct agent *);

/* local.c */
/* Opens the local endpoint; a failure is told to the log and is no more:
 * NULL. */
struct local *local_start(struct agent *);
void	local_stop(struct local *);	/* its handles close by the loop */

/* local_metrics.c */
struct buf;
struct telemetry;
/* Appends what Prometheus is told of the agent, its modules and the host. */
void	local_metrics(struct agent *, struct telemetry *, struct buf *);

/* selftest.c */
int	selftest_main(void);		/* the exit code */

#endif
