/*
 * Releases reach agents in steps: a rollout names a version of a channel and
 * a share of its agents, the same ones each time it is asked; it is stopped
 * when updates fail, by itself, and goes on when somebody says so.
 *
 * What is released is what the signed metadata lists and we have the file of.
 * Which version an agent runs is what it says over its link, nothing else.
 */
#ifndef MUSTER_ROLLOUT_H
#define MUSTER_ROLLOUT_H

#include <stdint.h>

#include <jansson.h>

struct buf;
struct gateway_view;
struct rollouts;
struct server;

/* Limits, with their reasons. */
enum {
	ROLLOUTS_MAX	= 1000,		/* kept; more than anybody reads */
	ROLLOUT_STAGES	= 20,
	ROLLOUT_TICK_MS	= 1000,		/* between two looks at what runs */
	ROLLOUT_PUSHES	= 500,		/* commands in one look */
	ROLLOUT_BUSY_S	= 30,		/* until who was busy is told again */
	ROLLOUT_LOST_S	= 900,		/* an agent gone for so long in the
					 * midst of its update has failed */
	ROLLOUT_RATE_OF	= 5,		/* outcomes before a rate is one */
	ROLLOUT_ASK_S	= 3600,		/* when agents ask again */
	ROLLOUT_SOON_S	= 60		/* while a rollout runs */
};

/* Reads the records, in the background. */
struct rollouts *rollouts_new(struct server *);
/* done() when its timer is gone.  Frees. */
void	rollouts_stop(struct rollouts *, void (*done)(void *), void *arg);

/* The signed release of a version: its entry of the metadata, and its path
 * (freed by the caller); NULL where there is none, or not its file. */
const json_t *release_find(const struct server *, const char *version,
	    const char *target, const char *channel, char **path);
const char *release_sha256(const json_t *entry);
/* Whether we have the file of this hash; *size may be NULL. */
int	release_file(const struct server *, const char *sha256, int64_t *size);

/* The answer to an agent that asks: muster-update(7).  A new reference. */
json_t	*rollouts_answer(struct rollouts *, const struct gateway_view *,
	    const char *target, const char *version, const char *base,
	    int by_itself);
/* What an agent reports, checked by the caller. */
void	rollouts_report(struct rollouts *, const char *uid,
	    const json_t *report);
const char *rollouts_channel(const struct rollouts *, const char *uid);
void	rollouts_set_channel(struct rollouts *, const char *uid,
	    const char *channel);

/* Lines for GET /metrics. */
void	rollouts_metrics(const struct rollouts *, struct buf *);

/* A patch from one release's file to another's: {"format",...} or NULL where
 * there is none, yet: then it is begun.  A new reference. */
json_t	*patch_find(struct server *, const char *from, const char *to,
	    int64_t whole);
void	patch_load(struct server *);
void	patch_free(struct server *);

#endif
