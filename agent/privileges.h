/*
 * What the agent may do, and needs to: the capabilities that it keeps for
 * itself and for what it starts (its modules, the updater), and the end of
 * all others.
 */
#ifndef MUSTER_PRIVILEGES_H
#define MUSTER_PRIVILEGES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* One use of capabilities; a module's what it needs for its best source. */
struct privilege_use {
	const char	*who;		/* "updates", or a module's name */
	uint64_t	 caps;
	const char	*without;	/* what then is not; NULL: of a module,
					 * whose state says it */
};
/* The uses that this binary has, by number; NULL after the last. */
const struct privilege_use *privilege_use(size_t n);
uint64_t privileges_wanted(void);	/* all of them together */

/* Gives up the rest, for good, for this process and those that it starts;
 * before it has a thread.  What could not be done is told to the log, and the
 * agent goes on: one that is not there protects nobody. */
void	 privileges_drop(int wanted_by_config);
/* {"confined","has","lacks":{WHO:[CAP_X]},"without"}, a new object. */
json_t	*privileges_json(void);

#endif
