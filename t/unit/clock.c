/* RFC 3339 as it is read. */
#include <time.h>

#include "../../common/clock.c"

#include "tap.h"

static int64_t
at(const char *text)
{
	int64_t	ms;

	return clock_read_rfc3339(text, &ms) == 0 ? ms : INT64_MIN;
}

/* Each hour of four hundred years and what gmtime(3) makes of it. */
static int
agrees(void)
{
	char		text[CLOCK_RFC3339_SIZE];
	int64_t		s;

	for (s = 0; s < INT64_C(400) * 366 * 86400; s += 86400 * 3 + 3607)
		if (at(clock_rfc3339(s * 1000 + 7, text)) != s * 1000 + 7) {
			printf("# %s\n", text);
			return 0;
		}
	return 1;
}

int
main(void)
{
	static const char *const	bad[] = { "", "2026-01-31",
		"2026-01-31T23:59:59", "2026-1-31T23:59:59Z",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
		"2026-01-01T00:00:00+1:00", "2026-00-01T00:00:00Z",
		"-026-01-01T00:00:00Z" };
	size_t				i;

	is_int("the epoch", at("1970-01-01T00:00:00Z"), 0);
	is_int("a fraction", at("1970-01-01T00:00:01.25Z"), 1250);
	is_int("more digits than ms", at("1970-01-01T00:00:01.256789Z"),
	    1256);
	is_int("lower case", at("1970-01-01t00:00:00z"), 0);
	is_int("an offset east", at("1970-01-01T02:00:00+02:00"), 0);
	is_int("an offset west", at("1969-12-31T22:30:00-01:30"), 0);
	is_int("before the epoch", at("1969-12-31T23:59:59Z"), -1000);
	is_int("a leap day", at("2024-02-29T00:00:00Z"),
	    INT64_C(1709164800000));
	is_int("a leap second", at("2016-12-31T23:59:60Z"),
	    at("2017-01-01T00:00:00Z"));
	ok("what was written is read the same", agrees());
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(bad[i], at(bad[i]) == INT64_MIN);
	return done();
}
