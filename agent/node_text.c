#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "node.h"

void
node_family(struct buf *b, const char *name, const char *type,
    const char *help)
{
	buf_adds(b, "# HELP ");
	buf_adds(b, name);
	buf_addc(b, ' ');
	buf_adds(b, help);
	buf_adds(b, "\n# TYPE ");
	buf_adds(b, name);
	buf_addc(b, ' ');
	buf_adds(b, type);
	buf_addc(b, '\n');
}

/* Written from the end; printf() costs ten times that, and a scrape has a
 * thousand numbers. */
static void
add_number(struct buf *b, uint64_t v, unsigned scale)
{
	char	 text[32], *p = text + sizeof(text);
	uint64_t whole = v / scale, part = v % scale;

	if (part > 0) {
		for (; scale > 1; scale /= 10, part /= 10)
			*--p = (char)('0' + part % 10);
		*--p = '.';
	}
	do
		*--p = (char)('0' + whole % 10);
	while ((whole /= 10) > 0);
	buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

void
node_value(struct buf *b, const char *name, const char *labels, uint64_t v,
    unsigned scale)
{
	buf_adds(b, name);
	if (labels != NULL)
		buf_adds(b, labels);
	buf_addc(b, ' ');
	add_number(b, v, scale);
	buf_addc(b, '\n');
}

void
node_single(struct buf *b, const char *name, const char *type,
    const char *help, uint64_t v, unsigned scale)
{
	node_family(b, name, type, help);
	node_value(b, name, NULL, v, scale);
}

/* The length of the character at p, 1 to 4; 0 where it is no UTF-8. */
static size_t
utf8_length(const unsigned char *p)
{
	uint32_t	c = p[0];
	size_t		i, n;

	if (c < 0x80)
		return 1;
	n = c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 :
	    c >= 0xf0 && c < 0xf5 ? 4 : 0;
	for (c &= 0x7fu >> n, i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return n;
}

int
node_label(char *labels, size_t n, const char *name, const char *value)
{
	size_t	 start = strlen(labels), at, len;
	int	 got;

	got = snprintf(labels + start, n - start, "%c%s=\"", start == 0 ?
	    '{' : ',', name);
	if ((at = start + (size_t)got) >= n)
		goto full;
	for (; *value != '\0'; value += len > 0 ? len : 1) {
		len = utf8_length((const unsigned char *)value);
		if (at + 5 > n)
			goto full;
		if (len == 0) {
			labels[at++] = '?';
		} else if (*value == '"' || *value == '\\' ||
		    *value == '\n') {
			labels[at++] = '\\';
			labels[at++] = (char)(*value == '\n' ? 'n' : *value);
		} else {
			memcpy(labels + at, value, len);
			at += len;
		}
	}
	if (at + 2 > n)
		goto full;
	labels[at++] = '"';
	labels[at] = '\0';
	return 0;
full:
	labels[start] = '\0';
	return -ENOBUFS;
}

int
node_labels_end(char *labels, size_t n)
{
	size_t	len = strlen(labels);

	if (len + 2 > n)
		return -ENOBUFS;
	labels[len] = '}';
	labels[len + 1] = '\0';
	return 0;
}
