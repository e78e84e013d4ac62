/* Times as the metadata has them: whole seconds, UTC, one form. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "tuf_impl.h"

enum { YEAR_MAX = 9999, DAYS_TO_1970 = 719468 };

/* Days since 1970 of a date of the Gregorian calendar, with years that begin
 * in March, so that the leap day is a year's last. */
static int64_t
days_of(int y, int m, int d)
{
	int	era, in_era, in_year;

	y -= m <= 2;
	era = y / 400;
	in_era = y - era * 400;
	in_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (int64_t)era * 146097 + in_era * 365 + in_era / 4 -
	    in_era / 100 + in_year - DAYS_TO_1970;
}

static int
is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int
tuf_time_read(const char *s, int64_t *out)
{
	static const int	days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
				    31, 30, 31 };
	static const char	form[] = "dddd-dd-ddTdd:dd:ddZ";
	int			y, mo, d, h, mi, sec;
	size_t			i;

	if (strlen(s) != sizeof(form) - 1)
		return -EINVAL;
	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' :
		    s[i] != form[i])
			return -EINVAL;
	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &y, &mo, &d, &h, &mi,
	    &sec) != 6 || y < 1970 || y > YEAR_MAX || mo < 1 || mo > 12 ||
	    d < 1 || d > days[mo - 1] + (mo == 2 && is_leap(y)) || h > 23 ||
	    mi > 59 || sec > 59)
		return -EINVAL;
	*out = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60 + sec;
	return 0;
}

char *
tuf_time_text(int64_t t, char out[21])
{
	char	text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(t * 1000, text);
	snprintf(out, 21, "%.19sZ", text);
	return out;
}
