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

#endif
