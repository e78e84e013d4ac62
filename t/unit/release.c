/* Names and order of releases. */
#include "release.h"
#include "tap.h"

static const struct {
	const char	*a, *b;
	int		 order;
} pairs[] = {
	{ "1.0", "1.0", 0 }, { "1.0", "1.1", -1 }, { "1.9", "1.10", -1 },
	{ "1.0.0", "1.0", 1 }, { "1.0-rc1", "1.0", -1 },
	{ "1.0-rc2", "1.0-rc10", -1 }, { "1.0+a", "1.0", 0 },
	{ "2", "10", -1 }, { "01.2", "1.2", 0 }, { "1.a", "1.b", -1 },
	{ "99999999999999999999", "100000000000000000000", -1 }
};

int
main(void)
{
	char	*path = release_path("1.2.0", "linux-x64", "stable"), what[80];
	size_t	 i;

	is_str("a release's path", path,
	    "muster-agent_1.2.0_linux-x64_stable");
	free(path);
	ok("no separator in a version", release_path("1_2", "linux-x64",
	    "stable") == NULL);
	ok("no path in a channel", release_path("1.2", "linux-x64",
	    "../x") == NULL);
	ok("nothing is no word", !release_word_ok(""));
	ok("32 bytes are too many",
	    !release_word_ok("0123456789.0123456789.0123456789"));
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		snprintf(what, sizeof(what), "%s and %s", pairs[i].a,
		    pairs[i].b);
		is_int(what, release_compare(pairs[i].a, pairs[i].b),
		    pairs[i].order);
		is_int("and the other way round",
		    release_compare(pairs[i].b, pairs[i].a), -pairs[i].order);
	}
	return done();
}
