/* Shared by intel_feed.c and the files of one format each. */
#ifndef MUSTER_INTEL_FEED_PRIVATE_H
#define MUSTER_INTEL_FEED_PRIVATE_H

#include "intel_feed.h"

struct feed_reading {
	const struct intel_feed	*feed;
	int64_t			 now;
	intel_sink		 sink;
	void			*arg;
	struct intel_count	*count;
	long			 line;	/* or element */
};

/* One value as it is written; a bad one is counted.  What the sink says. */
int	feed_take(struct feed_reading *, enum intel_kind, const char *text,
	    size_t len, int confidence, int64_t until);
/* What the feed's lines have no word of: the feed's own confidence and life. */
int	feed_take_plain(struct feed_reading *, enum intel_kind,
	    const char *text, size_t len);
void	feed_refuse(struct feed_reading *, const char *why);

int	feed_lines(struct feed_reading *, const char *, size_t);
int	feed_hosts(struct feed_reading *, const char *, size_t);
int	feed_csv(struct feed_reading *, const char *, size_t);
int	feed_stix(struct feed_reading *, const char *, size_t);
int	feed_misp(struct feed_reading *, const char *, size_t);

#endif
