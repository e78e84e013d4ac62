/*
 * The agents' end of the server: document 002's protocol at /ws/agent,
 * document 004's at /agent.
 * muster-link(7) has the protocol in words.
 */
#ifndef MUSTER_GATEWAY_H
#define MUSTER_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "linkcrypt.h"

struct gateway;
struct http_req;
struct store;

struct gateway_options {
	struct store		*store;
	uv_loop_t		*loop;
	const uint8_t		*identity_secret;	/* 64 bytes; copied */
	int			 open_registration;	/* without a key */
	int64_t			 auth_timeout_ms;	/* 0: 10 s */
	int64_t			 idle_ms;		/* 0: 300 s */
	enum link_encryption	 encryption;	/* what agents may do */
	/* The secret that a record of LINK_SECRET_KIND stands for; freed by
	 * the gateway; NULL where it stands for none. */
	char			*(*link_secret)(const json_t *, void *arg);
	/* More of what this agent reported is in the store; may be NULL. */
	void			(*reported)(const char *uid, void *arg);
	void			*arg;
};

/* Document 004's agents, by agentId: {agentId, user, generation, ...}. */
#define LINK_SECRET_KIND	"link-secret"

/* Reads the agents known to the store, in the background. */
struct gateway *gateway_new(const struct gateway_options *);
/* Takes a WebSocket handshake: GET /ws/agent. */
void	gateway_accept(struct gateway *, struct http_req *);
/* The same for GET /agent. */
void	gateway_accept_004(struct gateway *, struct http_req *);
/* The secret of this agentId is another: its connection goes. */
void	gateway_secret_changed(struct gateway *, const char *agent_id);
/* -- commands, the same for agents of both protocols -- */

/* The answer's members result and error ("" where all is well), borrowed. */
typedef void (*gateway_done)(int rc, const json_t *answer, void *arg);

struct gateway_command;

struct gateway_order {
	const char	*name;
	const char	*text;		/* of gateway_command_text() */
	int64_t		 silence_ms;	/* to the answer's next part, or last */
	/* What of the answer comes before its end; may be NULL. */
	void		(*part)(const json_t *, void *arg);
	gateway_done	 done;
	void		*arg;
};

/* What agents are told, made once for however many; freed by the caller. */
char	*gateway_command_text(const char *name, const json_t *args);
/*
 * Tells an agent (of this user, where one is given).  0, and done() hears
 * once, later: 0 with the answer; -ETIMEDOUT; -ENOTCONN where the agent left,
 * or the gateway stops.  Else -ENOENT; -ENOTCONN; -EBUSY: too many are under
 * way.  *out (may be NULL) is valid until done().
 */
int	gateway_command(struct gateway *, const char *uid, const char *user,
	    const struct gateway_order *, struct gateway_command **out);
/* Nobody waits for it any more: done() is not called, and an agent of
 * document 002 is told to end it. */
void	gateway_command_drop(struct gateway_command *);

/* -- who there is -- */

/*
 * The agents that are meant: by names (uid, host_id or name; NULL or empty:
 * all) and by labels ("k=v" or "k", all of which must fit), both arrays of
 * texts: [{"agent":UID,"host_id":..},...].  0; -ENOENT or -EEXIST (several
 * have it) for a name, with *why, which the caller frees.
 */
int	gateway_find(struct gateway *, const char *user, const json_t *names,
	    const json_t *labels, json_t **out, char **why);
/* Whether there is this agent, and this user's where one is given. */
int	gateway_knows(struct gateway *, const char *uid, const char *user);
/*
 * Changes the operator's labels of an agent in memory; a null takes one away.
 * *out is what the store is to keep as the member labels.  0, -ENOENT, or
 * -EINVAL with *why a fixed text.
 */
int	gateway_label(struct gateway *, const char *uid, const char *user,
	    const json_t *patch, json_t **out, const char **why);
/* Its mark that two hosts have its key goes, in memory: 0 or -ENOENT. */
int	gateway_clear(struct gateway *, const char *uid, const char *user);
/*
 * Every agent, or those of one user, that has these labels (NULL: any), as
 * an array of {uid, host_id, name,
 * build, user, agent_id, version, os, arch, os_name, address, connected,
 * encrypted, protocol, registered, last_seen (ms), metrics}; the caller's reference.
 */
json_t	*gateway_agents(struct gateway *, const char *user,
	    const json_t *labels);
size_t	gateway_connected(const struct gateway *);
/* An agent as it says itself over the link; texts are borrowed, NULL where
 * not known. */
struct gateway_view {
	const char	*uid, *host_id, *user, *version, *os, *arch;
	int		 connected;
	int64_t		 last_seen;	/* ms */
	const char	*metrics;	/* JSON, the newest; or NULL */
};
/* By uid or host_id: 1, or 0 where there is none. */
int	gateway_look(const struct gateway *, const char *id,
	    struct gateway_view *);
void	gateway_each(const struct gateway *,
	    void (*each)(const struct gateway_view *, void *), void *arg);
/* The uid, borrowed, of the agent with this uid and bootstrap token, or with
 * this id and hmaclink_token() of document 004; else NULL. */
const char *gateway_token_ok(struct gateway *, const char *id,
	    const char *token);
/*
 * Tells each agent when to come back, closes with 1001, writes what only
 * memory knew, frees; then done().
 */
void	gateway_stop(struct gateway *, void (*done)(void *), void *arg);

#endif
