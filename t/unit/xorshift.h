/* Random numbers that are the same each time: xorshift64, Marsaglia. */
#ifndef MUSTER_T_XORSHIFT_H
#define MUSTER_T_XORSHIFT_H

#include <stdint.h>

static uint64_t
next_random(void)
{
	static uint64_t	seed = 88172645463325252u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

#endif
