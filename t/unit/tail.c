/* The log follower's parts: patterns, text, positions. */
#include <errno.h>

#include "buf.h"
#include "json.h"
#include "tail.h"
#include "tap.h"

static int
text_is(const char *in, size_t n, const char *want)
{
	struct buf	b = BUF_INIT;
	int		same;

	tail_text(&b, in, n);
	same = strcmp(buf_str(&b), want) == 0;
	buf_release(&b);
	return same;
}

static int	visits;

static void
visit(const char *path, void *arg)
{
	(void)path;
	(void)arg;
	visits++;
}

int
main(void)
{
	struct tail_position	 one = { xstrdup("/var/log/x"), UINT64_MAX, 7,
		1234567890123, UINT64_MAX - 1, 256 }, *all;
	struct json_err		 e;
	char			*text;
	size_t			 n;

	ok("a star is any run", tail_match("a*c*", "abbcd") &&
	    tail_match("*", "x") && tail_match("*.log", "a.log") &&
	    !tail_match("*.log", "a.log.1"));
	ok("but hidden files", !tail_match("*", ".x") &&
	    tail_match(".*", ".x"));
	ok("a question mark is one", tail_match("a?c", "abc") &&
	    !tail_match("a?c", "ac"));
	ok("a set", tail_match("a[x-z]", "ay") && !tail_match("a[!x-z]",
	    "ay") && tail_match("a[!x-z]", "ab") && tail_match("[]]", "]"));
	ok("one without end stands for itself", tail_match("[a", "[a"));
	ok("many stars do not take for ever", !tail_match(
	    "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	tail_glob("/proc/self/stat[u]s", 10, visit, NULL);
	ok("a pattern finds", visits == 1);
	tail_glob("/proc/[0-9]*/status", 1, visit, NULL);
	ok("at most so many", visits == 2);
	tail_glob("/nowhere/at/all", 10, visit, NULL);
	ok("a path without any is itself", visits == 3);

	ok("text stays", text_is("h\xc3\xa4\xf0\x9f\x98\x80", 7,
	    "h\xc3\xa4\xf0\x9f\x98\x80"));
	ok("what is none becomes U+FFFD", text_is("a\0\xff\xed\xa0\x80\xc3",
	    7, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd"));

	text = tail_positions_write(&one, 1);
	ok("positions are read as they were written",
	    tail_positions_read(text, strlen(text), &all, &n, &e) == 0 &&
	    n == 1 && all[0].dev == one.dev && all[0].ino == 7 &&
	    all[0].offset == one.offset && all[0].print == one.print &&
	    all[0].print_len == 256 && strcmp(all[0].path, one.path) == 0);
	tail_positions_free(all, n);
	free(text);
	ok("others are refused", tail_positions_read("{\"files\":[{}]}", 14,
	    &all, &n, &e) == -EINVAL && n == 0);
	free(one.path);
	return done();
}
