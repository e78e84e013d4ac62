/* What goes to stdout: clean, whole, and for whoever reads it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

int
at_terminal(int fd)
{
	return isatty(fd) == 1;
}

int
terminal_width(void)
{
	struct winsize	w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

void
out_flush(void)
{
	struct pollfd	p = { .fd = STDOUT_FILENO, .events = 0 };
	int		rc = fflush(stdout) != 0 || ferror(stdout);

	if ((rc && errno == EPIPE) ||
	    (poll(&p, 1, 0) == 1 && (p.revents & POLLERR))) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (rc)
		die(EXIT_SYSTEM, "stdout: %s", strerror(errno));
}

char *
clean_text(const char *s)
{
	char		*out = xstrdup(s);
	unsigned char	*p = (unsigned char *)out;

	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = ' ';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			*p++ = ' ';		/* C1: a terminal obeys it */
			*p = ' ';
		}
	return out;
}

/* -- JSON -- */

enum { JSON_FLAGS = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) };

void
print_json_line(const json_t *v)
{
	json_dumpf(v, stdout, (size_t)JSON_FLAGS | JSON_COMPACT);
	putchar('\n');
}

void
print_json(const json_t *v)
{
	if (!at_terminal(STDOUT_FILENO)) {
		print_json_line(v);
		return;
	}
	json_dumpf(v, stdout, (size_t)JSON_FLAGS | JSON_INDENT(2) |
	    JSON_ENSURE_ASCII);
	putchar('\n');
}

static int
is_word(const char *name, const char *words)
{
	size_t		 n = strlen(name);
	const char	*p;

	for (p = words; (p = strstr(p, name)) != NULL; p += n)
		if ((p == words || p[-1] == '|') &&
		    (p[n] == '|' || p[n] == '\0'))
			return 1;
	return 0;
}

/* One item of a list for people: a word, or a step and how long it took.
 * 0 where it is neither. */
static int
add_item(struct buf *b, const json_t *item)
{
	const char	*name = json_str(item, "name", NULL);
	int64_t		 from = json_int(item, "started", -1);
	int64_t		 to = json_int(item, "ended", -1);
	char		 took[CELL];

	if (json_is_string(item))
		buf_adds(b, json_string_value(item));
	else if (name != NULL && from >= 0 && to >= from)
		buf_printf(b, "%s %s", name, human_ms(to - from, took));
	else
		return 0;
	return 1;
}

/* A value as one line; people are spared the brackets of a list. */
static char *
member_text(const json_t *v, int wide)
{
	struct buf	 b = BUF_INIT;
	const json_t	*item;
	size_t		 i;

	if (json_is_string(v))
		return xstrdup(json_string_value(v));
	if (!wide || !json_is_array(v))
		return json_text(v);
	json_array_foreach(v, i, item) {
		buf_adds(&b, i > 0 ? ", " : "");
		if (!add_item(&b, item)) {
			buf_release(&b);
			return json_text(v);
		}
	}
	return buf_take(&b);
}

void
print_members(const json_t *o, const char *skip)
{
	int		 wide = at_terminal(STDOUT_FILENO), width = 0;
	const char	*name;
	char		*text, *clean;
	json_t		*v;

	json_object_foreach((json_t *)(uintptr_t)o, name, v)
		if (!is_word(name, skip) && (int)strlen(name) > width)
			width = (int)strlen(name);
	json_object_foreach((json_t *)(uintptr_t)o, name, v) {
		if (is_word(name, skip))
			continue;
		text = member_text(v, wide);
		clean = clean_text(text);
		if (wide)
			printf("%-*s  %s\n", width, name, clean);
		else
			printf("%s\t%s\n", name, clean);
		free(clean);
		free(text);
	}
}
