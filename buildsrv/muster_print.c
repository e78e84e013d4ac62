/* Values on stdout: exact for scripts, and as people read them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
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

/* -- cells -- */

/* RFC 3339 in UTC, as the server writes it; 0 where it is none. */
static int64_t
time_parse(const char *s)
{
	struct tm	t = { .tm_year = 0 };
	int		n = 0, ms = 0;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon,
	    &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec, &n) != 6)
		return 0;
	if (s[n] == '.')
		sscanf(s + n + 1, "%3d", &ms);
	t.tm_year -= 1900;
	t.tm_mon--;
	return (int64_t)timegm(&t) * 1000 + ms;
}

int64_t
member_time(const json_t *o, const char *key)
{
	const json_t	*v = json_object_get(o, key);

	if (json_is_string(v))
		return time_parse(json_string_value(v));
	return json_is_integer(v) ? (int64_t)json_integer_value(v) : 0;
}

static char *
human_ago(int64_t ms, char out[CELL])
{
	static const struct {
		int64_t	below, of;	/* seconds */
		char	unit;
	} units[] = {
		{ 60, 1, 's' }, { 3600, 60, 'm' }, { 2 * 86400, 3600, 'h' },
		{ INT64_MAX, 86400, 'd' }
	};
	int64_t	s = (clock_wall_ms() - ms) / 1000;
	int	past = s >= 0;
	size_t	i;

	if (!past)
		s = -s;
	for (i = 0; s >= units[i].below; i++)
		continue;
	snprintf(out, CELL, "%s%lld%c%s", past ? "" : "in ",
	    (long long)(s / units[i].of), units[i].unit, past ? " ago" : "");
	return out;
}

char *
clock_text(int64_t ms, char out[CELL])
{
	time_t		t = (time_t)(ms / 1000);
	struct tm	tm;
	size_t		n;

	localtime_r(&t, &tm);
	n = strftime(out, CELL, "%H:%M:%S", &tm);
	snprintf(out + n, CELL - n, ".%03d", (int)(ms % 1000));
	return out;
}

char *
cell_time(const json_t *o, const char *key, int wide, char out[CELL])
{
	int64_t	ms = member_time(o, key);
	char	text[CLOCK_RFC3339_SIZE];

	out[0] = '\0';
	if (ms > 0 && wide)
		human_ago(ms, out);
	else if (ms > 0)
		snprintf(out, CELL, "%s", clock_rfc3339(ms, text));
	return out;
}

char *
cell_int(const json_t *o, const char *key, char out[CELL])
{
	const json_t	*v = json_object_get(o, key);

	out[0] = '\0';
	if (json_is_integer(v))
		snprintf(out, CELL, "%lld", (long long)json_integer_value(v));
	return out;
}

char *
cell_ms(const json_t *o, const char *key, int wide, char out[CELL])
{
	cell_int(o, key, out);
	return wide && out[0] != '\0' ?
	    human_ms(json_int(o, key, 0), out) : out;
}

char *
cell_bytes(const json_t *o, const char *key, int wide, char out[CELL])
{
	cell_int(o, key, out);
	return wide && out[0] != '\0' ?
	    human_bytes(json_int(o, key, 0), out) : out;
}

char *
human_ms(int64_t ms, char out[CELL])
{
	long long	s = ms / 1000;

	if (ms < 1000)
		snprintf(out, CELL, "%lld ms", (long long)ms);
	else if (s < 60)
		snprintf(out, CELL, "%.1f s", (double)ms / 1000);
	else if (s < 3600)
		snprintf(out, CELL, "%lld:%02lld", s / 60, s % 60);
	else
		snprintf(out, CELL, "%lld:%02lld:%02lld", s / 3600,
		    s / 60 % 60, s % 60);
	return out;
}

char *
human_bytes(int64_t n, char out[CELL])
{
	static const char	units[] = "kMGT";
	double			x = (double)n;
	int			i = -1;

	while (x >= 1000 && i < 3) {
		x /= 1000;
		i++;
	}
	if (i < 0)
		snprintf(out, CELL, "%lld B", (long long)n);
	else
		snprintf(out, CELL, "%.1f %cB", x, units[i]);
	return out;
}

/* -- a line that is written over -- */

void
progress_show(const char *fmt, ...)
{
	struct buf	 b = BUF_INIT;
	int		 width = terminal_width();
	char		*clean;
	va_list		 ap;

	if (!at_terminal(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	clean = clean_text(buf_str(&b));
	fprintf(stderr, "\r%.*s\033[K", width > 1 ? width - 1 : 79, clean);
	fflush(stderr);
	free(clean);
	buf_release(&b);
}

void
progress_clear(void)
{
	if (at_terminal(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

char *
progress_bar(int64_t done, int64_t all, size_t n, char out[CELL])
{
	size_t	inside, i, full;

	if (n > CELL - 1)
		n = CELL - 1;
	if (n < 3) {
		out[0] = '\0';
		return out;
	}
	inside = n - 2;
	if (done > all)
		done = all;
	full = all > 0 && done > 0 ? (size_t)((double)done / (double)all *
	    (double)inside) : 0;
	out[0] = '[';
	for (i = 0; i < inside; i++)
		out[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
	if (full == inside)
		out[inside] = '=';
	out[n - 1] = ']';
	out[n] = '\0';
	return out;
}
