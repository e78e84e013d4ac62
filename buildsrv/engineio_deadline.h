/*
 * Many waits of one length on one timer: each goes behind the others, so the
 * first in the row is the first to end.  With a length of 0 it is the way to
 * do a thing in the loop's next turn.
 */
#ifndef MUSTER_ENGINEIO_DEADLINE_H
#define MUSTER_ENGINEIO_DEADLINE_H

#include <stdint.h>

#include <uv.h>

#include "list.h"

struct deadline {
	struct link	 link;
	uint64_t	 due;		/* in the loop's time */
};

struct deadlines {
	struct link	 waiting;
	uv_timer_t	 timer;
	uint64_t	 ms;
	void		(*end)(struct deadline *);
};

/* end() is called for each that was not stopped; it may free it. */
void	deadlines_init(struct deadlines *, uv_loop_t *, int64_t ms,
	    void (*end)(struct deadline *));
/* closed() gets the timer's handle; nothing ends from now on. */
void	deadlines_close(struct deadlines *, uv_close_cb closed, void *arg);

void	deadline_init(struct deadline *);
/* Anew, if it was waiting already, here or elsewhere. */
void	deadline_start(struct deadlines *, struct deadline *);
/* The same, counted from when the deadline before it was due. */
void	deadline_follow(struct deadlines *, struct deadline *);
void	deadline_stop(struct deadline *);

#endif
