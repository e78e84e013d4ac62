/* When the link tries again: jitter, a server's word, the stable minute. */
#include <math.h>

#include "link_delay.h"
#include "log.h"
#include "tap.h"

static int64_t
most(struct link_delay *d)
{
	return link_delay_next(d, UINT32_MAX);
}

/* After so many tries that failed. */
static struct link_delay
tried(int n)
{
	struct link_delay	d = LINK_DELAY_INIT;

	while (n-- > 0)
		link_delay_next(&d, 0);
	return d;
}

int
main(void)
{
	struct link_delay	d = LINK_DELAY_INIT;
	int64_t			want[] = { 1000, 2000, 4000, 8000, 16000,
		32000, 60000, 60000 };
	size_t			i, good = 0;

	for (i = 0; i < nitems(want); i++)
		good += most(&d) == want[i];
	ok("the ceiling doubles up to a minute", good == nitems(want));
	for (i = 0; i < 100000; i++)
		good += most(&d) == 60000;
	ok("and stays, however often", good == nitems(want) + 100000);
	d = tried(3);
	ok("full jitter: from nothing", link_delay_next(&d, 0) == 0);
	d = tried(3);
	ok("over the half", link_delay_next(&d, UINT32_MAX / 2) == 3999);

	d = tried(5);
	link_delay_was_up(&d, LINK_STABLE_MS - 1);
	ok("a link that was up for less than a minute counts on",
	    most(&d) == 32000);
	link_delay_was_up(&d, LINK_STABLE_MS);
	ok("a stable minute begins anew", most(&d) == 1000);

	d = tried(5);
	link_delay_told(&d, 2500);
	ok("the server's word goes before the jitter", most(&d) == 2500);
	ok("once, and the tries count on", most(&d) == 60000);
	link_delay_told(&d, 0);
	ok("0 is no storm", most(&d) == LINK_MIN_DELAY_MS);
	link_delay_told(&d, 1e300);
	ok("nobody is sent away for more than an hour",
	    most(&d) == LINK_MAX_RETRY_AFTER_MS);
	link_delay_told(&d, -1);
	link_delay_told(&d, NAN);
	ok("what is no time is nothing", most(&d) == 60000);

	link_delay_told(&d, 5000);
	d.at_once = 1;
	ok("what is mended is tried at once", most(&d) == 0);
	ok("once", most(&d) == 5000);
	return done();
}
