/*
 * The last words of both versions: what stands in the agent's output and in
 * its log file before the place where the new one began is the old one's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

#include "buf.h"
#include "log.h"
#include "updater.h"

enum { TAIL = UPDATE_LOG_LINES * UPDATE_LOG_LINE };	/* bytes looked at */

static int64_t
size_of(const char *path)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t	n = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (fd >= 0)
		close(fd);
	return n > 0 ? n : 0;
}

void
logs_mark(struct update *u)
{
	u->output_at = size_of(u->output);
	u->log_at = u->agent_log[0] != '\0' ? size_of(u->agent_log) : 0;
}

/* A line of a log may hold anything; JSON text may not. */
static void
add_line(json_t *list, const char *name, const char *p, size_t n)
{
	char	text[UPDATE_LOG_LINE + 1];
	size_t	i, m = (size_t)snprintf(text, sizeof(text), "%s: ", name);

	for (i = 0; i < n && m < UPDATE_LOG_LINE; i++, m++)
		text[m] = p[i] >= ' ' && p[i] < 127 ? p[i] : '?';
	text[m] = '\0';
	json_array_append_new(list, json_string(text));
}

/* The last lines of the bytes from..to of a file. */
static void
add_tail(json_t *list, const char *path, int64_t from, int64_t to)
{
	const char	*base = strrchr(path, '/'), *p, *end, *start;
	char		*text;
	size_t		 lines = 0;
	ssize_t		 n;
	int		 fd;

	base = base != NULL ? base + 1 : path;
	if (from < to - TAIL)
		from = to - TAIL;
	if (from >= to || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	text = xmalloc((size_t)(to - from));
	n = pread(fd, text, (size_t)(to - from), from);
	close(fd);
	end = text + (n > 0 ? n : 0);
	for (start = end; start > text && lines <= UPDATE_LOG_LINES; )
		if (*--start == '\n' && start + 1 < end)
			lines++;
	if (lines > UPDATE_LOG_LINES)
		start++;
	for (; start < end; start = p + 1) {
		if ((p = memchr(start, '\n', (size_t)(end - start))) == NULL)
			p = end;
		if (p > start)
			add_line(list, base, start, (size_t)(p - start));
	}
	free(text);
}

static void
add_both(json_t *old, json_t *new, const char *path, int64_t at)
{
	int64_t	size = size_of(path);

	if (size < at)			/* it was rotated meanwhile */
		at = 0;
	add_tail(old, path, 0, at);
	add_tail(new, path, at, size);
}

void
logs_take(struct update *u)
{
	json_t	*old = json_array(), *new = json_array();

	add_both(old, new, u->output, u->output_at);
	if (u->agent_log[0] != '\0')
		add_both(old, new, u->agent_log, u->log_at);
	json_decref(u->logs);
	u->logs = json_pack("{so so}", "old", old, "new", new);
}
