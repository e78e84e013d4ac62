#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <uv.h>

#include "clock.h"

int64_t
clock_wall_ms(void)
{
	uv_timeval64_t	tv;

	uv_gettimeofday(&tv);
	return tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

char *
clock_rfc3339(int64_t ms, char out[CLOCK_RFC3339_SIZE])
{
	time_t		 sec = (time_t)(ms / 1000);
	struct tm	 tm;

#ifdef _WIN32
	gmtime_s(&tm, &sec);
#else
	gmtime_r(&sec, &tm);
#endif
	strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + 19, CLOCK_RFC3339_SIZE - 19, ".%03uZ",
	    (unsigned)(ms % 1000) % 1000);
	return out;
}

/* -- reading -- */

/* Exactly n digits within bounds; the text behind them, or NULL. */
static const char *
digits(const char *s, int n, int least, int most, int *out)
{
	*out = 0;
	while (n-- > 0) {
		if (s == NULL || *s < '0' || *s > '9')
			return NULL;
		*out = *out * 10 + (*s++ - '0');
	}
	return *out >= least && *out <= most ? s : NULL;
}

static const char *
mark(const char *s, const char *any)
{
	while (s != NULL && *any != '\0' && *any != *s)
		any++;
	return s != NULL && *any != '\0' ? s + 1 : NULL;
}

/* Days from 1970-01-01 in the Gregorian calendar, years from March on, so
 * that a leap day is a year's last (Hinnant, "chrono-compatible low-level
 * date algorithms"). */
static int64_t
days_of(int y, int m, int d)
{
	int	era, doy;

	y -= m <= 2;
	era = y / 400;
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	y -= era * 400;
	return (int64_t)era * 146097 + y * 365 + y / 4 - y / 100 + doy -
	    719468;
}

static int
days_in(int y, int m)
{
	static const int	days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
				    31, 30, 31 };

	return days[m - 1] + (m == 2 && y % 4 == 0 &&
	    (y % 100 != 0 || y % 400 == 0));
}

/* ".123", of which all behind ms is cut off. */
static const char *
fraction(const char *s, int *ms)
{
	int	unit = 100;

	*ms = 0;
	if (s == NULL || *s != '.')
		return s;
	if (*++s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++, unit /= 10)
		*ms += unit * (*s - '0');
	return s;
}

/* "Z" or "+02:00", minutes to take off. */
static const char *
offset(const char *s, int *minutes)
{
	int	h, m, west;

	*minutes = 0;
	if (s == NULL || *s == 'Z' || *s == 'z')
		return s == NULL ? NULL : s + 1;
	west = *s == '-';
	s = digits(mark(digits(mark(s, "+-"), 2, 0, 23, &h), ":"), 2, 0, 59,
	    &m);
	*minutes = (west ? -1 : 1) * (h * 60 + m);
	return s;
}

int
clock_read_rfc3339(const char *s, int64_t *out)
{
	int	y, mo, d, h, mi, sec, ms, off;

	s = mark(digits(s, 4, 0, 9999, &y), "-");
	s = mark(digits(s, 2, 1, 12, &mo), "-");
	s = mark(digits(s, 2, 1, 31, &d), "Tt ");
	s = mark(digits(s, 2, 0, 23, &h), ":");
	s = mark(digits(s, 2, 0, 59, &mi), ":");
	s = offset(fraction(digits(s, 2, 0, 60, &sec), &ms), &off);
	if (s == NULL || *s != '\0' || d > days_in(y, mo))
		return -EINVAL;
	*out = (((days_of(y, mo, d) * 24 + h) * 60 + mi - off) * 60 + sec) *
	    1000 + ms;
	return 0;
}
