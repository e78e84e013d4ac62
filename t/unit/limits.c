/* Buckets: what is in them, how they fill, how many are kept. */
#include "../../buildsrv/limits.c"

#include "tap.h"

static void
test_bucket(void)
{
	struct limits	*l = limits_new(10, 3, 100);
	int64_t		 now = 5000;

	is_int("a stranger need not wait", limits_wait(l, "a", now), 0);
	is_int("and is not kept", limits_count(l), 0);
	is_int("one", limits_take(l, "a", now), 0);
	is_int("a third is used", limits_used(l, "a", now), 333);
	is_int("two", limits_take(l, "a", now), 0);
	is_int("three", limits_take(l, "a", now), 0);
	is_int("the fourth has to wait a tenth of a second",
	    limits_take(l, "a", now), 100);
	is_int("asking changes nothing", limits_wait(l, "a", now), 100);
	is_int("all is used", limits_used(l, "a", now), 1000);
	is_int("another is not concerned", limits_take(l, "b", now), 0);
	is_int("in between", limits_wait(l, "a", now + 99), 1);
	is_int("then there is one", limits_take(l, "a", now + 100), 0);
	is_int("and no more", limits_take(l, "a", now + 100), 100);
	now += 100 + 1000000;
	is_int("it fills", limits_used(l, "a", now), 0);
	limits_take(l, "a", now);
	limits_take(l, "a", now);
	limits_take(l, "a", now);
	is_int("to the brim and no further", limits_take(l, "a", now), 100);
	is_int("a clock that goes back gives nothing",
	    limits_take(l, "a", now - 100000), 100);
	ok("known", limits_knows(l, "a") && !limits_knows(l, "c"));
	limits_forget(l, "a");
	limits_forget(l, "c");
	ok("forgotten", !limits_knows(l, "a"));
	is_int("and as new", limits_take(l, "a", now), 0);
	limits_free(l);
}

static void
test_bounds(void)
{
	struct limits	*l = limits_new(1, 1, 10);
	char		 name[200];
	int		 i;

	limits_take(l, "kept", 0);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		limits_take(l, name, 0);
		limits_take(l, "kept", 0);
	}
	is_int("no more names than allowed", limits_count(l), 10);
	ok("who comes again and again stays", limits_knows(l, "kept"));
	ok("who was seen last stays, the others go",
	    limits_knows(l, "999") && !limits_knows(l, "0"));
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	is_int("a long name", limits_take(l, name, 0), 0);
	ok("is known by its first bytes", limits_take(l, name, 0) > 0 &&
	    (name[LIMITS_MAX_NAME + 1] = 'y', limits_take(l, name, 0) > 0) &&
	    (name[LIMITS_MAX_NAME - 1] = 'y', limits_take(l, name, 0) == 0));
	limits_free(l);
	l = limits_new(0, 0, 10);
	for (i = 0; i < 100; i++)
		limits_take(l, "a", 0);
	ok("no limit", limits_take(l, "a", 0) == 0 &&
	    limits_wait(l, "a", 0) == 0 && limits_used(l, "a", 0) == 0 &&
	    limits_knows(l, "a"));
	limits_free(l);
	limits_free(NULL);
	l = limits_new(1000000, 2000000, 10);
	limits_take(l, "a", 0);
	is_int("large figures", limits_take(l, "a", INT64_MAX / 2), 0);
	limits_free(l);
}

int
main(void)
{
	test_bucket();
	test_bounds();
	return done();
}
