/* Unit tests that print TAP: ok(what, condition), then done(). */
#ifndef MUSTER_TAP_H
#define MUSTER_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int	tap_count, tap_failed;

/* One property a line; a failure shows where. */
#define ok(what, cond)							\
	do {								\
		int	tap_good = (cond) ? 1 : 0;			\
									\
		tap_count++;						\
		tap_failed += !tap_good;				\
		printf("%sok %d - %s\n", tap_good ? "" : "not ",	\
		    tap_count, (what));					\
		if (!tap_good)						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
		fflush(stdout);						\
	} while (0)

#define is_int(what, got, want)						\
	do {								\
		long long	tap_got = (long long)(got);		\
		long long	tap_want = (long long)(want);		\
									\
		ok(what, tap_got == tap_want);				\
		if (tap_got != tap_want)				\
			printf("# got %lld, wanted %lld\n", tap_got, tap_want); \
	} while (0)

#define is_str(what, got, want)						\
	do {								\
		const char	*tap_got = (got), *tap_want = (want);	\
		int	tap_same = tap_got != NULL && tap_want != NULL	\
			    && strcmp(tap_got, tap_want) == 0;		\
									\
		ok(what, tap_same);					\
		if (!tap_same)						\
			printf("# got '%s', wanted '%s'\n",		\
			    tap_got ? tap_got : "(null)",		\
			    tap_want ? tap_want : "(null)");		\
	} while (0)

#define done()								\
	(printf("1..%d\n", tap_count), tap_failed ? 1 : 0)

#endif
