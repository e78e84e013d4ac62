/* When the link tries again.  No loop, no clock: link.c brings both. */
#ifndef MUSTER_LINK_DELAY_H
#define MUSTER_LINK_DELAY_H

#include <stdint.h>

/* Times, in ms, with their reasons. */
enum {
	LINK_STABLE_MS	= 60000,	/* then attempts count anew */
	LINK_MAX_DELAY_MS = 60000,	/* ceiling of the jitter */
	LINK_MIN_DELAY_MS = 100,	/* a server that says 0 gets no storm */
	LINK_MAX_RETRY_AFTER_MS = 3600000 /* a server can't send us away for
					 * longer */
};

struct link_delay {
	int	attempt;
	int64_t	told_ms;	/* by the server; -1: nothing */
	int	at_once;	/* the cause is mended */
};

#define LINK_DELAY_INIT	{ 0, -1, 0 }

/* The server's word, for the next time alone.  What is negative, or no
 * number, is nothing. */
void	link_delay_told(struct link_delay *, double ms);
/* A link was up for so long, and is not any more. */
void	link_delay_was_up(struct link_delay *, int64_t ms);
/*
 * The next: at once, else when the server said, else full jitter, random of
 * UINT32_MAX of 1, 2, 4 ... 60 s: a fleet that was cut off together comes
 * back spread out.
 */
int64_t	link_delay_next(struct link_delay *, uint32_t random);

#endif
