/*
 * Lines end with CR, LF or both.  A line is a comment (":..."), a field
 * ("name: value", "name"), or empty, which gives out the event that the
 * fields before it made.  What is unknown is passed over.
 */
#include <errno.h>
#include <string.h>

#include "muster_sse.h"

void
sse_init(struct sse *s, int (*event)(const struct sse_event *, void *),
    void *arg)
{
	memset(s, 0, sizeof(*s));
	s->event = event;
	s->arg = arg;
	s->retry_ms = -1;
}

void
sse_release(struct sse *s)
{
	buf_release(&s->line);
	buf_release(&s->data);
}

void
sse_restart(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
	s->type[0] = '\0';
	memcpy(s->next_id, s->id, sizeof(s->id));
	s->begun = 0;
	s->after_cr = 0;
}

/* Goes out in a header: printable, and short enough, or it is no id. */
static void
set_id(struct sse *s, const char *v, size_t n)
{
	size_t	i;

	if (n > SSE_MAX_ID)
		return;
	for (i = 0; i < n; i++)
		if ((unsigned char)v[i] < 0x20 || (unsigned char)v[i] > 0x7e)
			return;
	memcpy(s->next_id, v, n);
	s->next_id[n] = '\0';
}

static void
set_retry(struct sse *s, const char *v, size_t n)
{
	int64_t	ms = 0;
	size_t	i;

	if (n == 0 || n > 9)
		return;
	for (i = 0; i < n; i++) {
		if (v[i] < '0' || v[i] > '9')
			return;
		ms = ms * 10 + (v[i] - '0');
	}
	s->retry_ms = ms < SSE_MAX_RETRY ? ms : SSE_MAX_RETRY;
}

static int
is_field(const char *line, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(line, name, n) == 0;
}

static int
take_field(struct sse *s, const char *line, size_t n)
{
	const char	*colon = memchr(line, ':', n);
	size_t		 name = colon != NULL ? (size_t)(colon - line) : n;
	const char	*v = colon != NULL ? colon + 1 : line + n;
	size_t		 len = (size_t)(line + n - v);

	if (len > 0 && *v == ' ') {
		v++;
		len--;
	}
	if (is_field(line, name, "data")) {
		if (s->data.len + len + 1 > SSE_MAX_DATA)
			return -EMSGSIZE;
		buf_add(&s->data, v, len);
		buf_addc(&s->data, '\n');
	} else if (is_field(line, name, "event")) {
		if (len > SSE_MAX_TYPE)
			return -EMSGSIZE;
		memcpy(s->type, v, len);
		s->type[len] = '\0';
	} else if (is_field(line, name, "id"))
		set_id(s, v, len);
	else if (is_field(line, name, "retry"))
		set_retry(s, v, len);
	return 0;
}

/* An empty line: what was gathered is an event, if it has data.  Its id
 * counts from here on: an event that was cut off must come again. */
static int
give_out(struct sse *s)
{
	struct sse_event	e = {
		.type = s->type[0] != '\0' ? s->type : "message", .id = s->id
	};
	int			rc = 0;

	memcpy(s->id, s->next_id, sizeof(s->id));
	if (s->data.len > 0) {
		s->data.p[--s->data.len] = '\0';	/* the last line's end */
		e.data = s->data.p;
		e.len = s->data.len;
		rc = s->event(&e, s->arg);
	}
	buf_clear(&s->data);
	s->type[0] = '\0';
	return rc;
}

static int
take_line(struct sse *s)
{
	int	rc = 0;

	if (s->line.len == 0)
		rc = give_out(s);
	else if (s->line.p[0] != ':')
		rc = take_field(s, s->line.p, s->line.len);
	buf_clear(&s->line);
	return rc;
}

/* The byte order mark that a stream may begin with, once it is whole. */
static void
skip_mark(struct sse *s)
{
	static const char	mark[] = "\xef\xbb\xbf";

	if (s->begun || (s->line.len < 3 &&
	    memcmp(buf_str(&s->line), mark, s->line.len) == 0))
		return;
	s->begun = 1;
	if (s->line.len >= 3 && memcmp(s->line.p, mark, 3) == 0)
		buf_drop(&s->line, 3);
}

int
sse_feed(struct sse *s, const char *p, size_t n)
{
	const char	*end = p + n;
	size_t		 run;
	int		 rc;

	while (p < end) {
		if (s->after_cr && *p == '\n') {
			s->after_cr = 0;
			p++;
			continue;
		}
		s->after_cr = 0;
		for (run = 0; p + run < end && p[run] != '\n' &&
		    p[run] != '\r'; run++)
			continue;
		if (s->line.len + run > SSE_MAX_LINE)
			return -EMSGSIZE;
		buf_add(&s->line, p, run);
		p += run;
		skip_mark(s);
		if (p == end)
			break;
		s->begun = 1;
		s->after_cr = *p++ == '\r';
		if ((rc = take_line(s)) != 0)
			return rc;
	}
	return 0;
}
