/* muster's tables and cells: what people get, whatever the server says. */
#include "../../buildsrv/muster_cell.c"
#include "../../buildsrv/muster_print.c"
#include "../../buildsrv/muster_progress.c"
#include "../../buildsrv/muster_table.c"

#include "tap.h"

static const struct column	columns[] = {
	{ "ID", 0 }, { "NAME", COL_SHRINK }, { "N", COL_RIGHT },
	{ "USER", COL_SHRINK | COL_DROP }, { "LAST", COL_DROP }
};

/* A table of two rows at a width. */
static const char *
picture(int width, int lines)
{
	static struct buf	b;
	struct table		*t = table_screen(columns, nitems(columns));

	table_add(t, (const char *const[]){ "one", "a-name-of-some-length",
	    "1", "someone", "x" });
	table_add(t, (const char *const[]){ "two", "b", "100", NULL, "" });
	buf_clear(&b);
	table_render(t, &b, width, lines);
	return buf_str(&b);
}

static void
test_widths(void)
{
	is_str("as wide as it takes", picture(0, 0),
	    "ID   NAME                     N  USER     LAST\n"
	    "one  a-name-of-some-length    1  someone  x\n"
	    "two  b                      100  -        -\n");
	is_str("the same where it just fits", picture(46, 0),
	    picture(0, 0));
	is_str("the widest is cut first", picture(40, 0),
	    "ID   NAME               N  USER     LAST\n"
	    "one  a-name-of-some+    1  someone  x\n"
	    "two  b                100  -        -\n");
	is_str("then the last columns go", picture(27, 0),
	    "ID   NAME        N  USER\n"
	    "one  a-name-+    1  someone\n"
	    "two  b         100  -\n");
	is_str("one after the other", picture(18, 0),
	    "ID   NAME        N\n"
	    "one  a-name-+    1\n"
	    "two  b         100\n");
	is_str("what cannot go stays, however narrow", picture(5, 0),
	    picture(18, 0));
	is_str("so many lines, heads included", picture(18, 2),
	    "ID   NAME        N\n"
	    "one  a-name-+    1\n");
}

static void
test_utf8(void)
{
	static const struct column	one[] = {
		{ "NAME", COL_SHRINK }, { "X", 0 }
	};
	struct table			*t = table_screen(one, 2);
	struct buf			 b = BUF_INIT;

	table_add(t, (const char *const[]){ "\xc3\xa4\xc3\xb6\xc3\xbc", "x" });
	table_add(t, (const char *const[]){ "abcdefghijkl", "y" });
	table_add(t, (const char *const[]){ "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "z" });
	table_render(t, &b, 11, 0);
	is_str("characters count, not bytes, and none is cut in two",
	    buf_str(&b),
	    "NAME      X\n"
	    "\xc3\xa4\xc3\xb6\xc3\xbc       x\n"
	    "abcdefg+  y\n"
	    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4+  z\n");
	buf_release(&b);
}

static void
test_clean(void)
{
	static const struct {
		const char	*what, *text, *want;
	} table[] = {
		{ "plain text stays", "a b", "a b" },
		{ "an escape sequence is text", "\033[2Jx", " [2Jx" },
		{ "a line is one line", "a\nb\r\tc", "a b  c" },
		{ "DEL and C1 are nothing", "a\x7f\xc2\x9b" "31m", "a   31m" },
		{ "letters beyond ASCII stay", "\xc3\xa4\xc2\xa0",
		    "\xc3\xa4\xc2\xa0" },
		{ "half a character does no harm", "a\xc2", "a\xc2" },
	};
	char	*s;
	size_t	 i;

	for (i = 0; i < nitems(table); i++) {
		s = clean_text(table[i].text);
		is_str(table[i].what, s, table[i].want);
		free(s);
	}
}

static void
test_cells(void)
{
	json_t	*o = json_pack("{ss sI sI sI ss}", "at",
		    "2026-01-31T23:59:59.123Z", "ms", (json_int_t)2134,
		    "n", (json_int_t)1234567, "t",
		    (json_int_t)(clock_wall_ms() - 7200000), "bad", "today");
	char	 c[CELL];

	is_str("a time, exact", cell_time(o, "at", 0, c),
	    "2026-01-31T23:59:59.123Z");
	is_int("and as a number", member_time(o, "at"), 1769903999123);
	is_str("for people", cell_time(o, "t", 1, c), "2h ago");
	is_str("what is no time", cell_time(o, "bad", 1, c), "");
	is_str("what is not there", cell_time(o, "no", 0, c), "");
	is_str("milliseconds", cell_ms(o, "ms", 0, c), "2134");
	is_str("for people", cell_ms(o, "ms", 1, c), "2.1 s");
	is_str("absent", cell_ms(o, "no", 1, c), "");
	is_str("bytes", cell_bytes(o, "n", 0, c), "1234567");
	is_str("for people", cell_bytes(o, "n", 1, c), "1.2 MB");
	is_str("minutes", human_ms(61000, c), "1:01");
	is_str("hours", human_ms(3661000, c), "1:01:01");
	is_str("no progress", progress_bar(0, 100, 10, c), "[>       ]");
	is_str("half", progress_bar(50, 100, 10, c), "[====>   ]");
	is_str("all", progress_bar(100, 100, 10, c), "[========]");
	is_str("more than all", progress_bar(7, 5, 6, c), "[====]");
	is_str("of nothing", progress_bar(0, 0, 6, c), "[>   ]");
	is_int("too wide is as wide as it can be",
	    strlen(progress_bar(1, 2, 1000, c)), CELL - 1);
	json_decref(o);
}

int
main(void)
{
	test_widths();
	test_utf8();
	test_clean();
	test_cells();
	return done();
}
