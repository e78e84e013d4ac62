/* What metrics.c counts and metrics_text.c writes; nobody else includes it. */
#ifndef MUSTER_METRICS_PRIVATE_H
#define MUSTER_METRICS_PRIVATE_H

#include <stdint.h>

#include "buildsrv.h"
#include "metrics.h"

enum {
	METRICS_ROUTES	= 128,		/* the API's, and some to come */
	METRICS_CLASSES	= 6,		/* 1xx to 5xx */
	METRICS_BUCKETS	= 14		/* of a time, with +Inf */
};

struct histogram {
	uint64_t	count[METRICS_BUCKETS];	/* each bucket's own */
	double		sum;			/* seconds */
};

struct metrics {
	struct server	*server;
	int64_t		 started;	/* wall clock, ms */
	uint64_t	 answers[METRICS_ROUTES][METRICS_CLASSES];
	uint64_t	 completed, failed, cancelled;
	struct histogram compiled, cached, waited;
	uint64_t	 downloads, download_bytes;
};

/* What takes time to find out, found by a worker. */
struct metrics_scan {
	uint64_t	 files, bytes;	/* artifacts */
	uint64_t	 fds;
};

/* metrics_text.c: the exposition format, 0.0.4; freed by the caller. */
char	*metrics_text(const struct metrics *, const json_t *jobs,
	    const struct metrics_scan *);
/* metrics_agents.c: appends what at most max connected agents told last. */
void	metrics_agents(struct buf *, const struct gateway *, int64_t max);
/* The upper bounds in seconds, but for the last, which has none. */
extern const double	metrics_bounds[METRICS_BUCKETS - 1];

#endif
