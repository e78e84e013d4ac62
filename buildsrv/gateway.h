/*
 * The agents' end of the server: document 002's protocol at /ws/agent.
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
};

/* Reads the agents known to the store, in the background. */
struct gateway *gateway_new(const struct gateway_options *);
/* Takes a WebSocket handshake: GET /ws/agent. */
void	gateway_accept(struct gateway *, struct http_req *);
/*
 * Every agent, or those of one user, as an array of {uid, host_id, name,
 * build, user, agent_id, version, os, arch, os_name, address, connected,
 * encrypted, registered, last_seen (ms), metrics}; the caller's reference.
 */
json_t	*gateway_agents(struct gateway *, const char *user);
size_t	gateway_connected(const struct gateway *);
/*
 * Tells each agent when to come back, closes with 1001, writes what only
 * memory knew, frees; then done().
 */
void	gateway_stop(struct gateway *, void (*done)(void *), void *arg);

#endif
