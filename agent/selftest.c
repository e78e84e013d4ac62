/*
 * muster-agent --self-test: does this binary work on this host?  One line a
 * check on stdout; the build runs it on every agent before it is signed.
 * None takes longer than CHECK_S, whatever it waits for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "esjson.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "selftest.h"
#include "stamp.h"
#include "telemetry.h"

enum { CHECK_S = 10 };	/* a busy machine's; they take milliseconds */

/* Each gives NULL, or what is wrong. */

static const char *
check_stamp(void)
{
	const char	*config, *why;
	struct json_err	 err;
	size_t		 n;
	json_t		*o;
	int		 rc;

	rc = stamp_check(stamp_self(), &config, &n, &why);
	if (rc == -ENODATA)
		return NULL;		/* a template */
	if (rc < 0)
		return why;
	o = json_read(config, n, &err);
	why = json_is_object(o) ? NULL : "the configuration is no JSON object";
	json_decref(o);
	return why;
}

/* As ECMAScript writes them: signatures depend on this system's printf. */
static const char *
check_numbers(void)
{
	static const struct {
		double		 x;
		const char	*text;
	} vectors[] = {
		{ 45.2, "45.2" }, { 5e-324, "5e-324" }, { 1e21, "1e+21" },
		{ 9007199254740993.0, "9007199254740992" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		/* powers of two, closer to their neighbours below */
		{ 9.5367431640625e-7, "9.5367431640625e-7" },
		{ 2.9802322387695312e-8, "2.9802322387695312e-8" },
		{ 9.332636185032189e-302, "9.332636185032189e-302" },
	};
	char			text[ESJSON_NUMBER];
	size_t			i;

	for (i = 0; i < nitems(vectors); i++)
		if (strcmp(esjson_number(vectors[i].x, text),
		    vectors[i].text) != 0)
			return "writing numbers";
	return NULL;
}

static const char *
check_json(void)
{
	static const char	text[] = "{\"a\":[1,2.5,\"\xc3\xa4\"],\"b\":"
				    "{\"c\":null}}";
	struct json_err		 err;
	json_t			*o = json_read(text, sizeof(text) - 1, &err);
	char			*back;
	int			 same;

	if (o == NULL)
		return err.text[0] != '\0' ? "reading" : "reading, silently";
	back = json_text(o);
	same = strcmp(back, text) == 0;
	free(back);
	json_decref(o);
	if (!same)
		return "writing";
	o = json_read("{\"a\":1,\"a\":2}", 13, &err);
	json_decref(o);
	if (o != NULL)
		return "two members of one name pass";
	return check_numbers();
}

static const char *
check_telemetry(void)
{
	struct telemetry	*t = telemetry_new();
	json_t			*o = telemetry_sample(t);
	const char		*why = NULL;
	double			 mem;

	mem = json_number_value(json_object_get(o, "memPercent"));
	if (o == NULL)
		why = "the system cannot be read";
	else if (mem <= 0 || mem > 100)
		why = "memPercent is not between 0 and 100";
	else if (json_int(o, "uptimeSeconds", -1) < 0)
		why = "uptimeSeconds is missing";
	json_decref(o);
	telemetry_free(t);
	return why;
}

static const struct {
	const char	*name;
	const char	*(*check)(void);
} checks[] = {
	{ "stamp",	check_stamp },
	{ "hashes",	selftest_hashes },
	{ "ed25519",	selftest_ed25519 },
	{ "x25519",	selftest_x25519 },
	{ "chacha20-poly1305", selftest_chacha },
	{ "json",	check_json },
	{ "timer",	selftest_timer },
	{ "tcp",	selftest_tcp },
	{ "telemetry",	check_telemetry }
};

static const char	*now_checked;

/* A signal handler's work, on Windows another thread's: no stdio. */
static void
check_late(int unused)
{
	static const char	words[] = ": FAILED: no end in time\n";

	(void)unused;
	if (write(STDOUT_FILENO, now_checked, strlen(now_checked)) < 0 ||
	    write(STDOUT_FILENO, words, sizeof(words) - 1) < 0)
		_exit(EXIT_SYSTEM);
	_exit(EXIT_NO);
}

/* Runs one check and says how it went: whether it passed.  When it has not
 * ended after so many seconds, this process has. */
static int
check_one(const char *name, const char *(*check)(void), unsigned seconds)
{
	const char	*why;

	fflush(stdout);
	now_checked = name;
	platform_alarm(seconds, check_late);
	why = check();
	platform_alarm(0, check_late);
	if (why == NULL)
		printf("%s: ok\n", name);
	else
		printf("%s: FAILED: %s\n", name, why);
	return why == NULL;
}

int
selftest_main(void)
{
	int	rc = EXIT_YES;
	size_t	i;

	for (i = 0; i < nitems(checks); i++)
		if (!check_one(checks[i].name, checks[i].check, CHECK_S))
			rc = EXIT_NO;
	return rc;
}
