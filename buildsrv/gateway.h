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
	char			*(*link_secret)(const json_t *, void *link_arg);
	void			*link_arg;
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
/*
 * Sends a command to an agent (of this user, where one is given); takes args.
 * 0, and done() hears once: 0 with the payload of the answer, borrowed;
 * -ETIMEDOUT; -ENOTCONN where the agent left, or the gateway stops.  Else
 * -ENOENT, -ENOTCONN, or -ENOTSUP: its protocol has none.
 */
typedef void (*gateway_command_done)(int rc, const json_t *, void *arg);
int	gateway_command(struct gateway *, const char *uid, const char *user,
	    const char *name, json_t *args, int64_t timeout_ms,
	    gateway_command_done, void *arg);
/*
 * Every agent, or those of one user, as an array of {uid, host_id, name,
 * build, user, agent_id, version, os, arch, os_name, address, connected,
 * encrypted, protocol, registered, last_seen (ms), metrics}; the caller's reference.
 */
json_t	*gateway_agents(struct gateway *, const char *user);
size_t	gateway_connected(const struct gateway *);
/*
 * Tells each agent when to come back, closes with 1001, writes what only
 * memory knew, frees; then done().
 */
void	gateway_stop(struct gateway *, void (*done)(void *), void *arg);

#endif
