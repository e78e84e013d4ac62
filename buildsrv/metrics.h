/* What the server counts, for Prometheus: GET /metrics. */
#ifndef MUSTER_METRICS_H
#define MUSTER_METRICS_H

#include <stdint.h>

#include <jansson.h>

struct http_req;
struct metrics;
struct server;

struct metrics *metrics_new(struct server *);
void	metrics_free(struct metrics *);
/* A stored event; of builds that end it takes the time. */
void	metrics_event(struct metrics *, const json_t *event);
/* For httpd_observe(). */
void	metrics_answered(const struct http_req *, int status, void *metrics);
/* So much of an artifact was sent, and so many downloads are complete. */
void	metrics_download(struct metrics *, uint64_t bytes, int downloads);

#endif
