/* For tests on a loop: it runs until something holds. */
#ifndef MUSTER_T_LOOP_H
#define MUSTER_T_LOOP_H

#include <uv.h>

#include "clock.h"

enum { LOOP_LIMIT = 20000 };	/* ms: a test that waits longer has failed */

static uv_loop_t	loop;

static void
loop_wake(uv_timer_t *t)
{
	(void)t;
}

/* Runs the loop until *what reaches n; 0 when it did not within the limit. */
static int
loop_run(const int *what, int n)
{
	int64_t		end = clock_mono_ms() + LOOP_LIMIT;
	uv_timer_t	t;

	uv_timer_init(&loop, &t);
	uv_timer_start(&t, loop_wake, 20, 20);	/* no wait without an end */
	while (*what < n && clock_mono_ms() < end)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&t, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	return *what >= n;
}

#endif
