/* Time: wall clock for records, monotonic for waits, RFC 3339 for people. */
#ifndef MUSTER_CLOCK_H
#define MUSTER_CLOCK_H

#include <stdint.h>

#define CLOCK_RFC3339_SIZE	25	/* "2026-01-31T23:59:59.123Z" and NUL */

int64_t	clock_wall_ms(void);	/* milliseconds since 1970, UTC */
int64_t	clock_mono_ms(void);	/* never goes back; origin unspecified */
/* Reads RFC 3339 ("2026-01-31T23:59:59Z", with a fraction or an offset too),
 * all of the text: 0, or -EINVAL.  A leap second is the next minute's first. */
int	clock_read_rfc3339(const char *, int64_t *ms);
/* Writes ms as RFC 3339 in UTC with milliseconds; returns out. */
char	*clock_rfc3339(int64_t ms, char out[CLOCK_RFC3339_SIZE]);

#endif
