/*
 * How often somebody may: a bucket of tokens for each name (an address, the
 * hash of a key), which fills again at a steady rate.  Memory is bounded:
 * whoever was not seen for longest is forgotten, and is as new.
 */
#ifndef MUSTER_LIMITS_H
#define MUSTER_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum {
	LIMITS_MAX_NAME	= 64,	/* bytes: a SHA-256 in hex; longer names are
				 * known by their first ones */
	LIMITS_MAX	= 8192	/* names in a table: about 1.5 MB */
};

struct limits;

/* per_second 0 is no limit, and names are kept as ever. */
struct limits *limits_new(int64_t per_second, int64_t burst, size_t max);
void	limits_free(struct limits *);
/* How long (ms) until there is a token; 0: there is one.  A name that was not
 * seen yet has a full bucket, and is not kept by this. */
int64_t	limits_wait(struct limits *, const char *name, int64_t now_ms);
/* Takes one: 0, or how long (ms) until there is one to take. */
int64_t	limits_take(struct limits *, const char *name, int64_t now_ms);
/* The used part of the bucket, in thousandths. */
int	limits_used(struct limits *, const char *name, int64_t now_ms);
int	limits_knows(const struct limits *, const char *name);
void	limits_forget(struct limits *, const char *name);
size_t	limits_count(const struct limits *);

#endif
