/* Shared by rollout*.c alone. */
#ifndef MUSTER_ROLLOUT_PRIVATE_H
#define MUSTER_ROLLOUT_PRIVATE_H

#include <uv.h>

#include "buildsrv.h"
#include "gateway.h"
#include "rollout.h"

struct rollouts {
	struct server	*server;
	json_t		*list;		/* oldest first; records */
	json_t		*agents;	/* uid: {channel, rollout, state, ...} */
	json_t		*told;		/* "ROLLOUT UID": not to be told before
					 * this time, in ms */
	uv_timer_t	 timer;
	int		 loaded, stopping;
	void		(*done)(void *);
	void		*arg;
};

struct rollout_counts {
	int64_t	agents, share, updated, offered, busy, failed, waiting;
};

/* rollout.c */
json_t	*rollout_find(const struct rollouts *, const char *id);
/* With an event of this type, for who has begun it.  done may be NULL: then
 * what fails is logged. */
void	rollout_save(struct rollouts *, json_t *rollout, const char *event,
	    store_done done, void *arg);
void	rollout_agent_save(struct rollouts *, const char *uid, json_t *doc);
/* The agent's record, made where there is none. */
json_t	*rollout_agent(struct rollouts *, const char *uid);
/* Whether an agent is of a rollout's channel and has a release there. */
int	rollout_is_for(const struct rollouts *, const json_t *rollout,
	    const char *uid, const char *target);
/* Whether it is in the share of now. */
int	rollout_in_share(const json_t *rollout, const char *uid);
/* "linux-x64" of what the link told; 0 where that is not known. */
int	rollout_target(const struct gateway_view *, char out[32]);
/* Whether it failed in this rollout. */
int	rollout_has_failed(const struct rollouts *, const json_t *rollout,
	    const char *uid);
void	rollout_count(const struct rollouts *, const json_t *rollout,
	    struct rollout_counts *);
/* With counts, for the API; a new reference. */
json_t	*rollout_view(const struct rollouts *, json_t *rollout);

/* rollout_run.c */
/* Stops it where too many have failed: 1 when it did. */
int	rollout_judge(struct rollouts *, json_t *rollout);
void	rollout_run(struct rollouts *);
/* Those that it has told already are told again. */
void	rollout_tell_anew(struct rollouts *, const json_t *rollout);

#endif
