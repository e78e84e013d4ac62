/* Feeds of lines: plain lists, hosts files, CSV. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "intel_feed_private.h"

/* -- plain lists and hosts files -- */

/* What is white besides, such as a form feed, is part of a word. */
static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_space(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

static const char *
word_end(const char *s, const char *end)
{
	while (s < end && !is_blank(*s))
		s++;
	return s;
}

/* Calls f for each line without its end, and without a comment. */
static int
each_line(struct feed_reading *r, const char *s, size_t len,
    int (*f)(struct feed_reading *, const char *, const char *))
{
	const char	*end = s + len, *eol, *next, *from;
	int		 rc = 0;

	for (; rc == 0 && s < end; s = next) {
		r->line++;
		eol = memchr(s, '\n', (size_t)(end - s));
		next = eol != NULL ? eol + 1 : end;
		eol = eol != NULL ? eol : end;
		while (eol > s && isspace((unsigned char)eol[-1]))
			eol--;
		from = skip_space(s, eol);
		if (from < eol && *from != '#' && *from != ';')
			rc = f(r, from, eol);
	}
	return rc;
}

/* What stands behind white space is a comment, as most lists have it, but
 * not in a path. */
static int
plain_line(struct feed_reading *r, const char *s, const char *end)
{
	if (r->feed->kind != INTEL_PATH && r->feed->kind != INTEL_NAME &&
	    *s != '/')
		end = word_end(s, end);
	return feed_take_plain(r, r->feed->kind, s, (size_t)(end - s));
}

int
feed_lines(struct feed_reading *r, const char *text, size_t len)
{
	return each_line(r, text, len, plain_line);
}

/* What every hosts file has, and is no indicator. */
static int
is_local(const char *name, size_t n)
{
	static const char *const	local[] = { "localhost",
		"localhost.localdomain", "local", "broadcasthost",
		"ip6-localhost", "ip6-loopback", "ip6-localnet",
		"ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters",
		"ip6-allhosts", "0.0.0.0" };
	size_t				i;

	for (i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (strlen(local[i]) == n && memcmp(local[i], name, n) == 0)
			return 1;
	return 0;
}

static int
hosts_line(struct feed_reading *r, const char *s, const char *end)
{
	const char	*to = word_end(s, end);
	int		 rc = 0;

	for (s = skip_space(to, end); rc == 0 && s < end && *s != '#';
	    s = skip_space(to, end)) {
		to = word_end(s, end);
		if (is_local(s, (size_t)(to - s)))
			r->count->passed++;
		else
			rc = feed_take_plain(r, INTEL_DOMAIN, s,
			    (size_t)(to - s));
	}
	return rc;
}

int
feed_hosts(struct feed_reading *r, const char *text, size_t len)
{
	return each_line(r, text, len, hosts_line);
}

/* -- CSV: RFC 4180, quotes also within a field as they come -- */

struct csv {
	const char	*at, *end;
	char		 delimiter;
	struct buf	 field;
	long		 lines;		/* ends of lines that were passed */
};

/* The next field; 1 when it was the last of its record. */
static int
csv_field(struct csv *c)
{
	int	quoted = 0;
	char	ch;

	buf_clear(&c->field);
	while (c->at < c->end) {
		ch = *c->at++;
		c->lines += ch == '\n';
		if (quoted && ch == '"' && c->at < c->end && *c->at == '"')
			c->at++;
		else if (ch == '"') {
			quoted = !quoted;
			continue;
		} else if (!quoted && ch == c->delimiter)
			return 0;
		else if (!quoted && ch == '\n')
			break;
		else if (!quoted && ch == '\r')
			continue;
		if (c->field.len < INTEL_MAX_VALUE)
			buf_addc(&c->field, ch);
	}
	return 1;
}

static int
is_number(const char *s)
{
	return *s != '\0' && strlen(s) < 4 &&
	    strspn(s, "0123456789") == strlen(s);
}

/* Whether a record is a comment, which is then passed. */
static int
csv_comment(struct csv *c)
{
	const char	*eol;

	c->at = skip_space(c->at, c->end);
	if (c->at < c->end && *c->at != '#' && *c->at != ';' &&
	    *c->at != '\r' && *c->at != '\n')
		return 0;
	eol = memchr(c->at, '\n', (size_t)(c->end - c->at));
	c->lines += eol != NULL;
	c->at = eol != NULL ? eol + 1 : c->end;
	return 1;
}

/* The column that the header names, from 0; or -1.  abuse.ch's lists have
 * theirs in the last comment. */
static int
csv_header(struct csv *c, const char *name)
{
	struct csv	h = *c;
	const char	*eol;
	int		 i, last = 0, found = -1;

	h.field = (struct buf)BUF_INIT;
	while (h.at < h.end && found < 0) {
		eol = memchr(h.at, '\n', (size_t)(h.end - h.at));
		h.at = skip_space(h.at, h.end);
		if (h.at < h.end && *h.at == '#')
			h.at = skip_space(h.at + 1, h.end);
		else
			last = 1;	/* the first that is no comment */
		for (i = 0; found < 0 && i < INTEL_MAX_COLUMNS; i++) {
			int	end = csv_field(&h);

			if (strcmp(buf_str(&h.field), name) == 0)
				found = i;
			if (end)
				break;
		}
		if (found >= 0 && last)		/* it is no record */
			c->at = h.at > c->at && eol != NULL ? eol + 1 : h.end;
		if (last)
			break;
		h.at = eol != NULL ? eol + 1 : h.end;
	}
	c->lines += found >= 0 && last;
	buf_release(&h.field);
	return found;
}

static int
csv_record(struct feed_reading *r, struct csv *c, int column)
{
	struct buf	value = BUF_INIT;
	int		i, last = 0, rc = 0;

	r->line = c->lines + 1;
	for (i = 0; !last; i++) {
		last = csv_field(c);
		if (i == column)
			buf_adds(&value, buf_str(&c->field));
	}
	if (i <= column)
		feed_refuse(r, "has too few columns");
	else
		rc = feed_take_plain(r, r->feed->kind, buf_str(&value),
		    value.len);
	buf_release(&value);
	return rc;
}

int
feed_csv(struct feed_reading *r, const char *text, size_t len)
{
	const char	*name = r->feed->column;
	struct csv	 c = { text, text + len, r->feed->delimiter != 0 ?
			    r->feed->delimiter : ',', BUF_INIT, 0 };
	int		 column = 0, rc = 0;

	if (name != NULL && is_number(name))
		column = atoi(name) - 1;
	else if (name != NULL)
		column = csv_header(&c, name);
	if (column < 0) {
		feed_refuse(r, "has no column of that name in its header");
		return -EINVAL;
	}
	while (rc == 0 && c.at < c.end)
		if (!csv_comment(&c))
			rc = csv_record(r, &c, column);
	buf_release(&c.field);
	return rc;
}
