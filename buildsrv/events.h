/*
 * Who reads the event log within the server.  events.c reads each new event
 * once and hands it to the streams (sse.c), the webhooks and the metrics;
 * who was away reads what it missed by itself.  Socket.IO (notify.h) does
 * both for its own clients.
 */
#ifndef MUSTER_EVENTS_H
#define MUSTER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "buildsrv.h"

struct events;
struct streams;

/* eventview.c: what clients see of an event, by whatever way it comes. */

/* {"seq","t","type","job"}, or "rollout" in its place; a new reference; NULL
 * where nothing is for them. */
json_t	*event_view(const struct server *, const json_t *event);
/* The job or rollout alone, as document 000's listeners get it; likewise. */
json_t	*event_subject(const struct server *, const json_t *event);
/* Whether an event of this name exists. */
int	event_type_known(const char *);

/* events.c */

struct events *events_new(struct server *);
/* What is stored up to here was handed out. */
int64_t	events_head(const struct events *);
/* Once the store, which it watches, is closed. */
void	events_free(struct events *);

/* sse.c */

/* Below NULL stands for streams that have ended. */
struct streams *streams_new(struct server *);
/* A new event; log lines of a job. */
void	streams_event(struct streams *, const json_t *event);
void	streams_lines(struct streams *, const char *job);
/* Reports of an agent. */
void	streams_reports(struct streams *, const char *uid);
/* Ends those of this user: a key was changed or an account disabled. */
void	streams_drop(struct streams *, const char *user);
size_t	streams_count(const struct streams *);
/* Ends all; done(); frees. */
void	streams_stop(struct streams *, void (*done)(void *), void *arg);

#endif
