/* Which of two versions is the newer. */
#include "tap.h"
#include "version.h"

static void
order(const char *a, const char *b)
{
	char	title[80];

	snprintf(title, sizeof(title), "%s comes before %s", a, b);
	ok(title, version_compare(a, b) < 0 && version_compare(b, a) > 0);
}

int
main(void)
{
	order("0.1.0", "0.1.1");
	order("1.9.0", "1.10.0");
	order("1.0", "1.0.1");
	order("1.0.0-rc1", "1.0.0");
	order("1.0.0-rc2", "1.0.0-rc10");
	order("1.0.0-alpha", "1.0.0-beta");
	order("9", "10");
	order("1.0.0-rc1", "1.0.1-rc1");
	order("1.99999999999999999999998", "1.99999999999999999999999");
	is_int("one equals itself", version_compare("1.2.3", "1.2.3"), 0);
	is_int("leading zeros do not count", version_compare("1.02", "1.2"),
	    0);
	ok("numbers are a version", version_ok("1.2.3") && version_ok("1"));
	ok("with a part behind", version_ok("1.2.3-rc.1"));
	ok("nothing is none", !version_ok(""));
	ok("nor are words", !version_ok("latest") && !version_ok("v1.0"));
	ok("nor dots without numbers", !version_ok(".1") && !version_ok("1.")
	    && !version_ok("1..2"));
	ok("nor an empty part behind", !version_ok("1.0-"));
	ok("nor paths", !version_ok("1.0-../x") && !version_ok("1.0/2"));
	ok("nor what is too long", !version_ok("1.0.0-"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	return done();
}
