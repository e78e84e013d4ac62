/* Lines of a pipeline: what they say, what of them may be kept. */
#include "../../buildsrv/queue_line.c"

#include "tap.h"

static void
test_parse(void)
{
	static const struct {
		const char	*line;
		enum line_kind	 kind;
		const char	*arg;
		int		 number;
	} cases[] = {
		{ "", LINE_TEXT, "", 0 },
		{ "::", LINE_TEXT, "::", 0 },
		{ "::step", LINE_TEXT, "::step", 0 },
		{ "::step ", LINE_TEXT, "::step ", 0 },
		{ "::step a b", LINE_STEP, "a b", 0 },
		{ " ::step a", LINE_TEXT, " ::step a", 0 },
		{ "::Step a", LINE_TEXT, "::Step a", 0 },
		{ "::progress 0", LINE_PROGRESS, "0", 0 },
		{ "::progress 100", LINE_PROGRESS, "100", 100 },
		{ "::progress 101", LINE_TEXT, "::progress 101", 0 },
		{ "::progress -1", LINE_TEXT, "::progress -1", 0 },
		{ "::progress 5 ", LINE_TEXT, "::progress 5 ", 0 },
		{ "::progress 0005", LINE_TEXT, "::progress 0005", 0 },
		{ "::result {}", LINE_RESULT, "{}", 0 },
		{ "::other x", LINE_TEXT, "::other x", 0 }
	};
	struct line	l;
	size_t		i;

	for (i = 0; i < nitems(cases); i++) {
		line_parse(cases[i].line, strlen(cases[i].line), &l);
		ok(cases[i].line, l.kind == cases[i].kind
		    && l.len == strlen(cases[i].arg)
		    && memcmp(l.arg, cases[i].arg, l.len) == 0
		    && (l.kind != LINE_PROGRESS
		    || l.number == cases[i].number));
	}
}

static void
test_clean(void)
{
	static char	one[] = "abcdef", two[] = "abc";
	char		*secrets[] = { one, two };
	static const struct {
		const char	*what, *in, *out;
	} cases[] = {
		{ "plain text stays", "a line\twith tab", "a line\twith tab" },
		{ "so do characters of all lengths", "\u00e9\u20ac\U0001f600",
		    "\u00e9\u20ac\U0001f600" },
		{ "controls are blanks", "\033[1mx\r\007\177", " [1mx   " },
		{ "bytes that begin nothing", "\200\377x", "??x" },
		{ "an unfinished character", "x\342\202", "x??" },
		{ "one longer than need be", "\300\200\340\200\200", "?????" },
		{ "half of a pair", "\355\240\200", "???" },
		{ "past the last", "\364\220\200\200", "????" },
		{ "a secret at each end", "abcdef-abcdef", "***-***" },
		{ "the longer comes first", "xabcdefx abcx", "x***x ***x" },
		{ "a part of one", "ab cdef", "ab cdef" },
		{ "nothing", "", "" }
	};
	size_t		 i;
	char		*s;

	for (i = 0; i < nitems(cases); i++) {
		s = line_clean(cases[i].in, strlen(cases[i].in), secrets, 2);
		is_str(cases[i].what, s, cases[i].out);
		free(s);
	}
	s = line_clean("a\0b", 3, secrets, 2);
	is_str("a NUL is a blank", s, "a b");
	free(s);
}

int
main(void)
{
	test_parse();
	test_clean();
	return done();
}
