/* How long the link waits before it tries again. */
#include "link_delay.h"

enum { MAX_DOUBLED = 6 };	/* 2^6 s are past the ceiling */

void
link_delay_told(struct link_delay *d, double ms)
{
	if (ms >= 0)
		d->told_ms = ms < LINK_MAX_RETRY_AFTER_MS ? (int64_t)ms :
		    LINK_MAX_RETRY_AFTER_MS;
}

void
link_delay_was_up(struct link_delay *d, int64_t ms)
{
	if (ms >= LINK_STABLE_MS)
		d->attempt = 0;
}

int64_t
link_delay_next(struct link_delay *d, uint32_t random)
{
	int64_t	ceiling, told = d->told_ms;

	if (d->at_once) {
		d->at_once = 0;
		return 0;
	}
	ceiling = d->attempt < MAX_DOUBLED ? INT64_C(1000) << d->attempt :
	    LINK_MAX_DELAY_MS;
	if (d->attempt < MAX_DOUBLED)
		d->attempt++;
	d->told_ms = -1;
	if (told >= 0)
		return told > LINK_MIN_DELAY_MS ? told : LINK_MIN_DELAY_MS;
	return (int64_t)((double)ceiling * random / UINT32_MAX);
}
