/* Which bytes of a file somebody has: a few intervals, in order and apart. */
#ifndef MUSTER_PARTS_H
#define MUSTER_PARTS_H

#include <stddef.h>
#include <stdint.h>

enum {
	PARTS_MAX = 16	/* when there are more, the shortest is forgotten */
};

struct part {
	uint64_t	from, to;	/* to is behind the last byte */
};

struct parts {
	struct part	at[PARTS_MAX];
	size_t		n;
};

/* Adds one: those that it touches become one with it. */
void	parts_add(struct parts *, struct part);
/* Whether they are all of a file of this size. */
int	parts_cover(const struct parts *, uint64_t size);

#endif
