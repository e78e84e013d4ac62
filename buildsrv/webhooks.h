/*
 * Webhooks: a user's events, POSTed to an address of theirs, in order, signed
 * and tried again until they are taken.  muster-api(7) says what a receiver
 * gets.
 */
#ifndef MUSTER_WEBHOOKS_H
#define MUSTER_WEBHOOKS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct server;
struct sockaddr;
struct webhooks;

struct webhooks_count {
	size_t	hooks, disabled;
	int64_t	delivered, failed;	/* tries, since the start */
};

/* Reads what the store has, and begins with what waits. */
struct webhooks *webhooks_new(struct server *);
/* Below NULL stands for webhooks that have ended.  An event was stored. */
void	webhooks_event(struct webhooks *, const json_t *event);
void	webhooks_count(const struct webhooks *, struct webhooks_count *);
/* What is under way is cut, and will be sent again; done(); frees. */
void	webhooks_stop(struct webhooks *, void (*done)(void *), void *arg);

/* webhooks_address.c */
/* Whether an address is the open network's: not this host, not a private
 * network, nothing that is reserved. */
int	address_is_public(const struct sockaddr *);

#endif
