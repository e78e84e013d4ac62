/*
 * Our text against Node's: the checked-in vectors always, random documents
 * where node is here; the same under a locale whose point is a comma.
 */
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "esjson.h"
#include "json.h"
#include "tap.h"

enum { LINE = 256 * 1024, FUZZ = 20000, NUMBERS = 50000 };

static char	line[LINE];
static char	dir[] = "/tmp/muster-esjson.XXXXXX";

/* What we make of a text; the caller frees. */
static char *
again(const char *text, size_t n)
{
	struct json_err	 e;
	struct buf	 b = BUF_INIT;
	json_t		*v = esjson_read(text, n, &e);

	if (v == NULL)
		return xasprintf("error: %s", e.text);
	esjson_write(&b, v, 0);
	json_decref(v);
	return buf_take(&b);
}

/* Lines of "input TAB output"; how many there were, and how many differ. */
static void
compare(FILE *f, int *n, int *bad)
{
	char	*tab, *end, *got;

	*n = *bad = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		tab = strchr(line, '\t');
		end = strchr(line, '\n');
		if (tab == NULL || end == NULL) {
			printf("# not a vector: %.60s\n", line);
			(*bad)++;
			continue;
		}
		*tab = *end = '\0';
		got = again(line, (size_t)(tab - line));
		(*n)++;
		if (strcmp(got, tab + 1) != 0 && (*bad)++ < 10)
			printf("# %.60s: %.60s, not %.60s\n", line, got,
			    tab + 1);
		free(got);
	}
}

static void
check_vectors(const char *what)
{
	FILE	*f = fopen("t/esjson.vectors", "r");
	int	 n = 0, bad = 1;

	if (f != NULL) {
		compare(f, &n, &bad);
		fclose(f);
	}
	ok(what, n > 300 && bad == 0);
}

/* -- random documents -- */

static uint32_t
below(uint32_t n)
{
	uint32_t	r;

	crypto_random(&r, sizeof(r));
	return r % n;
}

static void
any_number(struct buf *b)
{
	union { double d; uint64_t u; } x;

	switch (below(5)) {
	case 0:
		do
			crypto_random(&x, sizeof(x));
		while (!isfinite(x.d));
		buf_printf(b, "%.17g", x.d);
		break;
	case 1:
		buf_printf(b, "%u.%u", below(1000), below(1000));
		break;
	case 2:
		buf_printf(b, "-%u%u%u", 1 + below(9), below(1u << 31),
		    below(1u << 31));
		break;
	case 3:
		buf_printf(b, "%uE%d", below(100000), (int)below(40) - 20);
		break;
	default:
		buf_printf(b, "%u", below(100));
	}
}

static void
any_string(struct buf *b)
{
	static const char *const pieces[] = { "a", "Z", "/", "\\/", "<&>",
	    "\\u001F", "\\u000b", "\\n", "\\\"", "\\\\", "\\u00e4",
	    "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\\ud83d\\ude00",
	    "\x7f", "\xe2\x80\xa8", "\\u0000", " ", "\\b", "\\f" };
	uint32_t	n = below(6);

	buf_addc(b, '"');
	while (n-- > 0)
		buf_adds(b, pieces[below(21)]);
	buf_addc(b, '"');
}

static void
any_value(struct buf *b, int depth)
{
	static const char *const words[] = { "true", "false", "null" };
	uint32_t	 kind = below(depth > 4 ? 5 : 7), n, i;

	if (kind < 2)
		any_number(b);
	else if (kind < 4)
		any_string(b);
	else if (kind == 4)
		buf_adds(b, words[below(3)]);
	else {
		buf_addc(b, kind == 5 ? '[' : '{');
		for (i = 0, n = below(5); i < n; i++) {
			buf_adds(b, i > 0 ? " , " : "");
			/* distinct keys, some of them indices */
			if (kind == 6)
				buf_printf(b, below(2) ? "\"%u\":" :
				    "\"k%u\":", 10 * below(4) + 9 - i);
			any_value(b, depth + 1);
		}
		buf_addc(b, kind == 5 ? ']' : '}');
	}
}

static void
write_documents(const char *path)
{
	FILE		*f = fopen(path, "w");
	struct buf	 b = BUF_INIT;
	int		 i;

	for (i = 0; i < FUZZ + NUMBERS && f != NULL; i++) {
		buf_clear(&b);
		if (i < FUZZ)
			any_value(&b, 0);
		else
			any_number(&b);
		fprintf(f, "%s\n", b.p);
	}
	buf_release(&b);
	if (f != NULL)
		fclose(f);
}

static void
check_node(void)
{
	char	*in = xasprintf("%s/in", dir);
	char	*command = xasprintf("node t/esjson.mjs <%s", in);
	FILE	*f;
	int	 n = 0, bad = 1;

	if (system("command -v node >/dev/null") != 0) {
		printf("ok %d # SKIP no node\n", ++tap_count);
	} else {
		write_documents(in);
		if ((f = popen(command, "r")) != NULL) {
			compare(f, &n, &bad);
			pclose(f);
		}
		printf("# %d documents\n", n);
		ok("random documents come out as node writes them",
		    n == FUZZ + NUMBERS && bad == 0);
	}
	free(in);
	free(command);
}

/* -- the rest -- */

static int
refused(const char *text, size_t n)
{
	char	*s = again(text, n);
	int	 is = strncmp(s, "error: ", 7) == 0;

	free(s);
	return is;
}

static void
check_refused(void)
{
	char	*deep = xmalloc(2 * ESJSON_MAX_DEPTH + 2);
	size_t	 n = ESJSON_MAX_DEPTH + 1;

	ok("a lone surrogate is refused", refused("\"\\ud800\"", 8));
	ok("a number past a double", refused("1e400", 5));
	ok("a key twice", refused("{\"a\":1,\"a\":2}", 13));
	ok("NUL in a key", refused("{\"\\u0000\":1}", 12));
	ok("something behind the value", refused("1 2", 3));
	ok("bytes that are not UTF-8", refused("\"\xff\"", 3));
	ok("nothing", refused("", 0));
	memset(deep, '[', n);
	memset(deep + n, ']', n);
	ok("too deep", refused(deep, 2 * n));
	ok("just not too deep", !refused(deep + 1, 2 * n - 2));
	free(deep);
}

static void
check_flags(void)
{
	struct json_err	 e;
	struct buf	 b = BUF_INIT;
	static const char text[] = "{\"b\":1,\"a\":9007199254740993,"
	    "\"10\":{\"d\":1.50,\"c\":2},\"9\":0}";
	json_t		*v = json_read(text, strlen(text), &e);
	char		*plain;

	esjson_write(&b, v, ESJSON_SORT);
	is_str("sorted, but for what Node moves", buf_str(&b),
	    "{\"9\":0,\"10\":{\"c\":2,\"d\":1.5},\"a\":9007199254740992,"
	    "\"b\":1}");
	plain = json_text(v);
	is_str("json_text keeps an integer's digits", plain,
	    "{\"9\":0,\"10\":{\"d\":1.5,\"c\":2},\"b\":1,"
	    "\"a\":9007199254740993}");
	free(plain);
	buf_release(&b);
	json_decref(v);
}

static void
check_numbers(void)
{
	char	n[ESJSON_NUMBER];

	is_str("infinity", esjson_number((double)INFINITY, n), "null");
	is_str("no number", esjson_number((double)NAN, n), "null");
	is_str("the longest", esjson_number(-2.2250738585072014e-308, n),
	    "-2.2250738585072014e-308");
}

/* The comma of the locale must change nothing. */
static void
check_locale(void)
{
	char	*command = xasprintf("localedef -i de_DE -f UTF-8 "
	    "%s/de_DE.UTF-8 2>/dev/null", dir);
	char	 text[16] = "";

	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL &&
	    system(command) == 0) {
		setenv("LOCPATH", dir, 1);
		setlocale(LC_ALL, "de_DE.UTF-8");
	}
	snprintf(text, sizeof(text), "%.1f", 0.5);
	if (strcmp(text, "0,5") != 0)
		printf("ok %d # SKIP no locale with a comma\n", ++tap_count);
	else
		check_vectors("vectors, where the point is a comma");
	setlocale(LC_ALL, "C");
	free(command);
}

int
main(void)
{
	char	*command;

	crypto_init();
	if (mkdtemp(dir) == NULL)
		return 1;
	command = xasprintf("rm -rf %s", dir);
	check_vectors("every vector comes out as node wrote it");
	check_numbers();
	check_flags();
	check_refused();
	check_node();
	check_locale();
	ok("the scratch directory goes", system(command) == 0);
	free(command);
	return done();
}
