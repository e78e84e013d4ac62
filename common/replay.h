/* What was seen within a window, in bounded memory: nonces of messages. */
#ifndef MUSTER_REPLAY_H
#define MUSTER_REPLAY_H

#include <stddef.h>
#include <stdint.h>

struct replay;

/* Remembers for window_ms, at most max things: past that the oldest goes
 * first, so that a flood costs memory no more than max * 100 bytes. */
struct replay *replay_new(size_t max, int64_t window_ms);
void	replay_free(struct replay *);
/* 1 where these bytes are new, and remembers them; else 0.  now_ms never
 * goes back. */
int	replay_fresh(struct replay *, const void *, size_t, int64_t now_ms);
size_t	replay_count(const struct replay *);

/*
 * The same for one sender whose messages carry a time: the newest things are
 * remembered, and what is not newer than all that were forgotten is not
 * taken.  So nothing is ever taken twice, in memory that is bounded, and
 * no other sender can crowd it out.  All zero is a fresh one.
 */
enum {
	REPLAY_WINDOW	= 16,	/* things of one moment, or out of order; */
	REPLAY_WINDOW_MAX = 1024 /* so many where one moment has more: a log
				 * that is caught up with */
};

struct replay_window {
	int64_t		 floor;		/* of times: at or below is old */
	int64_t		 newest;
	unsigned	 n, room;
	unsigned	 oldest;	/* place of the one that goes next */
	uint64_t	*digests;	/* owned: room of them, */
	int64_t		*times;		/* and as many behind them */
};

void	replay_window_release(struct replay_window *);
/* 1 where these bytes of that time are new, and remembers them; else 0. */
int	replay_window_fresh(struct replay_window *, int64_t time,
	    const void *, size_t);

#endif
